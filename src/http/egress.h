/* egress.h -- which addresses may be connected to.
 *
 * Default: public unicast addresses only. Everything that embeds an IPv4 address (mapped, NAT64,
 * 6to4 …) is judged by it. Loopback and private ranges open with `dev` or by an entry in the
 * allow-list; link-local, metadata, multicast and our own listen addresses only by an exact entry.
 * The verdict is the same at save, test and send; each denial names its rule. No I/O, but that the
 * world is asked for the addresses of this machine where we listen on all of them. */
#ifndef HTTP_EGRESS_H
#define HTTP_EGRESS_H

#include "base/arena.h"
#include "io/address.h"
#include "io/world.h"

enum egress_class {
    EGRESS_PUBLIC,
    EGRESS_LOOPBACK,
    EGRESS_PRIVATE,    /* RFC 1918, unique local, CGNAT */
    EGRESS_LINK_LOCAL, /* and metadata services */
    EGRESS_MULTICAST,
    EGRESS_RESERVED /* everything else that is not global unicast */
};

enum egress_class egress_classify(const struct address *address);
const char *egress_class_name(enum egress_class class);

struct egress_entry; /* one parsed allow-list entry */

struct egress_policy {
    bool dev;                           /* loopback and private allowed */
    const struct egress_entry *entries; /* in the arena given to egress_policy_add */
    struct address
        own[16]; /* our listen addresses: never, unless an entry names address and port */
    size_t own_count;
    struct world *world; /* has the other addresses of a listener on all; NULL: only loopback */
    struct str own_path; /* below which our own listener may be called: "/in/"; STR_NONE: nowhere */
};

/* One entry of runbell.egress.allow: CIDR ("10.0.0.0/8", "fd00::/8"), address, "host.example",
 * "*.suffix.example"; an optional ":port" behind hosts and addresses. ERR_INVALID with *why
 * (static). */
enum err egress_policy_add(struct egress_policy *policy, struct arena *arena, struct str entry,
                           const char **why) MUST_USE;

/* May a connection go to this address, asked for by this host name (or literal)? On false *rule
 * says why, in static words: "loopback", "private network", "link-local", … */
bool egress_admits(const struct egress_policy *policy, struct str host,
                   const struct address *address, const char **rule);
/* What can be said from the text of the host alone, when a URL is saved: literals are judged by
 * egress_admits, the names localhost, *.localhost and host.docker.internal count as loopback. */
bool egress_admits_host(const struct egress_policy *policy, struct str host, uint16_t port,
                        const char **rule);
/* Is the host one that `dev` or an entry opens, not one that is open to everybody? From its text,
 * as above. */
bool egress_opens_host(const struct egress_policy *policy, struct str host, uint16_t port);
/* Does a URL with this host, port and path name our own listener, below own_path? Then it is sent
 * there like a relative one: through the ordinary door, to our own address and no other. */
bool egress_is_own_path(const struct egress_policy *policy, struct str host, uint16_t port,
                        struct str path);

#endif
