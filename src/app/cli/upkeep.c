/* `runbell migrate` and `runbell compact`: work on a store that no server needs at the moment. */
#include <stdio.h>
#include <sys/stat.h>

#include "app/cli/output.h"
#include "app/cli/session.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/backup.h"
#include "store/checkup.h"
#include "store/store_files.h"

#define TEXT_BYTES_MAX (64 * KIB)

static const struct arg_flag migrate_flags[] = {
    {"check", NULL, "only say what there is to do; exit code 1: something", NULL},
    ARG_JSON,
    ARG_DATA,
    ARG_STORE,
    ARG_CONFIG,
};
static const struct arg_flag compact_flags[] = {ARG_JSON, ARG_DATA, ARG_STORE, ARG_CONFIG};

const struct arg_command migrate_command = {
    .name = "runbell migrate",
    .operands = "",
    .summary = "Brings the schema of a store to that of this program.",
    .more = "runbell serve does the same at its start; this is for those who want to choose the\n"
            "moment. Make a copy first: an older program refuses a newer store.",
    .flags = migrate_flags,
    .flag_count = ARRAY_LEN(migrate_flags),
};

const struct arg_command compact_command = {
    .name = "runbell compact",
    .operands = "",
    .summary = "Gives the room of what was deleted back to the disk.",
    .more = "Stop the server first: it uses the room of what was deleted again, so this is only\n"
            "worth it when much has gone for good. It needs room for a second store meanwhile.",
    .flags = compact_flags,
    .flag_count = ARRAY_LEN(compact_flags),
};

static void print_numbers(const char *one, int64_t one_value, const char *two, int64_t two_value)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, TEXT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_i64(&json, one, one_value);
    json_put_i64(&json, two, two_value);
    json_end_object(&json);
    output_line(buf_str(&out));
    buf_release(&out);
}

/* ---- migrate ---- */

/* Opening the store has done it. */
static enum err nothing(struct tx *tx UNUSED, void *context UNUSED)
{
    return OK;
}

static int apply_steps(struct session *session)
{
    const struct session_work work = {.apply = nothing, .is_write = true};
    const char *why = NULL;
    enum err err;

    log_set_level(LOG_INFO); /* which step it is at */
    err = session_run(session, &work, &why);
    return err ? session_fail(session, "%s", why ? why : err_name(err)) : CLI_OK;
}

static void say_steps(const struct session *session, const struct store_checkup *found, bool done)
{
    if (session_value(session, "json"))
        print_numbers("schema_before", found->schema, "schema", found->schema_known);
    else if (found->schema == found->schema_known)
        fprintf(stderr, "The store has schema %lld, as this program: nothing to do.\n",
                (long long)found->schema);
    else
        fprintf(stderr, done ? "Schema %lld became %lld.\n" : "Schema %lld would become %lld.\n",
                (long long)found->schema, (long long)found->schema_known);
}

static int migrate(struct session *session)
{
    struct store_checkup found;
    const char *why = "";
    bool is_check = session_value(session, "check");
    int code = CLI_OK;

    if (store_checkup(session->world, session->config.data_dir, session->config.store_url, &found,
                      &why))
        return session_fail(session, "%s", why);
    if (!found.exists)
        return session_fail(session, "there is no store yet; the first runbell serve makes it");
    if (found.schema > found.schema_known)
        return session_fail(session,
                            "the store has schema %lld, this program knows %lld: use the newer "
                            "program that wrote it, or a copy from before",
                            (long long)found.schema, (long long)found.schema_known);
    if (found.schema < found.schema_known)
        code = is_check ? CLI_FAILED : apply_steps(session);
    if (code == CLI_OK || is_check)
        say_steps(session, &found, !is_check);
    return code;
}

/* ---- compact ---- */

static int64_t store_bytes(const struct session *session)
{
    char *path = store_path(session->config.data_dir, STORE_DB_FILE);
    struct stat file = {0};
    bool is_there = stat(path, &file) == 0;

    mem_free(path);
    return is_there ? (int64_t)file.st_size : 0;
}

static int compact(struct session *session)
{
    int64_t before = store_bytes(session), after;
    const char *why = "";

    if (session->config.store_url)
        return session_fail(session, "the store is in PostgreSQL: autovacuum uses room again, and "
                                     "VACUUM FULL gives it back");
    if (store_compact(session->world, session->config.data_dir, &why))
        return session_fail(session, "%s", why);
    after = store_bytes(session);
    if (session_value(session, "json"))
        print_numbers("bytes_before", before, "bytes", after);
    else
        fprintf(stderr, "%.1f MB became %.1f MB.\n", (double)before / 1e6, (double)after / 1e6);
    return CLI_OK;
}

/* ---- both ---- */

static int run(const struct arg_command *command, int (*act)(struct session *session), int argc,
               char **argv)
{
    struct session session;
    int code;

    if (!session_open(&session, command, SESSION_SETTINGS, argc, argv, &code))
        return code;
    umask(S_IRWXG | S_IRWXO); /* the new file has everybody's data in it */
    code = act(&session);
    session_close(&session);
    return code;
}

int cli_migrate(int argc, char **argv)
{
    return run(&migrate_command, migrate, argc, argv);
}

int cli_compact(int argc, char **argv)
{
    return run(&compact_command, compact, argc, argv);
}
