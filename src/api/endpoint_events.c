/* GET /v1/endpoints/{endpoint_id}/events: everything for an endpoint behind a sequence number, for
 * a receiver that was down, or that nobody can reach.
 *
 * Each event has the bytes of its body and the headers that an attempt would have now: signed anew,
 * so that a receiver's check of the timestamp holds. The endpoint's own headers and those of the
 * configuration are secrets of the way to the receiver and are left out. Nothing is changed by
 * looking: the sender goes on as before. */
#include "api/endpoints_priv.h"
#include "api/route.h"

#include "crypto/base64.h"
#include "delivery/request_headers.h"
#include "store/endpoints.h"
#include "store/outbox_pull.h"

#define LIMIT_DEFAULT 100
#define WAIT_S_MAX 60
#define PAGE_BYTES_MAX (4 * MIB)

struct pulling {
    struct outbox_pull pull;
    int64_t wait_s;
    int64_t last_sequence; /* that was given out */
};

/* ---- one event ---- */

static void put_headers(struct call *call, const struct outbox_pulled *event,
                        const struct request_headers_input *base)
{
    const struct outbox_claimed row = {
        .attempt_id = event->delivery_id, /* the span: no attempt is made */
        .attempts = event->attempts ? event->attempts : 1,
        .sequence = event->sequence,
        .webhook_id = event->webhook_id,
        .object_id = event->object_id,
        .traceparent = event->traceparent,
        .content_type = event->content_type,
        .body = event->body,
    };
    struct request_headers_input input = *base;
    const struct http_header *headers;
    size_t count;

    input.row = &row;
    request_headers_make(&input, call->arena, &headers, &count);
    json_key(&call->json, "headers");
    json_begin_object(&call->json);
    for (size_t i = 0; i < count; i++)
        json_put_str(&call->json, arena_cstr(call->arena, headers[i].name), headers[i].value);
    json_end_object(&call->json);
}

/* A text as it is; bytes that are none in base64. */
static void put_body(struct json_writer *w, struct str body)
{
    struct buf text;

    if (str_is_utf8(body)) {
        json_put_str(w, "body_encoding", STR("utf-8"));
        json_put_str(w, "body", body);
        return;
    }
    json_put_str(w, "body_encoding", STR("base64"));
    buf_init(&text, REPLY_BYTES_MAX);
    base64_write(&text, body);
    json_put_str(w, "body", buf_str(&text));
    buf_release(&text);
}

static void put_event(struct call *call, const struct outbox_pulled *event,
                      const struct request_headers_input *base)
{
    struct json_writer *w = &call->json;

    json_begin_object(w);
    json_put_i64(w, "sequence", event->sequence);
    json_put_i64(w, "delivery_id", event->delivery_id);
    json_put_str(w, "webhook_id", event->webhook_id);
    json_put_str(w, "kind", event->kind);
    json_put_str(w, "object_id", event->object_id);
    json_put_str(w, "state", delivery_state_name(event->state));
    json_put_i64(w, "attempts", event->attempts);
    json_put_time(w, "created_at", event->created_us);
    if (event->resend_of)
        json_put_i64(w, "resend_of", event->resend_of);
    else
        json_put_null(w, "resend_of");
    put_headers(call, event, base);
    put_body(w, event->body);
    json_end_object(w);
}

/* ---- the page ---- */

static void put_page(struct call *call, const struct request_headers_input *base)
{
    const struct pulling *p = call->data;
    const struct outbox_pull *pull = &p->pull;
    int64_t next = pull->count ? pull->found[pull->count - 1].sequence : pull->after;
    struct json_writer *w = call_json(call, 200);

    json_begin_object(w);
    json_key(w, "events");
    json_begin_array(w);
    for (size_t i = 0; i < pull->count; i++)
        put_event(call, &pull->found[i], base);
    json_end_array(w);
    json_put_i64(w, "next_after", next);
    json_put_bool(w, "more", pull->more);
    json_put_i64(w, "missing", next - pull->after - (int64_t)pull->count);
    json_put_i64(w, "last_sequence", p->last_sequence);
    json_end_object(w);
}

static void servers_keys(const struct call *call, struct signing_keys *keys)
{
    const char *why;

    keys->count = 0;
    for (size_t i = 0; i < call->setup->secret_count && keys->count < WEBHOOK_KEYS_MAX; i++)
        keys->count +=
            !webhook_key_init(&keys->list[keys->count], call->setup->signing_secrets[i], &why);
}

static enum err reply(struct tx *tx, struct call *call)
{
    const struct pulling *p = call->data;
    const struct secret_owner owner = {p->pull.tenant, p->pull.endpoint_id};
    struct signing_keys own = {0}, server = {0};
    const struct request_headers_input base = {.timestamp_s = tx->now_us / US_PER_SECOND,
                                               .user_agent = STR("Runbell/" RUNBELL_VERSION),
                                               .own = &own,
                                               .server = &server};
    struct secrets secrets = {0};
    struct str why;
    enum err err = secrets_open(tx, &owner, call->arena, &secrets, &why);

    if (err == ERR_DENIED)
        return call_fail(call, 409, "%.*s: nothing can be signed", STR_ARG(why));
    if (err)
        return err;
    signing_keys_open(&own, &secrets);
    servers_keys(call, &server);
    put_page(call, &base);
    signing_keys_release(&own);
    signing_keys_release(&server);
    secrets_wipe(&secrets);
    return OK;
}

static enum err pull_apply(struct tx *tx, struct call *call)
{
    struct pulling *p = call->data;
    const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = p->wait_s * 1000};
    struct endpoint_row endpoint;
    enum err err = endpoint_of(tx, call, tx->arena, &endpoint);

    if (err)
        return err;
    p->last_sequence = endpoint.next_sequence - 1;
    if (p->last_sequence > p->pull.after)
        err = outbox_pull(tx, &p->pull, call->arena);
    if (err)
        return err;
    if (p->pull.count == 0 && p->wait_s > 0 && !call_wait_is_over(call))
        return call_then_wait(call, &wait, pull_apply);
    return reply(tx, call);
}

static enum err pull_prepare(struct call *call)
{
    struct pulling *p = ARENA_NEW(call->arena, struct pulling);
    int64_t limit = LIMIT_DEFAULT;
    enum err err;

    if ((err = call_query_int(call, "after", 0, INT64_MAX, &p->pull.after)) ||
        (err = call_query_int(call, "limit", 1, OUTBOX_PULL_MAX, &limit)) ||
        (err = call_query_int(call, "wait", 0, WAIT_S_MAX, &p->wait_s)))
        return err;
    p->pull.tenant = call->principal.tenant;
    p->pull.endpoint_id = call->params[0];
    p->pull.limit = (size_t)limit;
    p->pull.bytes_max = PAGE_BYTES_MAX;
    call->data = p;
    return call_then_read(call, pull_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/endpoints/{endpoint_id}/events", pull_prepare, PERMIT_DELIVER, 0,
     "Everything for an endpoint behind a sequence number, with bodies and signed headers; waits"},
};

const struct route_list routes_endpoint_events = {routes, ARRAY_LEN(routes)};
