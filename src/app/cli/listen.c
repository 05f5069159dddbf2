/* `runbell listen`: webhooks for a port of this machine, relayed through the server.
 *
 * The server has an inspector for it, whose address is used as the webhook's URL. What comes there
 * is signed and retried like any webhook; this command takes each request with its headers and the
 * bytes of its body and sends it to the local port, so that it verifies there. Slug and position
 * stand in a file, so that a later start goes on where the last one ended. */
#include <stdio.h>

#include "app/cli/listen.h"
#include "app/cli/output.h"
#include "format/header.h"

#define BYTES_MAX REMOTE_BODY_BYTES_MAX
#define SILENCE_MS 30000

static const struct arg_flag flags[] = {
    {"forward-to", "URL", "where to: http://localhost:3000/hook", NULL},
    {"kind", "KIND", "only webhooks of this kind: run, rule, alert, fleet", NULL},
    {"endpoint", "ID", "only those of this endpoint", NULL},
    {"project", "NAME", "only what rules and alerts of this project tell", NULL},
    {"load-from", "ID", "what this endpoint gets, instead of an address of its own", NULL},
    {"headers", "LIST", "also these: \"Authorization: Bearer x, X-Dev: 1\"", NULL},
    {"skip-verify", NULL, "take any certificate of the local port", NULL},
    {"print-secret", NULL, "the secret to verify with; then end", NULL},
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

/* ---- what is wanted ---- */

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
    l->code = remote_look(l->remote, buf_str(&path), &body);
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

/* An alert names the project, a rule's runs are of one. */
bool listen_wants_body(struct listening *l, struct str body)
{
    const struct json *root = NULL, *run;

    if (str_is_none(l->project))
        return true;
    if (json_parse(&l->arena, body, &root, NULL))
        return false;
    run = json_item(json_get(root, "runs"), 0);
    return str_eq(output_text(root, "project_name"), l->project) ||
           (!str_is_none(l->project_id) && str_eq(output_text(run, "session_id"), l->project_id));
}

/* ---- to the local port ---- */

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

/* The target's own query goes first. */
static struct str target_of(struct listening *l, struct str below)
{
    size_t question = str_find_char(below, '?');
    struct str query = question < below.len ? str_from(below, question + 1) : STR_NONE;
    bool has_both = !str_is_none(l->query) && !str_is_none(query);

    return arena_printf(&l->arena, "%.*s%.*s%s%.*s%s%.*s", STR_ARG(l->target),
                        STR_ARG(str_first(below, question)),
                        str_is_none(l->query) && str_is_none(query) ? "" : "?", STR_ARG(l->query),
                        has_both ? "&" : "", STR_ARG(query));
}

/* One of the list [[name, value], …] or of the object {name: value, …}; our own win. */
static void add_header(const struct listening *l, struct remote_request *out,
                       struct http_header *headers, struct str key, const struct json *value)
{
    struct http_header one = {key, json_string(value)};

    if (str_is_none(key))
        one = (struct http_header){json_string(json_item(value, 0)),
                                   json_string(json_item(value, 1))};
    if (out->header_count == LISTEN_HEADERS_MAX || is_of_the_hop(one.name) ||
        !str_is_none(http_header_find(l->own_headers, l->own_header_count,
                                      arena_cstr(&l->remote->arena, one.name))))
        return;
    headers[out->header_count++] = one;
}

static void forward(struct listening *l, const struct listen_webhook *webhook,
                    struct remote_answer *answer)
{
    struct http_header headers[LISTEN_HEADERS_MAX + LISTEN_OWN_HEADERS_MAX];
    struct json_iter iter = json_iter(webhook->headers);
    struct remote_request out = {.url = target_of(l, webhook->below),
                                 .method = webhook->method,
                                 .headers = headers,
                                 .body = webhook->body,
                                 .silence_ms = SILENCE_MS,
                                 .skips_verify = l->skips_verify};
    const struct json *value;
    struct str key = STR_NONE;

    while (json_next(&iter, &key, &value))
        add_header(l, &out, headers, key, value);
    for (size_t i = 0; i < l->own_header_count; i++)
        headers[out.header_count++] = l->own_headers[i];
    remote_send(l->remote->session->world, &out, answer);
}

static void print_json(const struct listen_webhook *webhook, const struct remote_answer *answer)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_i64(&json, "request_id", webhook->number);
    json_put_str(&json, "webhook_id", webhook->webhook_id.len ? webhook->webhook_id : STR_NONE);
    json_put_str(&json, "kind", webhook->kind);
    json_put_i64(&json, "status", answer->status);
    json_put_str(&json, "error", answer->status ? STR_NONE : str_of(answer->why));
    json_end_object(&json);
    output_line(buf_str(&out));
    buf_release(&out);
}

