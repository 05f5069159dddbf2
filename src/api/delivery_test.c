/* Test sends that tell the truth: a signed sample goes through the ordinary engine, once, and the
 * call answers with what the receiver said. */
#include "api/delivery_test.h"

#include "api/delivery_target.h"
#include "api/delivery_view.h"
#include "api/endpoints_priv.h"

#include "delivery/sample.h"

#define WAIT_MS 20000
#define SAMPLE_BYTES_MAX (64 * KIB)

struct test_send {
    struct str endpoint_id; /* STR_NONE: by url and kind */
    struct str url, kind, body;
    int64_t delivery_id;
};

/* ---- the end of the wait ---- */

/* The first attempt's end is what was asked for. */
static bool has_answer(const struct delivery_row *delivery)
{
    return !str_is_none(delivery->last_result) || delivery->state == DELIVERY_DEAD;
}

static void put_outcome(struct call *call, const struct delivery_row *delivery,
                        const struct attempt_row *attempts, size_t count)
{
    struct json_writer *json = call_json(call, 200);
    struct delivery_view view = delivery_view_of(call);

    json_begin_object(json);
    json_put_bool(json, "delivered", delivery->state == DELIVERY_DONE);
    json_put_bool(json, "pending", !has_answer(delivery));
    json_put_str(json, "message", delivery_json_verdict(delivery));
    json_key(json, "attempt");
    if (count > 0)
        delivery_json_out_attempt(json, view, &attempts[count - 1]);
    else
        json_null_out(json);
    json_key(json, "delivery");
    delivery_json_out(json, view, delivery);
    json_end_object(json);
}

/* Who is not told why there was no answer waits for it as long as any: a quick no says much. */
static bool is_over(const struct call *call, const struct delivery_row *delivery)
{
    return delivery->state == DELIVERY_HELD ||
           (has_answer(delivery) && !delivery_view_hides_end(call, delivery));
}

static enum err wait_apply(struct tx *tx, struct call *call)
{
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    const struct test_send *test = call->data;
    struct str tenant = call->principal.tenant;
    struct delivery_row delivery;
    struct attempt_row *attempts;
    size_t count;
    enum err err = delivery_get(tx, tenant, test->delivery_id, call->arena, &delivery);

    if (err)
        return err;
    if (!is_over(call, &delivery) && !call_wait_is_over(call))
        return call_then_wait(call, &wait, wait_apply);
    err = attempt_list(tx, tenant, test->delivery_id, call->arena, &attempts, &count);
    if (!err)
        put_outcome(call, &delivery, attempts, count);
    return err;
}

/* ---- the start ---- */

static void render(struct call *call, struct test_send *test, struct str id)
{
    struct buf out;

    buf_init(&out, SAMPLE_BYTES_MAX);
    sample_write(&out, test->kind, id, loop_wall_us(http_exchange_loop(call->exchange)));
    test->body = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
}

static enum err send_apply(struct tx *tx, struct call *call)
{
    static const struct call_wait wait = {.topic = TOPIC_DELIVERY_LOG, .timeout_ms = WAIT_MS};
    struct test_send *test = call->data;
    struct str id = call_new_id(call);
    const struct str parts[] = {OUTBOX_TEST_PREFIX, id};
    enum err err = delivery_tests_spend(tx, call);

    if (err)
        return err == ERR_DENIED ? OK : err;
    render(call, test, id);
    err = outbox_add_one(tx,
                         &(struct outbox_event){
                             .tenant = call->principal.tenant,
                             .kind = test->kind,
                             .object_id = arena_concat(call->arena, parts, ARRAY_LEN(parts)),
                             .url = test->url,
                             .endpoint_id = test->endpoint_id,
                             .content_type = STR("application/json"),
                             .body = test->body,
                             .policy = STR("once"),
                         },
                         &test->delivery_id);
    return err ? err : call_then_wait(call, &wait, wait_apply);
}

static enum err kind_check(struct call *call, struct str kind)
{
    if (sample_exists(kind))
        return OK;
    call_fail(call, 422, "kind: must be run, rule, alert or fleet");
    return ERR_INVALID;
}

enum err delivery_test_url_prepare(struct call *call)
{
    struct test_send *test = ARENA_NEW(call->arena, struct test_send);
    enum err err;

    test->kind = STR("run");
    if ((err = call_body_object(call)) || (err = call_get_text(call, "kind", &test->kind)) ||
        (err = call_get_text(call, "url", &test->url)) || (err = kind_check(call, test->kind)) ||
        (err = delivery_target_check(call, test->kind, STR("url"), test->url)))
        return err;
    call->data = test;
    return call_then_write(call, send_apply);
}

/* ---- to an endpoint ---- */

/* Its own kind if there is a sample of it. */
static enum err endpoint_apply(struct tx *tx, struct call *call)
{
    struct test_send *test = call->data;
    struct endpoint_row endpoint;
    enum err err = endpoint_of(tx, call, call->arena, &endpoint);

    if (err)
        return err;
    if (str_is_none(test->kind))
        test->kind = sample_exists(endpoint.kind) ? endpoint.kind : STR("run");
    test->endpoint_id = endpoint.endpoint_id;
    test->url = endpoint.url;
    return send_apply(tx, call);
}

enum err delivery_test_endpoint_prepare(struct call *call)
{
    struct test_send *test = ARENA_NEW(call->arena, struct test_send);
    enum err err;

    test->kind = STR_NONE;
    if ((err = call_body_object(call)) || (err = call_get_text(call, "kind", &test->kind)) ||
        (!str_is_none(test->kind) && (err = kind_check(call, test->kind))))
        return err;
    call->data = test;
    return call_then_write(call, endpoint_apply);
}
