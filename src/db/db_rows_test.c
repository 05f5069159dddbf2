/* db_rows_test.c -- rows that go in together, and come back in whatever form: on SQLite and, where
 * RUNBELL_TEST_POSTGRES holds a URL, on PostgreSQL. */
#include <unistd.h>

#include "base/test.h"
#include "db/db.h"

static char folder[] = "/tmp/runbell-db-XXXXXX";
static char path[64];
static const char *postgres_url;

static int64_t words(struct db *db)
{
    static const struct db_statement count = {"count", "SELECT COUNT(*) FROM words", NULL};
    struct db_rows rows = {0};
    int64_t found;

    assert_int_equal(db_query_one(db, &count, DB_NO_ARGS, &rows), OK);
    found = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return found;
}

#define ROWS_INSERT "INSERT INTO words (id, word, body) "
static const struct db_statement insert_rows = {
    "insert_rows", ROWS_INSERT "VALUES ($1, $2, $3)",
    ROWS_INSERT "SELECT * FROM UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[]),"
                " CAST($3 AS BYTEA[])) u"};

static void many_rows_in_one_statement(void **state)
{
    static const char bytes[] = {'a', 0, '\\', '"', '{', (char)255};
    static const struct db_statement by_two = {"by_two",
                                               "SELECT word, body, id FROM words"
                                               " WHERE id IN ($1, $2) ORDER BY id",
                                               NULL};
    struct db *db = *state;
    struct db_rows rows = {0};
    struct db_value args[3][3] = {
        {db_int(-7), db_text(STR("{\"a\",NULL}")), db_null()},
        {db_int(INT64_MAX), db_text(STR("")), db_blob(str_range(bytes, sizeof(bytes)))},
        {db_int(1), db_text(STR("NULL")), db_null()},
    };

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_run_rows(db, &insert_rows, args[2], 3, 1, NULL),
                     OK); /* a column of NULLs */
    assert_int_equal(db_run_rows(db, &insert_rows, args[0], 3, 0, NULL), OK);
    assert_int_equal(db_run_rows(db, &insert_rows, args[0], 3, 2, NULL), OK);
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(words(db), 3);
    assert_int_equal(db_query(db, &by_two, DB_ARGS(db_int(-7), db_int(INT64_MAX)), &rows), OK);
    assert_true(db_next(&rows));
    ASSERT_STR(db_get_str(&rows, 0), "{\"a\",NULL}");
    assert_true(db_is_null(&rows, 1));
    assert_int_equal(db_get_int(&rows, 2), -7);
    ASSERT_STR(db_get_str(&rows, 2), "-7");
    assert_true(db_next(&rows));
    assert_false(db_is_null(&rows, 0));
    assert_int_equal(db_get_str(&rows, 0).len, 0);
    assert_int_equal(db_get_str(&rows, 1).len, sizeof(bytes));
    assert_memory_equal(db_get_str(&rows, 1).data, bytes, sizeof(bytes));
    assert_true(db_get_int(&rows, 2) == INT64_MAX);
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_run_rows(db, &insert_rows, args[0], 3, 3, NULL), ERR_CONFLICT);
    db_rollback(db);
    assert_int_equal(words(db), 3);
}

/* The second of them is of no row. */
static void rows_that_change_something(void **state)
{
    static const struct db_statement shorten = {
        "shorten", "UPDATE words SET word = $2 WHERE id = $1",
        "UPDATE words SET word = u.word"
        " FROM UNNEST(CAST($1 AS BIGINT[]), CAST($2 AS TEXT[])) WITH ORDINALITY u(id, word, n)"
        " WHERE words.id = u.id RETURNING u.n"};
    struct db *db = *state;
    struct db_value words_of[2][3] = {{db_int(-7), db_text(STR("long")), db_null()},
                                      {db_int(1), db_text(STR("longer")), db_null()}};
    struct db_value args[3][2] = {{db_int(-7), db_text(STR("a"))},
                                  {db_int(99), db_text(STR("b"))},
                                  {db_int(1), db_text(STR("c"))}};
    bool touched[3] = {false, true, false};

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(db_run_rows(db, &insert_rows, words_of[0], 3, 2, NULL), OK);
    assert_int_equal(db_run_rows(db, &shorten, args[0], 2, 3, touched), OK);
    assert_true(touched[0] && !touched[1] && touched[2]);
    db_rollback(db);
}

