/* db_test.c -- the same cases on SQLite and, where RUNBELL_TEST_POSTGRES holds a URL, on
 * PostgreSQL. */
#include <unistd.h>

#include "base/test.h"
#include "db/db.h"
#include "db/state.h"

static char folder[TEST_FOLDER_BYTES];
static char sqlite_path[TEST_PATH_BYTES];
static const char *postgres_url;

static const struct db_statement insert = {
    "insert", "INSERT INTO words (id, word, score, body) VALUES ($1, $2, $3, $4)", NULL};
static const struct db_statement by_id = {
    "by_id", "SELECT id, word, score, body FROM words WHERE id = $1", NULL};
static const struct db_statement count = {"count", "SELECT COUNT(*) FROM words", NULL};
static const struct db_statement wipe = {"wipe", "DELETE FROM words", NULL};

static struct db *other_connection(struct db *db, bool read_only)
{
    struct db_sqlite_options options = {.path = sqlite_path, .read_only = read_only};
    struct db *other = NULL;
    const char *why = "";

    if (db_dialect(db) == DB_SQLITE)
        assert_int_equal(db_sqlite_open(&options, &other, &why), OK);
    else
        assert_int_equal(db_postgres_open(postgres_url, &other, &why), OK);
    return other;
}

static int64_t words(struct db *db)
{
    struct db_rows rows = {0};
    int64_t found;

    assert_int_equal(db_query_one(db, &count, DB_NO_ARGS, &rows), OK);
    found = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return found;
}

static enum err add(struct db *db, int64_t id, struct str word)
{
    return db_run(db, &insert, DB_ARGS(db_int(id), db_text(word), db_null(), db_null()), NULL);
}

static struct db *clean(void **state)
{
    struct db *db = *state;

    assert_int_equal(db_run(db, &wipe, DB_NO_ARGS, NULL), OK);
    return db;
}

static void values_come_back(void **state)
{
    struct db *db = clean(state);
    struct db_rows rows = {0};
    struct str blob = str_range("\0\xff\\x41", 6);
    struct arena arena;

    arena_init(&arena);
    assert_int_equal(db_run(db, &insert,
                            DB_ARGS(db_int(INT64_MIN), db_text(STR("naïve \\x41")), db_double(-0.1),
                                    db_blob(blob)),
                            NULL),
                     OK);
    assert_int_equal(db_query_one(db, &by_id, DB_ARGS(db_int(INT64_MIN)), &rows), OK);
    assert_true(db_get_int(&rows, 0) == INT64_MIN);
    ASSERT_STR(db_get_str(&rows, 1), "naïve \\x41");
    assert_true(db_get_double(&rows, 2) == -0.1);
    assert_true(str_eq(db_get_str(&rows, 3), blob));
    assert_true(str_eq(db_get_keep(&rows, 3, &arena), blob));
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(db_rows_end(&rows), OK);
    arena_release(&arena);
}

static void null_and_empty_differ(void **state)
{
    struct db *db = clean(state);
    struct db_rows rows = {0};

    assert_int_equal(
        db_run(db, &insert,
               DB_ARGS(db_int(1), db_text(STR("")), db_int_or_null(0), db_blob(STR(""))), NULL),
        OK);
    assert_int_equal(db_query_one(db, &by_id, DB_ARGS(db_int(1)), &rows), OK);
    ASSERT_STR(db_get_str(&rows, 1), "");
    ASSERT_STR(db_get_str(&rows, 3), "");
    assert_true(db_is_null(&rows, 2));
    assert_true(db_get_double(&rows, 2) == 0);
    assert_true(str_is_none(db_get_str(&rows, 2)));
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(add(db, 2, STR_NONE), ERR_IO);
}

