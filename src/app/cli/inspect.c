/* `runbell inspect`: an inspector of the server in the terminal. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"

#define BYTES_MAX (64 * MIB)
#define BODY_SHOWN_BYTES 2000

static const struct arg_flag flags[] = {
    {"slug", "SLUG", "an inspector that there is, or a new one of this name (default: a new one)",
     NULL},
    {"status", "STATUS", "what it answers", NULL},
    {"script", "LIST", "answers in turn, the last one for ever: 500,500,200", NULL},
    {"delay-ms", "MS", "how long it waits with its answer", NULL},
    {"fail-first", "N", "so many times 500 first", NULL},
    {"body", "TEXT", "what it answers with", NULL},
    {"after", "N", "also what came behind this number; 0: all that is kept", NULL},
    {"count", "N", "end after so many requests", NULL},
    {"keep", NULL, "do not delete a new inspector at the end", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

const struct arg_command inspect_command = {
    .name = "runbell inspect",
    .operands = "",
    .summary = "Makes an address that keeps what is sent to it, and shows each request.",
    .more =
        "Signatures are checked with the server's keys. Its address is printed first; webhooks of\n"
        "this server may be sent there too. Ctrl-C ends it, and deletes what it made.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

struct inspecting {
    struct remote *remote;
    struct arena arena; /* of one event */
    struct str id, after;
    int64_t left; /* -1: no end */
    bool is_new, as_json;
    int code;
};

/* ---- the inspector ---- */

static int usage(const struct session *session, const char *flag, const char *value)
{
    (void)session_fail(session, "--%s must be a number, not \"%s\"", flag, value);
    return CLI_USAGE;
}

static int put_number(const struct session *session, const char *flag, const char *key,
                      struct json_writer *json)
{
    const char *text = session_value(session, flag);
    int64_t number;

    if (!text)
        return CLI_OK;
    if (str_to_i64(str_of(text), &number))
        return usage(session, flag, text);
    json_put_i64(json, key, number);
    return CLI_OK;
}

/* What it is to answer; empty: nothing was said. */
static int write_answer(const struct session *session, struct json_writer *json)
{
    const char *script = session_value(session, "script"), *body = session_value(session, "body");
    int code = put_number(session, "status", "status", json);

    if (code == CLI_OK)
        code = put_number(session, "delay-ms", "delay_ms", json);
    if (code == CLI_OK)
        code = put_number(session, "fail-first", "fail_first", json);
    if (script)
        json_put_str(json, "script", str_of(script));
    if (body)
        json_put_str(json, "body", str_of(body));
    return code;
}

static int read_inspector(struct inspecting *i, const struct buf *body)
{
    const struct json *root = NULL;
    struct remote *remote = i->remote;

    if (!output_parse(&remote->arena, body, &root))
        return CLI_FAILED;
    i->id = arena_str(&remote->arena, output_text(root, "inspector_id"));
    if (str_is_none(i->after))
        i->after = arena_printf(&remote->arena, "%lld",
                                (long long)json_i64(json_get(root, "received"), 0));
    fprintf(stderr, "Send to %.*s/in/%.*s (Ctrl-C ends)\n", STR_ARG(remote->base),
            STR_ARG(output_text(root, "slug")));
    return CLI_OK;
}

/* The one of this slug if there is one, changed if something was said; else a new one. */
static int open_with(struct inspecting *i, struct str answer, struct buf *body)
{
    struct remote *remote = i->remote;
    const char *slug = session_value(remote->session, "slug");
    struct remote_answer found;
    struct str path;
    int code;

    if (!slug) {
        i->is_new = true;
        return remote_call(remote, "POST", STR("/v1/inspectors"), answer, body);
    }
    path = arena_printf(&remote->arena, "/v1/inspectors/%s", slug);
    code = remote_ask(remote, "GET", path, STR_NONE, &found);
    buf_release(&found.body);
    if (code != CLI_OK)
        return code;
    if (found.status == 404) {
        struct str more = answer.len > 2 ? str_from(answer, 1) : STR("}");
        struct json_writer json;
        struct buf text;

        buf_init(&text, BYTES_MAX);
        json_writer_init(&json, &text);
        json_begin_object(&json);
        json_put_str(&json, "slug", str_of(slug));
        if (more.len > 1)
            buf_add_char(&text, ',');
        buf_add(&text, more);
        i->is_new = true;
        code = remote_call(remote, "POST", STR("/v1/inspectors"), buf_str(&text), body);
        buf_release(&text);
        return code;
    }
    if (answer.len > 2)
        return remote_call(remote, "PATCH", path, answer, body);
    return remote_call(remote, "GET", path, STR_NONE, body);
}

