/* `runbell deliveries`: the log of what was sent, and sending it again. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"

#define PATH_BYTES_MAX (64 * KIB)

/* What narrows down a search, on the command line and in the API. */
#define FILTER_FLAGS                                                                               \
    {"state", "STATE", "due, sending, held, done or dead", NULL},                                  \
        {"kind", "KIND", "run, rule, alert, fleet, …", NULL},                                      \
        {"endpoint", "ID", "of one endpoint", NULL},                                               \
        {"object", "ID", "of one run, rule or alert", NULL},                                       \
        {"webhook-id", "ID", "of one event: its resends too", NULL},                               \
        {"replay", "ID", "made by one bulk replay", NULL},                                         \
        {"result", "RESULT", "delivered, timeout, rejected, server_error, …", NULL},               \
        {"status", "STATUS", "404, or 5xx", NULL},                                                 \
    {                                                                                              \
        "url", "TEXT", "whose URL has this part", NULL                                             \
    }

static const struct arg_flag list_flags[] = {
    FILTER_FLAGS,
    {"since", "TIME", "made since: a time, or how long ago: 15m, 24h, 7d", NULL},
    {"until", "TIME", "made before", NULL},
    {"text", "TEXT", "that say so in their reason or an attempt", NULL},
    {"limit", "N", "how many (default: 50)", NULL},
    {"before", "ID", "older than this one: the next page", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

static const struct arg_command list_command = {
    .name = "runbell deliveries list",
    .operands = "",
    .summary = "Lists deliveries, newest first.",
    .more = "One that is dead was given up; runbell deliveries show ID says why.",
    .flags = list_flags,
    .flag_count = ARRAY_LEN(list_flags),
};

static const struct arg_flag one_flags[] = {ARG_JSON, ARG_SERVER, ARG_API_KEY};

static const struct arg_command show_command = {
    .name = "runbell deliveries show",
    .operands = "ID",
    .summary = "Shows a delivery with each of its attempts.",
    .more = "",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static const struct arg_flag resend_flags[] = {
    {"url", "URL", "to another address than the first time", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY};

static const struct arg_command resend_command = {
    .name = "runbell deliveries resend",
    .operands = "ID",
    .summary = "Sends a delivery again, under the webhook-id it had.",
    .more = "For many at once: runbell replay.",
    .operand_count = 1,
    .flags = resend_flags,
    .flag_count = ARRAY_LEN(resend_flags),
};

static const struct arg_command cancel_command = {
    .name = "runbell deliveries cancel",
    .operands = "ID",
    .summary = "Calls a delivery off: it is tried no more.",
    .more = "An attempt that is under way goes on, and is the last one.",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static const struct arg_flag tail_flags[] = {
    FILTER_FLAGS,
    {"after", "N", "from this position on (default: from now)", NULL},
    {"count", "N", "end after so many lines", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

static const struct arg_command tail_command = {
    .name = "runbell deliveries tail",
    .operands = "",
    .summary = "Shows what happens to deliveries, as it happens.",
    .more = "With --json each line is an object; its position is what --after takes.",
    .flags = tail_flags,
    .flag_count = ARRAY_LEN(tail_flags),
};

static void add_filters(const struct session *session, struct buf *path)
{
    remote_add_query(path, "state", session_value(session, "state"));
    remote_add_query(path, "kind", session_value(session, "kind"));
    remote_add_query(path, "endpoint_id", session_value(session, "endpoint"));
    remote_add_query(path, "object_id", session_value(session, "object"));
    remote_add_query(path, "webhook_id", session_value(session, "webhook-id"));
    remote_add_query(path, "replay_id", session_value(session, "replay"));
    remote_add_query(path, "result", session_value(session, "result"));
    remote_add_query(path, "status", session_value(session, "status"));
    remote_add_query(path, "url", session_value(session, "url"));
}

static enum output_colour colour_of(struct str state)
{
    if (str_eq(state, STR("done")))
        return OUTPUT_GOOD;
    if (str_eq(state, STR("dead")))
        return OUTPUT_BAD;
    return str_eq(state, STR("held")) ? OUTPUT_WARN : OUTPUT_PLAIN;
}

/* ---- list ---- */

static void print_row(const struct json *delivery)
{
    struct str state = output_text(delivery, "state"), last = output_text(delivery, "last_result");
    char created[20];

    printf("%-10lld %-19.*s %s%-8.*s%s %-6.*s %5lld  %-12.*s ",
           (long long)json_i64(json_get(delivery, "delivery_id"), 0),
           STR_ARG(output_time(delivery, "created_at", created)), output_begin(colour_of(state)),
           STR_ARG(state), output_end(), STR_ARG(output_text(delivery, "kind")),
           (long long)json_i64(json_get(delivery, "attempts"), 0),
           STR_ARG(last.len ? last : STR("-")));
    output_safe(output_text(delivery, "url"), 100);
    putchar('\n');
}

static void print_list(const struct json *root)
{
    struct json_iter iter = json_iter(json_get(root, "deliveries"));
    const struct json *row;

    printf("%-10s %-19s %-8s %-6s %5s  %-12s %s\n", "ID", "CREATED (UTC)", "STATE", "KIND", "TRIES",
           "LAST", "URL");
    while (json_next(&iter, NULL, &row))
        print_row(row);
    if (json_i64(json_get(root, "next_before"), 0))
        fprintf(stderr, "There may be more: --before %lld\n",
                (long long)json_i64(json_get(root, "next_before"), 0));
    else if (json_count(json_get(root, "deliveries")) == 0)
        fprintf(stderr, "There are no such deliveries.\n");
}

static int list_run(struct remote *remote)
{
    const struct session *session = remote->session;
    struct buf path;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, "/v1/deliveries");
    add_filters(session, &path);
    remote_add_query(&path, "since", session_value(session, "since"));
    remote_add_query(&path, "until", session_value(session, "until"));
    remote_add_query(&path, "text", session_value(session, "text"));
    remote_add_query(&path, "before", session_value(session, "before"));
    remote_add_query(&path, "limit", session_value(session, "limit"));
    code = remote_say(remote, buf_str(&path), print_list);
    buf_release(&path);
    return code;
}

/* ---- show ---- */

static void print_phases(const struct json *phases)
{
    static const char *const names[] = {"dns", "connect", "tls", "first_byte", "total"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int64_t us = json_i64(json_get(phases, names[i]), -1);

        if (us >= 0)
            printf("  %s %.1f ms", names[i], (double)us / 1000);
    }
    putchar('\n');
}

static void print_attempt(const struct json *attempt)
{
    struct str result = output_text(attempt, "result");
    bool is_good = str_eq(result, STR("delivered"));
    char started[20];

    printf("  %lld. %.*s  %s%.*s%s", (long long)json_i64(json_get(attempt, "number"), 0),
           STR_ARG(output_time(attempt, "started_at", started)),
           output_begin(is_good ? OUTPUT_GOOD : OUTPUT_BAD), STR_ARG(result), output_end());
    print_phases(json_get(attempt, "phases_us"));
    if (output_text(attempt, "message").len) {
        fputs("     ", stdout);
        output_safe(output_text(attempt, "message"), 400);
        putchar('\n');
    }
    if (output_text(attempt, "detail").len) {
        fputs("     ", stdout);
        output_safe(output_text(attempt, "detail"), 400);
        putchar('\n');
    }
    if (output_text(attempt, "response_excerpt").len) {
        printf("     %sanswer:%s ", output_begin(OUTPUT_FAINT), output_end());
        output_safe(output_text(attempt, "response_excerpt"), 200);
        putchar('\n');
    }
}

static void print_delivery(const struct json *delivery)
{
    struct json_iter iter = json_iter(json_get(delivery, "attempt_log"));
    const struct json *attempt;

    printf("%-14s %lld\n", "delivery", (long long)json_i64(json_get(delivery, "delivery_id"), 0));
    output_member(delivery, "state", "state");
    output_member(delivery, "reason", "state_reason");
    output_member(delivery, "last", "last_message");
    output_member(delivery, "kind", "kind");
    output_member(delivery, "object", "object_id");
    output_member(delivery, "webhook-id", "webhook_id");
    output_member(delivery, "endpoint", "endpoint_id");
    output_member(delivery, "url", "url");
    output_member(delivery, "created", "created_at");
    output_member(delivery, "ended", "ended_at");
    output_member(delivery, "next attempt", "next_attempt_at");
    output_member(delivery, "policy", "policy");
    if (json_i64(json_get(delivery, "resend_of"), 0))
        printf("%-14s %lld\n", "resend of",
               (long long)json_i64(json_get(delivery, "resend_of"), 0));
    output_member(delivery, "replay", "replay_id");
    printf("%-14s %lld bytes\n", "body", (long long)json_i64(json_get(delivery, "body_bytes"), 0));
    while (json_next(&iter, NULL, &attempt))
        print_attempt(attempt);
}

static int one(struct remote *remote, const char *verb, struct str ask)
{
    return remote_one(remote, "/v1/deliveries", verb, ask, print_delivery);
}

static int show_run(struct remote *remote)
{
    return one(remote, NULL, STR_NONE);
}

/* ---- again, or no more ---- */

static int resend_run(struct remote *remote)
{
    const char *url = session_value(remote->session, "url");
    struct json_writer json;
    struct buf ask;
    int code;

    buf_init(&ask, PATH_BYTES_MAX);
    json_writer_init(&json, &ask);
    json_begin_object(&json);
    if (url)
        json_put_str(&json, "url", str_of(url));
    json_end_object(&json);
    code = one(remote, "resend", buf_str(&ask));
    buf_release(&ask);
    return code;
}

static int cancel_run(struct remote *remote)
{
    return one(remote, "cancel", STR("{}"));
}

/* ---- tail ---- */

struct tailing {
    bool as_json;
    int64_t left;  /* -1: no end */
    bool is_heard; /* somebody reads what is printed */
    struct arena arena;
};

static void print_change(const struct json *root)
{
    const struct json *delivery = json_get(root, "delivery"), *attempt = json_get(root, "attempt");
    bool has_attempt = json_type(attempt) == JSON_OBJECT;
    struct str state = output_text(root, "state");
    char at[20];

    printf("%.*s  %-8lld %-5.*s %s%-8.*s%s ", STR_ARG(output_time(root, "at", at)),
           (long long)json_i64(json_get(delivery, "delivery_id"), 0),
           STR_ARG(output_text(delivery, "kind")), output_begin(colour_of(state)), STR_ARG(state),
           output_end());
    if (has_attempt)
        printf("try %lld: %.*s ", (long long)json_i64(json_get(attempt, "number"), 0),
               STR_ARG(output_text(attempt, "result")));
    output_safe(output_text(delivery, "url"), 100);
    putchar('\n');
}

static bool on_event(void *context, const struct sse_event *event)
{
    struct tailing *t = context;
    const struct json *root = NULL;

    if (t->as_json)
        output_line(event->data);
    else if (!json_parse(&t->arena, event->data, &root, NULL))
        print_change(root);
    arena_reset(&t->arena);
    t->is_heard = output_flush();
    return t->is_heard && --t->left != 0;
}

/* A count from a flag; 0 with words said: it is none. */
static int64_t read_count(const struct session *session)
{
    const char *text = session_value(session, "count");
    int64_t count;

    if (!text)
        return -1;
    if (!str_to_i64(str_of(text), &count) && count > 0)
        return count;
    (void)session_fail(session, "--count must be a number above 0, not \"%s\"", text);
    return 0;
}

static int tail_run(struct remote *remote)
{
    const struct session *session = remote->session;
    struct tailing t = {
        .as_json = session_value(session, "json"), .left = read_count(session), .is_heard = true};
    struct remote_stream stream = {.on_event = on_event, .context = &t};
    struct buf path;
    int code;

    if (t.left == 0)
        return CLI_USAGE;
    arena_init(&t.arena);
    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, "/v1/deliveries/stream");
    add_filters(session, &path);
    stream.path = buf_str(&path);
    stream.after = str_of(session_value(session, "after"));
    code = remote_follow(remote, &stream);
    if (!t.is_heard)
        code = CLI_FAILED;
    buf_release(&path);
    arena_release(&t.arena);
    return code;
}

/* ---- all ---- */

static const struct cli_command commands[] = {
    {"list", "search the log", &list_command, .ask = list_run},
    {"show", "one with its attempts", &show_command, .ask = show_run, .also = "get"},
    {"resend", "send one again", &resend_command, .ask = resend_run},
    {"cancel", "try one no more", &cancel_command, .ask = cancel_run},
    {"tail", "follow what happens", &tail_command, .ask = tail_run},
};

const struct cli_table deliveries_table = {"runbell deliveries", commands, ARRAY_LEN(commands)};
