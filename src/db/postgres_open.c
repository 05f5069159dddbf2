/* postgres_open.c -- connecting, the session's settings, and what PostgreSQL's errors mean to us.
 */
#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "db/postgres_priv.h"
#include "db/state.h"

#define DISK_FULL "53100"
#define WHY_BYTES_MAX (DB_ERROR_BYTES_MAX + 64)

/* Read once, at start; the text must outlive the connection that could not be opened. */
static char why_text[WHY_BYTES_MAX];

/* All connections go to one server: that it is away is told once, not by each. */
static atomic_bool is_away;

/* Acknowledged is durable: a server that is set to lie is told not to (a stronger setting is left
 * alone). */
static const char session_settings[] = "SELECT set_config('synchronous_commit', 'on', false)"
                                       " WHERE current_setting('synchronous_commit') = 'off';"
                                       "SET bytea_output = 'hex';"
                                       "SET lock_timeout = '10s';"
                                       "SET idle_in_transaction_session_timeout = '60s';"
                                       "SET client_min_messages = 'warning'";

/* A plan without an index has costs that would have it compiled. */
static const char seek_settings[] = "SET enable_seqscan = off; SET jit = off";

static const struct {
    const char *state; /* a class of two, or a whole code */
    enum err err;
} meanings[] = {
    {"23505", ERR_CONFLICT}, /* unique */
    {"23503", ERR_CONFLICT}, /* foreign key */
    {"40", ERR_AGAIN},       /* serialisation, deadlock */
    {"55P03", ERR_AGAIN},    /* lock not available */
    {"57P", ERR_AGAIN},      /* the server goes down, or is not up yet */
    {DISK_FULL, ERR_LIMIT},  /* the disk is full */
    {"53300", ERR_AGAIN},    /* too many connections */
    {"08P01", ERR_IO},       /* protocol violation: a bug */
    {"08", ERR_AGAIN},       /* connection */
    {"54", ERR_LIMIT},       /* a limit of the program */
    {"22", ERR_INVALID},     /* a value that the type cannot hold */
};

static enum err err_of(const char *state)
{
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (str_starts(str_of(state), str_of(meanings[i].state)))
            return meanings[i].err;
    }
    return ERR_IO;
}

enum err postgres_failed(struct postgres *postgres, PGresult *result, const char *statement)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorMessage(result) : PQerrorMessage(postgres->conn);
    struct str line = str_trim(str_of(text));
    char message[DB_ERROR_BYTES_MAX];
    enum err err = state ? err_of(state) : ERR_IO;
    bool is_whole; /* not of this statement only */

    snprintf(message, sizeof(message), "%.*s", STR_ARG(line));
    if (PQstatus(postgres->conn) != CONNECTION_OK)
        err = ERR_AGAIN;
    is_whole = err == ERR_AGAIN || (state && strcmp(state, DISK_FULL) == 0);
    if (is_whole && postgres->db.in_transaction && !postgres->db.verdict)
        postgres->db.verdict = err;
    err = db_note_error(&postgres->db, err, statement, message);
    PQclear(result);
    return err;
}

static void on_notice(void *context, const char *message)
{
    struct str line = str_trim(str_of(message));

    (void)context;
    log_info("db", "%.*s", STR_ARG(line));
}

PGconn *postgres_connect(const char *url)
{
    static const char *const names[] = {"dbname",
                                        "fallback_application_name",
                                        "client_encoding",
                                        "connect_timeout",
                                        "keepalives_idle",
                                        "tcp_user_timeout",
                                        NULL};
    const char *const values[] = {url, "runbell", "UTF8", "5", "30", "30000", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);

    if (conn && PQstatus(conn) == CONNECTION_OK) {
        PQsetNoticeProcessor(conn, on_notice, NULL);
        /* Details show rows, and rows do not belong into a log. */
        PQsetErrorVerbosity(conn, PQERRORS_TERSE);
    }
    return conn;
}

