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

struct cli_command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

/* Runs the command that argv[1] names; `group` is what stands before it ("runbell keys"). */
int cli_dispatch(const char *group, const struct cli_command *commands, size_t count, int argc,
                 char **argv);

/* The whole program: argv as main gets it. */
int cli_main(int argc, char **argv);

int cli_serve(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_secrets(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_restore(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);

#endif
