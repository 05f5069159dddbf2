/* `runbell endpoints`: where webhooks go, how it goes, and stopping them for a while. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"
#include "format/query.h"

#define PATH_BYTES_MAX (64 * KIB)

static const struct arg_flag list_flags[] = {
    {"kind", "KIND", "run, rule, alert, fleet or system", NULL},
    {"state", "STATE", "active, paused or disabled", NULL},
    {"limit", "N", "how many (default: 50)", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

static const struct arg_command list_command = {
    .name = "runbell endpoints list",
    .operands = "",
    .summary = "Lists the endpoints that webhooks go to.",
    .more = "",
    .flags = list_flags,
    .flag_count = ARRAY_LEN(list_flags),
};

static const struct arg_flag one_flags[] = {ARG_JSON, ARG_SERVER, ARG_API_KEY};

static const struct arg_command show_command = {
    .name = "runbell endpoints show",
    .operands = "ID",
    .summary = "Shows an endpoint with its health and what waits for it.",
    .more = "",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static const struct arg_flag pause_flags[] = {
    {"reason", "TEXT", "why, for whoever looks at it later", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY};

static const struct arg_command pause_command = {
    .name = "runbell endpoints pause",
    .operands = "ID",
    .summary = "Sends nothing to an endpoint until it is resumed; its deliveries are held.",
    .more = "",
    .operand_count = 1,
    .flags = pause_flags,
    .flag_count = ARRAY_LEN(pause_flags),
};

static const struct arg_command resume_command = {
    .name = "runbell endpoints resume",
    .operands = "ID",
    .summary = "Sends again to an endpoint that was paused or disabled, what was held first.",
    .more = "",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static enum output_colour colour_of(struct str state, struct str health)
{
    if (str_eq(state, STR("disabled")) || str_eq(state, STR("secret_unreadable")))
        return OUTPUT_BAD;
    if (str_eq(state, STR("paused")) || !str_eq(health, STR("well")))
        return OUTPUT_WARN;
    return OUTPUT_GOOD;
}

/* ---- list ---- */

static void print_row(const struct json *endpoint)
{
    struct str state = output_text(endpoint, "state"), health = output_text(endpoint, "health");

    printf("%-36.*s  %-6.*s %s%-8.*s %-8.*s%s ", STR_ARG(output_text(endpoint, "endpoint_id")),
           STR_ARG(output_text(endpoint, "kind")), output_begin(colour_of(state, health)),
           STR_ARG(state), STR_ARG(health), output_end());
    output_safe(output_text(endpoint, "url"), 100);
    putchar('\n');
}

static int print_list(const struct buf *body)
{
    const struct json *root = NULL, *endpoint;
    struct arena arena;
    int code = CLI_FAILED;

    arena_init(&arena);
    if (output_parse(&arena, body, &root)) {
        struct json_iter iter = json_iter(json_get(root, "endpoints"));

        printf("%-36s  %-6s %-8s %-8s %s\n", "ID", "KIND", "STATE", "HEALTH", "URL");
        while (json_next(&iter, NULL, &endpoint))
            print_row(endpoint);
        if (json_count(json_get(root, "endpoints")) == 0)
            fprintf(stderr, "There are none: an endpoint is made by its first webhook.\n");
        code = CLI_OK;
    }
    arena_release(&arena);
    return code;
}

static int list_run(struct remote *remote)
{
    const struct session *session = remote->session;
    struct buf path, body;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    buf_add_cstr(&path, "/v1/endpoints");
    remote_add_query(&path, "kind", session_value(session, "kind"));
    remote_add_query(&path, "state", session_value(session, "state"));
    remote_add_query(&path, "limit", session_value(session, "limit"));
    code = remote_call(remote, "GET", buf_str(&path), STR_NONE, &body);
    if (code == CLI_OK && session_value(session, "json"))
        output_line(buf_str(&body));
    else if (code == CLI_OK)
        code = print_list(&body);
    buf_release(&path);
    buf_release(&body);
    return code;
}

/* ---- one ---- */