void postgres_disconnect(struct postgres *postgres)
{
    size_t position = 0;
    struct str name;
    void *prepared;

    while (map_next(&postgres->prepared, &position, &name, &prepared))
        mem_free(prepared);
    map_release(&postgres->prepared);
    map_init(&postgres->prepared);
    PQfinish(postgres->conn);
    postgres->conn = NULL;
}

static enum err settle_session(struct postgres *postgres, const char *settings)
{
    PGresult *result = PQexec(postgres->conn, settings);

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        (void)postgres_failed(postgres, result, "connect");
        return ERR_AGAIN;
    }
    PQclear(result);
    return OK;
}

/* Why it cannot be opened in the first place is told by whoever opens it. */
static void tell_reached(const struct postgres *postgres, bool is_reached)
{
    if (!postgres->was_open || atomic_exchange(&is_away, !is_reached) == !is_reached)
        return;
    if (is_reached)
        log_info("db", "PostgreSQL answers again");
    else
        log_error("db", "PostgreSQL does not answer: %s", postgres->db.error);
}

enum err postgres_reconnect(struct postgres *postgres)
{
    enum err err;

    postgres_disconnect(postgres);
    postgres->conn = postgres_connect(postgres->url);
    if (PQstatus(postgres->conn) != CONNECTION_OK) {
        (void)postgres_failed(postgres, NULL, "connect");
        tell_reached(postgres, false);
        return ERR_AGAIN;
    }
    tell_reached(postgres, true);
    err = settle_session(postgres, session_settings);
    return !err && postgres->seeks ? settle_session(postgres, seek_settings) : err;
}

enum err db_postgres_seek(struct db *db)
{
    struct postgres *postgres = postgres_of(db);

    REQUIRE(db->dialect == DB_POSTGRES && !db->in_transaction);
    postgres->seeks = true;
    return settle_session(postgres, seek_settings);
}

/* Rows of sessions that have committed nothing for a day are of no use to anybody. */
#define MARKS_OPEN                                                                                 \
    "DELETE FROM commit_marks WHERE at_us <"                                                       \
    " CAST(EXTRACT(EPOCH FROM now() - INTERVAL '1 day') * 1000000 AS BIGINT);"                     \
    "SELECT gen_random_uuid()"

enum err db_postgres_mark_commits(struct db *db)
{
    struct postgres *postgres = postgres_of(db);
    PGresult *result;

    REQUIRE(db->dialect == DB_POSTGRES && !db->in_transaction);
    result = PQexec(postgres->conn, MARKS_OPEN);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        return postgres_failed(postgres, result, "open commit marks");
    snprintf(postgres->marks, sizeof(postgres->marks), "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return OK;
}

static const char *refusal_of(PGconn *conn)
{
    const char *encoding = PQparameterStatus(conn, "server_encoding");

    if (PQserverVersion(conn) < 130000)
        return "PostgreSQL must be version 13 or newer";
    if (!encoding || !str_eq(str_of(encoding), STR("UTF8")))
        return "the PostgreSQL database must have the encoding UTF8";
    return NULL;
}

enum err db_postgres_open(const char *url, struct db **db, const char **why)
{
    struct postgres *postgres = MEM_NEW(struct postgres);
    size_t bytes = strlen(url) + 1;
    const char *refusal;
    enum err err;

    postgres->db.ops = &postgres_ops;
    postgres->db.dialect = DB_POSTGRES;
    postgres->url = mem_alloc(bytes);
    memcpy(postgres->url, url, bytes);
    map_init(&postgres->prepared);
    err = postgres_reconnect(postgres);
    refusal = err ? postgres->db.error : refusal_of(postgres->conn);
    if (!refusal) {
        postgres->was_open = true;
        *db = &postgres->db;
        return OK;
    }
    snprintf(why_text, sizeof(why_text), "cannot use the PostgreSQL database: %s", refusal);
    *why = why_text;
    db_close(&postgres->db);
    return err ? err : ERR_INVALID;
}
