/* /v1/deliveries: what was sent, what waits, what failed, and sending it again. */
#include "api/delivery_filter.h"
#include "api/delivery_tail.h"
#include "api/delivery_target.h"
#include "api/delivery_test.h"
#include "api/delivery_view.h"
#include "api/route.h"

#include "store/outbox_query.h"

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "there is no delivery %.*s",
                     STR_ARG(str_first(call->params[0], 32)));
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct delivery_page page;
    enum err err = delivery_search(tx, call->data, call->arena, &page);

    if (!err)
        delivery_json_out_page(call_json(call, 200), delivery_view_of(call), &page);
    return err;
}

static enum err list_prepare(struct call *call)
{
    struct delivery_filter *filter = ARENA_NEW(call->arena, struct delivery_filter);
    enum err err;

    filter->limit = 50;
    if ((err = delivery_filter_read(call, DELIVERY_FILTER_SEARCH, filter)) ||
        (err = call_query_int(call, "limit", 1, OUTBOX_LIST_MAX, &filter->limit)) ||
        (err = call_query_int(call, "before", 0, INT64_MAX, &filter->before_id)))
        return err;
    call->data = filter;
    return call_then_read(call, list_apply);
}

static enum err id_read(struct call *call, int64_t *id)
{
    if (str_to_i64(call->params[0], id) || *id < 1) {
        call_fail(call, 422, "delivery_id: must be a whole number from 1 on");
        return ERR_INVALID;
    }
    return OK;
}

/* The delivery that the path names, with its attempts. ERR_NOT_FOUND: the reply is filled. */
static enum err one_read(struct tx *tx, struct call *call, struct delivery_row *delivery,
                         struct attempt_row **attempts, size_t *count)
{
    const int64_t *id = call->data;
    enum err err = delivery_view_get(tx, call, *id, call->arena, delivery);

    if (err == ERR_NOT_FOUND)
        (void)not_found(call);
    return err ? err : attempt_list(tx, call->principal.tenant, *id, call->arena, attempts, count);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct delivery_row delivery;
    struct attempt_row *attempts;
    size_t count;
    enum err err = one_read(tx, call, &delivery, &attempts, &count);

    if (err)
        return err;
    delivery_json_out_with_attempts(call_json(call, 200), delivery_view_of(call), &delivery,
                                    attempts, count);
    return OK;
}

static enum err one_prepare(struct call *call, bool is_write, call_tx_step step)
{
    int64_t *id = ARENA_NEW(call->arena, int64_t);
    enum err err = id_read(call, id);

    call->data = id;
    if (err)
        return err;
    return is_write ? call_then_write(call, step) : call_then_read(call, step);
}

static enum err get_prepare(struct call *call)
{
    return one_prepare(call, false, get_apply);
}

static enum err attempts_apply(struct tx *tx, struct call *call)
{
    struct delivery_row delivery;
    struct attempt_row *attempts;
    size_t count;
    enum err err = one_read(tx, call, &delivery, &attempts, &count);

    if (err)
        return err;
    delivery_json_out_attempts(call_json(call, 200), delivery_view_of(call), attempts, count);
    return OK;
}

static enum err attempts_prepare(struct call *call)
{
    return one_prepare(call, false, attempts_apply);
}

static enum err body_apply(struct tx *tx, struct call *call)
{
    const int64_t *id = call->data;
    struct delivery_row delivery;
    struct str body;
    enum err err = delivery_view_get(tx, call, *id, call->arena, &delivery);

    if (!err)
        err = delivery_get_body(tx, call->principal.tenant, *id, call->arena, &body);
    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err)
        return err;
    call_empty(call, 200);
    call->content_type = arena_cstr(call->arena, delivery.content_type);
    buf_add(&call->reply, body);
    return OK;
}

static enum err body_prepare(struct call *call)
{
    return one_prepare(call, false, body_apply);
}

/* ---- again ---- */

struct resend_call {
    int64_t id;
    struct str url;
};

