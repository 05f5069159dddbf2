/* /v1/inspectors/{id}/requests and /stream: what came to an inspector, and whether it was signed.
 */
#include "api/feed.h"
#include "api/inspected_keys.h"
#include "api/inspector_priv.h"
#include "api/route.h"
#include "crypto/base64.h"
#include "format/sse.h"

#define LIST_MAX 100
#define FEED_REQUESTS 50 /* of one reading; heads are small */
#define BASE64_BYTES_MAX (128 * MIB)

/* ---- as JSON ---- */

/* The members that all forms have; the head's stand among them. */
static void members_out(struct json_writer *json, const struct inspected *request)
{
    size_t position = 0;
    struct str key, value;

    json_put_i64(json, "request_id", request->request_id);
    json_put_time(json, "received_at", request->received_us);
    while (json_raw_next(request->head, &position, &key, &value)) {
        json_key_str(json, key);
        json_raw_out(json, value);
    }
    json_put_i64(json, "body_bytes", request->body_bytes);
    json_put_i64(json, "answered", request->status);
}

static void body_out(struct json_writer *json, struct arena *arena, struct str body)
{
    const struct json *parsed;
    struct buf text;

    json_key(json, "body");
    json_begin_object(json);
    json_put_str(json, "text", str_is_utf8(body) ? body : STR_NONE);
    json_put_raw(json, "json", json_parse(arena, body, &parsed, NULL) ? STR_NONE : body);
    if (!str_is_utf8(body)) {
        buf_init(&text, BASE64_BYTES_MAX);
        base64_write(&text, body);
        json_put_str(json, "base64", buf_str(&text));
        buf_release(&text);
    }
    json_end_object(json);
}

/* ---- signatures ---- */

static struct str header_of(const struct json *head, const char *name)
{
    struct json_iter iter = json_iter(json_get(head, "headers"));
    const struct json *pair;

    while (json_next(&iter, NULL, &pair))
        if (str_eq_nocase(json_string(json_item(pair, 0)), str_of(name)))
            return json_string(json_item(pair, 1));
    return STR_NONE;
}

/* As it was when it came: a request does not grow too old by being looked at. `given`: the one
 * secret to try; STR_NONE: all that may have signed it. */
static enum err check(struct tx *tx, struct call *call, const struct inspected *request,
                      struct str given, struct webhook_check *result)
{
    struct inspected_keys *keys = ARENA_NEW(call->arena, struct inspected_keys);
    const struct webhook_secret one = {STR("the secret given"), given};
    const struct json *head = NULL;
    struct webhook_received received = {
        .body = request->body,
        .now_s = request->received_us / US_PER_SECOND,
        .tolerance_s = WEBHOOK_TOLERANCE_S,
    };
    enum err err = OK;

    if (!json_parse(call->arena, request->head, &head, NULL)) {
        received.id = header_of(head, "webhook-id");
        received.timestamp = header_of(head, "webhook-timestamp");
        received.signature = header_of(head, "webhook-signature");
    }
    if (str_is_none(given))
        err = inspected_keys_find(tx, call, received.id, keys);
    if (err)
        return err;
    received.secrets = str_is_none(given) ? keys->list : &one;
    received.secret_count = str_is_none(given) ? keys->count : 1;
    webhook_check(&received, call->arena, result);
    inspected_keys_wipe(keys);
    return OK;
}

static void check_out(struct json_writer *json, const struct webhook_check *check)
{
    json_begin_object(json);
    json_put_str(json, "verdict", str_of(webhook_verdict_name(check->verdict)));
    json_put_str(json, "detail", check->why);
    json_put_str(json, "mend", check->mend.len ? check->mend : STR_NONE);
    json_put_str(json, "signer", check->signer);
    json_put_i64(json, "age_s", check->age_s);
    json_end_object(json);
}

/* ---- list ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct inspected_filter *filter = call->data;
    struct inspected_list found;
    struct inspector inspector;
    struct json_writer *json;
    enum err err = inspector_of(tx, call, &inspector);

    if (err)
        return err;
    filter->tenant = inspector.tenant;
    filter->inspector_id = inspector.inspector_id;
    if ((err = inspected_find(tx, filter, call->arena, &found)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++) {
        json_begin_object(json);
        members_out(json, &found.list[i]);
        json_end_object(json);
    }
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct inspected_filter *filter = ARENA_NEW(call->arena, struct inspected_filter);
    int64_t after = -1;
    enum err err;

    filter->limit = 50;
    if ((err = call_query_int(call, "limit", 1, LIST_MAX, &filter->limit)) ||
        (err = call_query_int(call, "before", 0, INT64_MAX, &filter->position)) ||
        (err = call_query_int(call, "after", 0, INT64_MAX, &after)))
        return err;
    if (after >= 0 && filter->position > 0) {
        call_fail(call, 422, "after: cannot stand beside before; give one of them");
        return ERR_INVALID;
    }
    filter->is_forward = after >= 0;
    if (filter->is_forward)
        filter->position = after;
    call->data = filter;
    return call_then_read(call, list_apply);
}

static enum err clear_apply(struct tx *tx, struct call *call)
{
    struct inspector inspector;
    enum err err = inspector_of(tx, call, &inspector);

    if (!err)
        err = inspected_clear(tx, inspector.tenant, inspector.inspector_id);
    return err ? err : call_empty(call, 204);
}

static enum err clear_prepare(struct call *call)
{
    return call_then_write(call, clear_apply);
}

/* ---- one ---- */

