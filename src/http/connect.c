/* connect.c -- from a host name to a connection to a vetted address. */
#include "http/detour_priv.h"
#include "http/http_metrics.h"

static struct loop *loop_of(const struct http_send *send)
{
    return send->client->config.loop;
}

static int64_t end_phase(struct http_send *send)
{
    int64_t now_us = loop_mono_us(loop_of(send));
    int64_t taken_us = now_us - send->phase_us;

    send->phase_us = now_us;
    return taken_us;
}

/* Where to tell the owner from: not from inside http_client_send. */
static void fail(struct http_send *send, enum http_outcome outcome, const char *why)
{
    if (send->phase == SEND_FAILED_EARLY)
        send_fail_later(send, outcome, why);
    else
        send_finish(send, outcome, why, false);
}

static void deny(struct http_send *send, const char *rule)
{
    send->result.rule = rule;
    http_count_denied(str_of(rule));
    fail(send, HTTP_DENIED, "the address is not allowed");
}

/* ---- a link ---- */

/* What has to be the same for a link to be used again, besides the address. */
static struct str link_key_of(struct http_send *send)
{
    const struct http_client_request *request = &send->request;
    struct str host = request->https ? request->host : STR("");

    if (!request->identity && !send->client->config.proxy)
        return host;
    return arena_printf(&send->arena, "%.*s|%.*s|%.*s:%u", STR_ARG(host),
                        STR_ARG(request->identity ? request->identity->id : STR("")),
                        STR_ARG(request->host), (unsigned)request->port);
}

static bool take_from_pool(struct http_send *send)
{
    for (size_t i = 0; send->request.reuse != HTTP_FRESH && i < send->address_count; i++) {
        struct link *link = pool_take(send->client, &send->addresses[i], send->link_key);

        if (!link)
            continue;
        link->send = send;
        send->link = link;
        send->result.reused = true;
        send->result.address = link->address;
        send->result.phases.connect_us = send->result.phases.tls_us = 0;
        return true;
    }
    return false;
}

static void on_tls_ready(void *context, struct stream *stream)
{
    struct link *link = context;
    struct http_send *send = link->send;

    (void)stream;
    send->result.phases.tls_us = end_phase(send);
    send_write_request(send);
}

void send_use_link(struct http_send *send)
{
    struct link *link = send->link;
    struct stream *under = link->stream, *stream;
    const struct stream_events *events = under->events;

    send->result.phases.connect_us = end_phase(send);
    if (!send->request.https) {
        send->result.phases.tls_us = 0;
        stream_start(under);
        send_write_request(send);
        return;
    }
    stream = tls_client_wrap(send->client->config.tls, under, send->request.host,
                             send->request.identity, on_tls_ready, link);
    if (!stream) {
        send_finish(send, HTTP_TLS_FAILED, "the client certificate cannot be used", false);
        return;
    }
    link->stream = stream;
    stream_set_events(stream, events, link);
    send->phase = SEND_TLS;
    send_set_deadline(send, loop_mono_ms(loop_of(send)) + send->request.budget.tls_ms);
    stream_start(stream);
}

/* Whom the kernel says that it connected us to: it may have rules of its own. */
static bool is_peer(const struct stream *stream, const struct address *vetted)
{
    struct address wanted = address_unmapped(vetted), peer;

    stream_peer(stream, &peer);
    peer = address_unmapped(&peer);
    if (address_is_any(&wanted))
        return address_is_loopback(&peer) && peer.port == wanted.port;
    return address_eq(&peer, &wanted);
}

static void use_stream(struct http_send *send, struct stream *stream)
{
    const struct address *address = &send->addresses[send->address_next - 1];
    bool is_vetted = !send->client->config.proxy;

    if (is_vetted && !is_peer(stream, address)) {
        stream_close(stream, true);
        send_finish(send, HTTP_NO_CONNECTION, "connected to another address than the vetted one",
                    false);
        return;
    }
    send->link = link_new(send, stream, address);
    send->result.address = *address;
    if (send->client->config.proxy)
        tunnel_begin(send);
    else
        send_use_link(send);
}

static void on_connected(void *context, enum err err, const char *why, struct stream *stream)
{
    struct http_send *send = context;

    send->connecting = NULL;
    if (err == OK) {
        use_stream(send, stream);
        return;
    }
    send->result.why = why;
    send_connect_next(send);
}

/* Whose name is looked up here. */
static struct str dialed_host(const struct http_send *send)
{
    const struct http_proxy *proxy = send->client->config.proxy;

