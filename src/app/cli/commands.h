/* commands.h -- the commands of `runbell`. Each takes its own name as argv[0] and gives the exit
 * code of the process. What was asked for goes to standard output, everything else to standard
 * error. */
#ifndef APP_CLI_COMMANDS_H
#define APP_CLI_COMMANDS_H

#include "base/base.h"

enum cli_code {
    CLI_OK = 0,
    CLI_FAILED = 1, /* the message says what to do */
    CLI_USAGE = 2   /* the command line was not understood; nothing was done */
};

struct arg_command;
struct cli_table;
struct remote;

/* A row says all of a command; one of ask, run and table is there. */
struct cli_command {
    const char *name;
    const char *summary;
    const struct arg_command *args;    /* its flags; NULL: none, or it has a table */
    int (*ask)(struct remote *remote); /* with a server (remote.h), behind its flags */
    int (*run)(int argc, char **argv);
    const struct cli_table *table; /* its own commands */
    const char *also;              /* another name that it answers to, unlisted; NULL: none */
};

struct cli_table {
    const char *group; /* what stands before its commands: "runbell keys" */
    const struct cli_command *commands;
    size_t count;
};

/* All there are; completion and the man page are made from it. */
extern const struct cli_table cli_table;

/* Runs the command that argv[1] names. */
int cli_dispatch(const struct cli_table *table, int argc, char **argv);

/* The whole program: argv as main gets it. */
int cli_main(int argc, char **argv);

extern const struct arg_command serve_command, backup_command, restore_command, migrate_command,
    compact_command, verify_command, doctor_command, trigger_command, inspect_command,
    listen_command, replay_command, erase_command, openapi_command, completion_command;
extern const struct cli_table keys_table, secrets_table, config_table, deliveries_table,
    endpoints_table, replays_table, import_table, export_table, agents_table;

/* What a row asks of a server. */
int replay_run(struct remote *remote);
int listen_run(struct remote *remote);
int inspect_run(struct remote *remote);
int trigger_run(struct remote *remote);
int erase_run(struct remote *remote);

int cli_serve(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_restore(int argc, char **argv);
int cli_migrate(int argc, char **argv);
int cli_compact(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_openapi(int argc, char **argv);
int cli_completion(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);

#endif
