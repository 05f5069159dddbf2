/* link.h -- addresses that open one value of one span without a key, until they expire.
 *
 * The last segment of the address is a token: what it opens, sealed under the server's keys
 * (crypto/keyring.h), so that nobody else can make one, and all nodes with the same keys read it.
 */
#ifndef AUTH_LINK_H
#define AUTH_LINK_H

#include "base/uuid.h"
#include "crypto/keyring.h"

struct link {
    struct str tenant;
    struct uuid span_id;
    struct str name; /* "inputs", "attachment.picture" */
    int64_t expires_us;
};

/* When a link that is made now ends: a day later, by the hour, so that what is read twice looks the
 * same. */
int64_t link_end_us(int64_t now_us);
/* Appends the token: letters, digits, '-' and '_'. */
void link_write(struct keyring *ring, const struct link *link, struct buf *out);
/* ERR_DENIED: none of ours, or expired. Strings live in the arena. */
enum err link_read(struct keyring *ring, struct arena *arena, struct str token, int64_t now_us,
                   struct link *link) MUST_USE;

#endif
