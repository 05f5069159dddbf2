/* client.c -- the client as a whole, and a send's beginning, deadline and end. */
#include "http/client.h"

#include "base/mem.h"
#include "http/detour_priv.h"

#define SCRATCH_BYTES_MAX (256 * KIB)
#define SPARE_SENDS_MAX 64

const struct http_budget http_budget_default = {
    .dns_ms = 5 * MS_PER_SECOND,
    .connect_ms = 5 * MS_PER_SECOND,
    .tls_ms = 5 * MS_PER_SECOND,
    .first_byte_ms = 15 * MS_PER_SECOND,
    .total_ms = 15 * MS_PER_SECOND,
    .body_ms = 2 * MS_PER_SECOND,
    .body_rate_min = 256,
};

/* ---- deadline ---- */

void send_set_deadline(struct http_send *send, int64_t until_ms)
{
    int64_t now_ms = loop_mono_ms(send->client->config.loop);

    send->deadline_ms = until_ms < send->total_until_ms ? until_ms : send->total_until_ms;
    if (!timer_is_running(&send->timer) || send->timer.due_ms > send->deadline_ms)
        timer_start(&send->timer, send->deadline_ms > now_ms ? send->deadline_ms - now_ms : 0);
}

static void check_body(struct http_send *send, int64_t now_ms)
{
    int64_t taken_ms = now_ms - send->body_start_ms;
    uint64_t wanted = (uint64_t)send->request.budget.body_rate_min * (uint64_t)taken_ms / 1000;

    if (now_ms < send->total_until_ms && send->body_seen >= wanted) {
        send_set_deadline(send, now_ms + RATE_CHECK_MS);
        return;
    }
    send->result.body_truncated = true;
    send_finish(send, HTTP_ANSWERED, "the response body was too slow", false);
}

static void on_timeout(struct http_send *send, int64_t now_ms)
{
    bool all_is_over = now_ms >= send->total_until_ms;

    switch ((enum send_phase)send->phase) {
    case SEND_FAILED_EARLY:
        send_finish(send, send->result.outcome, send->result.why, false);
        break;
    case SEND_TOKEN:
        send_finish(send, HTTP_NO_CONNECTION, "the OAuth token endpoint did not answer in time",
                    false);
        break;
    case SEND_RESOLVE:
        send_finish(send, HTTP_NO_NAME, "the name lookup timed out", false);
        break;
    case SEND_CONNECT:
        if (all_is_over)
            send_finish(send, HTTP_NO_CONNECTION, "connect timed out", false);
        else
            send_on_timeout_connecting(send);
        break;
    case SEND_TUNNEL:
        send_finish(send, HTTP_NO_CONNECTION, "the proxy did not answer in time", false);
        break;
    case SEND_TLS:
        send_finish(send, HTTP_TIMED_OUT, "the TLS handshake timed out", false);
        break;
    case SEND_WAIT:
        send_finish(send, HTTP_TIMED_OUT, "no whole response in time", false);
        break;
    case SEND_BODY:
        check_body(send, now_ms);
        break;
    }
}

static void on_timer(struct timer *timer)
{
    struct http_send *send = CONTAINER_OF(timer, struct http_send, timer);
    int64_t now_ms = loop_mono_ms(send->client->config.loop);

    if (now_ms < send->deadline_ms)
        timer_start(&send->timer, send->deadline_ms - now_ms);
    else
        on_timeout(send, now_ms);
}

/* ---- begin and end ---- */

static struct http_send *send_new(struct http_client *client)
{
    struct list *spare = list_pop(&client->spares);
    struct http_send *send;

    if (spare) {
        client->spare_count--;
        send = LIST_ITEM(spare, struct http_send, node);
    } else {
        send = MEM_NEW(struct http_send);
        arena_init(&send->arena);
    }
    send->client = client;
    buf_init(&send->body, client->config.response_body_bytes_max);
    timer_init(&send->timer, client->config.loop, on_timer);
    list_init(&send->waiter);
    list_push(&client->sends, &send->node);
    return send;
}

static void send_free(struct http_send *send)
{
    struct http_client *client = send->client;
    struct arena arena = send->arena;

    list_remove(&send->node);
    buf_release(&send->body);
    if (client->spare_count >= SPARE_SENDS_MAX) {
        arena_release(&send->arena);
        mem_free(send);
        return;
    }
    arena_reset(&arena);
    *send = (struct http_send){.arena = arena};
    list_push_front(&client->spares, &send->node);
    client->spare_count++;
}

