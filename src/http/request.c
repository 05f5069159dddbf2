/* request.c -- from a parsed head to a request: what must be refused, what is asked of the owner,
 * and the body. */
#include "http/server_priv.h"

static const struct {
    struct str text;
    enum http_method method;
} methods[] = {
    {{"GET", 3}, HTTP_GET},         {{"POST", 4}, HTTP_POST},     {{"PUT", 3}, HTTP_PUT},
    {{"PATCH", 5}, HTTP_PATCH},     {{"DELETE", 6}, HTTP_DELETE}, {{"HEAD", 4}, HTTP_HEAD},
    {{"OPTIONS", 7}, HTTP_OPTIONS},
};

static enum http_method method_of(struct str text)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_eq(methods[i].text, text))
            return methods[i].method;
    return HTTP_OTHER;
}

/* Copies the head out of what the server lent. */
static void copy_head(struct http_exchange *exchange, const struct head *head)
{
    struct http_request *request = &exchange->incoming->request;
    struct str text = arena_str(&exchange->arena, buf_str(&head->text));
    struct http_header *headers = arena_alloc(&exchange->arena, head->count * sizeof(*headers));

    for (size_t i = 0; i < head->count; i++) {
        const struct head_field *field = &head->fields[i];

        headers[i].name = str_range(text.data + field->name_at, field->name_len);
        headers[i].value = str_trim(str_range(text.data + field->value_at, field->value_len));
    }
    request->headers = headers;
    request->header_count = head->count;
    request->method_text = str_first(text, head->method_len);
    request->method = method_of(request->method_text);
    request->target = str_range(text.data + head->target_at, head->target_len);
}

/* Origin form, or absolute form as for a proxy (of which only the path matters); "*" for OPTIONS.
 */
static bool split_target(struct http_request *request)
{
    struct str path = request->target;

    if (str_starts_nocase(path, STR("http://")) || str_starts_nocase(path, STR("https://"))) {
        path = str_from(path, str_find(path, STR("://")) + 3);
        path = str_from(path, str_find_char(path, '/'));
        if (str_is_empty(path))
            path = STR("/");
    }
    size_t query_at = str_find_char(path, '?');
    request->path = str_first(path, query_at);
    request->query = query_at < path.len ? str_from(path, query_at + 1) : STR_NONE;
    if (str_eq(path, STR("*")))
        return request->method == HTTP_OPTIONS;
    return str_starts(path, STR("/")) && str_find_char(path, '#') == path.len;
}

struct refusal {
    int status; /* 0: none */
    const char *detail;
};

#define REFUSAL_NONE ((struct refusal){0, NULL})

struct special_headers {
    unsigned hosts, codings;
    struct str coding, expect;
};

static struct special_headers find_special(const struct http_request *request)
{
    struct special_headers found = {0};

    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];

        if (header->name.len == 4 && str_eq_nocase(header->name, STR("host"))) {
            found.hosts++;
        } else if (header->name.len == 6 && str_eq_nocase(header->name, STR("expect"))) {
            found.expect = header->value;
        } else if (header->name.len == 17 &&
                   str_eq_nocase(header->name, STR("transfer-encoding"))) {
            found.codings++;
            found.coding = header->value;
        }
    }
    return found;
}

/* Whatever two parsers could read in two ways is refused: that is what smuggling lives on.
 * (Conflicting or repeated lengths, folded lines, bare line feeds have been refused by the parser.)
 */