static void print_line(const struct listen_webhook *webhook, const struct remote_answer *answer)
{
    bool is_good = answer->status / 100 == 2;

    printf("#%lld ", (long long)webhook->number);
    output_safe(webhook->method, 20);
    printf(" %.*s ", STR_ARG(webhook->kind));
    output_safe(webhook->webhook_id.len ? webhook->webhook_id : STR("(no webhook-id)"), 80);
    printf("  %s", output_begin(is_good ? OUTPUT_GOOD : OUTPUT_BAD));
    if (answer->status)
        printf("%d", answer->status);
    else
        fputs(answer->why, stdout);
    printf("%s ", output_end());
    output_safe(buf_str(&answer->body), 100);
    putchar('\n');
}

bool listen_relay(struct listening *l, const struct listen_webhook *webhook)
{
    struct remote_answer answer;
    bool is_heard;

    forward(l, webhook, &answer);
    if (l->as_json)
        print_json(webhook, &answer);
    else
        print_line(webhook, &answer);
    is_heard = output_flush();
    buf_release(&answer.body);
    l->left--;
    listen_write_state(l); /* if nobody hears of it, it was sent all the same */
    if (!is_heard)
        l->code = CLI_FAILED;
    return is_heard && l->left != 0;
}

/* ---- what comes to the address ---- */

/* "/a?b=c" of "/in/SLUG/a" */
static struct str below_of(struct listening *l, const struct json *request)
{
    struct str path = output_text(request, "path"), rest;
    struct str query = json_string(json_get(request, "query"));

    rest = str_from(path, str_find(path, STR("/in/")) + 4);
    rest = str_from(rest, str_find_char(rest, '/'));
    return arena_printf(&l->arena, "%.*s%s%.*s", STR_ARG(rest), str_is_none(query) ? "" : "?",
                        STR_ARG(query));
}

/* False: enough. */
static bool take(struct listening *l, const struct json *request)
{
    struct listen_webhook webhook = {.number = l->cursor,
                                     .method = output_text(request, "method"),
                                     .webhook_id =
                                         header_of(json_get(request, "headers"), "webhook-id"),
                                     .below = below_of(l, request),
                                     .headers = json_get(request, "headers")};
    const struct json *delivery = delivery_of(l, webhook.webhook_id);
    bool goes_on = true;
    struct buf body;

    if (l->code != CLI_OK || !is_wanted(l, delivery))
        return l->code == CLI_OK;
    webhook.kind = json_string(json_get(delivery, "kind"));
    buf_init(&body, BYTES_MAX);
    l->code = remote_look(l->remote,
                          arena_printf(&l->arena, "/v1/inspectors/%.*s/requests/%lld/body",
                                       STR_ARG(l->slug), (long long)l->cursor),
                          &body);
    webhook.body = buf_str(&body);
    if (l->code == CLI_OK && listen_wants_body(l, webhook.body))
        goes_on = listen_relay(l, &webhook);
    buf_release(&body);
    return l->code == CLI_OK && goes_on;
}

static bool on_event(void *context, const struct sse_event *event)
{
    struct listening *l = context;
    const struct json *request = NULL;
    int64_t number;
    bool goes_on;

    arena_reset(&l->arena);
    if (json_parse(&l->arena, event->data, &request, NULL))
        return true;
    number = json_i64(json_get(request, "request_id"), 0);
    if (number > l->cursor + 1)
        fprintf(stderr, "%lld were not kept so long (runbell.inspector).\n",
                (long long)(number - l->cursor - 1));
    l->cursor = number;
    goes_on = take(l, request);
    if (l->code == CLI_OK)
        listen_write_state(l);
    return goes_on;
}

static int listen_to_address(struct listening *l)
{
    struct arena *arena = &l->remote->arena;
    struct remote_stream stream = {.on_event = on_event, .context = l};
    int code = listen_open_address(l);

    if (code == CLI_OK && session_value(l->remote->session, "print-secret"))
        return listen_print_secret(l);
    if (code != CLI_OK)
        return code;
    fprintf(stderr, "Webhooks to %.*s/in/%.*s go to %.*s (Ctrl-C ends)\n", STR_ARG(l->remote->base),
            STR_ARG(l->slug), STR_ARG(l->target));
    stream.path = arena_printf(arena, "/v1/inspectors/%.*s/stream", STR_ARG(l->slug));
    stream.after = arena_printf(arena, "%lld", (long long)l->cursor);
    code = remote_follow(l->remote, &stream);
    return code == CLI_OK ? l->code : code;
}

