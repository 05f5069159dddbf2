/* `runbell backup` and `runbell restore`: the store as one file. */
#include <stdio.h>
#include <sys/stat.h>

#include "app/cli/output.h"
#include "app/cli/session.h"
#include "store/backup.h"

#define TEXT_BYTES_MAX (64 * KIB)

static const struct arg_flag flags[] = {ARG_JSON, ARG_DATA, ARG_STORE, ARG_CONFIG};

const struct arg_command backup_command = {
    .name = "runbell backup",
    .operands = "FILE",
    .summary = "Copies the store into one checked file, also while the server runs.",
    .more = "The copy has all that was committed at one instant. It never replaces a file.",
    .operand_count = 1,
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

const struct arg_command restore_command = {
    .name = "runbell restore",
    .operands = "FILE",
    .summary = "Checks a backup and makes it the store of a data folder that has none.",
    .more =
        "Stop the server and move the old folder away first. Webhooks that were sent after the\n"
        "backup are sent again, with the webhook-id they had.",
    .operand_count = 1,
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

static void say(const struct session *session, bool is_backup)
{
    struct json_writer json;
    struct buf out;

    if (!session_value(session, "json")) {
        fprintf(stderr, "%s\n", is_backup ? "Copied and checked." : "Restored.");
        return;
    }
    buf_init(&out, TEXT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, is_backup ? "backup" : "restored", str_of(session->args.operands[0]));
    json_put_str(&json, "data", str_of(session->config.data_dir));
    json_end_object(&json);
    output_line(buf_str(&out));
    buf_release(&out);
}

static int run(const struct arg_command *command,
               enum err (*act)(struct world *world, const char *data_dir, const char *file,
                               const char **why),
               int argc, char **argv)
{
    struct session session;
    const char *why = "";
    int code;

    if (!session_open(&session, command, SESSION_SETTINGS, argc, argv, &code))
        return code;
    umask(S_IRWXG | S_IRWXO); /* a copy has everybody's data in it */
    if (session.config.store_url)
        code = session_fail(&session, "the store is in PostgreSQL: use pg_dump and pg_restore");
    else if (act(session.world, session.config.data_dir, session.args.operands[0], &why))
        code = session_fail(&session, "%s", why);
    else
        say(&session, command == &backup_command);
    session_close(&session);
    return code;
}

int cli_backup(int argc, char **argv)
{
    return run(&backup_command, store_backup_dir, argc, argv);
}

int cli_restore(int argc, char **argv)
{
    return run(&restore_command, store_restore, argc, argv);
}
