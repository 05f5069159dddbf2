/* inspector_receive.c -- requests to /in/{slug}, of any method and to any path below: kept in one
 * transaction, then answered as the inspector is told.
 *
 *   too many lately? ──▶ 429
 *   find the slug (a reader) ──▶ 404, 429
 *        └──▶ count, keep, choose the answer (the writer) ──▶ [delay] ──▶ answer
 *
 * No key is needed: whoever knows the slug may send. What is answered can do nothing in a browser:
 * it is sandboxed, and has no type unless one was set. */
#include "api/call_priv.h"
#include "api/inbox_rate.h"
#include "api/inspector_priv.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#define HEAD_BYTES_MAX MIB

struct inbound { /* in the exchange's arena */
    struct store_work work;
    struct list node;
    struct inbox *inbox;
    const struct api_setup *setup;
    struct http_exchange *exchange;
    struct arena *arena;
    struct timer delay;
    struct str slug;
    struct inspected request;
    struct answer answer;
    bool is_found;
};

struct inbox {
    struct list waiting; /* for the end of their delay */
    struct inbox_rate rate;
    bool is_draining;
};

struct inbox *inbox_new(void)
{
    struct inbox *inbox = MEM_NEW(struct inbox);

    list_init(&inbox->waiting);
    inbox_rate_init(&inbox->rate);
    return inbox;
}

void inbox_free(struct inbox *inbox)
{
    inbox_rate_release(&inbox->rate);
    mem_free(inbox);
}

/* ---- answering ---- */

static const struct http_header guards[] = {
    {{"x-content-type-options", 22}, {"nosniff", 7}},
    {{"content-security-policy", 23}, {"sandbox; default-src 'none'", 27}},
    {{"access-control-allow-origin", 27}, {"*", 1}},
};

static void answer(struct inbound *in)
{
    struct http_header headers[ANSWER_HEADERS_MAX + ARRAY_LEN(guards)];

    list_remove(&in->node);
    timer_stop(&in->delay);
    memcpy(headers, in->answer.headers, in->answer.header_count * sizeof(*headers));
    memcpy(headers + in->answer.header_count, guards, sizeof(guards));
    http_reply(in->exchange, in->answer.status, headers,
               in->answer.header_count + ARRAY_LEN(guards), in->answer.body);
}

static void answer_plainly(struct inbound *in, int status, struct str body)
{
    in->answer = (struct answer){.status = status,
                                 .headers = {{STR("content-type"), STR("application/json")}},
                                 .header_count = 1,
                                 .body = body};
    answer(in);
}

static void answer_too_many(struct inbound *in, int64_t wait_us)
{
    int64_t wait_s = (wait_us + US_PER_SECOND - 1) / US_PER_SECOND;

    in->answer = (struct answer){
        .status = 429,
        .headers = {{STR("content-type"), STR("application/json")},
                    {STR("retry-after"),
                     arena_printf(in->arena, "%lld", (long long)(wait_s > 0 ? wait_s : 1))}},
        .header_count = 2,
        .body = STR("{\"detail\":\"this inspector is sent too much; "
                    "runbell.inspector.requests_per_s says how much it takes\"}"),
    };
    answer(in);
}

static void on_delay(struct timer *timer)
{
    answer(CONTAINER_OF(timer, struct inbound, delay));
}

void inbox_drain(struct inbox *inbox)
{
    inbox->is_draining = true;
    while (!list_is_empty(&inbox->waiting))
        answer(LIST_ITEM(inbox->waiting.next, struct inbound, node));
}

/* ---- keeping ---- */

static enum err keep_apply(struct tx *tx, struct store_work *work)
{
    struct inbound *in = CONTAINER_OF(work, struct inbound, work);
    struct inspector inspector;
    enum err err = inspector_count(tx, in->slug, tx->arena, &inspector);

    if (err)
        return err;
    answer_find(in->arena, inspector.answer, inspector.answered, &in->answer);
    in->request.status = in->answer.status;
    in->request.received_us = tx->now_us;
    err = inspector_keep(tx, &inspector, &in->request, &in->setup->inspector);
    if (!err)
        tx_notify(tx, TOPIC_INSPECTED, inspector.inspector_id);
    return err;
}

static enum err find_apply(struct tx *tx, struct store_work *work)
{
    struct inbound *in = CONTAINER_OF(work, struct inbound, work);
    struct inspector inspector;