static struct refusal judge(const struct parser_facts *facts, const struct special_headers *special)
{
    if (facts->major != 1)
        return (struct refusal){505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    if (facts->is_connect)
        return (struct refusal){501, "CONNECT is not offered"};
    if (facts->minor == 1 ? special->hosts != 1 : special->hosts > 1)
        return (struct refusal){400, "exactly one Host header is required"};
    if (facts->has_coding && (facts->minor == 0 || special->codings > 1))
        return (struct refusal){400, "ambiguous Transfer-Encoding"};
    if (facts->has_coding && !str_eq_nocase(special->coding, STR("chunked")))
        return (struct refusal){501, "the only transfer coding known is chunked"};
    if (!str_is_none(special->expect) && !str_eq_nocase(special->expect, STR("100-continue")))
        return (struct refusal){417, "unknown expectation"};
    return REFUSAL_NONE;
}

static void plan_body(struct connection *c, const struct http_plan *plan,
                      const struct parser_facts *facts)
{
    struct http_exchange *exchange = c->exchange;
    struct incoming *in = exchange->incoming;

    exchange->on_body = plan->on_body;
    if (plan->body_bytes_max)
        in->body_bytes_max = plan->body_bytes_max;
    if (facts->has_length && facts->content_length > in->body_bytes_max) {
        connection_refuse(c, 413, "the body is too large");
        return;
    }
    if (plan->on_body || plan->on_start)
        return;
    buf_init(&in->body, facts->has_length ? (size_t)facts->content_length : in->body_bytes_max);
    if (facts->has_length && facts->content_length && facts->content_length <= BODY_IN_ARENA_MAX)
        in->arena_body = arena_alloc(&exchange->arena, (size_t)facts->content_length);
}

static void ask_owner(struct connection *c, const struct parser_facts *facts, bool expects)
{
    const struct http_handler *handler = &c->server->config.handler;
    struct http_exchange *exchange = c->exchange;
    struct http_plan plan = {0};

    exchange->incoming->body_length =
        facts->is_chunked ? HTTP_LENGTH_UNKNOWN : facts->content_length;
    /* Until 100 Continue is out the client may or may not send the body: an early reply must end
     * it. */
    c->awaits_continue = expects && exchange->incoming->body_length > 0;
    c->body_left = c->awaits_continue ? UINT64_MAX : exchange->incoming->body_length;
    if (handler->on_head)
        handler->on_head(handler->context, exchange, &plan);
    if (c->exchange != exchange)
        return;
    plan_body(c, &plan, facts);
    if (c->exchange != exchange)
        return;
    if (!plan.on_start) {
        http_continue(exchange);
        return;
    }
    exchange->is_started = true;
    c->body_paused = exchange->incoming->body_length > 0;
    plan.on_start(exchange);
}

void request_read_head(struct connection *c)
{
    struct http_server *server = c->server;
    struct parser_facts facts = parser_facts(&c->reading->parser);
    struct http_exchange *exchange = exchange_new(c);
    struct http_request *request = &exchange->incoming->request;

    copy_head(exchange, c->reading->head);
    head_give(&server->heads, c->reading->head);
    c->reading->head = NULL;
    c->exchange = exchange;
    c->state = CONNECTION_BODY;
    c->body_over = c->body_paused = false;
    c->keep_alive = facts.keep_alive;
    exchange->is_http_1_0 = facts.minor == 0;
    exchange->is_head = request->method == HTTP_HEAD;
    request->keep_alive = facts.keep_alive;
    request->body = STR("");
    exchange->incoming->body_bytes_max = server->config.limits.body_bytes_max;
    server->request_count++;

    struct special_headers special = find_special(request);
    struct refusal refusal = judge(&facts, &special);
    if (!refusal.status && !split_target(request))
        refusal = (struct refusal){400, "the request target is not a path"};
    if (refusal.status) {
        /* The owner has not heard of it yet. */
        connection_refuse(c, refusal.status, refusal.detail);
        return;
    }
    exchange->is_known = true;
    ask_owner(c, &facts, !str_is_none(special.expect) && facts.minor == 1);
}

static void collect(struct incoming *in, struct str piece)
{
    if (in->arena_body)
        memcpy(in->arena_body + in->body_seen - piece.len, piece.data, piece.len);
    else
        buf_add(&in->body, piece);
}

void request_on_body(struct parser *parser, struct str piece)
{
    struct connection *c = CONTAINER_OF(parser, struct reading, parser)->connection;
    struct http_exchange *exchange = c->exchange;

    if (c->awaits_continue && exchange) { /* it did not wait */
        c->awaits_continue = false;
        c->body_left = exchange->incoming->body_length;
    }
    if (c->body_left != UINT64_MAX)
        c->body_left -= piece.len;
    if (!exchange || c->state != CONNECTION_BODY || c->body_over)
        return;
    exchange->incoming->body_seen += piece.len;
    if (exchange->incoming->body_seen > exchange->incoming->body_bytes_max)
        c->body_over = true;
    else if (exchange->on_body)
        exchange->on_body(exchange, piece);
    else
        collect(exchange->incoming, piece);
}

void request_complete(struct connection *c)
{
    const struct http_handler *handler = &c->server->config.handler;
    struct http_exchange *exchange = c->exchange;
    struct incoming *in = exchange->incoming;

    c->state = CONNECTION_WAIT;
    c->body_left = 0;
    if (exchange->is_started) {
        exchange->is_whole = true;
        if (exchange->on_whole)
            exchange->on_whole(exchange);
        return;
    }
    if (in->arena_body)
        in->request.body = str_range(in->arena_body, in->body_seen);
    else if (in->body.len)
        in->request.body = buf_str(&in->body);
    handler->on_request(handler->context, exchange);
}

void request_abort(struct connection *c)
{
    const struct http_handler *handler = &c->server->config.handler;
    struct http_exchange *exchange = c->exchange;

    c->exchange = NULL;
    exchange->connection = NULL;
    exchange->gone = true;
    if (exchange->is_started) { /* its owner ends it */
        if (exchange->on_gone)
            exchange->on_gone(exchange);
        return;
    }
    if (handler->on_abort && exchange->is_known)
        handler->on_abort(handler->context, exchange);
    exchange_free(exchange);
}