static enum err resend_write(struct tx *tx, struct call *call)
{
    const struct resend_call *resend = call->data;
    const struct outbox_again again = {
        .tenant = call->principal.tenant, .delivery_id = resend->id, .url = resend->url};
    struct delivery_row delivery;
    int64_t new_id;
    enum err err = outbox_resend(tx, &again, &new_id);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err == ERR_CONFLICT)
        return call_fail(
            call, 409,
            "this delivery is still under way: it can be sent again when it is done or dead");
    if (err == ERR_DENIED)
        return call_fail(
            call, 409, "the endpoint of this delivery was deleted: it can be sent to another url");
    if (err || (err = delivery_get(tx, call->principal.tenant, new_id, call->arena, &delivery)))
        return err;
    delivery_json_out(call_json(call, 200), delivery_view_of(call), &delivery);
    return OK;
}

/* Which rules a URL has to pass depends on the kind of the delivery. */
static enum err resend_apply(struct tx *tx, struct call *call)
{
    const struct resend_call *resend = call->data;
    struct delivery_row delivery;
    enum err err;

    err = delivery_view_get(tx, call, resend->id, tx->arena, &delivery);
    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err)
        return err;
    if (!str_is_none(resend->url) &&
        delivery_target_check(call, delivery.kind, STR("url"), resend->url))
        return OK; /* the reply says why */
    return resend_write(tx, call);
}

static enum err resend_prepare(struct call *call)
{
    struct resend_call *resend = ARENA_NEW(call->arena, struct resend_call);
    enum err err;

    if ((err = id_read(call, &resend->id)) || (err = call_body_object(call)) ||
        (err = call_get_text(call, "url", &resend->url)))
        return err;
    call->data = resend;
    return call_then_write(call, resend_apply);
}

static enum err cancel_apply(struct tx *tx, struct call *call)
{
    const int64_t *id = call->data;
    struct delivery_row delivery;
    enum err err = delivery_view_get(tx, call, *id, tx->arena, &delivery);

    if (!err)
        err = outbox_cancel(tx, call->principal.tenant, *id);
    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err == ERR_CONFLICT)
        return call_fail(call, 409, "this delivery has ended already: there is nothing to cancel");
    if (err || (err = delivery_get(tx, call->principal.tenant, *id, call->arena, &delivery)))
        return err;
    delivery_json_out(call_json(call, 200), delivery_view_of(call), &delivery);
    return OK;
}

static enum err cancel_prepare(struct call *call)
{
    return one_prepare(call, true, cancel_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/deliveries", list_prepare, PERMIT_WATCH, 0,
     "Search the log of deliveries; newest first"},
    {HTTP_GET, "/v1/deliveries/stream", delivery_tail_prepare, PERMIT_WATCH, ROUTE_FOLLOWS,
     "Follow what happens to deliveries, as server-sent events"},
    {HTTP_GET, "/v1/deliveries/{delivery_id}", get_prepare, PERMIT_WATCH, 0,
     "A delivery with its attempts"},
    {HTTP_GET, "/v1/deliveries/{delivery_id}/attempts", attempts_prepare, PERMIT_WATCH, 0,
     "The attempts of a delivery, the first first"},
    {HTTP_GET, "/v1/deliveries/{delivery_id}/body", body_prepare, PERMIT_WATCH, 0,
     "The body that is sent"},
    {HTTP_POST, "/v1/deliveries/{delivery_id}/resend", resend_prepare, PERMIT_DELIVER,
     ROUTE_IDEMPOTENT, "Send it again under the same webhook-id, to the same or another url"},
    {HTTP_POST, "/v1/deliveries/{delivery_id}/cancel", cancel_prepare, PERMIT_DELIVER, 0,
     "Try it no more; an attempt under way goes on"},
    {HTTP_POST, "/v1/test", delivery_test_url_prepare, PERMIT_DELIVER, 0,
     "Send a signed sample of a kind to a URL and tell what the receiver said"},
    {HTTP_POST, "/v1/endpoints/{endpoint_id}/test", delivery_test_endpoint_prepare, PERMIT_DELIVER,
     0, "Send a signed sample to an endpoint and tell what the receiver said"},
};

const struct route_list routes_deliveries = {routes, ARRAY_LEN(routes)};