    return inspector_find(tx, in->slug, tx->arena, &inspector);
}

/* There is such an inspector. */
static void found(struct inbound *in)
{
    int64_t now_us = loop_mono_us(http_exchange_loop(in->exchange)), wait_us = 0;

    if (!inbox_rate_take(&in->inbox->rate, in->setup->inspector_per_s, in->slug, now_us,
                         &wait_us)) {
        answer_too_many(in, wait_us);
        return;
    }
    in->is_found = true;
    in->work.apply = keep_apply;
    in->work.class = STORE_REPLY;
    store_write(in->setup->store, &in->work);
}

static void work_done(struct store_work *work, enum err err)
{
    struct inbound *in = CONTAINER_OF(work, struct inbound, work);

    if (!err && !in->is_found) {
        found(in);
    } else if (err == ERR_NOT_FOUND) {
        answer_plainly(in, 404,
                       STR("{\"detail\":\"there is no inspector at this address; POST "
                           "/v1/inspectors makes one\"}"));
    } else if (err) {
        log_error("api", "a request to an inspector was not kept: %s", err_name(err));
        answer_plainly(in, 503, STR("{\"detail\":\"not possible at the moment; try again\"}"));
    } else if (in->answer.delay_ms > 0 && !in->inbox->is_draining) {
        list_push(&in->inbox->waiting, &in->node);
        timer_start(&in->delay, in->answer.delay_ms);
    } else {
        answer(in);
    }
}

/* ---- taking ---- */

/* What stands behind /in/, with the mount prefix before it; STR_NONE: another path. */
static struct str behind(const struct api_setup *setup, struct str path)
{
    struct str inner = STR(INSPECTOR_PATH);

    if (!str_starts(path, setup->mount_prefix))
        return STR_NONE;
    path = str_from(path, setup->mount_prefix.len);
    return str_starts(path, inner) && path.len > inner.len ? str_from(path, inner.len) : STR_NONE;
}

bool inbox_takes(const struct api_setup *setup, const struct http_request *request)
{
    return !str_is_none(behind(setup, request->path));
}

static struct str head_write(struct inbound *in, const struct http_request *request)
{
    struct address_text source;
    struct json_writer json;
    struct buf out;
    struct str text;
    char *copy;

    buf_init(&out, HEAD_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "method", request->method_text);
    json_put_str(&json, "path", request->path);
    json_put_str(&json, "query", request->query);
    json_put_str(&json, "source", address_write(&request->peer, &source));
    json_put_bool(&json, "tls", str_starts(in->setup->self_url, STR("https:")));
    json_key(&json, "headers");
    json_begin_array(&json);
    for (size_t i = 0; i < request->header_count; i++) {
        json_begin_array(&json);
        json_str_out(&json, request->headers[i].name);
        json_str_out(&json, request->headers[i].value);
        json_end_array(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    text = out.failed ? STR("{}") : arena_str(in->arena, buf_str(&out));
    copy = arena_cstr(in->arena, text);
    json_scrub_nul(copy, text.len);
    buf_release(&out);
    return str_range(copy, text.len);
}

void inbox_receive(struct api *api, const struct api_setup *setup, struct http_exchange *exchange)
{
    const struct http_request *request = http_exchange_request(exchange);
    struct arena *arena = http_exchange_arena(exchange);
    struct inbound *in = ARENA_NEW(arena, struct inbound);
    struct str rest = behind(setup, request->path);
    int64_t wait_us = 0;

    in->inbox = api_inbox(api);
    in->setup = setup;
    in->exchange = exchange;
    in->arena = arena;
    list_init(&in->node);
    timer_init(&in->delay, http_exchange_loop(exchange), on_delay);
    in->slug = str_first(rest, str_find_char(rest, '/'));
    if (!str_is_utf8(in->slug))
        in->slug = STR("");
    if (!inbox_rate_admits(&in->inbox->rate, setup->inspector_per_s, in->slug,
                           loop_mono_us(http_exchange_loop(exchange)), &wait_us)) {
        answer_too_many(in, wait_us);
        return;
    }
    in->request.head = head_write(in, request);
    in->request.body = request->body;
    in->work.apply = find_apply;
    in->work.done = work_done;
    in->work.reply_to = http_exchange_loop(exchange);
    store_read(setup->store, &in->work);
}
