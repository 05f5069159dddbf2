/* real_dns.c -- names by c-ares, watched by the loop: no thread per lookup.
 *
 * One channel per loop, made by the first query, and made anew when it has been idle and is older
 * than a minute, so that a changed /etc/resolv.conf is noticed. c-ares cannot cancel one query: a
 * query that is cancelled or late is orphaned, and freed when c-ares comes back with it. Answers
 * are told from a timer, because c-ares may answer from inside the call that asked. */
#include <netdb.h>

#include "base/mem.h"
#include "io/real_priv.h"

#define HOST_BYTES_MAX 254
#define CHANNEL_MS_MAX 60000
#define TRY_MS 1500
#define TRIES 3

struct dns_socket {
    struct list in_dns;
    uv_poll_t poll;
    struct real_dns *dns;
    ares_socket_t fd;
};

struct real_dns {
    struct real_loop *loop;
    ares_channel channel;
    struct timer retry; /* c-ares has its own timeouts */
    struct list sockets;
    int64_t made_ms;
    size_t asking; /* queries that c-ares still holds */
};

struct real_query {
    struct dns_query base;
    struct list in_loop;
    struct timer timer; /* the limit; once `answered`: the callback that is due */
    resolved_fn *on_done;
    void *context;
    struct real_dns *dns;
    bool asking;   /* c-ares still holds it */
    bool answered; /* err and addresses are set */
    bool orphaned; /* its owner has no more interest */
    enum err err;
    size_t count;
    struct address addresses[DNS_ADDRESSES_MAX];
};

/* ---- the channel's sockets and its clock ---- */

static void dns_clock(struct real_dns *dns)
{
    struct timeval left;

    if (!ares_timeout(dns->channel, NULL, &left)) {
        timer_stop(&dns->retry);
        return;
    }
    timer_start(&dns->retry, (int64_t)left.tv_sec * MS_PER_SECOND + left.tv_usec / 1000 + 1);
}

static void on_retry(struct timer *timer)
{
    struct real_dns *dns = CONTAINER_OF(timer, struct real_dns, retry);

    ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    dns_clock(dns);
}

static void on_dns_socket(uv_poll_t *poll, int status, int events)
{
    struct dns_socket *watch = poll->data;
    struct real_dns *dns = watch->dns;
    bool readable = status < 0 || (events & UV_READABLE);
    bool writable = status < 0 || (events & UV_WRITABLE);

    ares_process_fd(dns->channel, readable ? watch->fd : ARES_SOCKET_BAD,
                    writable ? watch->fd : ARES_SOCKET_BAD);
    dns_clock(dns);
}

static void dns_socket_freed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static struct dns_socket *dns_socket_get(struct real_dns *dns, ares_socket_t fd)
{
    struct dns_socket *watch;

    for (struct list *node = dns->sockets.next; node != &dns->sockets; node = node->next) {
        watch = LIST_ITEM(node, struct dns_socket, in_dns);
        if (watch->fd == fd)
            return watch;
    }
    watch = MEM_NEW(struct dns_socket);
    watch->dns = dns;
    watch->fd = fd;
    REQUIRE(uv_poll_init(&dns->loop->uv, &watch->poll, fd) == 0);
    watch->poll.data = watch;
    list_push(&dns->sockets, &watch->in_dns);
    return watch;
}

static void on_socket_state(void *context, ares_socket_t fd, int readable, int writable)
{
    struct dns_socket *watch = dns_socket_get(context, fd);

    if (readable || writable) {
        uv_poll_start(&watch->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      on_dns_socket);
        return;
    }
    list_remove(&watch->in_dns);
    uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, dns_socket_freed);
}

/* ---- the channel ---- */

/* NULL when c-ares cannot start (no memory, unreadable configuration). */
static struct real_dns *dns_new(struct real_loop *loop)
{
    struct real_dns *dns = MEM_NEW(struct real_dns);
    char lookups[] = "fb";
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
        .timeout = TRY_MS,
        .tries = TRIES,
        .ndots = 0,
        .domains = NULL,
        .ndomains = 0,
        .lookups = lookups,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = dns,
    };
    int which = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;

    dns->loop = loop;
    dns->made_ms = loop_mono_ms(&loop->base);
    list_init(&dns->sockets);
    timer_init(&dns->retry, &loop->base, on_retry);
    if (ares_init_options(&dns->channel, &options, which) == ARES_SUCCESS)
        return dns;
    mem_free(dns);
    return NULL;
}

static void dns_free(struct real_dns *dns)
{
    timer_stop(&dns->retry);
    ares_destroy(dns->channel); /* closes its sockets through on_socket_state */
    REQUIRE(list_is_empty(&dns->sockets) && dns->asking == 0);
    mem_free(dns);
}

static struct real_dns *dns_get(struct real_loop *loop)
{
    struct real_dns *dns = loop->dns;