static int open_inspector(struct inspecting *i)
{
    struct json_writer json;
    struct buf answer, body;
    int code;

    buf_init(&answer, BYTES_MAX);
    buf_init(&body, BYTES_MAX);
    json_writer_init(&json, &answer);
    json_begin_object(&json);
    code = write_answer(i->remote->session, &json);
    json_end_object(&json);
    if (code == CLI_OK)
        code = open_with(i, buf_str(&answer), &body);
    if (code == CLI_OK)
        code = read_inspector(i, &body);
    buf_release(&answer);
    buf_release(&body);
    return code;
}

/* ---- requests ---- */

static void print_request(const struct json *root)
{
    const struct json *check = json_get(root, "verification"), *pair;
    struct str verdict = output_text(check, "verdict"), text;
    struct json_iter iter = json_iter(json_get(root, "headers"));
    bool is_good = str_eq(verdict, STR("verified"));
    char at[20];

    printf("%s#%lld  %.*s  ", output_begin(OUTPUT_PLAIN),
           (long long)json_i64(json_get(root, "request_id"), 0),
           STR_ARG(output_time(root, "received_at", at)));
    output_safe(output_text(root, "method"), 20);
    putchar(' ');
    output_safe(output_text(root, "path"), 200);
    printf("  answered %lld\n", (long long)json_i64(json_get(root, "answered"), 0));
    printf("   %s%.*s%s: ", output_begin(is_good ? OUTPUT_GOOD : OUTPUT_WARN), STR_ARG(verdict),
           output_end());
    output_safe(output_text(check, "detail"), 400);
    putchar('\n');
    while (json_next(&iter, NULL, &pair)) {
        printf("   %s", output_begin(OUTPUT_FAINT));
        output_safe(json_string(json_item(pair, 0)), 100);
        fputs(": ", stdout);
        output_safe(json_string(json_item(pair, 1)), 200);
        printf("%s\n", output_end());
    }
    text = json_string(json_get(json_get(root, "body"), "text"));
    if (str_is_none(text))
        printf("   (%lld bytes that are not text)",
               (long long)json_i64(json_get(root, "body_bytes"), 0));
    else
        output_safe(text, BODY_SHOWN_BYTES);
    fputs("\n\n", stdout);
}

static bool on_event(void *context, const struct sse_event *event)
{
    struct inspecting *i = context;
    const struct json *root = NULL;
    struct buf body;

    arena_reset(&i->arena);
    if (json_parse(&i->arena, event->data, &root, NULL))
        return true;
    buf_init(&body, BYTES_MAX);
    i->code =
        remote_call(i->remote, "GET",
                    arena_printf(&i->arena, "/v1/inspectors/%.*s/requests/%lld", STR_ARG(i->id),
                                 (long long)json_i64(json_get(root, "request_id"), 0)),
                    STR_NONE, &body);
    if (i->code == CLI_OK && i->as_json)
        output_line(buf_str(&body));
    else if (i->code == CLI_OK && output_parse(&i->arena, &body, &root))
        print_request(root);
    buf_release(&body);
    if (i->code == CLI_OK && !output_flush())
        i->code = CLI_FAILED;
    return i->code == CLI_OK && --i->left != 0;
}

static int follow(struct inspecting *i)
{
    struct remote_stream stream = {
        .path = arena_printf(&i->remote->arena, "/v1/inspectors/%.*s/stream", STR_ARG(i->id)),
        .after = i->after,
        .on_event = on_event,
        .context = i,
        .ends_by_hand = true,
    };
    int code = remote_follow(i->remote, &stream);

    return code == CLI_OK ? i->code : code;
}

static int delete_inspector(struct inspecting *i)
{
    struct buf body;
    int code;

    buf_init(&body, BYTES_MAX);
    code = remote_call(i->remote, "DELETE",
                       arena_printf(&i->remote->arena, "/v1/inspectors/%.*s", STR_ARG(i->id)),
                       STR_NONE, &body);
    buf_release(&body);
    return code;
}

int inspect_run(struct remote *remote)
{
    const struct session *session = remote->session;
    const char *count = session_value(session, "count");
    struct inspecting i = {.remote = remote,
                           .left = -1,
                           .as_json = session_value(session, "json"),
                           .after = str_of(session_value(session, "after"))};
    int code;

    if (count && (str_to_i64(str_of(count), &i.left) || i.left < 1))
        return usage(session, "count", count);
    arena_init(&i.arena);
    remote_hold_signals();
    code = open_inspector(&i);
    if (code == CLI_OK)
        code = follow(&i);
    if (i.is_new && i.id.len && !session_value(session, "keep")) {
        int deleted = delete_inspector(&i);

        code = code == CLI_OK ? deleted : code;
    }
    arena_release(&i.arena);
    return code;
}
