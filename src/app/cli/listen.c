/* `runbell listen`: webhooks for a port of this machine, relayed through the server.
 *
 * The server has an inspector for it, whose address is used as the webhook's URL. What comes there
 * is signed and retried like any webhook; this command takes each request with its headers and the
 * bytes of its body and sends it to the local port, so that it verifies there. Slug and position
 * stand in a file, so that a later start goes on where the last one ended. */
#include <stdio.h>
#include <stdlib.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"
#include "crypto/sha256.h"
#include "io/disk.h"

#define BYTES_MAX REMOTE_BODY_BYTES_MAX
#define HEADERS_MAX 100
#define STATE_BYTES_MAX KIB
#define SILENCE_MS 30000

static const struct arg_flag flags[] = {
    {"forward-to", "URL", "where to: http://localhost:3000/hook", NULL},
    {"kind", "KIND", "only webhooks of this kind: run, rule, alert, fleet", NULL},
    {"endpoint", "ID", "only those of this endpoint", NULL},
    {"slug", "SLUG", "the address at the server; default: the one of the last time", NULL},
    {"after", "N", "from behind this number on; 0: all that is kept (default: go on)", NULL},
    {"state", "FILE", "where address and position are kept", NULL},
    {"count", "N", "end after so many", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

const struct arg_command listen_command = {
    .name = "runbell listen",
    .operands = "",
    .summary = "Relays webhooks through the server to a port of this machine.",
    .more =
        "Use the address it prints as the webhook's URL. Body, id, timestamp and signature arrive\n"
        "as they were sent. Ctrl-C ends it; the next start goes on where this one ended.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

struct listening {
    struct remote *remote;
    struct str target;  /* without a slash at its end, and without its query */
    struct str query;   /* of the target; STR_NONE: none */
    struct arena arena; /* of one request */
    const char *state_dir, *state_name;
    struct str slug;
    int64_t cursor; /* -1: unknown */
    int64_t left;
    bool as_json;
    int code;
};

/* ---- what is kept between two starts ---- */

static void find_state(struct listening *l)
{
    const char *given = session_value(l->remote->session, "state"),
               *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    struct arena *arena = &l->remote->arena;
    struct sha256 digest = sha256_of(l->remote->base);
    struct sha256_text hex;

    if (given) {
        struct str path = str_of(given);
        size_t slash = path.len;

        while (slash > 0 && path.data[slash - 1] != '/')
            slash--;
        l->state_dir = slash ? arena_cstr(arena, str_first(path, slash)) : ".";
        l->state_name = arena_cstr(arena, str_from(path, slash));
        return;
    }
    l->state_dir = arena_cstr(
        arena, base && base[0] ? arena_printf(arena, "%s/runbell", base)
                               : arena_printf(arena, "%s/.local/state/runbell", home ? home : "."));
    l->state_name =
        arena_cstr(arena, arena_printf(arena, "listen-%.16s", sha256_write(&digest, &hex).data));
}

/* "SLUG POSITION" */
static void read_state(struct listening *l)
{
    struct str text, slug;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    if (!disk_read_file(l->remote->session->world->disk,
                        arena_cstr(&l->remote->arena, arena_printf(&l->remote->arena, "%s/%s",
                                                                   l->state_dir, l->state_name)),
                        &out)) {
        text = str_trim(arena_str(&l->remote->arena, buf_str(&out)));
        if (str_split(&text, ' ', &slug) && !str_to_i64(text, &l->cursor))
            l->slug = slug;
    }
    buf_release(&out);
}

static void write_state(const struct listening *l)
{
    struct disk *disk = l->remote->session->world->disk;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    buf_addf(&out, "%.*s %lld\n", STR_ARG(l->slug), (long long)l->cursor);
    if (disk->open_dir(disk, l->state_dir) ||
        disk_write_file(disk, l->state_dir, l->state_name, buf_str(&out)))
        fprintf(stderr, "The position could not be kept in %s; --state names another file.\n",
                l->state_dir);
    buf_release(&out);
}

/* ---- the address ---- */

static int take_inspector(struct listening *l, const struct buf *body)
{
    struct arena *arena = &l->remote->arena;
    const struct json *root = NULL;

    if (!output_parse(arena, body, &root))
        return CLI_FAILED;
    l->slug = arena_str(arena, output_text(root, "slug"));
    if (l->cursor < 0)
        l->cursor = json_i64(json_get(root, "received"), 0);
    fprintf(stderr, "Webhooks to %.*s/in/%.*s go to %.*s (Ctrl-C ends)\n", STR_ARG(l->remote->base),
            STR_ARG(l->slug), STR_ARG(l->target));
    write_state(l);
    return CLI_OK;
}

static int make_inspector(struct listening *l, struct buf *body)
{
    struct json_writer json;
    struct buf ask;
    int code;

    buf_init(&ask, MIB);
    json_writer_init(&json, &ask);
    json_begin_object(&json);
    json_put_str(&json, "name", STR("runbell listen"));
    if (!str_is_none(l->slug))
        json_put_str(&json, "slug", l->slug);
    json_end_object(&json);
    l->cursor = 0; /* a new one begins at the beginning */
    code = remote_call(l->remote, "POST", STR("/v1/inspectors"), buf_str(&ask), body);
    buf_release(&ask);
    return code;
}

static int open_address(struct listening *l)
{
    struct remote_answer found = {.status = 404};
    struct buf body;
    int code = CLI_OK;

    buf_init(&body, BYTES_MAX);
    if (!str_is_none(l->slug)) {
        code = remote_ask(l->remote, "GET",
                          arena_printf(&l->remote->arena, "/v1/inspectors/%.*s", STR_ARG(l->slug)),
                          STR_NONE, &found);
        if (code == CLI_OK && found.status == 200)
            buf_add(&body, buf_str(&found.body));
        buf_release(&found.body);
    }
    if (code == CLI_OK && found.status != 200)
        code = make_inspector(l, &body);
    if (code == CLI_OK)
        code = take_inspector(l, &body);
    buf_release(&body);
    return code;
}

/* ---- one webhook ---- */

static bool is_of_the_hop(struct str name)
{
    static const char *const names[] = {"host",       "content-length",    "connection",
                                        "keep-alive", "transfer-encoding", "te",
                                        "trailer",    "upgrade",           "expect"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eq_nocase(name, str_of(names[i])))
            return true;
    return false;
}

static struct str header_of(const struct json *headers, const char *name)
{
    struct json_iter iter = json_iter(headers);
    const struct json *pair;

    while (json_next(&iter, NULL, &pair))
        if (str_eq_nocase(json_string(json_item(pair, 0)), str_of(name)))
            return json_string(json_item(pair, 1));
    return STR("");
}

/* The delivery that it is an attempt of; NULL: none of this server's, or it is not asked for. */
static const struct json *delivery_of(struct listening *l, struct str webhook_id)
{
    const struct json *root = NULL;
    const char *id = arena_cstr(&l->arena, webhook_id);
    struct buf path, body;

    if (webhook_id.len == 0)
        return NULL;
    buf_init(&path, 64 * KIB);
    buf_init(&body, BYTES_MAX);
    buf_add_cstr(&path, "/v1/deliveries?limit=1");
    remote_add_query(&path, "webhook_id", id);
    l->code = remote_call(l->remote, "GET", buf_str(&path), STR_NONE, &body);
    if (l->code == CLI_OK)
        l->code = output_parse(&l->arena, &body, &root) ? CLI_OK : CLI_FAILED;
    buf_release(&path);
    buf_release(&body);
    return json_item(json_get(root, "deliveries"), 0);
}

static bool is_wanted(const struct listening *l, const struct json *delivery)
{
    const char *kind = session_value(l->remote->session, "kind"),
               *endpoint = session_value(l->remote->session, "endpoint");

    return (!kind || str_eq(output_text(delivery, "kind"), str_of(kind))) &&
           (!endpoint || str_eq(output_text(delivery, "endpoint_id"), str_of(endpoint)));
}

/* Below the address, with its query: "/a?b=c" of "/in/SLUG/a". The target's own query goes first.
 */
static struct str target_of(struct listening *l, const struct json *request)
{
    struct str path = output_text(request, "path"), rest;
    struct str query = json_string(json_get(request, "query"));
    size_t at = str_find(path, STR("/in/"));
    bool has_both = !str_is_none(l->query) && !str_is_none(query);

    rest = str_from(path, at + 4);
    rest = str_from(rest, str_find_char(rest, '/'));
    return arena_printf(&l->arena, "%.*s%.*s%s%.*s%s%.*s", STR_ARG(l->target), STR_ARG(rest),
                        str_is_none(l->query) && str_is_none(query) ? "" : "?", STR_ARG(l->query),
                        has_both ? "&" : "", STR_ARG(query));
}

static void forward(struct listening *l, const struct json *request, struct str body,
                    struct remote_answer *answer)
{
    struct http_header headers[HEADERS_MAX];
    struct json_iter iter = json_iter(json_get(request, "headers"));
    struct remote_request out = {.url = target_of(l, request),
                                 .method = output_text(request, "method"),
                                 .headers = headers,
                                 .body = body,
                                 .silence_ms = SILENCE_MS};
    const struct json *pair;

    while (out.header_count < HEADERS_MAX && json_next(&iter, NULL, &pair)) {
        struct str name = json_string(json_item(pair, 0));

        if (!is_of_the_hop(name))
            headers[out.header_count++] =
                (struct http_header){name, json_string(json_item(pair, 1))};
    }
    remote_send(l->remote->session->world, &out, answer);
}

static void print_json(const struct json *request, const struct json *delivery, struct str id,
                       const struct remote_answer *answer)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_i64(&json, "request_id", json_i64(json_get(request, "request_id"), 0));
    json_put_str(&json, "webhook_id", id.len ? id : STR_NONE);
    json_put_str(&json, "kind", json_string(json_get(delivery, "kind")));
    json_put_i64(&json, "status", answer->status);
    json_put_str(&json, "error", answer->status ? STR_NONE : str_of(answer->why));
    json_end_object(&json);
    output_line(buf_str(&out));
    buf_release(&out);
}

static void print_line(const struct json *request, const struct json *delivery, struct str id,
                       const struct remote_answer *answer)
{
    bool is_good = answer->status / 100 == 2;

    printf("#%lld ", (long long)json_i64(json_get(request, "request_id"), 0));
    output_safe(output_text(request, "method"), 20);
    printf(" %.*s ", STR_ARG(output_text(delivery, "kind")));
    output_safe(id.len ? id : STR("(no webhook-id)"), 80);
    printf("  %s", output_begin(is_good ? OUTPUT_GOOD : OUTPUT_BAD));
    if (answer->status)
        printf("%d", answer->status);
    else
        fputs(answer->why, stdout);
    printf("%s ", output_end());
    output_safe(buf_str(&answer->body), 100);
    putchar('\n');
}

static void relay(struct listening *l, const struct json *request)
{
    struct str id = header_of(json_get(request, "headers"), "webhook-id");
    const struct json *delivery = delivery_of(l, id);
    struct remote_answer answer;
    bool is_heard = true;
    struct buf body;

    if (l->code != CLI_OK || !is_wanted(l, delivery))
        return;
    buf_init(&body, BYTES_MAX);
    l->code = remote_call(l->remote, "GET",
                          arena_printf(&l->arena, "/v1/inspectors/%.*s/requests/%lld/body",
                                       STR_ARG(l->slug), (long long)l->cursor),
                          STR_NONE, &body);
    if (l->code == CLI_OK) {
        forward(l, request, buf_str(&body), &answer);
        if (l->as_json)
            print_json(request, delivery, id, &answer);
        else
            print_line(request, delivery, id, &answer);
        is_heard = output_flush();
        buf_release(&answer.body);
        l->left--;
        if (!is_heard) {
            write_state(l); /* it was sent all the same */
            l->code = CLI_FAILED;
        }
    }
    buf_release(&body);
}

static bool on_event(void *context, const struct sse_event *event)
{
    struct listening *l = context;
    const struct json *request = NULL;
    int64_t number;

    arena_reset(&l->arena);
    if (json_parse(&l->arena, event->data, &request, NULL))
        return true;
    number = json_i64(json_get(request, "request_id"), 0);
    if (number > l->cursor + 1)
        fprintf(stderr, "%lld were not kept so long (runbell.inspector).\n",
                (long long)(number - l->cursor - 1));
    l->cursor = number;
    relay(l, request);
    if (l->code == CLI_OK)
        write_state(l);
    return l->code == CLI_OK && l->left != 0;
}

/* ---- all ---- */

static int follow(struct listening *l)
{
    struct arena *arena = &l->remote->arena;
    const struct remote_stream stream = {
        .path = arena_printf(arena, "/v1/inspectors/%.*s/stream", STR_ARG(l->slug)),
        .after = arena_printf(arena, "%lld", (long long)l->cursor),
        .on_event = on_event,
        .context = l,
    };
    int code = remote_follow(l->remote, &stream);

    return code == CLI_OK ? l->code : code;
}

static int wrong(const struct session *session, const char *flag, const char *wanted)
{
    (void)session_fail(session, "--%s must be %s", flag, wanted);
    return CLI_USAGE;
}

static void split_target(struct listening *l, struct str to)
{
    size_t question = str_find_char(to, '?');

    l->target = str_first(to, question);
    l->query = question < to.len ? str_from(to, question + 1) : STR_NONE;
}

static int read_flags(struct listening *l)
{
    const struct session *session = l->remote->session;
    const char *to = session_value(session, "forward-to"), *count = session_value(session, "count");
    const char *after = session_value(session, "after"), *slug = session_value(session, "slug");
    const char *why;
    struct url url;

    if (!to || url_parse(&l->remote->arena, str_of(to), &url, &why) || url.is_relative)
        return wrong(session, "forward-to", "a URL such as http://localhost:3000/hook");
    if (count && (str_to_i64(str_of(count), &l->left) || l->left < 1))
        return wrong(session, "count", "a number above 0");
    split_target(l, str_first(str_of(to), str_find_char(str_of(to), '#')));
    while (str_ends(l->target, STR("/")))
        l->target.len--;
    find_state(l);
    read_state(l);
    if (slug && !str_eq(l->slug, str_of(slug))) {
        l->slug = str_of(slug);
        l->cursor = -1;
    }
    if (after && (str_to_i64(str_of(after), &l->cursor) || l->cursor < 0))
        return wrong(session, "after", "a number");
    return CLI_OK;
}

int listen_run(struct remote *remote)
{
    struct listening l = {.remote = remote,
                          .cursor = -1,
                          .left = -1,
                          .as_json = session_value(remote->session, "json")};
    int code = read_flags(&l);

    arena_init(&l.arena);
    if (code == CLI_OK)
        code = open_address(&l);
    if (code == CLI_OK)
        code = follow(&l);
    arena_release(&l.arena);
    return code;
}
