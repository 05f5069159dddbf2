/* traces_view.c -- how spans are shown to a caller: with links that open without a key, and with
 * their large values put in. */
#include "api/splice.h"
#include "api/traces_priv.h"
#include "blob/blob.h"

#define BASE_BYTES_MAX 4096

void traces_base_write(const struct call *call, struct buf *out)
{
    const struct http_request *request = call->request;
    struct str host = http_header_find(request->headers, request->header_count, "host");
    struct str self = call->setup->self_url;
    size_t scheme = str_find(self, STR("://")) + 3;

    buf_add(out, str_first(self, scheme));
    buf_add(out, host.len > 0 ? host : str_from(self, scheme));
    buf_add(out, call->setup->mount_prefix);
}

void traces_link_write(const struct call *call, struct link link, struct buf *out)
{
    link.expires_us = link_end_us(loop_wall_us(http_exchange_loop(call->exchange)));
    traces_base_write(call, out);
    buf_add(out, STR("/blobs/"));
    link_write(call->setup->keyring, &link, out);
}

/* Straight to the service that has it, if it gives links; else to us. */
static void write_link(const struct span_view *view, const struct span *span,
                       const struct span_link *what, struct buf *out)
{
    const struct call *call = view->context;
    int64_t now_us = loop_wall_us(http_exchange_loop(call->exchange));
    struct link link = {
        .tenant = span->row.tenant, .span_id = span->row.span_id, .name = what->name};

    if (!blob_link(call->setup->blobs, what->blob_key, what->mime_type, now_us, out))
        traces_link_write(call, link, out);
}

static void write_blob(const struct span_view *view, struct json_writer *json,
                       const struct span_value *value)
{
    call_splice(view->context, json, value->blob_key, value->size);
}

struct span_view traces_view(struct call *call, uint64_t select)
{
    struct uuid_text tenant_id;
    struct str reached;
    struct buf base;

    buf_init(&base, BASE_BYTES_MAX);
    traces_base_write(call, &base);
    reached = arena_str(call->arena, buf_str(&base));
    buf_release(&base);
    return (struct span_view){
        .tenant_id = arena_str(call->arena, trace_tenant_id(call->principal.tenant, &tenant_id)),
        .select = select,
        .base = reached,
        .write_link = write_link,
        .write_blob = write_blob,
        .context = call,
    };
}
