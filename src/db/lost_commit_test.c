/* lost_commit_test.c -- what is made of a commit whose answer was lost: its mark decides, not what
 * the server says of its number, which may be somebody else's by then. Needs RUNBELL_TEST_POSTGRES.
 */
#include <pthread.h>
#include <time.h>

#include "base/test.h"
#include "db/postgres_priv.h"
#include "db/state.h"

static const char *postgres_url;

/* `db` loses its connection; `server` is who sees to that, and who else writes there. */
static struct db *db, *server;

static const struct db_statement insert = {"insert", "INSERT INTO words (word) VALUES ($1)", NULL};
static const struct db_statement count = {
    "count", "SELECT COUNT(*) FROM words WHERE word = CAST($1 AS TEXT)", NULL};
static const struct db_statement end_session = {
    "end_session", "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid = $1",
    NULL};
static const struct db_statement set_mark = {
    "set_mark", "UPDATE commit_marks SET mark = $1 WHERE session = $2", NULL};

static struct db *open_one(void)
{
    struct db *opened = NULL;
    const char *why = "";

    assert_int_equal(db_postgres_open(postgres_url, &opened, &why), OK);
    return opened;
}

static int64_t number_of(const struct db_statement *statement, struct db_value value)
{
    struct db_rows rows = {0};
    int64_t number;

    assert_int_equal(db_query_one(server, statement, &value, 1, &rows), OK);
    number = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return number;
}

static int64_t words(const char *word)
{
    return number_of(&count, db_text(str_of(word)));
}

static void add(struct db *to, const char *word)
{
    assert_int_equal(db_run(to, &insert, DB_ARGS(db_text(str_of(word))), NULL), OK);
}

static void begin_with(struct db *to, const char *word)
{
    assert_int_equal(db_begin(to), OK);
    add(to, word);
}

/* Until it is gone: its transaction has ended by then. */
static void lose(void)
{
    const struct timespec pause = {.tv_nsec = US_PER_MS * 1000};

    while (number_of(&end_session, db_int(db_session_id(db))))
        (void)nanosleep(&pause, NULL);
}

/* As if the server had given the number of the transaction of `db` to that of `server`. */
static void give_its_number_away(void)
{
    memcpy(postgres_of(db)->transaction, postgres_of(server)->transaction,
           sizeof(postgres_of(db)->transaction));
}

/* As if the transaction of `db` had been done. */
static void leave_its_mark(void)
{
    const struct postgres *lost = postgres_of(db);

    assert_int_equal(
        db_run(server, &set_mark,
               DB_ARGS(db_text(str_of(lost->transaction)), db_text(str_of(lost->marks))), NULL),
        OK);
}

static int setup(void **state)
{
    (void)state;
    db = open_one();
    server = open_one();
    assert_int_equal(db_script(server, "DROP TABLE IF EXISTS words, commit_marks;"
                                       "CREATE TABLE words (word TEXT);"
                                       "CREATE TABLE commit_marks (session TEXT PRIMARY KEY,"
                                       " mark TEXT NOT NULL, at_us BIGINT NOT NULL)"),
                     OK);
    assert_int_equal(db_postgres_mark_commits(db), OK);
    begin_with(db, "first");
    assert_int_equal(db_commit(db), OK); /* so that its row is there */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    db_close(db);
    db_close(server);
    return 0;
}

/* ---- tests ---- */

static void what_was_rolled_back_is_repeated(void **state)
{
    (void)state;
    begin_with(db, "a");
    lose();
    assert_int_equal(db_commit(db), ERR_AGAIN);
    assert_int_equal(words("a"), 0);
    begin_with(db, "a");
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(words("a"), 1);
}

static void a_number_that_is_somebody_elses_proves_nothing(void **state)
{
    (void)state;
    begin_with(db, "a");
    lose();
    begin_with(server, "b");
    assert_int_equal(db_commit(server), OK);
    give_its_number_away();
    assert_int_equal(db_commit(db), ERR_AGAIN);
    assert_int_equal(words("a"), 0);
}

static void a_number_that_is_still_to_come_is_no_error(void **state)
{
    struct postgres *lost = postgres_of(db);
    uint64_t number;

    (void)state;
    begin_with(db, "a");
    lose();
    number = strtoull(lost->transaction, NULL, 10);
    snprintf(lost->transaction, sizeof(lost->transaction), "%llu",
             (unsigned long long)number + 1000000);
    assert_int_equal(db_commit(db), ERR_AGAIN);
}

static void a_mark_is_believed_against_the_server(void **state)
{
    (void)state;
    begin_with(db, "a");
    lose();
    leave_its_mark();
    assert_int_equal(db_commit(db), OK);
}

static void *commit_soon(void *argument)
{
    const struct timespec pause = {.tv_nsec = 300 * US_PER_MS * 1000};
    enum err *err = argument;

    (void)nanosleep(&pause, NULL);
    *err = db_commit(server);
    return NULL;
}

/* The session has lost its client, not its work: its mark is to be seen once that has ended. */
static void one_under_way_is_waited_for(void **state)
{
    enum err ended = ERR_IO, found;
    pthread_t thread;

    (void)state;
    begin_with(db, "a");
    lose();
    begin_with(server, "a");
    give_its_number_away();
    leave_its_mark();
    assert_int_equal(pthread_create(&thread, NULL, commit_soon, &ended), 0);
    found = db_commit(db);
    pthread_join(thread, NULL);
    assert_int_equal(ended, OK);
    assert_int_equal(found, OK);
}

static void without_marks_the_server_is_believed(void **state)
{
    (void)state;
    postgres_of(db)->marks[0] = '\0';
    begin_with(db, "a");
    assert_int_equal(db_script(db, "COMMIT"), OK); /* unseen by who loses its connection now */
    lose();
    assert_int_equal(db_commit(db), OK);
    assert_int_equal(words("a"), 1);
}

#define WITH_MARKS(sentence, function)                                                             \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    WITH_MARKS("a commit that never arrived is repeated", what_was_rolled_back_is_repeated),
    WITH_MARKS("so it is though its number is by now that of a commit of somebody else",
               a_number_that_is_somebody_elses_proves_nothing),
    WITH_MARKS("or one that a server that crashed has not given out yet",
               a_number_that_is_still_to_come_is_no_error),
    WITH_MARKS("a commit that has left its mark was done, whatever the server says of its number",
               a_mark_is_believed_against_the_server),
    WITH_MARKS("one that is still under way is waited for", one_under_way_is_waited_for),
    WITH_MARKS("without marks the server's word counts", without_marks_the_server_is_believed),
};

int main(void)
{
    postgres_url = getenv("RUNBELL_TEST_POSTGRES");
    return postgres_url ? RUN_TESTS(tests) : 0;
}
