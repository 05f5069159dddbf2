/* s3.h -- blobs as objects of an S3-compatible service: PREFIX ab/abcdef…, laid out as folder.h
 * lays out files, so that whole stores can be copied from one form to the other.
 *
 *   put:  bytes ──▶ memory, beyond 1 MiB a spool ── end ──▶ PUT, with length and SHA-256
 *
 * So whatever the service says, the PUT can be made again, and no client's slowness holds a
 * connection to it. An object is there as a whole or not at all by what S3 promises of a PUT.
 *
 * All requests are made on one loop of its own, each with several attempts within eight seconds;
 * then a put ends with ERR_AGAIN (the service is away) or ERR_IO (it refuses; the log says why). */
#ifndef BLOB_S3_H
#define BLOB_S3_H

#include "base/arena.h"
#include "blob/blob.h"

/* As configured (runbell.blobs.…); NULL or 0: not said. */
struct s3_settings {
    const char *bucket;   /* NULL: there is no service */
    const char *endpoint; /* http(s)://host[:port][/path]; NULL: AWS's of the region */
    const char *region;   /* NULL: us-east-1 */
    const char *prefix;
    const char *style; /* "path", "host"; NULL: path with an endpoint, else host */
    const char *access_key_id, *secret_access_key, *session_token;
    const char *credentials; /* "static", "container", "instance"; NULL: static */
    const char *credentials_endpoint, *credentials_token_file, *credentials_role; /* key_source.h */
    const char *ca_file;       /* NULL: the system's */
    const char *links;         /* "presigned", "proxied"; NULL: presigned */
    const char *link_endpoint; /* as clients reach the service; NULL: as we do */
    int64_t link_ms;           /* how long links hold */
    int64_t timeout_ms;        /* without a byte; beyond, an attempt has failed */
    unsigned connections_max;
};

/* In words that name the setting, in the arena; OK: they can be served with. */
enum err s3_settings_check(const struct s3_settings *settings, struct arena *arena,
                           struct str *why) MUST_USE;

/* `settings` have been checked, and stay; `dir` is where spools stand. ERR_IO: the certificates of
 * ca_file cannot be read; *why is static. */
enum err s3_new(struct world *world, const struct s3_settings *settings, const char *dir,
                struct blob_store **store, const char **why) MUST_USE;

/* After something failed, while nothing is asked: why. */
struct str s3_words(const struct blob_store *store);

#endif
