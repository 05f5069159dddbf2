/* sigv4.h -- AWS Signature Version 4, as S3 and what is compatible with it check it: in a header,
 * or in the query of a link.
 *
 *   request ──▶ canonical request ──▶ string to sign ──▶ signature ──▶ Authorization | query
 *
 * Pure: no clock, no I/O. The path is encoded once and not normalised, which is S3's rule. */
#ifndef BLOB_SIGV4_H
#define BLOB_SIGV4_H

#include "base/buf.h"
#include "crypto/sha256.h"

#define SIGV4_PAIRS_MAX 16         /* of the query, and of the headers */
#define SIGV4_TEXT_MAX (64 * KIB)  /* of a canonical request */
#define SIGV4_EXPIRES_MAX_S 604800 /* of a link: seven days */
#define SIGV4_UNSIGNED STR("UNSIGNED-PAYLOAD")

struct sigv4_key {
    struct str id, secret;
    struct str token; /* of temporary credentials; STR_NONE: none */
    struct str region, service;
};

struct sigv4_pair {
    struct str name, value; /* not encoded */
};

struct sigv4_request {
    struct str method;
    struct str path; /* not encoded; begins with '/' */
    const struct sigv4_pair *query;
    size_t query_count;
    const struct sigv4_pair *headers; /* that are signed, `host` among them; names in lower case */
    size_t header_count;
    struct str payload_hash; /* 64 hex digits, or SIGV4_UNSIGNED */
};

struct sigv4_time {
    char text[17]; /* "20130524T000000Z"; its first eight are the date */
};

struct sigv4_time sigv4_time_of(int64_t wall_us);

/* Path and query as they stand on the request line, which is how they are signed. */
void sigv4_write_target(struct buf *out, const struct sigv4_request *request);

/* ---- the steps, each of which the next one needs ---- */

void sigv4_write_canonical(struct buf *out, const struct sigv4_request *request);
void sigv4_write_string_to_sign(struct buf *out, const struct sigv4_key *key,
                                const struct sigv4_time *time, struct str canonical);
/* Borrows *signature. */
struct str sigv4_sign(const struct sigv4_key *key, const struct sigv4_time *time,
                      struct str string_to_sign, struct sha256_text *signature);

/* ---- both forms ---- */

/* The value of the header Authorization. x-amz-date, and with a token x-amz-security-token, are
 * among the headers given. */
void sigv4_write_authorization(struct buf *out, const struct sigv4_key *key,
                               const struct sigv4_time *time, const struct sigv4_request *request);
/* Path and query of a link that holds for `expires_s` (1 … SIGV4_EXPIRES_MAX_S) from `time` on.
 * `request` is what the link does, its payload hash is not looked at; what belongs to the signature
 * is added. */
void sigv4_write_link(struct buf *out, const struct sigv4_key *key, const struct sigv4_time *time,
                      const struct sigv4_request *request, int64_t expires_s);

#endif
