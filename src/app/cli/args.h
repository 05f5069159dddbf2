/* args.h -- a command's flags and operands, by a table; its help text is made from the same table.
 *
 *   --flag  --flag VALUE  --flag=VALUE  --help  -h  --  operand
 *
 * A flag may stand anywhere before "--"; the last of equal ones wins. Nothing here is printed or
 * read from the outside: the caller gets text. */
#ifndef APP_CLI_ARGS_H
#define APP_CLI_ARGS_H

#include "base/buf.h"

#define ARGS_FLAGS_MAX 20
#define ARGS_OPERANDS_MAX 2
#define ARGS_TEXT_BYTES_MAX (64 * KIB) /* of messages and help */

struct arg_flag {
    const char *name;  /* "listen", written --listen */
    const char *value; /* what stands behind it, for the help: "FILE"; NULL: it is on or off */
    const char *help;
    const char *setting; /* the setting (config.h) that it overrides; NULL: none */
};

struct arg_command {
    const char *name;     /* "runbell keys revoke" */
    const char *operands; /* "KEY_ID"; "" if there are none */
    const char *summary;  /* one sentence */
    const char *more;     /* further lines of the help; "" if there are none */
    size_t operand_count; /* all are needed */
    const char *words;    /* what the operand may be, with blanks between, for completions; NULL:
                             anything */
    const struct arg_flag *flags;
    size_t flag_count;
};

struct args {
    const char *values[ARGS_FLAGS_MAX]; /* by place in flags; NULL: not given; "true" if on */
    const char *operands[ARGS_OPERANDS_MAX];
};

enum args_outcome { ARGS_OK, ARGS_HELP, ARGS_WRONG };

/* argv[0] is the command itself. ARGS_HELP and ARGS_WRONG leave a text for a person in `text`. */
enum args_outcome args_parse(const struct arg_command *command, int argc, char **argv,
                             struct args *args, struct buf *text);
/* NULL if it was not given. The flag must be in the table. */
const char *args_value(const struct arg_command *command, const struct args *args,
                       const char *name);
void args_write_help(const struct arg_command *command, struct buf *out);

#endif