static void parameters_are_named(void **state)
{
    static const struct db_statement twice = {
        "twice",
        "SELECT $2, $1, $2 FROM words WHERE id = CAST($3 AS BIGINT) OR CAST($3 AS BIGINT) IS NULL",
        "SELECT $2::text, $1::bigint, $2::text FROM words WHERE id = CAST($3 AS BIGINT) OR CAST($3 "
        "AS BIGINT) IS NULL"};
    struct db *db = clean(state);
    struct db_rows rows = {0};

    assert_int_equal(add(db, 7, STR("seven")), OK);
    for (int i = 0; i < 2; i++) {
        struct db_value third = i ? db_int(7) : db_null();

        assert_int_equal(
            db_query_one(db, &twice, DB_ARGS(db_int(1), db_text(STR("two")), third), &rows), OK);
        ASSERT_STR(db_get_str(&rows, 0), "two");
        assert_int_equal(db_get_int(&rows, 1), 1);
        ASSERT_STR(db_get_str(&rows, 2), "two");
        assert_int_equal(db_rows_end(&rows), OK);
    }
}

static void a_fresh_query_answers_as_any(void **state)
{
    static const struct db_statement some = {
        "some", "SELECT id FROM words WHERE (CAST($1 AS BIGINT) IS NULL OR id = $1) ORDER BY id",
        NULL};
    struct db *db = clean(state);

    assert_int_equal(add(db, 1, STR("one")), OK);
    assert_int_equal(add(db, 2, STR("two")), OK);
    for (int i = 0; i < 4; i++) {
        struct db_rows rows = {0};

        assert_int_equal(db_query_fresh(db, &some, DB_ARGS(i & 1 ? db_int(2) : db_null()), &rows),
                         OK);
        assert_true(db_next(&rows));
        assert_int_equal(db_get_int(&rows, 0), i & 1 ? 2 : 1);
        assert_int_equal(db_rows_end(&rows), OK);
    }
}

static void a_null_first_does_not_fix_the_type(void **state)
{
    static const struct db_statement shift = {
        "shift", "UPDATE words SET score = $1 + 1 WHERE id = $2", NULL};
    struct db *db = clean(state);
    struct db_rows rows = {0};
    int64_t changed = 0;

    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(db_run(db, &shift, DB_ARGS(db_null(), db_int(1)), &changed), OK);
    assert_int_equal(changed, 1);
    assert_int_equal(
        db_run(db, &shift, DB_ARGS(db_int(INT64_C(1000000000000)), db_int(1)), &changed), OK);
    assert_int_equal(db_query_one(db, &by_id, DB_ARGS(db_int(1)), &rows), OK);
    assert_true(db_get_double(&rows, 2) == 1000000000001.0);
    assert_int_equal(db_rows_end(&rows), OK);
}

static void changes_are_counted(void **state)
{
    static const struct db_statement upper = {
        "upper", "UPDATE words SET word = UPPER(word) WHERE id > $1", NULL};
    struct db *db = clean(state);
    int64_t changed = -1;

    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(add(db, 2, STR("b")), OK);
    assert_int_equal(add(db, 3, STR("c")), OK);
    assert_int_equal(db_run(db, &upper, DB_ARGS(db_int(1)), &changed), OK);
    assert_int_equal(changed, 2);
    assert_int_equal(db_run(db, &upper, DB_ARGS(db_int(9)), &changed), OK);
    assert_int_equal(changed, 0);
}

static void conflicts_are_told(void **state)
{
    struct db *db = clean(state);
    struct db_rows rows = {0};

    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(add(db, 1, STR("b")), ERR_CONFLICT);
    assert_int_equal(add(db, 2, STR("a")), ERR_CONFLICT);
    assert_int_equal(words(db), 1);
    assert_int_equal(db_query_one(db, &by_id, DB_ARGS(db_int(5)), &rows), ERR_NOT_FOUND);
}

static void a_missing_parent_is_a_conflict(void **state)
{
    static const struct db_statement child = {
        "child", "INSERT INTO notes (id, word_id) VALUES ($1, $2)", NULL};
    struct db *db = clean(state);

    assert_int_equal(db_run(db, &child, DB_ARGS(db_int(1), db_int(404)), NULL), ERR_CONFLICT);
}

static void a_nul_in_a_text_is_refused(void **state)
{
    struct db *db = clean(state);

    assert_int_equal(add(db, 1, str_range("a\0b", 3)), ERR_INVALID);
    assert_int_equal(words(db), 0);
}