    if (dns && dns->asking == 0 && loop_mono_ms(&loop->base) - dns->made_ms > CHANNEL_MS_MAX) {
        dns_free(dns);
        dns = NULL;
    }
    loop->dns = dns ? dns : dns_new(loop);
    return loop->dns;
}

/* ---- queries ---- */

static enum err err_of_ares(int status)
{
    switch (status) {
    case ARES_SUCCESS:
        return OK;
    case ARES_ENOTFOUND:
    case ARES_ENODATA:
    case ARES_EBADNAME:
        return ERR_NOT_FOUND;
    case ARES_ETIMEOUT:
        return ERR_AGAIN;
    default:
        return ERR_IO;
    }
}

static void query_add(struct real_query *query, const struct ares_addrinfo_node *node)
{
    struct sockaddr_storage from = {0};
    struct address address;

    if (node->ai_addrlen > sizeof(from) || query->count == DNS_ADDRESSES_MAX)
        return;
    memcpy(&from, node->ai_addr, node->ai_addrlen);
    address = real_address(&from);
    address.port = 0;
    for (size_t i = 0; i < query->count; i++)
        if (address_eq_ip(&query->addresses[i], &address))
            return;
    if (address.family != ADDRESS_NONE)
        query->addresses[query->count++] = address;
}

static void query_answered(struct real_query *query, enum err err)
{
    query->answered = true;
    query->err = err == OK && query->count == 0 ? ERR_NOT_FOUND : err;
    timer_start(&query->timer, 0);
}

static void on_ares_done(void *context, int status, int timeouts UNUSED, struct ares_addrinfo *info)
{
    struct real_query *query = context;

    query->asking = false;
    query->dns->asking--;
    if (query->orphaned) {
        mem_free(query);
    } else {
        for (struct ares_addrinfo_node *node = info ? info->nodes : NULL; node;
             node = node->ai_next)
            query_add(query, node);
        query_answered(query, err_of_ares(status));
    }
    if (info)
        ares_freeaddrinfo(info);
}

/* The owner is done with it; c-ares perhaps not. */
static void query_drop(struct real_query *query)
{
    timer_stop(&query->timer);
    list_remove(&query->in_loop);
    query->orphaned = true;
    if (!query->asking)
        mem_free(query);
}

static void on_query_timer(struct timer *timer)
{
    struct real_query *query = CONTAINER_OF(timer, struct real_query, timer);
    struct address addresses[DNS_ADDRESSES_MAX];
    enum err err = query->answered ? query->err : ERR_AGAIN;
    size_t count = err ? 0 : query->count;
    resolved_fn *on_done = query->on_done;
    void *context = query->context;

    memcpy(addresses, query->addresses, sizeof(addresses));
    query_drop(query);
    on_done(context, err, addresses, count);
}

static void query_ask(struct real_query *query, struct real_loop *loop, struct str host)
{
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char name[HOST_BYTES_MAX + 1];

    if (address_parse_ip(host, &query->addresses[0]) == OK) {
        query->count = 1;
        query_answered(query, OK);
        return;
    }
    if (str_is_empty(host) || host.len > HOST_BYTES_MAX || memchr(host.data, '\0', host.len)) {
        query_answered(query, ERR_NOT_FOUND);
        return;
    }
    query->dns = dns_get(loop);
    if (!query->dns) {
        query_answered(query, ERR_IO);
        return;
    }
    memcpy(name, host.data, host.len);
    name[host.len] = '\0';
    query->asking = true;
    query->dns->asking++;
    ares_getaddrinfo(query->dns->channel, name, NULL, &hints, on_ares_done, query);
    dns_clock(query->dns);
}

struct dns_query *real_resolve(struct loop *loop, struct str host, int64_t timeout_ms,
                               resolved_fn *on_done, void *context)
{
    struct real_query *query = MEM_NEW(struct real_query);

    query->base.loop = loop;
    query->on_done = on_done;
    query->context = context;
    timer_init(&query->timer, loop, on_query_timer);
    timer_start(&query->timer, timeout_ms);
    list_push(&real_loop_of(loop)->queries, &query->in_loop);
    query_ask(query, real_loop_of(loop), host);
    return &query->base;
}

void real_query_cancel(struct dns_query *base)
{
    query_drop(CONTAINER_OF(base, struct real_query, base));
}

void real_dns_ask(struct loop *loop, const char *servers)
{
    struct real_dns *dns = dns_get(real_loop_of(loop));

    REQUIRE(dns && ares_set_servers_ports_csv(dns->channel, servers) == ARES_SUCCESS);
}

void real_dns_free(struct real_loop *loop)
{
    while (!list_is_empty(&loop->queries))
        query_drop(LIST_ITEM(loop->queries.next, struct real_query, in_loop));
    if (loop->dns)
        dns_free(loop->dns);
    loop->dns = NULL;
}
