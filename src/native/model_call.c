/* A question on its way. */
#include "native/model_call.h"

#include "base/mem.h"

#define ATTEMPTS_MAX 5
#define WAIT_MS_FIRST 1000
#define BODY_BYTES_MAX (32 * MIB)
#define EXCERPT_BYTES_MAX 300

static const struct http_budget budget = {
    .dns_ms = 5000,
    .connect_ms = 10000,
    .tls_ms = 10000,
    .first_byte_ms = 180000,
    .total_ms = 200000,
    .body_ms = 600000,
};

static void send(struct model_call *call);

static void answer_begin(struct model_call *call)
{
    struct model_answer fresh;

    model_answer_init(&fresh, call->target.protocol, call->arena);
    fresh.on_text = call->answer.on_text;
    fresh.context = call->answer.context;
    if (call->is_open)
        model_answer_release(&call->answer);
    call->answer = fresh;
    call->is_open = true;
}

static bool on_piece(void *context, const struct http_result *so_far UNUSED, struct str piece)
{
    struct model_call *call = context;

    return !model_answer_feed(&call->answer, piece);
}

static bool is_busy_status(int status)
{
    return status == 408 || status == 429 || status >= 500;
}

static bool may_try_again(const struct model_call *call, const struct wire_end *end)
{
    if (call->attempt >= ATTEMPTS_MAX || end->outcome == HTTP_DENIED)
        return false;
    return end->outcome != HTTP_ANSWERED || is_busy_status(end->status);
}

static int64_t wait_ms(struct model_call *call, const struct wire_end *end)
{
    int64_t most = (int64_t)WAIT_MS_FIRST << (call->attempt - 1);

    if (end->retry_after_ms >= 0)
        return end->retry_after_ms;
    return most / 2 + (int64_t)(rng_next(loop_rng(call->loop)) % (uint64_t)(most / 2));
}

static struct str words(struct model_call *call, const struct wire_end *end)
{
    if (end->outcome == HTTP_DENIED)
        return arena_printf(call->arena,
                            "the model's address %.*s may not be connected to (%s); "
                            "runbell.egress.allow opens it",
                            STR_ARG(call->target.url.host), end->rule ? end->rule : end->why);
    if (end->outcome != HTTP_ANSWERED)
        return arena_printf(call->arena, "the model at %.*s could not be reached: %s",
                            STR_ARG(call->target.url.host), end->why);
    if (end->status / 100 != 2)
        return arena_printf(call->arena, "the model answered %d: %.*s", end->status,
                            STR_ARG(str_first(str_trim(end->body), EXCERPT_BYTES_MAX)));
    if (!str_is_none(call->answer.error))
        return call->answer.error;
    if (call->answer.is_complete)
        return STR_NONE;
    return STR("the model's answer ended before it was complete");
}

static void on_end(void *context, const struct wire_end *end)
{
    struct model_call *call = context;

    if (may_try_again(call, end))
        timer_start(&call->again, wait_ms(call, end));
    else
        call->on_done(call, words(call, end));
}

static const struct wire_events events = {on_piece, on_end};

static void give(struct model_call *call)
{
    const struct demo_answer *demo = &call->target.demo;

    answer_begin(call);
    if (str_is_none(demo->error))
        (void)model_answer_feed(&call->answer, demo->stream);
    call->on_done(call, str_is_none(demo->error) ? call->answer.error : demo->error);
}

static void on_again(struct timer *timer)
{
    struct model_call *call = CONTAINER_OF(timer, struct model_call, again);

    if (call->target.is_built_in)
        give(call);
    else
        send(call);
}

static struct str path_of(struct model_call *call)
{
    struct str base = call->target.url.path;

    while (str_ends(base, STR("/")))
        base.len--;
    return arena_printf(call->arena, "%.*s%s", STR_ARG(base),
                        call->target.protocol == MODEL_OPENAI ? "/chat/completions"
                                                              : "/v1/messages");
}

static void send(struct model_call *call)
{
    const struct model_target *target = &call->target;
    bool is_openai = target->protocol == MODEL_OPENAI;
    struct http_header *headers = ARENA_ARRAY(call->arena, struct http_header, 4);
    size_t count = 0;
    struct http_client_request request;

    answer_begin(call);
    call->attempt++;
    headers[count++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    headers[count++] = (struct http_header){STR("Accept"), STR("text/event-stream")};
    if (!is_openai)
        headers[count++] = (struct http_header){STR("anthropic-version"), STR("2023-06-01")};
    if (!str_is_none(target->key))
        headers[count++] = is_openai ? (struct http_header){STR("Authorization"),
                                                            arena_printf(call->arena, "Bearer %.*s",
                                                                         STR_ARG(target->key))}
                                     : (struct http_header){STR("x-api-key"), target->key};
    request = (struct http_client_request){
        .https = target->url.scheme_is_https,
        .host = target->url.host,
        .port = target->url.port,
        .method = STR("POST"),
        .target = path_of(call),
        .headers = headers,
        .header_count = count,
        .body = buf_str(&call->body),
        .budget = budget,
    };
    wire_start(&call->wire, &request, &events, call);
}

void model_call_init(struct model_call *call, struct loop *loop, struct http_client *client,
                     struct arena *arena)
{
    *call = (struct model_call){.loop = loop, .arena = arena};
    wire_init(&call->wire, loop, client);
    timer_init(&call->again, loop, on_again);
    buf_init(&call->body, BODY_BYTES_MAX);
}

void model_call_start(struct model_call *call, const struct model_target *target,
                      void (*on_text)(void *context, struct str piece), void *context)
{
    call->target = *target;
    call->attempt = 0;
    if (!call->is_open)
        call->answer = (struct model_answer){.protocol = target->protocol};
    call->answer.on_text = on_text;
    call->answer.context = context;
    if (target->is_built_in)
        timer_start(&call->again, target->demo.delay_ms);
    else
        send(call);
}

void model_call_stop(struct model_call *call)
{
    timer_stop(&call->again);
    wire_stop(&call->wire);
}

void model_call_release(struct model_call *call)
{
    model_call_stop(call);
    if (call->is_open)
        model_answer_release(&call->answer);
    call->is_open = false;
    buf_release(&call->body);
}

bool model_call_is_busy(const struct model_call *call)
{
    return wire_is_busy(&call->wire) || timer_is_running(&call->again);
}
