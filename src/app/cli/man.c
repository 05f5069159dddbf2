/* man.c -- see man.h. In the macros of man(7). */
#include "app/cli/man.h"

#include "app/cli/args.h"
#include "app/cli/commands.h"

/* A letter of more than one byte, of which *text is the first: not all roffs read UTF-8. */
static bool add_wide(struct buf *out, const char **text)
{
    size_t len = str_utf8_len(str_of(*text));
    uint32_t letter;

    if (len < 2)
        return false;
    letter = (unsigned char)**text & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++)
        letter = letter << 6 | ((unsigned char)(*text)[i] & 0x3fU);
    buf_addf(out, "\\[u%04X]", (unsigned)letter);
    *text += len - 1;
    return true;
}

/* Text in roff: nothing in it may be a command or an escape. */
static void add_text(struct buf *out, const char *text)
{
    bool is_line_start = true;

    for (; *text; text++) {
        if (is_line_start && (*text == '.' || *text == '\''))
            buf_add_cstr(out, "\\&");
        is_line_start = *text == '\n';
        if (add_wide(out, &text))
            continue;
        if (*text == '\\')
            buf_add_cstr(out, "\\e");
        else if (*text == '-')
            buf_add_cstr(out, "\\-");
        else
            buf_add_char(out, *text);
    }
}

static void add_flag(struct buf *out, const struct arg_flag *flag)
{
    buf_add_cstr(out, ".TP\n\\fB\\-\\-");
    add_text(out, flag->name);
    buf_add_cstr(out, "\\fR");
    if (flag->value) {
        buf_add_cstr(out, " \\fI");
        add_text(out, flag->value);
        buf_add_cstr(out, "\\fR");
    }
    buf_add_char(out, '\n');
    add_text(out, flag->help);
    buf_add_char(out, '\n');
}

static void add_command(struct buf *out, const char *name, const struct cli_command *command)
{
    const struct arg_command *args = command->args;

    buf_addf(out, ".SS %s %s", name, command->name);
    if (args && args->operands[0])
        buf_addf(out, " %s", args->operands);
    buf_add_char(out, '\n');
    add_text(out, args ? args->summary : command->summary);
    buf_add_char(out, '\n');
    if (args && args->more[0]) {
        buf_add_cstr(out, ".PP\n.nf\n");
        add_text(out, args->more);
        buf_add_cstr(out, "\n.fi\n");
    }
    for (size_t i = 0; args && i < args->flag_count; i++)
        add_flag(out, &args->flags[i]);
}

static void add_table(struct buf *out, const struct cli_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct cli_command *command = &table->commands[i];

        if (command->table)
            for (size_t k = 0; k < command->table->count; k++)
                add_command(out, command->table->group, &command->table->commands[k]);
        else
            add_command(out, table->group, command);
    }
}

void man_write(struct buf *out)
{
    buf_add_cstr(
        out, ".\\\" Made by `runbell completion man`.\n"
             ".TH RUNBELL 1 \"\" \"runbell " RUNBELL_VERSION "\" \"User Commands\"\n"
             ".SH NAME\n"
             "runbell \\- runs LLM agents and delivers their webhooks\n"
             ".SH SYNOPSIS\n"
             ".B runbell\n"
             "\\fICOMMAND\\fR [\\fIflags\\fR]\n"
             ".SH DESCRIPTION\n"
             "One server that runs agents, and sends signed webhooks of what they do, durably.\n"
             ".SH COMMANDS\n");
    add_table(out, &cli_table);
    buf_add_cstr(out,
                 ".SH ENVIRONMENT\n"
                 ".TP\n\\fBRUNBELL_URL\\fR, \\fBRUNBELL_API_KEY\\fR\n"
                 "The server that commands ask, and the key they ask with.\n"
                 ".TP\n\\fBRUNBELL_SECRET\\fR\n"
                 "The secrets that runbell verify tries.\n"
                 ".TP\n\\fBRUNBELL_CA_FILE\\fR\n"
                 "Trusted authorities instead of the system's, where the server speaks https.\n"
                 ".TP\n\\fBNO_COLOR\\fR\n"
                 "No colour, also on a terminal.\n"
                 ".TP\n\\fBRUNBELL_\\fR...\n"
                 "Every setting of the server: runbell help settings.\n"
                 ".SH EXIT STATUS\n"
                 "0 done; 1 failed, and the message says what to do; 2 the command line was not "
                 "understood; 70 the store is lost.\n"
                 ".SH FILES\n"
                 "langgraph.json, .runbell/\n");
}