enum link_fate { LINK_KEEP, LINK_CLOSE, LINK_RESET };

/* Gives up all it holds of the world. */
static void let_go(struct http_send *send, enum link_fate fate)
{
    struct link *link = send->link;

    timer_stop(&send->timer);
    list_remove(&send->waiter);
    if (send->query)
        dns_query_cancel(send->query);
    if (send->connecting)
        connecting_cancel(send->connecting);
    if (send->head)
        head_give(&send->client->heads, send->head);
    send->query = NULL;
    send->connecting = NULL;
    send->head = NULL;
    send->link = NULL;
    if (link && fate == LINK_KEEP)
        pool_put(link);
    else if (link)
        link_close(link, fate == LINK_RESET);
}

void send_finish(struct http_send *send, enum http_outcome outcome, const char *why, bool reusable)
{
    struct http_result *result = &send->result;
    bool is_whole = outcome == HTTP_ANSWERED && !result->body_truncated;

    let_go(send, reusable ? LINK_KEEP : is_whole ? LINK_CLOSE : LINK_RESET);
    result->outcome = outcome;
    result->why = why;
    result->body = buf_str(&send->body);
    result->phases.total_us = loop_mono_us(send->client->config.loop) - send->start_us;
    send->on_done(send->context, result);
    send_free(send);
}

void send_fail_later(struct http_send *send, enum http_outcome outcome, const char *why)
{
    send->phase = SEND_FAILED_EARLY;
    send->result.outcome = outcome;
    send->result.why = why;
    send_set_deadline(send, 0);
}

/* An IPv6 literal may come in brackets. */
static struct str without_brackets(struct str host)
{
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        return str_range(host.data + 1, host.len - 2);
    return host;
}

struct http_send *http_client_send(struct http_client *client,
                                   const struct http_client_request *request,
                                   void (*on_done)(void *context, const struct http_result *result),
                                   void *context)
{
    struct http_send *send = send_new(client);

    REQUIRE(on_done && (!request->https || client->config.tls));
    send->request = *request;
    send->request.host = without_brackets(request->host);
    send->on_done = on_done;
    send->context = context;
    send->result.phases = (struct http_phases){-1, -1, -1, -1, -1};
    send->start_us = send->phase_us = loop_mono_us(client->config.loop);
    send->total_until_ms = loop_mono_ms(client->config.loop) + request->budget.total_ms;
    send_begin(send);
    return send;
}

void http_send_cancel(struct http_send *send)
{
    let_go(send, LINK_RESET);
    send_free(send);
}

/* ---- the client ---- */

struct http_client *http_client_new(const struct http_client_config *config)
{
    struct http_client *client = MEM_NEW(struct http_client);

    REQUIRE(config->policy && config->response_header_bytes_max > 0);
    client->config = *config;
    client->heads.text_bytes_max = config->response_header_bytes_max;
    client->parser_limits = (struct parser_limits){
        .head_bytes_max = config->response_header_bytes_max,
        .chunk_excess_max = config->response_header_bytes_max,
    };
    list_init(&client->sends);
    list_init(&client->spares);
    buf_init(&client->scratch, SCRATCH_BYTES_MAX);
    map_init(&client->names);
    map_init(&client->tokens);
    pool_init(client);
    return client;
}

void http_client_free(struct http_client *client)
{
    struct list *node;

    while (!list_is_empty(&client->sends))
        http_send_cancel(LIST_ITEM(client->sends.next, struct http_send, node));
    while ((node = list_pop(&client->spares))) {
        struct http_send *send = LIST_ITEM(node, struct http_send, node);

        arena_release(&send->arena);
        mem_free(send);
    }
    pool_release(client);
    oauth_release(client);
    names_release(client);
    map_release(&client->names);
    head_pool_release(&client->heads);
    buf_release(&client->scratch);
    mem_free(client);
}

void http_client_set_policy(struct http_client *client, const struct egress_policy *policy)
{
    client->config.policy = policy;
}

struct http_client_stats http_client_stats(const struct http_client *client)
{
    return client->stats;
}
