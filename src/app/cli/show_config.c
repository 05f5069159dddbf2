/* `runbell config`: is the configuration right, and what is in force? */
#include <stdio.h>

#include "app/cli/session.h"

#define TEXT_BYTES_MAX (16 * MIB)
#define INDENT 2

static const struct arg_flag flags[] = {
    ARG_JSON,
    ARG_CONFIG,
    ARG_DATA,
    ARG_STORE,
    {"dev", NULL, "as runbell serve --dev sees it", "dev"},
};

static const struct arg_command check_command = {
    .name = "runbell config check",
    .operands = "",
    .summary = "Reads the configuration as runbell serve would, and says what is wrong with it.",
    .more = "It loads no graph and opens no store. Variables of webhook headers must be set.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

static const struct arg_command print_command = {
    .name = "runbell config print",
    .operands = "",
    .summary = "Prints what is in force, from file, variables, flags and defaults, as JSON.",
    .more = "Secrets are shown as ***; --json changes nothing. What each setting is for: runbell "
            "help settings",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

static void check_json(const struct config *config, struct str listen)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, TEXT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "file", str_of(config->file));
    json_put_i64(&json, "graphs", (int64_t)config->graphs.count);
    json_put_str(&json, "data", str_of(config->data_dir));
    json_put_str(&json, "store", config->store_url ? STR("postgres") : STR("sqlite"));
    json_put_str(&json, "listen", listen);
    json_put_bool(&json, "needs_key", config_listens_publicly(config));
    json_end_object(&json);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    buf_release(&out);
}

static void check_print(const struct config *config, struct str listen)
{
    printf("%s: %zu graphs, data in %s, listens on %.*s%s\n",
           config->file ? config->file : "no " CONFIG_FILE ", the defaults are in force",
           config->graphs.count, config->store_url ? "PostgreSQL" : config->data_dir,
           STR_ARG(listen),
           config_listens_publicly(config) ? " (needs an API key: runbell keys create)" : "");
}

static int check_notices(struct session *session)
{
    struct config *config = &session->config;
    struct egress_policy egress =
        config_egress(config, session->world, &config->listen, &config->arena);
    struct str why;

    if (config_check_notify_url(config, &egress, &config->arena, &why))
        return session_fail(session, "%.*s", STR_ARG(why));
    return CLI_OK;
}

static int cli_check(int argc, char **argv)
{
    struct session session;
    struct address_text text;
    struct str listen;
    int code;

    if (!session_open(&session, &check_command, SESSION_WHOLE_CONFIG, argc, argv, &code))
        return code;
    code = check_notices(&session);
    if (code != CLI_OK) {
        session_close(&session);
        return code;
    }
    listen = address_write(&session.config.listen, &text);
    if (session_value(&session, "json"))
        check_json(&session.config, listen);
    else
        check_print(&session.config, listen);
    session_close(&session);
    return CLI_OK;
}

static void new_line(struct buf *out, int depth)
{
    buf_addf(out, "\n%*s", depth * INDENT, "");
}

static bool is_opening(char c)
{
    return c == '{' || c == '[';
}

static bool is_closing(char c)
{
    return c == '}' || c == ']';
}

/* The string that begins at `at`; gives the place of its last quote. */
static size_t copy_string(struct str json, size_t at, struct buf *out)
{
    size_t start = at++;

    while (json.data[at] != '"')
        at += json.data[at] == '\\' ? 2 : 1;
    buf_add(out, str_range(json.data + start, at - start + 1));
    return at;
}

/* A line for each member. Only for what a json_writer made: valid, without blanks of its own. */
static void write_indented(struct str json, struct buf *out)
{
    int depth = 0;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.data[i];

        if (c == '"') {
            i = copy_string(json, i, out);
            continue;
        }
        depth -= is_closing(c);
        if (is_closing(c) && !is_opening(json.data[i - 1]))
            new_line(out, depth);
        buf_add_char(out, c);
        depth += is_opening(c);
        if (c == ',' || (is_opening(c) && !is_closing(json.data[i + 1])))
            new_line(out, depth);
        else if (c == ':')
            buf_add_char(out, ' ');
    }
    buf_add_char(out, '\n');
}

static int cli_print(int argc, char **argv)
{
    struct buf compact, text;
    struct session session;
    int code;

    if (!session_open(&session, &print_command, SESSION_WHOLE_CONFIG, argc, argv, &code))
        return code;
    buf_init(&compact, TEXT_BYTES_MAX);
    buf_init(&text, TEXT_BYTES_MAX);
    config_write(&session.config, &compact);
    write_indented(buf_str(&compact), &text);
    fputs(buf_cstr(&text), stdout);
    buf_release(&compact);
    buf_release(&text);
    session_close(&session);
    return CLI_OK;
}

static const struct cli_command commands[] = {
    {"check", "say what is wrong with the configuration", &check_command, .run = cli_check},
    {"print", "show what is in force", &print_command, .run = cli_print},
};

const struct cli_table config_table = {"runbell config", commands, ARRAY_LEN(commands)};
