/* The program's commands. */
#include "app/cli/commands.h"

#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/session.h"
#include "app/config_priv.h"
#include "db/state.h"
#include "store/migrations.h"

static const struct arg_flag version_flags[] = {ARG_JSON};

static const struct arg_command version_command = {
    .name = "runbell version",
    .operands = "",
    .summary = "Prints the version.",
    .more = "",
    .flags = version_flags,
    .flag_count = ARRAY_LEN(version_flags),
};

static const struct cli_command commands[] = {
    {"serve", "start the server", &serve_command, .run = cli_serve},
    {"deliveries", "what was sent, and sending it again", NULL, .table = &deliveries_table,
     .also = "events"},
    {"endpoints", "where webhooks go; pause and resume", NULL, .table = &endpoints_table},
    {"replay", "send once more all that a filter finds", &replay_command, .ask = replay_run},
    {"replays", "the replays; pause, resume and cancel", NULL, .table = &replays_table},
    {"import", "take over rules and alerts of another server", NULL, .table = &import_table},
    {"export", "what the server has, as lines of JSON", NULL, .table = &export_table},
    {"agents", "Fleet agents as files: pull, push, diff; and run", NULL, .table = &agents_table},
    {"listen", "relay webhooks to a port of this machine", &listen_command, .ask = listen_run},
    {"inspect", "an address that shows what is sent to it", &inspect_command, .ask = inspect_run},
    {"trigger", "send a sample of a webhook", &trigger_command, .ask = trigger_run},
    {"verify", "check the signature of a captured webhook", &verify_command, .run = cli_verify},
    {"doctor", "look for what does not work", &doctor_command, .run = cli_doctor},
    {"keys", "create, list and revoke API keys", NULL, .table = &keys_table},
    {"secrets", "change the keys that seal headers and signing keys", NULL,
     .table = &secrets_table},
    {"erase", "erase a thread, deliveries, a closed workspace", &erase_command, .ask = erase_run},
    {"backup", "copy the store into a file, also while the server runs", &backup_command,
     .run = cli_backup},
    {"restore", "make a backup the store of a data folder", &restore_command, .run = cli_restore},
    {"migrate", "bring the store's schema to that of this program", &migrate_command,
     .run = cli_migrate},
    {"compact", "give the room of what was deleted back to the disk", &compact_command,
     .run = cli_compact},
    {"config", "check the configuration, or print what is in force", NULL, .table = &config_table},
    {"openapi", "print the description of the HTTP API", &openapi_command, .run = cli_openapi},
    {"completion", "print completions for bash, zsh or fish; or the man page", &completion_command,
     .run = cli_completion},
    {"version", "print the version", &version_command, .run = cli_version},
    {"help", "this; help COMMAND; help settings", NULL, .run = cli_help},
};

const struct cli_table cli_table = {"runbell", commands, ARRAY_LEN(commands)};

/* ---- version ---- */

static int version_run(const struct session *session)
{
    if (session_value(session, "json"))
        printf("{\"name\":\"runbell\",\"version\":\"%s\",\"store_schema\":%zu,\"sqlite\":\"%s\"}\n",
               RUNBELL_VERSION, migration_count, db_sqlite_version());
    else
        printf("runbell %s\n", RUNBELL_VERSION);
    return CLI_OK;
}

int cli_version(int argc, char **argv)
{
    struct session session;
    int code;

    if (!session_open(&session, &version_command, SESSION_NO_CONFIG, argc, argv, &code))
        return code;
    code = version_run(&session);
    session_close(&session);
    return code;
}

/* ---- help ---- */

static void print_overview(FILE *out)
{
    fputs("Runbell runs LLM agents and delivers their webhooks.\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  runbell %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nIn a folder with a langgraph.json, runbell serve runs its graphs; anywhere else the "
          "built-in "
          "agent.\nExit codes: 0 done, 1 failed (the message says what to do), 2 the command line "
          "was "
          "not understood, 70 the store is lost.\n",
          out);
}

static void print_setting(const struct setting *setting)
{
    struct arena arena;

    arena_init(&arena);
    printf("  %-30.*s %s\n", STR_ARG(setting_name(setting, &arena)), setting->help);
    arena_release(&arena);
}

static int print_settings(void)
{
    fputs("Settings of the server. Each is a key under \"runbell\" in langgraph.json, and a "
          "variable:\n"
          "egress.allow is {\"runbell\": {\"egress\": {\"allow\": […]}}} and RUNBELL_EGRESS_ALLOW "
          "(entries "
          "of lists\nwith commas between). Variables win over the file, flags over both. Secrets "
          "and the "
          "store's URL may\nstand in a file that RUNBELL_…_FILE names.\n\n",
          stdout);
    for (size_t i = 0; i < setting_count; i++)
        print_setting(&settings[i]);
    fputs(
        "\nOf LangGraph's own variables BG_JOB_TIMEOUT_SECS and N_JOBS_PER_WORKER are known too.\n",
        stdout);
    return CLI_OK;
}

int cli_help(int argc, char **argv)
{
    char ask[] = "--help";
    char *asking[] = {argv[0], argc > 1 ? argv[1] : NULL, ask, ask, NULL};

    if (argc > 1 && strcmp(argv[1], "settings") == 0)
        return print_settings();
    if (argc > 2)
        asking[2] = argv[2];
    if (argc > 1 && strcmp(argv[1], "help") != 0)
        return cli_dispatch(&cli_table, 4, asking);
    print_overview(stdout);
    return CLI_OK;
}

/* ---- all ---- */

static bool is_any(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (is_any(argv[1], "--help", "-h"))
        return cli_help(1, argv);
    if (is_any(argv[1], "--version", "-V"))
        return cli_version(1, argv);
    return cli_dispatch(&cli_table, argc, argv);
}

int cli_main(int argc, char **argv)
{
    int code = run(argc, argv);

    /* A full disk or a closed pipe is a failure too. */
    return code == CLI_OK && !output_flush() ? CLI_FAILED : code;
}
