/* `runbell completion` and `runbell openapi`: texts made from the tables of commands and routes. */
#include <stdio.h>

#include "api/openapi.h"
#include "app/cli/man.h"
#include "app/cli/output.h"
#include "app/cli/session.h"

#define TEXT_BYTES_MAX (16 * MIB)

const struct arg_command completion_command = {
    .name = "runbell completion",
    .operands = "SHELL",
    .summary = "Prints completions for bash, zsh or fish; or, for man, the man page.",
    .more = "bash: source <(runbell completion bash)\n"
            "zsh:  source <(runbell completion zsh)\n"
            "fish: runbell completion fish | source\n"
            "man:  runbell completion man >~/.local/share/man/man1/runbell.1",
    .operand_count = 1,
    .words = "bash zsh fish man",
};

static const struct arg_flag openapi_flags[] = {
    {"json", NULL, "for programs; it is JSON in any case", NULL},
};

const struct arg_command openapi_command = {
    .name = "runbell openapi",
    .operands = "",
    .summary = "Prints the description of the HTTP API, OpenAPI 3.1 as JSON.",
    .more = "",
    .flags = openapi_flags,
    .flag_count = ARRAY_LEN(openapi_flags),
};

/* ---- words ---- */

static void add_names(struct buf *out, const struct cli_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        buf_addf(out, "%s%s", i ? " " : "", table->commands[i].name);
}

static void add_flags(struct buf *out, const struct arg_command *args)
{
    for (size_t i = 0; args && i < args->flag_count; i++)
        buf_addf(out, "--%s ", args->flags[i].name);
    buf_addf(out, "--help%s%s", args && args->words ? " " : "",
             args && args->words ? args->words : "");
}

/* ---- what may stand behind a flag ---- */

/* The first row that fits counts: by the beginning of the command's name, and the flag. */
static const struct {
    const char *command, *flag, *words;
} values[] = {
    {"runbell replay", "state", "dead done any"},
    {"runbell endpoints", "state", "active paused disabled secret_unreadable"},
    {"runbell", "state", "due sending held done dead"},
    {"runbell listen", "kind", "run rule alert fleet"},
    {"runbell", "kind", "run rule alert fleet system"},
    {"runbell", "result",
     "delivered unreachable tls timeout busy server_error rejected gone refused unknown"},
    {"runbell", "role", "admin editor viewer ingest operator"},
    {"runbell", "log-level", "debug info warn error"},
    {"runbell", "log-format", "logfmt json"},
};

/* NULL: anything, or a file. */
static const char *words_of(const struct arg_command *args, const struct arg_flag *flag)
{
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (str_starts(str_of(args->name), str_of(values[i].command)) &&
            strcmp(flag->name, values[i].flag) == 0)
            return values[i].words;
    return NULL;
}

/* ---- bash and zsh: `case` over the words that stand there ---- */

/* "deliveries list --state" and what it may be; nothing is offered where that is not known, so that
 * the shell offers files. */
static void bash_values(struct buf *out, const struct arg_command *args)
{
    for (size_t i = 0; args && i < args->flag_count; i++) {
        const struct arg_flag *flag = &args->flags[i];
        const char *words = flag->value ? words_of(args, flag) : NULL;

        if (flag->value) /* behind "runbell " */
            buf_addf(out, "    \"%s --%s\") words=\"%s\" ;;\n", args->name + 8, flag->name,
                     words ? words : "");
    }
}

static void bash_value_cases(struct buf *out, const struct cli_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->commands[i].table)
            bash_value_cases(out, table->commands[i].table);
        else
            bash_values(out, table->commands[i].args);
    }
}

static void bash_command(struct buf *out, const char *words, const struct cli_command *command)
{
    buf_addf(out, "    \"%s%s%s\") words=\"", words, words[0] ? " " : "", command->name);
    if (command->table)
        add_names(out, command->table);
    else
        add_flags(out, command->args);
    buf_add_cstr(out, "\" ;;\n");
    for (size_t i = 0; command->table && i < command->table->count; i++)
        bash_command(out, command->name, &command->table->commands[i]);
}

static void bash_cases(struct buf *out)
{
    buf_add_cstr(out, "    case \"$path\" in\n    \"\") words=\"");
    add_names(out, &cli_table);
    buf_add_cstr(out, "\" ;;\n");
    for (size_t i = 0; i < cli_table.count; i++)
        bash_command(out, "", &cli_table.commands[i]);
    buf_add_cstr(out, "    esac\n    case \"$path $before\" in\n");
    bash_value_cases(out, &cli_table);
    buf_add_cstr(out, "    esac\n");
}

