/* webhook_check.h -- did one of these secrets sign this webhook, and if not, why not, in words.
 *
 * For people: the inspector and `runbell verify`. When the signature does not fit the body as it
 * came, it is tried on what the body may have been before somebody parsed it and wrote it again, so
 * that the answer can say so. Receivers use webhook_signature_verifies or include/runbell_verify.h.
 */
#ifndef CRYPTO_WEBHOOK_CHECK_H
#define CRYPTO_WEBHOOK_CHECK_H

#include "base/arena.h"

#define WEBHOOK_TOLERANCE_S 300
#define WEBHOOK_SECRETS_MAX 64

enum webhook_verdict {
    WEBHOOK_VERIFIED,
    WEBHOOK_UNSIGNED,       /* none of the three headers */
    WEBHOOK_MISSING_HEADER, /* one or two of them */
    WEBHOOK_BAD_HEADER,     /* id, timestamp or signature have another form */
    WEBHOOK_TOO_OLD,        /* signed by one of the secrets, but long ago */
    WEBHOOK_TOO_NEW,
    WEBHOOK_NO_SECRET,    /* none was given, or none that can be used */
    WEBHOOK_BODY_CHANGED, /* signed by one of the secrets, with other bytes of the same content */
    WEBHOOK_WRONG_SIGNATURE
};

/* "verified", "body_changed" …: for programs. */
const char *webhook_verdict_name(enum webhook_verdict verdict);

struct webhook_secret {
    struct str name; /* "the server's key 1": never the secret */
    struct str text; /* whsec_…, whsk_… or whpk_… */
};

struct webhook_received {
    struct str id, timestamp, signature; /* header values; STR_NONE: absent */
    struct str body;
    const struct webhook_secret *secrets;
    size_t secret_count; /* the rest above WEBHOOK_SECRETS_MAX is not looked at */
    int64_t now_s;
    int64_t tolerance_s; /* negative: any time will do */
};

struct webhook_check {
    enum webhook_verdict verdict;
    struct str why;    /* one sentence; in the arena or static */
    struct str mend;   /* what to do; "" when there is nothing */
    struct str signer; /* name of the secret that fits; STR_NONE: none does */
    int64_t age_s;     /* of the timestamp; 0 without one */
};

void webhook_check(const struct webhook_received *received, struct arena *arena,
                   struct webhook_check *check);

#endif