static enum err request_of(struct tx *tx, struct call *call, struct inspected *request)
{
    struct inspector inspector;
    int64_t id = 0;
    enum err err = inspector_of(tx, call, &inspector);

    if (err)
        return err;
    err = str_to_i64(call->params[1], &id)
              ? ERR_NOT_FOUND
              : inspected_get(tx, &inspector, id, call->arena, request);
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no request %.*s; the oldest ones are not kept",
                  STR_ARG(str_first(call->params[1], 32)));
    return err;
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct inspected request;
    struct webhook_check result;
    struct json_writer *json;
    enum err err = request_of(tx, call, &request);

    if (!err)
        err = check(tx, call, &request, STR_NONE, &result);
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    members_out(json, &request);
    body_out(json, call->arena, request.body);
    json_key(json, "verification");
    check_out(json, &result);
    json_end_object(json);
    return OK;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* The bytes as they came, as nothing a browser would open. */
static enum err body_apply(struct tx *tx, struct call *call)
{
    struct inspected request;
    enum err err = request_of(tx, call, &request);

    if (err)
        return err;
    call_json(call, 200);
    buf_add(&call->reply, request.body);
    call->content_type = "application/octet-stream";
    call_header(call, "x-content-type-options", STR("nosniff"));
    call_header(call, "content-disposition", STR("attachment"));
    return OK;
}

static enum err body_prepare(struct call *call)
{
    return call_then_read(call, body_apply);
}

/* ---- verify ---- */

static enum err verify_apply(struct tx *tx, struct call *call)
{
    const struct str *given = call->data;
    struct inspected request;
    struct webhook_check result;
    enum err err = request_of(tx, call, &request);

    if (!err)
        err = check(tx, call, &request, *given, &result);
    if (!err)
        check_out(call_json(call, 200), &result);
    return err;
}

/* The secret is used for this answer and kept nowhere. */
static enum err verify_prepare(struct call *call)
{
    struct str *given = ARENA_NEW(call->arena, struct str);
    enum err err;

    if ((err = call_body_object(call)) || (err = call_get_text(call, "secret", given)))
        return err;
    call->data = given;
    return call_then_read(call, verify_apply);
}

/* ---- stream ---- */

static enum err feed_read(struct tx *tx, struct feed *feed)
{
    struct inspected_filter filter = {feed->tenant, feed->key, true, feed->cursor, FEED_REQUESTS};
    struct inspected_list found;
    struct inspector inspector;
    struct buf one;
    enum err err = inspector_get(tx, feed->tenant, feed->key, &feed->arena, &inspector);

    if (err || (err = inspected_find(tx, &filter, &feed->arena, &found)))
        return err;
    buf_init(&one, FEED_BYTES_MAX);
    feed->more = found.count == FEED_REQUESTS;
    for (size_t i = 0; i < found.count; i++) {
        struct json_writer json;

        buf_clear(&one);
        json_writer_init(&json, &one);
        json_begin_object(&json);
        members_out(&json, &found.list[i]);
        json_end_object(&json);
        feed->next_cursor = found.list[i].request_id;
        sse_write(&feed->out, &(struct sse_event){STR("request"), buf_str(&one),
                                                  arena_printf(&feed->arena, "%lld",
                                                               (long long)feed->next_cursor)});
    }
    buf_release(&one);
    return OK;
}

static const struct feed_source requests = {TOPIC_INSPECTED, feed_read};

static enum err stream_apply(struct tx *tx, struct call *call)
{
    struct inspector inspector;
    int64_t cursor;
    enum err err = inspector_of(tx, call, &inspector);

    if (err || (err = call_get_cursor(call, inspector.received, &cursor)))
        return err;
    return call_then_feed(call, &requests, inspector.inspector_id, cursor);
}

static enum err stream_prepare(struct call *call)
{
    return call_then_read(call, stream_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/inspectors/{inspector_id}/requests", list_prepare, PERMIT_WATCH, 0,
     "What came, newest first (before=), or oldest first (after=)"},
    {HTTP_DELETE, "/v1/inspectors/{inspector_id}/requests", clear_prepare, PERMIT_DELIVER, 0,
     "Forget what came"},
    {HTTP_GET, "/v1/inspectors/{inspector_id}/requests/{request_id}", get_prepare, PERMIT_WATCH, 0,
     "One request with its body, and what its signature is worth"},
    {HTTP_GET, "/v1/inspectors/{inspector_id}/requests/{request_id}/body", body_prepare,
     PERMIT_WATCH, 0, "Its body, byte for byte"},
    {HTTP_POST, "/v1/inspectors/{inspector_id}/requests/{request_id}/verify", verify_prepare,
     PERMIT_WATCH, 0, "Check its signature with the secret given"},
    {HTTP_GET, "/v1/inspectors/{inspector_id}/stream", stream_prepare, PERMIT_WATCH, ROUTE_FOLLOWS,
     "Requests as they come, by SSE; from after= or Last-Event-ID on"},
};

const struct route_list routes_inspected = {routes, ARRAY_LEN(routes)};
