/* `runbell endpoints`: where webhooks go, how it goes, and stopping them for a while. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"

#define FOLDER "/v1/endpoints"
#define PATH_BYTES_MAX (64 * KIB)

static const struct arg_flag list_flags[] = {
    {"kind", "KIND", "run, rule, alert, fleet or system", NULL},
    {"state", "STATE", "active, paused, disabled or secret_unreadable", NULL},
    {"limit", "N", "how many (default: 50)", NULL},
    {"after", "ID", "behind this one: the next page", NULL},
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
    .more = "What was given up meanwhile stays so: runbell endpoints recover sends it too.",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static const struct arg_flag recover_flags[] = {
    {"since", "TIME", "when its receiver went down: a time, or how long ago: 15m, 24h, 7d", NULL},
    {"rate", "N", "so many a second (default: 200)", NULL},
    {"dry-run", NULL, "only say how many there are", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY};

static const struct arg_command recover_command = {
    .name = "runbell endpoints recover",
    .operands = "ID",
    .summary = "Sends an endpoint all that it has missed since a time, and what is held for it.",
    .more =
        "For a receiver that was down. A paused or disabled endpoint becomes active again; what\n"
        "was given up is sent once more by the server, as by runbell replay.",
    .operand_count = 1,
    .flags = recover_flags,
    .flag_count = ARRAY_LEN(recover_flags),
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

static void print_list(const struct json *root)
{
    struct json_iter iter = json_iter(json_get(root, "endpoints"));
    const struct json *endpoint;

    printf("%-36s  %-6s %-8s %-8s %s\n", "ID", "KIND", "STATE", "HEALTH", "URL");
    while (json_next(&iter, NULL, &endpoint))
        print_row(endpoint);
    if (output_text(root, "next_after").len)
        fprintf(stderr, "There may be more: --after %.*s\n",
                STR_ARG(output_text(root, "next_after")));
    else if (json_count(json_get(root, "endpoints")) == 0)
        fprintf(stderr, "There are none: an endpoint is made by its first webhook.\n");
}

static int list_run(struct remote *remote)
{
    const struct session *session = remote->session;
    struct buf path;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, "/v1/endpoints");
    remote_add_query(&path, "kind", session_value(session, "kind"));
    remote_add_query(&path, "state", session_value(session, "state"));
    remote_add_query(&path, "limit", session_value(session, "limit"));
    remote_add_query(&path, "after", session_value(session, "after"));
    code = remote_say(remote, buf_str(&path), print_list);
    buf_release(&path);
    return code;
}

/* ---- one ---- */

/* What the sender knows of its origin now. */
static void print_sender(const struct json *sender)
{
    if (json_type(sender) != JSON_OBJECT)
        return;
    printf("%-14s %lld of %lld in flight, %lld waiting\n", "sender",
           (long long)json_i64(json_get(sender, "in_flight"), 0),
           (long long)json_i64(json_get(sender, "concurrency"), 0),
           (long long)json_i64(json_get(sender, "waiting"), 0));
    output_member(sender, "breaker", "breaker");
    output_member(sender, "reopens", "reopens_at");
}

static void print_endpoint(const struct json *endpoint)
{
    const struct json *backlog = json_get(endpoint, "backlog");

    output_member(endpoint, "endpoint", "endpoint_id");
    output_member(endpoint, "name", "name");
    output_member(endpoint, "url", "url");
    output_member(endpoint, "kind", "kind");
    output_member(endpoint, "state", "state");
    output_member(endpoint, "reason", "state_reason");
    output_member(endpoint, "since", "state_since");
    output_member(endpoint, "health", "health");
    output_member(endpoint, "failing since", "failing_since");
    output_member(endpoint, "resting until", "resting_until");
    output_member(endpoint, "policy", "policy");
    output_member(endpoint, "ordering", "ordering");
    if (json_type(backlog) == JSON_OBJECT)
        printf("%-14s %lld due, %lld being sent, %lld held\n", "backlog",
               (long long)json_i64(json_get(backlog, "due"), 0),
               (long long)json_i64(json_get(backlog, "sending"), 0),
               (long long)json_i64(json_get(backlog, "held"), 0));
    print_sender(json_get(endpoint, "sender"));
}

static int one(struct remote *remote, const char *verb, struct str ask)
{
    return remote_one(remote, FOLDER, verb, ask, print_endpoint);
}

static int show_run(struct remote *remote)
{
    return one(remote, NULL, STR_NONE);
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
    code = one(remote, "pause", buf_str(&ask));
    buf_release(&ask);
    return code;
}

static int resume_run(struct remote *remote)
{
    return one(remote, "resume", STR("{}"));
}

/* ---- recover ---- */

static void print_recovery(const struct json *root)
{
    const struct json *replay = json_get(root, "replay");
    bool is_dry = json_bool(json_get(root, "dry_run"), false);
    const struct json *count = json_get(is_dry ? root : replay, is_dry ? "matched" : "expected");

    printf("%lld held, %lld given up%s\n", (long long)json_i64(json_get(root, "held"), 0),
           (long long)json_i64(count, 0),
           is_dry ? "; nothing was sent." : " to be sent once more.");
    if (is_dry)
        return;
    fputs("runbell replays show ", stdout);
    output_safe(output_text(replay, "replay_id"), 64);
    puts(" --follow says how far it is.");
}

static int recover_run(struct remote *remote)
{
    const struct session *session = remote->session;
    const char *since = session_value(session, "since"), *rate = session_value(session, "rate");
    struct json_writer json;
    double per_s = 0;
    struct buf ask;
    int code;

    if (!since) {
        (void)session_fail(session, "--since is missing: when did its receiver go down?");
        return CLI_USAGE;
    }
    if (rate && str_to_double(str_of(rate), &per_s)) {
        (void)session_fail(session, "--rate must be a number of deliveries a second, not \"%s\"",
                           rate);
        return CLI_USAGE;
    }
    buf_init(&ask, PATH_BYTES_MAX);
    json_writer_init(&json, &ask);
    json_begin_object(&json);
    json_put_str(&json, "since", str_of(since));
    json_put_bool(&json, "dry_run", session_value(session, "dry-run"));
    if (rate) {
        json_key(&json, "rate");
        json_double_out(&json, per_s);
    }
    json_end_object(&json);
    code = remote_one(remote, FOLDER, "recover", buf_str(&ask), print_recovery);
    buf_release(&ask);
    return code;
}

/* ---- all ---- */

static const struct cli_command commands[] = {
    {"list", "where webhooks go, and how it goes", &list_command, .ask = list_run},
    {"show", "one, with what waits for it", &show_command, .ask = show_run},
    {"pause", "hold what is for it", &pause_command, .ask = pause_run},
    {"resume", "send again", &resume_command, .ask = resume_run},
    {"recover", "send all that it has missed", &recover_command, .ask = recover_run},
};

const struct cli_table endpoints_table = {"runbell endpoints", commands, ARRAY_LEN(commands)};