/* ---- flags ---- */

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
    while (str_ends(l->target, STR("/")))
        l->target.len--;
}

/* "Name: value, Name: value" */
static bool read_headers(struct listening *l)
{
    const char *list = session_value(l->remote->session, "headers");
    struct str rest = list ? str_of(list) : STR(""), one;

    while (rest.len) {
        size_t comma = str_find_char(rest, ','), colon;

        one = str_trim(str_first(rest, comma));
        rest = str_from(rest, comma + 1);
        colon = str_find_char(one, ':');
        struct http_header header = {str_trim(str_first(one, colon)),
                                     str_trim(str_from(one, colon + 1))};

        if (colon == one.len || l->own_header_count == LISTEN_OWN_HEADERS_MAX ||
            !header_name_is_valid(header.name) || !header_value_is_valid(header.value) ||
            is_of_the_hop(header.name))
            return false;
        l->own_headers[l->own_header_count++] = header;
    }
    return true;
}

/* What rules tell has the project's id only. A project that is not there yet has a name. */
static int find_project(struct listening *l)
{
    const char *name = session_value(l->remote->session, "project");
    const struct json *found = NULL;
    struct buf path, body;
    int code;

    if (!name)
        return CLI_OK;
    l->project = str_of(name);
    buf_init(&path, 64 * KIB);
    buf_init(&body, BYTES_MAX);
    buf_add_cstr(&path, "/sessions?limit=1");
    remote_add_query(&path, "name", name);
    code = remote_call(l->remote, "GET", buf_str(&path), STR_NONE, &body);
    if (code == CLI_OK && !output_parse(&l->remote->arena, &body, &found))
        code = CLI_FAILED;
    if (code == CLI_OK && json_item(found, 0))
        l->project_id = output_text(json_item(found, 0), "id");
    buf_release(&path);
    buf_release(&body);
    return code;
}

static int read_position(struct listening *l)
{
    const struct session *session = l->remote->session;
    const char *count = session_value(session, "count"), *after = session_value(session, "after");
    const char *slug = session_value(session, "slug");
    const char *endpoint = session_value(session, "load-from");

    if (count && (str_to_i64(str_of(count), &l->left) || l->left < 1))
        return wrong(session, "count", "a number above 0");
    listen_read_state(l, endpoint ? str_of(endpoint) : STR(""));
    if (endpoint)
        slug = endpoint;
    if (slug && !str_eq(l->slug, str_of(slug))) {
        l->slug = str_of(slug);
        l->secret = STR_NONE;
        l->cursor = -1;
    }
    if (after && (str_to_i64(str_of(after), &l->cursor) || l->cursor < 0))
        return wrong(session, "after", "a number");
    return CLI_OK;
}

static int read_flags(struct listening *l)
{
    const struct session *session = l->remote->session;
    const char *to = session_value(session, "forward-to"), *why;
    bool needs_target = !session_value(session, "print-secret");
    struct url url;

    if (session_value(session, "load-from") &&
        (session_value(session, "print-secret") || session_value(session, "slug") ||
         session_value(session, "endpoint")))
        return wrong(session, "load-from", "without --print-secret, --slug and --endpoint");
    if (needs_target &&
        (!to || url_parse(&l->remote->arena, str_of(to), &url, &why) || url.is_relative))
        return wrong(session, "forward-to", "a URL such as http://localhost:3000/hook");
    if (to)
        split_target(l, str_first(str_of(to), str_find_char(str_of(to), '#')));
    if (!read_headers(l))
        return wrong(session, "headers", "such as \"Authorization: Bearer x, X-Dev: 1\"");
    return read_position(l);
}

int listen_run(struct remote *remote)
{
    struct listening l = {.remote = remote,
                          .cursor = -1,
                          .left = -1,
                          .skips_verify = session_value(remote->session, "skip-verify"),
                          .as_json = session_value(remote->session, "json")};
    const char *endpoint = session_value(remote->session, "load-from");
    int code = read_flags(&l);

    arena_init(&l.arena);
    if (code == CLI_OK)
        code = find_project(&l);
    if (code == CLI_OK)
        code = endpoint ? listen_to_endpoint(&l, endpoint) : listen_to_address(&l);
    arena_release(&l.arena);
    return code;
}