static void a_failed_statement_dooms_its_transaction(void **state)
{
    struct db *db = clean(state);

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 2, STR("b")), OK);
    assert_int_equal(add(db, 1, STR("c")), ERR_CONFLICT);
    assert_int_equal(add(db, 3, STR("d")), ERR_IO);
    assert_int_equal(db_savepoint_release(db), ERR_CONFLICT);
    assert_int_equal(db_failure(db), OK);
    assert_int_equal(db_savepoint_rollback(db), OK);
    assert_int_equal(add(db, 4, STR("e")), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(words(db), 2);
}

static void savepoints_nest(void **state)
{
    struct db *db = clean(state);

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(db_savepoint(db), OK);
    assert_int_equal(add(db, 2, STR("b")), OK);
    assert_int_equal(db_savepoint_rollback(db), OK);
    assert_int_equal(db_savepoint_release(db), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(words(db), 1);
}

static void a_rollback_leaves_nothing(void **state)
{
    struct db *db = clean(state);

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(add(db, 1, STR("a")), ERR_CONFLICT);
    db_rollback(db);
    assert_int_equal(words(db), 0);
}

static void many_rows_in_one_call(void **state)
{
    static char names[1000][8];
    struct db *db = clean(state);
    struct db_value args[1000][4];

    for (size_t i = 0; i < ARRAY_LEN(args); i++) {
        snprintf(names[i], sizeof(names[i]), "w%zu", i);
        args[i][0] = db_int((int64_t)i);
        args[i][1] = db_text(str_of(names[i]));
        args[i][2] = db_double((double)i);
        args[i][3] = i % 2 ? db_blob(STR("odd")) : db_null();
    }
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_run_many(db, &insert, args[0], 4, 0), OK);
    assert_int_equal(db_run_many(db, &insert, args[0], 4, 1000), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(words(db), 1000);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_run(db, &wipe, DB_NO_ARGS, NULL), OK);
    args[999][0] = db_int(998);
    assert_int_equal(db_run_many(db, &insert, args[0], 4, 1000), ERR_CONFLICT);
    assert_int_equal(add(db, 5000, STR("no")), ERR_IO);
    db_rollback(db);
    assert_int_equal(words(db), 1000);
}

static void one_statement_in_itself(void **state)
{
    static const struct db_statement from = {
        "from", "SELECT id FROM words WHERE id >= $1 ORDER BY id", NULL};
    struct db *db = clean(state);
    struct db_rows outer = {0}, inner = {0};
    int pairs = 0;

    for (int64_t id = 1; id <= 3; id++)
        assert_int_equal(add(db, id, str_of(id == 1 ? "a" : id == 2 ? "b" : "c")), OK);
    assert_int_equal(db_query(db, &from, DB_ARGS(db_int(1)), &outer), OK);
    while (db_next(&outer)) {
        assert_int_equal(db_query(db, &from, DB_ARGS(db_int(db_get_int(&outer, 0))), &inner), OK);
        while (db_next(&inner))
            pairs++;
        assert_int_equal(db_rows_end(&inner), OK);
    }
    assert_int_equal(db_rows_end(&outer), OK);
    assert_int_equal(pairs, 6);
}

static void a_snapshot_stands_still(void **state)
{
    struct db *db = clean(state);
    struct db *reader = other_connection(db, true);

    assert_int_equal(add(db, 1, STR("a")), OK);
    assert_int_equal(db_begin_snapshot(reader), OK);
    assert_int_equal(words(reader), 1);
    assert_int_equal(add(db, 2, STR("b")), OK);
    assert_int_equal(words(reader), 1);
    db_rollback(reader);
    assert_int_equal(words(reader), 2);
    assert_int_equal(db_begin_snapshot(reader), OK);
    assert_int_not_equal(add(reader, 3, STR("c")), OK);
    db_rollback(reader);
    db_close(reader);
}

