/* `runbell export`: what a server has, one JSON object a line, as its API tells it. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"
#include "crypto/base64.h"

#define BYTES_MAX REMOTE_BODY_BYTES_MAX
#define PATH_BYTES_MAX (64 * KIB)

static const struct arg_flag deliveries_flags[] = {
    {"state", "STATE", "due, sending, held, done or dead", NULL},
    {"kind", "KIND", "run, rule, alert, fleet, …", NULL},
    {"endpoint", "ID", "of one endpoint", NULL},
    {"since", "TIME", "made since: a time, or how long ago: 15m, 24h, 7d", NULL},
    {"until", "TIME", "made before", NULL},
    {"bodies", NULL, "with what was sent: body, and base64 in body_encoding if it is no text",
     NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};
static const struct arg_flag plain_flags[] = {ARG_JSON, ARG_SERVER, ARG_API_KEY};

#define MORE "What comes while it runs may be missing. Lines are JSON, with and without --json."
static const struct arg_command deliveries_command = {
    .name = "runbell export deliveries",
    .operands = "",
    .summary = "Prints deliveries with their attempts, newest first, one JSON object a line.",
    .more = MORE,
    .flags = deliveries_flags,
    .flag_count = ARRAY_LEN(deliveries_flags),
};
static const struct arg_command endpoints_command = {
    .name = "runbell export endpoints",
    .operands = "",
    .summary = "Prints endpoints and how they do, one JSON object a line; no secrets.",
    .more = MORE,
    .flags = plain_flags,
    .flag_count = ARRAY_LEN(plain_flags),
};
static const struct arg_command threads_command = {
    .name = "runbell export threads",
    .operands = "",
    .summary = "Prints threads with their state, one JSON object a line.",
    .more = MORE,
    .flags = plain_flags,
    .flag_count = ARRAY_LEN(plain_flags),
};

struct exporting {
    struct remote *remote;
    const char *one;    /* "/v1/deliveries/" */
    const char *id_key; /* of a row of the list */
    struct arena arena; /* of a page */
    bool with_bodies;
};

static int get(struct exporting *e, struct str path, struct buf *body)
{
    buf_clear(body);
    return remote_call(e->remote, "GET", path, STR_NONE, body);
}

/* ---- one ---- */

/* Into the object's text, before its last brace. */
static void print_with_body(const struct buf *object, const struct buf *sent)
{
    bool is_text = str_is_utf8(buf_str(sent));
    struct json_writer json;
    struct buf text, out;

    buf_init(&text, 2 * BYTES_MAX);
    buf_init(&out, 2 * BYTES_MAX);
    if (is_text)
        buf_add(&text, buf_str(sent));
    else
        base64_write(&text, buf_str(sent));
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "body_encoding", is_text ? STR("utf-8") : STR("base64"));
    json_put_str(&json, "body", buf_str(&text));
    json_end_object(&json);
    printf("%.*s,%.*s\n", STR_ARG(str_first(buf_str(object), object->len - 1)),
           STR_ARG(str_from(buf_str(&out), 1)));
    buf_release(&text);
    buf_release(&out);
}

/* One that has gone since the list was made is left out. */
static int print_one(struct exporting *e, struct str id)
{
    struct str path = arena_printf(&e->arena, "%s%.*s", e->one, STR_ARG(id));
    struct remote_answer answer;
    struct buf sent;
    int code = remote_ask(e->remote, "GET", path, STR_NONE, &answer);

    buf_init(&sent, BYTES_MAX);
    if (code == CLI_OK && answer.status / 100 == 2 && e->with_bodies) {
        code = get(e, arena_printf(&e->arena, "%.*s/body", STR_ARG(path)), &sent);
        if (code == CLI_OK)
            print_with_body(&answer.body, &sent);
    } else if (code == CLI_OK && answer.status / 100 == 2) {
        output_line(buf_str(&answer.body));
    } else if (code == CLI_OK && answer.status != 404) {
        code = session_fail(e->remote->session, "%.*s was answered with %d", STR_ARG(path),
                            answer.status);
    }
    buf_release(&sent);
    buf_release(&answer.body);
    return code == CLI_OK && !output_flush() ? CLI_FAILED : code;
}