/* Of each width; one that is NULL, one that is of no number. */
static void numbers_of_every_width(void **state)
{
    static const struct db_statement widths = {
        "widths",
        "SELECT CASE WHEN id > 0 THEN 1 ELSE -2 END, COUNT(*), id > 0, NULL, '12' FROM words"
        " GROUP BY id ORDER BY id",
        NULL};
    static const struct db_statement sums = {"sums", "SELECT SUM(id), 2, AVG(score) FROM words",
                                             NULL};
    struct db *db = *state;
    struct db_rows rows = {0};

    assert_int_equal(db_script(db, "INSERT INTO words (id) VALUES (-1), (4)"), OK);
    assert_int_equal(db_query(db, &widths, DB_NO_ARGS, &rows), OK);
    for (int i = 0; i < 2; i++) {
        assert_true(db_next(&rows));
        assert_int_equal(db_get_int(&rows, 0), i ? 1 : -2);
        assert_true(db_get_double(&rows, 0) == (i ? 1 : -2));
        assert_int_equal(db_get_int(&rows, 1), 1);
        assert_int_equal(db_get_int(&rows, 2), i);
        assert_int_equal(db_get_int(&rows, 3), 0);
        assert_int_equal(db_get_int(&rows, 4), 12);
    }
    assert_int_equal(db_rows_end(&rows), OK);
    assert_int_equal(db_query_one(db, &sums, DB_NO_ARGS, &rows), OK);
    assert_int_equal(db_get_int(&rows, 0), 3); /* NUMERIC in PostgreSQL */
    assert_int_equal(db_get_int(&rows, 1), 2);
    assert_true(db_is_null(&rows, 2));
    assert_int_equal(db_rows_end(&rows), OK);
}

static int prepare(struct db *db, void **state)
{
    *state = db;
    return db_script(db, "DROP TABLE IF EXISTS words; CREATE TABLE words (id BIGINT PRIMARY KEY,"
                         " word TEXT, score DOUBLE PRECISION, body BYTEA)")
               ? -1
               : 0;
}

static int open_sqlite(void **state)
{
    struct db *db = NULL;
    const char *why = "";

    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/a.db", folder);
    if (db_sqlite_open(&(struct db_sqlite_options){.path = path}, &db, &why))
        return -1;
    return prepare(db, state);
}

static int open_postgres(void **state)
{
    struct db *db = NULL;
    const char *why = "";

    if (db_postgres_open(postgres_url, &db, &why))
        return -1;
    return prepare(db, state);
}

static int close_sqlite(void **state)
{
    db_close(*state);
    unlink(path);
    rmdir(folder);
    return 0;
}

static int close_postgres(void **state)
{
    db_close(*state);
    return 0;
}

#define TESTS(open, close)                                                                         \
    {                                                                                              \
        cmocka_unit_test_setup_teardown(many_rows_in_one_statement, open, close),                  \
            cmocka_unit_test_setup_teardown(rows_that_change_something, open, close),              \
            cmocka_unit_test_setup_teardown(numbers_of_every_width, open, close),                  \
    }
static const struct CMUnitTest on_sqlite[] = TESTS(open_sqlite, close_sqlite);
static const struct CMUnitTest on_postgres[] = TESTS(open_postgres, close_postgres);

int main(void)
{
    int failed = cmocka_run_group_tests_name("sqlite", on_sqlite, NULL, NULL);

    postgres_url = getenv("RUNBELL_TEST_POSTGRES");
    if (postgres_url)
        failed += cmocka_run_group_tests_name("postgres", on_postgres, NULL, NULL);
    return failed;
}
