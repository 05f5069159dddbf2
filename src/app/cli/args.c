/* Reads a command line. */
#include "app/cli/args.h"

#include "base/nearest.h"

#define FLAG_COLUMN 24

struct reader {
    const struct arg_command *command;
    struct args *args;
    struct buf *text;
    char **argv;
    int argc, at;
    size_t operand_count;
};

static enum args_outcome wrong(struct reader *r)
{
    buf_addf(r->text, "\nSee: %s --help\n", r->command->name);
    return ARGS_WRONG;
}

static enum args_outcome unknown_flag(struct reader *r, struct str name)
{
    const char *nearest = NULL;
    unsigned least = NEAREST_FAR;

    for (size_t i = 0; i < r->command->flag_count; i++) {
        unsigned distance = nearest_guess(name, str_of(r->command->flags[i].name));

        if (distance < least) {
            least = distance;
            nearest = r->command->flags[i].name;
        }
    }
    buf_addf(r->text, "%s: --%.*s is not known", r->command->name, STR_ARG(name));
    if (nearest)
        buf_addf(r->text, "; did you mean --%s?", nearest);
    return wrong(r);
}

/* `given` is the value behind "=", STR_NONE if there was none. */
static enum args_outcome take_value(struct reader *r, size_t place, const char *given)
{
    const struct arg_flag *flag = &r->command->flags[place];

    if (!flag->value) {
        if (given) {
            buf_addf(r->text, "%s: --%s takes no value", r->command->name, flag->name);
            return wrong(r);
        }
        given = "true";
    } else if (!given) {
        given = r->at + 1 < r->argc ? r->argv[r->at + 1] : "--";
        if (str_starts(str_of(given), STR("--"))) {
            buf_addf(r->text, "%s: --%s needs a value: --%s %s", r->command->name, flag->name,
                     flag->name, flag->value);
            return wrong(r);
        }
        r->at++;
    }
    r->args->values[place] = given;
    return ARGS_OK;
}

static enum args_outcome take_flag(struct reader *r, const char *written)
{
    struct str name = str_of(written + 2);
    size_t equals = str_find_char(name, '=');
    const char *given = equals < name.len ? name.data + equals + 1 : NULL;

    name = str_first(name, equals);
    for (size_t i = 0; i < r->command->flag_count; i++)
        if (str_eq(name, str_of(r->command->flags[i].name)))
            return take_value(r, i, given);
    return unknown_flag(r, name);
}

static enum args_outcome take_operand(struct reader *r, const char *operand)
{
    if (r->operand_count == r->command->operand_count) {
        buf_addf(r->text, "%s: there is nothing to do with \"%s\"", r->command->name, operand);
        return wrong(r);
    }
    r->args->operands[r->operand_count++] = operand;
    return ARGS_OK;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static enum args_outcome take_all(struct reader *r)
{
    bool only_operands = false;
    enum args_outcome outcome = ARGS_OK;

    for (r->at = 1; outcome == ARGS_OK && r->at < r->argc; r->at++) {
        const char *word = r->argv[r->at];

        if (only_operands || word[0] != '-' || word[1] == '\0')
            outcome = take_operand(r, word);
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else if (asks_for_help(word))
            outcome = ARGS_HELP;
        else if (word[1] == '-')
            outcome = take_flag(r, word);
        else
            outcome = unknown_flag(r, str_of(word + 1));
    }
    return outcome;
}

enum args_outcome args_parse(const struct arg_command *command, int argc, char **argv,
                             struct args *args, struct buf *text)
{
    struct reader r = {command, args, text, argv, argc, 0, 0};
    enum args_outcome outcome;

    REQUIRE(command->flag_count <= ARGS_FLAGS_MAX && command->operand_count <= ARGS_OPERANDS_MAX);
    *args = (struct args){0};
    outcome = take_all(&r);
    if (outcome == ARGS_HELP) {
        args_write_help(command, text);
    } else if (outcome == ARGS_OK && r.operand_count < command->operand_count) {
        buf_addf(text, "%s: %s is missing", command->name, command->operands);
        return wrong(&r);
    }
    return outcome;
}

const char *args_value(const struct arg_command *command, const struct args *args, const char *name)
{
    for (size_t i = 0; i < command->flag_count; i++)
        if (strcmp(command->flags[i].name, name) == 0)
            return args->values[i];
    REQUIRE(false);
    return NULL;
}

/* Columns on a terminal: letters, not bytes. */
static size_t columns(struct str text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return count;
}

void args_write_help(const struct arg_command *command, struct buf *out)
{
    buf_addf(out, "%s\n\n  %s%s%s%s\n", command->summary, command->name,
             command->operands[0] ? " " : "", command->operands,
             command->flag_count ? " [flags]" : "");
    if (command->flag_count)
        buf_add_cstr(out, "\n");
    for (size_t i = 0; i < command->flag_count; i++) {
        const struct arg_flag *flag = &command->flags[i];
        size_t start = out->len;

        buf_addf(out, "  --%s%s%s", flag->name, flag->value ? " " : "",
                 flag->value ? flag->value : "");
        do
            buf_add_char(out, ' ');
        while (columns(str_from(buf_str(out), start)) < FLAG_COLUMN && !out->failed);
        buf_addf(out, "%s\n", flag->help);
    }
    if (command->more[0])
        buf_addf(out, "\n%s\n", command->more);
}