static void text_compares_bytewise(void **state)
{
    static const struct db_statement like = {
        "like", "SELECT COUNT(*) FROM words WHERE word LIKE $1 ESCAPE '\\'", NULL};
    static const struct db_statement first = {
        "first", "SELECT word FROM words ORDER BY word LIMIT $1", NULL};
    struct db *db = clean(state);
    struct db_rows rows = {0};

    assert_int_equal(add(db, 1, STR("abc")), OK);
    assert_int_equal(add(db, 2, STR("Zbc")), OK);
    assert_int_equal(add(db, 3, STR("ABC")), OK);
    assert_int_equal(db_query_one(db, &like, DB_ARGS(db_text(STR("a%"))), &rows), OK);
    assert_int_equal(db_get_int(&rows, 0), 1);
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(db_query_one(db, &first, DB_ARGS(db_int(1)), &rows), OK);
    ASSERT_STR(db_get_str(&rows, 0), "ABC");
    assert_int_equal(db_rows_end(&rows), OK);
}

static bool contains(struct db *db, struct str doc, struct str filter)
{
    static const struct db_statement test = {"contains", "SELECT json_contains($1, $2)",
                                             "SELECT CAST($1 AS JSONB) @> CAST($2 AS JSONB)"};
    struct db_rows rows = {0};
    bool yes;

    assert_int_equal(db_query_one(db, &test, DB_ARGS(db_text(doc), db_text(filter)), &rows), OK);
    yes = db_get_int(&rows, 0) == 1;
    assert_int_equal(db_rows_end(&rows), OK);
    return yes;
}

static void json_containment(void **state)
{
    struct db *db = clean(state);

    assert_true(contains(db, STR("{\"a\":1,\"b\":{\"c\":[1,2]}}"), STR("{\"b\":{\"c\":[2]}}")));
    assert_true(contains(db, STR("{\"a\":1}"), STR("{}")));
    assert_true(contains(db, STR("{\"a\":null}"), STR("{\"a\":null}")));
    assert_false(contains(db, STR("{\"a\":1}"), STR("{\"a\":\"1\"}")));
    assert_false(contains(db, STR("{\"a\":{\"b\":1}}"), STR("{\"b\":1}")));
}

static void json_filter_of_many_rows(void **state)
{
    static const struct db_statement all = {
        "all", "SELECT COUNT(*) FROM words WHERE json_contains(word, $1)",
        "SELECT COUNT(*) FROM words WHERE CAST(word AS JSONB) @> CAST($1 AS JSONB)"};
    struct db *db = clean(state);
    struct db_rows rows = {0};

    assert_int_equal(add(db, 1, STR("{\"a\":1,\"x\":1}")), OK);
    assert_int_equal(add(db, 2, STR("{\"a\":1,\"x\":2}")), OK);
    assert_int_equal(add(db, 3, STR("{\"a\":2}")), OK);
    for (int i = 1; i <= 2; i++) {
        struct str filter = i == 1 ? STR("{\"a\":1}") : STR("{\"a\":2}");

        assert_int_equal(db_query_one(db, &all, DB_ARGS(db_text(filter)), &rows), OK);
        assert_int_equal(db_get_int(&rows, 0), 3 - i);
        assert_int_equal(db_rows_end(&rows), OK);
    }
}

static void a_large_value(void **state)
{
    struct db *db = clean(state);
    struct db_rows rows = {0};
    struct arena arena;
    char *bytes;

    arena_init(&arena);
    bytes = arena_alloc(&arena, 3 * MIB);
    for (size_t i = 0; i < 3 * MIB; i++)
        bytes[i] = (char)(i * 31);
    assert_int_equal(db_run(db, &insert,
                            DB_ARGS(db_int(1), db_text(STR("big")), db_null(),
                                    db_blob(str_range(bytes, 3 * MIB))),
                            NULL),
                     OK);
    assert_int_equal(db_query_one(db, &by_id, DB_ARGS(db_int(1)), &rows), OK);
    assert_true(str_eq(db_get_str(&rows, 3), str_range(bytes, 3 * MIB)));
    assert_int_equal(db_rows_end(&rows), OK);
    arena_release(&arena);
}