static void bash_write(struct buf *out)
{
    buf_add_cstr(out, "# bash completion of runbell\n"
                      "_runbell() {\n"
                      "    local word path=\"\" words=\"\" current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
                      "    local before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
                      "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                      "        case \"$word\" in -*) break ;; esac\n"
                      "        path=\"${path:+$path }$word\"\n"
                      "    done\n");
    bash_cases(out);
    buf_add_cstr(out,
                 "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                 "    [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$current\"))\n"
                 "}\n"
                 "complete -F _runbell runbell\n");
}

static void zsh_write(struct buf *out)
{
    buf_add_cstr(out, "#compdef runbell\n"
                      "_runbell() {\n"
                      "    local word path_=\"\" words_=\"\"\n"
                      "    for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
                      "        [[ \"$word\" == -* ]] && break\n"
                      "        path_=\"${path_:+$path_ }$word\"\n"
                      "    done\n"
                      "    _runbell_words \"$path_\" \"${words[CURRENT-1]}\"\n"
                      "    compadd -- ${=words_} || _files\n"
                      "}\n"
                      "_runbell_words() {\n"
                      "    local path=\"$1\" before=\"$2\" words=\"\"\n");
    bash_cases(out);
    buf_add_cstr(out, "    words_=\"$words\"\n"
                      "}\n"
                      "# From a file of $fpath the first call defines all this, and is answered "
                      "too.\n"
                      "if [[ \"${funcstack[1]}\" == _runbell ]]; then\n"
                      "    _runbell \"$@\"\n"
                      "else\n"
                      "    compdef _runbell runbell\n"
                      "fi\n");
}

/* ---- fish: a line for each word ---- */

static void fish_quote(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, *text == '\n' ? ' ' : *text);
    }
}

static void fish_flags(struct buf *out, const char *condition, const struct arg_command *args)
{
    if (args && args->words)
        buf_addf(out, "complete -c runbell -f -n '%s' -a '%s'\n", condition, args->words);
    for (size_t i = 0; args && i < args->flag_count; i++) {
        const char *words = words_of(args, &args->flags[i]);

        buf_addf(out, "complete -c runbell -n '%s' -l %s %s", condition, args->flags[i].name,
                 args->flags[i].value ? "-r " : "");
        if (words)
            buf_addf(out, "-f -a '%s' ", words);
        buf_add_cstr(out, "-d '");
        fish_quote(out, args->flags[i].help);
        buf_add_cstr(out, "'\n");
    }
}

static void fish_word(struct buf *out, const char *condition, const struct cli_command *command)
{
    buf_addf(out, "complete -c runbell -f -n '%s' -a %s -d '", condition, command->name);
    fish_quote(out, command->summary);
    buf_add_cstr(out, "'\n");
}

static void fish_command(struct buf *out, const struct cli_command *command)
{
    char seen[128], both[256];

    fish_word(out, "__fish_use_subcommand", command);
    snprintf(seen, sizeof(seen), "__fish_seen_subcommand_from %s", command->name);
    fish_flags(out, seen, command->args);
    for (size_t i = 0; command->table && i < command->table->count; i++) {
        const struct cli_command *inner = &command->table->commands[i];

        fish_word(out, seen, inner);
        snprintf(both, sizeof(both), "%s; and __fish_seen_subcommand_from %s", seen, inner->name);
        fish_flags(out, both, inner->args);
    }
}

static void fish_write(struct buf *out)
{
    buf_add_cstr(out, "# fish completion of runbell\n");
    for (size_t i = 0; i < cli_table.count; i++)
        fish_command(out, &cli_table.commands[i]);
}

/* ---- all ---- */

int cli_completion(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*write)(struct buf *out);
    } kinds[] = {
        {"bash", bash_write}, {"zsh", zsh_write}, {"fish", fish_write}, {"man", man_write}};
    struct session session;
    struct buf out;
    bool is_known = false;
    int code;

    if (!session_open(&session, &completion_command, SESSION_NO_CONFIG, argc, argv, &code))
        return code;
    buf_init(&out, TEXT_BYTES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(session.args.operands[0], kinds[i].name) != 0)
            continue;
        is_known = true;
        kinds[i].write(&out);
        fputs(buf_cstr(&out), stdout);
    }
    if (!is_known)
        (void)session_fail(&session, "SHELL must be bash, zsh, fish or man, not \"%s\"",
                           session.args.operands[0]);
    buf_release(&out);
    session_close(&session);
    return is_known ? CLI_OK : CLI_USAGE;
}

int cli_openapi(int argc, char **argv)
{
    struct session session;
    struct json_writer json;
    struct buf out;
    int code;

    if (!session_open(&session, &openapi_command, SESSION_NO_CONFIG, argc, argv, &code))
        return code;
    buf_init(&out, TEXT_BYTES_MAX);
    json_writer_init(&json, &out);
    openapi_write(&json, NULL);
    output_line(buf_str(&out));
    buf_release(&out);
    session_close(&session);
    return CLI_OK;
}
