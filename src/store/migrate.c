/* migrate.c -- applies the steps of migrations.c: one transaction each, the version with it. */
#include "base/buf.h"
#include "base/log.h"
#include "store/migrations.h"

#define SCRIPT_BYTES_MAX (4 * MIB)
#define WHY_BYTES_MAX 256
/* Another node may take its time: each wait for the lock is 10 s. */
#define WAITS_MAX 360
#define WAITS_TOLD 6 /* every so many there is a line */
/* A step that takes longer is worth a line that says so. */
#define LONG_US US_PER_SECOND
/* Any number, the same in all nodes: only one of them migrates at a time. */
#define POSTGRES_LOCK "SELECT pg_advisory_xact_lock(7248391150)"

static const struct db_statement version_get = {"version_get", "SELECT version FROM schema_version",
                                                NULL};
static const struct db_statement version_set = {"version_set",
                                                "UPDATE schema_version SET version = $1", NULL};
static const struct db_statement version_add = {
    "version_add", "INSERT INTO schema_version (version) VALUES ($1)", NULL};

/* PostgreSQL compares text by the locale; our texts are compared bytewise, as in SQLite. */
static void add_postgres_line(struct buf *out, struct str line)
{
    while (line.len) {
        size_t at = str_find(line, STR(" TEXT"));
        size_t end = at + sizeof(" TEXT") - 1;
        bool is_type = at < line.len &&
                       (end >= line.len || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ_(", line.data[end]));

        if (at == line.len)
            end = at;
        buf_add(out, str_first(line, end));
        if (is_type)
            buf_add(out, STR(" COLLATE \"C\""));
        line = str_from(line, end);
    }
}

static void add_line(struct buf *out, enum db_dialect dialect, struct str line)
{
    const struct str mine = dialect == DB_SQLITE ? STR("@sqlite ") : STR("@postgres ");

    if (str_starts(line, mine))
        buf_add(out, str_from(line, mine.len));
    else if (str_starts(line, STR("@")))
        return;
    else if (dialect == DB_POSTGRES)
        add_postgres_line(out, line);
    else
        buf_add(out, line);
    buf_add_char(out, '\n');
}

enum err migration_run(struct db *db, const char *step)
{
    struct str rest = str_of(step), line;
    struct buf script;
    enum err err;

    buf_init(&script, SCRIPT_BYTES_MAX);
    while (str_split(&rest, '\n', &line))
        add_line(&script, db_dialect(db), line);
    REQUIRE(!script.failed);
    err = db_script(db, buf_cstr(&script));
    buf_release(&script);
    return err;
}

/* Inside a transaction that holds the lock. A store without the table is new: version 0. */
static enum err read_version(struct db *db, int64_t *version)
{
    struct db_rows rows = {0};
    enum err err =
        db_script(db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");

    if (!err)
        err = db_query_one(db, &version_get, DB_NO_ARGS, &rows);
    if (err == ERR_NOT_FOUND) {
        *version = 0;
        return db_run(db, &version_add, DB_ARGS(db_int(0)), NULL);
    }
    if (err)
        return err;
    *version = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

static enum err begin_locked(struct db *db)
{
    enum err err = db_begin(db);

    if (err || db_dialect(db) == DB_SQLITE)
        return err;
    err = db_script(db, POSTGRES_LOCK);
    if (err)
        db_rollback(db);
    return err;
}

/* ---- what the log says ---- */

struct telling {
    const struct migration_clock *clock; /* NULL: nothing */
    int64_t first;                       /* the version that the store had; -1: not known yet */
    int64_t told;                        /* of this version's next step it is said that it begins */
    int64_t begun_us, step_begun_us;
};

static int64_t now_us(const struct telling *t)
{
    return t->clock->mono_us(t->clock->of);
}

/* Nobody waits for the tables of a new store. */
static bool tells(const struct telling *t)
{
    return t->clock && t->first > 0;
}

static void tell_step(struct telling *t, int64_t version)
{
    if (t->first < 0)
        t->first = version;
    if (!tells(t))
        return;
    t->step_begun_us = now_us(t);
    if (version == t->told) /* it could not begin */
        return;
    t->told = version;
    if (version == t->first) {
        t->begun_us = t->step_begun_us;
        log_info(
            "store",
            "the store has schema %lld, this program needs %zu: it is changed step by step, "
            "which can take minutes if it is large, and nothing is served until then. Let it run: "
            "a step that is broken off is undone and begins anew at the next start. Older "
            "programs cannot use the store any more: stop nodes that still run one",
            (long long)version, migration_count);
    }
    log_info("store", "step %lld of %lld of the schema: %s", (long long)(version - t->first + 1),
             (long long)((int64_t)migration_count - t->first), migrations[version].what);
}

/* `version` is what the step has made. */
static void tell_step_done(const struct telling *t, int64_t version)
{
    int64_t took_us;

    if (!tells(t))
        return;
    took_us = now_us(t) - t->step_begun_us;
    if (took_us > LONG_US)
        log_info("store", "step %lld of %lld took %.1f s", (long long)(version - t->first),
                 (long long)((int64_t)migration_count - t->first), (double)took_us / 1e6);
    if (version == (int64_t)migration_count)
        log_info("store", "the store has schema %zu now, after %.1f s", migration_count,
                 (double)(now_us(t) - t->begun_us) / 1e6);
}

static void tell_wait(const struct telling *t, const struct db *db)
{
    if (t->clock)
        log_warn("store",
                 "the store's schema cannot be changed yet, which is tried again: %s. Another node "
                 "is changing it, or still runs an older program: then stop that node",
                 db_error(db));
}

/* ---- the steps ---- */

/* One step at most; *version is what the store has after it. */
static enum err advance(struct db *db, struct telling *t, int64_t *version)
{
    bool is_behind = false;
    enum err err = begin_locked(db);

    if (err)
        return err;
    err = read_version(db, version);
    if (!err && *version < (int64_t)migration_count) {
        is_behind = true;
        tell_step(t, *version);
        err = migration_run(db, migrations[*version].script);
        *version += 1;
        if (!err)
            err = db_run(db, &version_set, DB_ARGS(db_int(*version)), NULL);
    }
    if (err)
        db_rollback(db);
    else
        err = db_commit(db);
    if (!err && is_behind)
        tell_step_done(t, *version);
    return err;
}

enum err migrations_apply(struct db *db, const struct migration_clock *clock, const char **why)
{
    static char why_text[WHY_BYTES_MAX];
    struct telling telling = {.clock = clock, .first = -1, .told = -1};
    int64_t version = 0;
    int waits = 0;
    enum err err;

    *why = why_text;
    do {
        err = advance(db, &telling, &version);
        if (err == ERR_AGAIN && waits % WAITS_TOLD == 0)
            tell_wait(&telling, db);
    } while (err ? err == ERR_AGAIN && waits++ < WAITS_MAX : version < (int64_t)migration_count);
    if (err)
        snprintf(why_text, sizeof(why_text), "cannot bring the store's schema to %zu: %s",
                 migration_count, db_error(db));
    if (err || version == (int64_t)migration_count)
        return err;
    snprintf(why_text, sizeof(why_text),
             "the store was made by a newer runbell (schema %lld, this one knows %zu): use that "
             "version or a newer one",
             (long long)version, migration_count);
    return ERR_CONFLICT;
}
