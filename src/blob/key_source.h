/* key_source.h -- temporary credentials for the service of blobs, from the place that the operator
 * has named: a container's endpoint, or an instance's metadata service (IMDSv2 only).
 *
 *   asking ── token (instance) ── role (instance) ── keys ──▶ has ── before they end ──▶ asking
 *     ▲                    │ failed                                                        │
 *     └──── 1, 2 … 60 s ───┘◀──────────────────────────────────────────────────────────────┘
 *
 * Nothing is looked for by itself: no environment variable, no well-known file, no default but the
 * metadata service's own address. Plain HTTP goes to loopback and link-local addresses only, since
 * what comes back opens the bucket; no redirect is followed, and no proxy is used. Keys are asked
 * for again five minutes before they end (or at half of their time), at once when the service says
 * that they have ended, and serve until their end whatever becomes of the asking.
 *
 * All on one loop; but what a key says may be read on any thread, and stays until
 * key_source_free. */
#ifndef BLOB_KEY_SOURCE_H
#define BLOB_KEY_SOURCE_H

#include "base/arena.h"
#include "base/str.h"
#include "blob/spool.h"

struct tls_client;
struct key_source;

/* NULL: not said. */
struct key_source_settings {
    const char *kind;       /* "container", "instance" */
    const char *endpoint;   /* of a container: the whole URL; of an instance: http://host[:port] */
    const char *token_file; /* whose content is a container's Authorization, read each time */
    const char *role;       /* of an instance; NULL: the first that it lists */
};

/* In words that name the setting, in the arena. */
enum err key_source_check(const struct key_source_settings *settings, struct arena *arena,
                          struct str *why) MUST_USE;

struct key_grant {
    struct str id, secret, token;
    int64_t expires_us; /* INT64_MAX: never */
};

struct key_source_config {
    const struct key_source_settings *settings; /* checked; stay */
    struct loop *loop;
    struct spools *spools;  /* on whose thread the file is read */
    struct tls_client *tls; /* for https */
    int64_t timeout_ms;
};

struct key_source *key_source_new(const struct key_source_config *config);
/* On the loop. */
void key_source_start(struct key_source *source);
void key_source_stop(struct key_source *source);
void key_source_refresh(struct key_source *source); /* those there are have ended, it is said */
/* NULL: there are none, or they have ended: words say why (until the next call on the loop). */
const struct key_grant *key_source_grant(const struct key_source *source, int64_t now_us);
const char *key_source_words(const struct key_source *source);
void key_source_free(struct key_source *source); /* after the loop */

#endif
