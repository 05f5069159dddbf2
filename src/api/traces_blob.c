/* traces_blob.c -- GET /blobs/{token}: one value or attachment of one span, or an attachment of an
 * example, to whoever has the link.
 *
 * What is answered can do nothing in a browser: it is sandboxed, and its type is what the sender of
 * the trace said. */
#include "api/call_priv.h"
#include "api/datasets_priv.h"
#include "api/traces_priv.h"
#include "auth/link.h"
#include "base/mem.h"
#include "store/example_attachments.h"
#include "store/spans.h"

#define PENDING_BYTES_MAX (512 * KIB)

struct blob_call {
    struct link link;
    struct span_value value;
    struct str mime_type;
};

/* ---- out of the blob store ---- */

/* On the heap, as the client may leave while a piece is on its way. */
struct sending {
    struct call *call;
    struct http_exchange *exchange;
    struct blob_get *get;
    bool has_begun, is_asked;
};

static void send_end(struct sending *s, bool is_whole)
{
    struct http_exchange *exchange = s->exchange;

    blob_get_free(s->get);
    http_exchange_set_data(exchange, NULL);
    mem_free(s);
    if (is_whole)
        http_end(exchange);
    else
        http_break(exchange);
}

static void ask(struct sending *s)
{
    if (s->is_asked)
        return;
    s->is_asked = true;
    blob_get_next(s->get);
}

static void on_drain(struct http_exchange *exchange)
{
    struct sending *s = http_exchange_data(exchange);

    if (s)
        ask(s);
}

static void send_begin(struct sending *s)
{
    struct http_header headers[REPLY_HEADERS_MAX];
    size_t count = reply_headers(s->call, headers);

    s->has_begun = true;
    http_begin(s->exchange, 200, headers, count);
    call_free(s->call);
}

static void on_piece(void *context, enum err err, struct str bytes)
{
    struct sending *s = context;

    s->is_asked = false;
    if (err && !s->has_begun) {
        struct call *call = s->call;

        blob_get_free(s->get);
        mem_free(s);
        http_exchange_set_data(call->exchange, call);
        call->header_count = 0;
        call_fail(call, err == ERR_NOT_FOUND ? 404 : 503, "the value is not there");
        call_reply(call);
        return;
    }
    if (!err && !s->has_begun)
        send_begin(s);
    if (err || bytes.len == 0 || http_exchange_is_gone(s->exchange)) {
        send_end(s, !err);
        return;
    }
    http_write(s->exchange, bytes);
    if (http_pending_bytes(s->exchange) < PENDING_BYTES_MAX)
        ask(s);
}

static void on_gone(struct http_exchange *exchange)
{
    struct sending *s = http_exchange_data(exchange);

    if (s && s->has_begun && !s->is_asked)
        send_end(s, false);
}

static void send_blob(struct call *call)
{
    const struct blob_call *blob = call->data;
    struct sending *s = MEM_NEW(struct sending);

    s->call = call;
    s->exchange = call->exchange;
    s->get =
        blob_get_new(call->setup->blobs, http_exchange_loop(call->exchange), blob->value.blob_key,
                     &(struct blob_get_events){.on_piece = on_piece, .context = s});
    http_exchange_set_data(s->exchange, s);
    http_exchange_on_drain(s->exchange, on_drain);
    http_exchange_on_gone(s->exchange, on_gone);
    ask(s);
}

/* ---- finding it ---- */

static enum err find_attachment(struct tx *tx, struct call *call, const struct span_row *row)
{
    struct blob_call *blob = call->data;
    struct span_attachment *list;
    struct str name = str_from(blob->link.name, sizeof("attachment.") - 1);
    size_t count;
    enum err err = span_attachments_get(tx, row, true, tx->arena, &list, &count);

    for (size_t i = 0; !err && i < count; i++)
        if (str_eq(list[i].name, name)) {
            blob->value = list[i].value;
            blob->mime_type = list[i].mime_type;
            return OK;
        }
    return err ? err : ERR_NOT_FOUND;
}

static enum err find_value(struct tx *tx, struct call *call, const struct span_row *row)
{
    struct blob_call *blob = call->data;
    struct span_value values[SPAN_FIELD_COUNT];

    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
        if (str_eq(blob->link.name, span_field_name((enum span_field)i))) {
            enum err err = span_values_get(tx, row, 1u << i, tx->arena, values);

            if (err)
                return err;
            blob->value = values[i];
            blob->mime_type = STR("application/json");
            return OK;
        }
    return ERR_NOT_FOUND;
}

/* A type that is no header value, or none at all, is just bytes. */
static const char *type_of(struct call *call, struct str mime_type)
{
    for (size_t i = 0; i < mime_type.len; i++)
        if (mime_type.data[i] < ' ' || mime_type.data[i] > '~')
            return "application/octet-stream";
    return mime_type.len ? arena_cstr(call->arena, mime_type) : "application/octet-stream";
}

/* The link's id is the example's then. */
static enum err find_of_example(struct tx *tx, struct call *call)
{
    struct blob_call *blob = call->data;
    struct example_attachment a = {.attachment_id =
                                       str_from(blob->link.name, sizeof(EXAMPLE_LINK_PREFIX) - 1)};
    struct uuid_text id;
    enum err err = example_attachments_get(tx, blob->link.tenant,
                                           uuid_write(blob->link.span_id, &id), tx->arena, &a);

    blob->value = (struct span_value){.bytes = a.bytes, .size = (int64_t)a.bytes.len};
    blob->mime_type = a.mime_type;
    return err;
}

static enum err find(struct tx *tx, struct call *call)
{
    const struct blob_call *blob = call->data;
    struct span_row row;
    enum err err;

    if (str_starts(blob->link.name, STR(EXAMPLE_LINK_PREFIX)))
        return find_of_example(tx, call);
    err = spans_get(tx, blob->link.tenant, blob->link.span_id, tx->arena, &row);
    if (err)
        return err;
    return str_starts(blob->link.name, STR("attachment.")) ? find_attachment(tx, call, &row)
                                                           : find_value(tx, call, &row);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct blob_call *blob = call->data;
    enum err err = find(tx, call);

    if (err)
        return err == ERR_NOT_FOUND ? call_fail(call, 404, "the value is not there") : err;
    call_json(call, 200);
    call->content_type = type_of(call, blob->mime_type);
    call_header(call, "x-content-type-options", STR("nosniff"));
    call_header(call, "content-security-policy", STR("sandbox; default-src 'none'"));
    blob->value.blob_key = arena_str(call->arena, blob->value.blob_key);
    if (!str_is_none(blob->value.blob_key))
        return call_then_take(call, send_blob);
    buf_add(&call->reply, blob->value.bytes);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    struct blob_call *blob = ARENA_NEW(call->arena, struct blob_call);
    int64_t now_us = loop_wall_us(http_exchange_loop(call->exchange));

    if (link_read(call->setup->keyring, call->arena, call->params[0], now_us, &blob->link))
        return call_fail(call, 403, "this link is not valid, or no longer");
    call->data = blob;
    return call_then_read(call, get_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/blobs/{token}", get_prepare, PERMIT_ANYONE, ROUTE_TRACES,
     "A value or attachment of a span, by its link"},
};

const struct route_list routes_traces_blob = {routes, ARRAY_LEN(routes)};