static void print_text(const struct json *endpoint, const char *label, const char *key)
{
    struct str text = output_text(endpoint, key);

    if (text.len == 0)
        return;
    printf("%-14s ", label);
    output_safe(text, 400);
    putchar('\n');
}

/* What the sender knows of its origin now. */
static void print_sender(const struct json *sender)
{
    if (json_type(sender) != JSON_OBJECT)
        return;
    printf("%-14s %lld of %lld in flight, %lld waiting\n", "sender",
           (long long)json_i64(json_get(sender, "in_flight"), 0),
           (long long)json_i64(json_get(sender, "concurrency"), 0),
           (long long)json_i64(json_get(sender, "waiting"), 0));
    print_text(sender, "breaker", "breaker");
    print_text(sender, "reopens", "reopens_at");
}

static void print_endpoint(const struct json *endpoint)
{
    const struct json *backlog = json_get(endpoint, "backlog");

    print_text(endpoint, "endpoint", "endpoint_id");
    print_text(endpoint, "name", "name");
    print_text(endpoint, "url", "url");
    print_text(endpoint, "kind", "kind");
    print_text(endpoint, "state", "state");
    print_text(endpoint, "reason", "state_reason");
    print_text(endpoint, "since", "state_since");
    print_text(endpoint, "health", "health");
    print_text(endpoint, "failing since", "failing_since");
    print_text(endpoint, "resting until", "resting_until");
    print_text(endpoint, "policy", "policy");
    print_text(endpoint, "ordering", "ordering");
    if (json_type(backlog) == JSON_OBJECT)
        printf("%-14s %lld due, %lld being sent, %lld held\n", "backlog",
               (long long)json_i64(json_get(backlog, "due"), 0),
               (long long)json_i64(json_get(backlog, "sending"), 0),
               (long long)json_i64(json_get(backlog, "held"), 0));
    print_sender(json_get(endpoint, "sender"));
}

static int print_one(const struct session *session, const struct buf *body)
{
    const struct json *root = NULL;
    struct arena arena;
    int code = CLI_OK;

    if (session_value(session, "json")) {
        output_line(buf_str(body));
        return CLI_OK;
    }
    arena_init(&arena);
    if (output_parse(&arena, body, &root))
        print_endpoint(root);
    else
        code = CLI_FAILED;
    arena_release(&arena);
    return code;
}

/* GET for an empty verb, else POST …/verb. */
static int one(struct remote *remote, const char *verb, struct str ask)
{
    struct buf path, body;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    buf_add_cstr(&path, "/v1/endpoints/");
    percent_write(&path, str_of(remote->session->args.operands[0]));
    buf_add_cstr(&path, verb);
    code = remote_call(remote, verb[0] ? "POST" : "GET", buf_str(&path), ask, &body);
    if (code == CLI_OK)
        code = print_one(remote->session, &body);
    buf_release(&path);
    buf_release(&body);
    return code;
}

static int show_run(struct remote *remote)
{
    return one(remote, "", STR_NONE);
}

static int pause_run(struct remote *remote)
{
    const char *reason = session_value(remote->session, "reason");
    struct json_writer json;
    struct buf ask;
    int code;

    buf_init(&ask, PATH_BYTES_MAX);
    json_writer_init(&json, &ask);
    json_begin_object(&json);
    if (reason)
        json_put_str(&json, "reason", str_of(reason));
    json_end_object(&json);
    code = one(remote, "/pause", buf_str(&ask));
    buf_release(&ask);
    return code;
}

static int resume_run(struct remote *remote)
{
    return one(remote, "/resume", STR("{}"));
}

/* ---- all ---- */

static const struct cli_command commands[] = {
    {"list", "where webhooks go, and how it goes", &list_command, .ask = list_run},
    {"show", "one, with what waits for it", &show_command, .ask = show_run},
    {"pause", "hold what is for it", &pause_command, .ask = pause_run},
    {"resume", "send again", &resume_command, .ask = resume_run},
};

const struct cli_table endpoints_table = {"runbell endpoints", commands, ARRAY_LEN(commands)};