static int print_all(struct exporting *e, const struct json *list)
{
    struct json_iter iter = json_iter(list);
    const struct json *row;
    int code = CLI_OK;

    while (code == CLI_OK && json_next(&iter, NULL, &row)) {
        const struct json *id = json_get(row, e->id_key);
        struct str text = json_string(id);

        if (str_is_none(text))
            text = arena_printf(&e->arena, "%lld", (long long)json_i64(id, 0));
        code = print_one(e, text);
    }
    return code;
}

/* ---- the pages ---- */

/* Lists whose answer says where the next page begins: `next` of it is `key` of the request. */
static int walk(struct exporting *e, struct str first, const char *list, const char *next,
                const char *key)
{
    const struct json *root = NULL, *position;
    char *at = NULL;
    struct buf path, body;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, BYTES_MAX);
    do {
        buf_clear(&path);
        buf_add(&path, first);
        remote_add_query(&path, key, at);
        code = get(e, buf_str(&path), &body);
        arena_reset(&e->arena);
        if (code == CLI_OK && !output_parse(&e->arena, &body, &root))
            code = CLI_FAILED;
        if (code != CLI_OK)
            break;
        position = json_get(root, next);
        at = json_is_integer(position)
                 ? arena_cstr(&e->arena,
                              arena_printf(&e->arena, "%lld", (long long)json_i64(position, 0)))
             : json_string(position).len ? arena_cstr(&e->arena, json_string(position))
                                         : NULL;
        code = print_all(e, json_get(root, list));
    } while (code == CLI_OK && at);
    buf_release(&path);
    buf_release(&body);
    return code;
}

static int deliveries(struct remote *remote)
{
    const struct session *session = remote->session;
    struct exporting e = {.remote = remote,
                          .one = "/v1/deliveries/",
                          .id_key = "delivery_id",
                          .with_bodies = session_value(session, "bodies")};
    struct buf path;
    int code;

    arena_init(&e.arena);
    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, "/v1/deliveries?limit=500");
    remote_add_query(&path, "state", session_value(session, "state"));
    remote_add_query(&path, "kind", session_value(session, "kind"));
    remote_add_query(&path, "endpoint_id", session_value(session, "endpoint"));
    remote_add_query(&path, "since", session_value(session, "since"));
    remote_add_query(&path, "until", session_value(session, "until"));
    code = walk(&e, buf_str(&path), "deliveries", "next_before", "before");
    buf_release(&path);
    arena_release(&e.arena);
    return code;
}

static int endpoints(struct remote *remote)
{
    struct exporting e = {.remote = remote, .one = "/v1/endpoints/", .id_key = "endpoint_id"};
    int code;

    arena_init(&e.arena);
    code = walk(&e, STR("/v1/endpoints?limit=500"), "endpoints", "next_after", "after");
    arena_release(&e.arena);
    return code;
}

/* By the time they were made, so that one that is used meanwhile does not change its place. */
static int threads(struct remote *remote)
{
    struct exporting e = {.remote = remote, .one = "/threads/", .id_key = "thread_id"};
    const struct json *list = NULL;
    int64_t offset = 0;
    struct buf body;
    int code;

    arena_init(&e.arena);
    buf_init(&body, BYTES_MAX);
    do {
        struct str ask;

        arena_reset(&e.arena);
        ask = arena_printf(&e.arena,
                           "{\"limit\":500,\"offset\":%lld,\"select\":[\"thread_id\"],"
                           "\"sort_by\":\"created_at\",\"sort_order\":\"asc\"}",
                           (long long)offset);
        buf_clear(&body);
        code = remote_call(remote, "POST", STR("/threads/search"), ask, &body);
        if (code == CLI_OK && !output_parse(&e.arena, &body, &list))
            code = CLI_FAILED;
        if (code == CLI_OK)
            code = print_all(&e, list);
        offset += 500;
    } while (code == CLI_OK && json_count(list) == 500);
    buf_release(&body);
    arena_release(&e.arena);
    return code;
}

static const struct cli_command commands[] = {
    {"deliveries", "what was sent, with each attempt", &deliveries_command, .ask = deliveries},
    {"endpoints", "where webhooks go", &endpoints_command, .ask = endpoints},
    {"threads", "threads and their state", &threads_command, .ask = threads},
};

const struct cli_table export_table = {"runbell export", commands, ARRAY_LEN(commands)};