static void an_error_has_words(void **state)
{
    static const struct db_statement wrong = {"wrong", "SELECT zzz FROM nowhere", NULL};
    struct db *db = clean(state);
    struct db_rows rows = {0};

    assert_int_equal(db_query_one(db, &wrong, DB_NO_ARGS, &rows), ERR_IO);
    assert_int_equal(db_rows_end(&rows), ERR_IO);
    assert_non_null(strstr(db_error(db), "nowhere"));
    assert_non_null(strstr(db_error(db), "wrong"));
}

#define TABLES(collation)                                                                          \
    "DROP TABLE IF EXISTS notes; DROP TABLE IF EXISTS words;"                                      \
    "CREATE TABLE words (id BIGINT PRIMARY KEY, word TEXT " collation " NOT NULL UNIQUE,"          \
    " score DOUBLE PRECISION, body BYTEA);"                                                        \
    "CREATE TABLE notes (id BIGINT PRIMARY KEY, word_id BIGINT NOT NULL REFERENCES words (id));"

static int prepare(struct db *db, void **state)
{
    bool is_sqlite = db_dialect(db) == DB_SQLITE;

    *state = db;
    return db_script(db, is_sqlite ? TABLES("") : TABLES("COLLATE \"C\"")) ? -1 : 0;
}

static int open_sqlite(void **state)
{
    struct db *db = NULL;
    const char *why = "";

    test_folder(folder, "db");
    snprintf(sqlite_path, sizeof(sqlite_path), "%s/a.db", folder);
    if (db_sqlite_open(&(struct db_sqlite_options){.path = sqlite_path}, &db, &why))
        return -1;
    return prepare(db, state);
}

static int close_sqlite(void **state)
{
    db_close(*state);
    unlink(sqlite_path);
    rmdir(folder);
    return 0;
}

static int open_postgres(void **state)
{
    struct db *db = NULL;
    const char *why = "";

    if (db_postgres_open(postgres_url, &db, &why)) {
        print_error("%s\n", why);
        return -1;
    }
    return prepare(db, state);
}

static int close_postgres(void **state)
{
    db_close(*state);
    return 0;
}

static const struct CMUnitTest tests[] = {
    TEST("every type of value comes back as it went in", values_come_back),
    TEST("NULL and the empty text are two things", null_and_empty_differ),
    TEST("parameters are bound by their number, in any order and repeatedly", parameters_are_named),
    TEST("a query planned anew answers as any other", a_fresh_query_answers_as_any),
    TEST("a first call with NULL does not fix a parameter's type",
         a_null_first_does_not_fix_the_type),
    TEST("changed rows are counted", changes_are_counted),
    TEST("a duplicate is a conflict and an absent row is not found", conflicts_are_told),
    TEST("a missing parent row is a conflict", a_missing_parent_is_a_conflict),
    TEST("a text with a NUL byte is refused", a_nul_in_a_text_is_refused),
    TEST("after a failed statement only a rollback is possible",
         a_failed_statement_dooms_its_transaction),
    TEST("savepoints nest", savepoints_nest),
    TEST("a rollback leaves nothing", a_rollback_leaves_nothing),
    TEST("many rows go in with one call, or none", many_rows_in_one_call),
    TEST("a statement can be used while its own rows are read", one_statement_in_itself),
    TEST("a snapshot stands still while others write, and cannot write", a_snapshot_stands_still),
    TEST("text compares bytewise and LIKE sees case", text_compares_bytewise),
    TEST("JSON containment is the same everywhere", json_containment),
    TEST("one filter serves many rows", json_filter_of_many_rows),
    TEST("a value of megabytes comes back", a_large_value),
    TEST("an error names the statement and the cause", an_error_has_words),
};

int main(void)
{
    int failed = cmocka_run_group_tests_name("sqlite", tests, open_sqlite, close_sqlite);

    postgres_url = getenv("RUNBELL_TEST_POSTGRES");
    if (postgres_url)
        failed += cmocka_run_group_tests_name("postgres", tests, open_postgres, close_postgres);
    return failed;
}