    return proxy ? proxy->host : send->request.host;
}

/* Each address left gets its share of the budget, so that one that swallows packets does not eat it
 * all. */
void send_connect_next(struct http_send *send)
{
    int64_t now_ms = loop_mono_ms(loop_of(send));
    size_t left = send->address_count - send->address_next;

    if (send->phase != SEND_CONNECT) {
        send->phase = SEND_CONNECT;
        send->phase_us = loop_mono_us(loop_of(send));
        send->connect_until_ms = now_ms + send->request.budget.connect_ms;
        send->address_next = 0;
        left = send->address_count;
    }
    if (left == 0 || now_ms >= send->connect_until_ms) {
        names_drop(send->client, dialed_host(send));
        send_finish(send, HTTP_NO_CONNECTION, left ? "connect timed out" : send->result.why, false);
        return;
    }
    send_set_deadline(send, now_ms + (send->connect_until_ms - now_ms) / (int64_t)left);
    send->connecting =
        loop_connect(loop_of(send), send->addresses[send->address_next++], on_connected, send);
}

void send_on_timeout_connecting(struct http_send *send)
{
    connecting_cancel(send->connecting);
    send->connecting = NULL;
    send->result.why = "connect timed out";
    send_connect_next(send);
}

/* ---- a vetted address ---- */

/* All answers are vetted, not only the one that will be used: a name that leads inside and outside
 * is somebody's trick, or a mistake. */
static bool vet(struct http_send *send, const struct address *addresses, size_t count)
{
    const struct http_proxy *proxy = send->client->config.proxy;
    const char *rule = NULL;

    send->address_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct address address = addresses[i];

        address.port = proxy ? proxy->port : send->request.port;
        if (!proxy &&
            !egress_admits(send->client->config.policy, send->request.host, &address, &rule)) {
            deny(send, rule);
            return false;
        }
        if (send->address_count < ADDRESSES_TRIED_MAX)
            send->addresses[send->address_count++] = address;
    }
    return true;
}

static void obtain(struct http_send *send)
{
    if (take_from_pool(send))
        send_write_request(send);
    else
        send_connect_next(send);
}

static void on_resolved(void *context, enum err err, const struct address *addresses, size_t count)
{
    struct http_send *send = context;

    send->query = NULL;
    send->result.phases.dns_us = end_phase(send);
    if (err == ERR_NOT_FOUND || (err == OK && count == 0))
        send_finish(send, HTTP_NO_NAME, "the name does not resolve", false);
    else if (err == ERR_AGAIN)
        send_finish(send, HTTP_NO_NAME, "the name lookup timed out", false);
    else if (err)
        send_finish(send, HTTP_NO_NAME, "the name server failed", false);
    else if (vet(send, addresses, count)) {
        names_keep(send->client, dialed_host(send), addresses, count);
        obtain(send);
    }
}

/* By what the request itself says. With a proxy this is all: an address in the URL is vetted here,
 * a name by its text. */
static bool admits(struct http_send *send)
{
    const struct http_client_request *request = &send->request;
    const struct egress_policy *policy = send->client->config.policy;
    const char *rule = "malformed request";
    struct address literal;

    if (!outgoing_is_valid(request) ||
        !egress_admits_host(policy, request->host, request->port, &rule)) {
        deny(send, rule);
        return false;
    }
    if (!send->client->config.proxy || address_parse_ip(request->host, &literal))
        return true;
    literal.port = request->port;
    if (egress_admits(policy, request->host, &literal, &rule))
        return true;
    deny(send, rule);
    return false;
}

void send_begin(struct http_send *send)
{
    const struct http_client_request *request = &send->request;
    struct str host = dialed_host(send);
    struct address literal;

    send->phase = SEND_FAILED_EARLY;
    if (!admits(send) || !oauth_begin(send))
        return;
    send->link_key = link_key_of(send);
    send->result.phases.dns_us = 0;
    const struct name_entry *known = names_find(send->client, host);
    if (address_parse_ip(host, &literal) == OK) {
        if (vet(send, &literal, 1))
            obtain(send);
    } else if (known) {
        if (vet(send, known->addresses, known->count))
            obtain(send);
    } else {
        send->phase = SEND_RESOLVE;
        send->result.phases.dns_us = -1;
        /* One budget, kept here: the resolver's own timeout is only the same number. */
        send_set_deadline(send, loop_mono_ms(loop_of(send)) + request->budget.dns_ms);
        send->query = loop_resolve(loop_of(send), host, request->budget.dns_ms, on_resolved, send);
    }
}
