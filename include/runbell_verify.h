/* runbell_verify.h -- does this webhook come from who holds the secret? One header, C99 or C++,
 * nothing else needed.
 *
 *   struct runbell_request request = {id, timestamp, signature, body, body_len};
 *   enum runbell_verdict verdict = runbell_verify(secret, &request, time(NULL));
 *
 *   if (verdict != RUNBELL_VERIFIED)
 *       answer 401, and log runbell_verdict_text(verdict)
 *
 * `id`, `timestamp` and `signature` are the values of the headers webhook-id, webhook-timestamp and
 * webhook-signature (NULL: absent), `body` is what came over the wire, byte for byte: JSON that was
 * parsed and written again has other bytes and does not verify. After that, remember the id for a
 * day and take each id once: a webhook may come twice, with the same id.
 *
 * The scheme is Standard Webhooks: "v1," and base64 of HMAC-SHA256 over `id.timestamp.body`. The
 * secret is "whsec_" and base64; while secrets change, put several into one text with blanks
 * between. "v1a" (Ed25519) needs a library: give runbell_verify_with a function for it, and put the
 * public key "whpk_…" among the secrets.
 *
 * No allocation, no global state, no I/O; any number of threads. Signatures are compared in
 * constant time. Apache-2.0, as the rest of Runbell. */
#ifndef RUNBELL_VERIFY_H
#define RUNBELL_VERIFY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RUNBELL_TOLERANCE_S 300   /* how far the timestamp may be from now */
#define RUNBELL_ID_BYTES_MAX 256  /* longer ids are refused */
#define RUNBELL_KEY_BYTES_MAX 64  /* of a secret */
#define RUNBELL_SIGNATURES_MAX 64 /* in one header; the rest is not looked at */

enum runbell_verdict {
    RUNBELL_VERIFIED = 0,
    RUNBELL_MISSING_HEADER, /* not a signed webhook, or a proxy dropped headers */
    RUNBELL_BAD_ID,         /* empty, too long, or with a dot */
    RUNBELL_BAD_TIMESTAMP,  /* not a number of seconds */
    RUNBELL_TOO_OLD,        /* a replay, or one of the two clocks is wrong */
    RUNBELL_TOO_NEW,
    RUNBELL_BAD_SECRET,     /* ours: not whsec_/whpk_ and base64 */
    RUNBELL_WRONG_SIGNATURE /* another secret, or the body was changed on the way */
};

struct runbell_request {
    const char *id, *timestamp, *signature; /* values of the headers; NULL: absent */
    const void *body;
    size_t body_len;
};

/* One question to a library: is this the key's signature over `head` followed by `body`? */
struct runbell_ed25519 {
    const unsigned char *key;       /* 32 bytes */
    const unsigned char *signature; /* 64 bytes */
    const void *head, *body;
    size_t head_len, body_len;
};

struct runbell_options {
    int64_t tolerance_s; /* 0: RUNBELL_TOLERANCE_S; negative: the time is not looked at */
    /* 1: it is. NULL: v1a is not looked at. */
    int (*verify_ed25519)(void *context, const struct runbell_ed25519 *question);
    void *context;
};

/* ---- SHA-256 (FIPS 180-4) and HMAC (RFC 2104) ---- */

struct runbell_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};

static inline uint32_t runbell_rotate(uint32_t word, unsigned bits)
{
    return (word >> bits) | (word << (32 - bits));
}

static inline uint32_t runbell_word(const unsigned char *bytes)
{
    return ((uint32_t)bytes[0] << 24) | ((uint32_t)bytes[1] << 16) | ((uint32_t)bytes[2] << 8) |
           (uint32_t)bytes[3];
}

static inline void runbell_sha256_block(struct runbell_sha256 *sha, const unsigned char *block)
{
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2};
    uint32_t w[64], v[8];

    for (int i = 0; i < 16; i++)
        w[i] = runbell_word(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];

        w[i] = w[i - 16] + (runbell_rotate(a, 7) ^ runbell_rotate(a, 18) ^ (a >> 3)) + w[i - 7] +
               (runbell_rotate(b, 17) ^ runbell_rotate(b, 19) ^ (b >> 10));
    }
    memcpy(v, sha->state, sizeof(v));
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = runbell_rotate(v[4], 6) ^ runbell_rotate(v[4], 11) ^ runbell_rotate(v[4], 25);
        uint32_t s0 = runbell_rotate(v[0], 2) ^ runbell_rotate(v[0], 13) ^ runbell_rotate(v[0], 22);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        sha->state[i] += v[i];
}

static inline void runbell_sha256_init(struct runbell_sha256 *sha)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(sha->state, start, sizeof(start));
    sha->bytes = 0;
}

static inline void runbell_sha256_add(struct runbell_sha256 *sha, const void *bytes, size_t len)
{
    const unsigned char *from = (const unsigned char *)bytes;

    while (len > 0) {
        size_t used = (size_t)(sha->bytes % sizeof(sha->block));
        size_t room = sizeof(sha->block) - used, take = len < room ? len : room;

        memcpy(sha->block + used, from, take);
        sha->bytes += take;
        from += take;
        len -= take;
        if (take == room)
            runbell_sha256_block(sha, sha->block);
    }
}

static inline void runbell_sha256_end(struct runbell_sha256 *sha, unsigned char digest[32])
{
    static const unsigned char padding[64] = {0x80};
    unsigned char bits[8];
    uint64_t count = sha->bytes * 8;
    size_t used = (size_t)(sha->bytes % 64);

    for (int i = 0; i < 8; i++)
        bits[i] = (unsigned char)(count >> (56 - 8 * i));
    runbell_sha256_add(sha, padding, used < 56 ? 56 - used : 120 - used);
    runbell_sha256_add(sha, bits, sizeof(bits));
    for (int i = 0; i < 32; i++)
        digest[i] = (unsigned char)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

/* Over `head` followed by `body`. A key has at most 64 bytes, one block. */
static inline void runbell_hmac(const unsigned char *key, size_t key_len, const char *head,
                                const struct runbell_request *request, unsigned char digest[32])
{
    struct runbell_sha256 sha;
    unsigned char inner[64] = {0}, outer[64];

    memcpy(inner, key, key_len);
    for (size_t i = 0; i < sizeof(inner); i++) {
        outer[i] = (unsigned char)(inner[i] ^ 0x5c);
        inner[i] = (unsigned char)(inner[i] ^ 0x36);
    }
    runbell_sha256_init(&sha);
    runbell_sha256_add(&sha, inner, sizeof(inner));
    runbell_sha256_add(&sha, head, strlen(head));
    runbell_sha256_add(&sha, request->body, request->body_len);
    runbell_sha256_end(&sha, digest);
    runbell_sha256_init(&sha);
    runbell_sha256_add(&sha, outer, sizeof(outer));
    runbell_sha256_add(&sha, digest, 32);
    runbell_sha256_end(&sha, digest);
}

/* ---- texts ---- */

static inline int runbell_base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Bytes of strict base64 with its padding, or 0: not base64, or more than `max`. */
static inline size_t runbell_base64(const char *text, size_t len, unsigned char *out, size_t max)
{
    size_t pad = len > 0 && text[len - 1] == '=' ? (len > 1 && text[len - 2] == '=' ? 2 : 1) : 0;
    size_t count = 0;
    uint32_t bits = 0;

    if (len == 0 || len % 4 != 0 || len / 4 * 3 - pad > max)
        return 0;
    for (size_t i = 0; i < len - pad; i++) {
        int value = runbell_base64_value(text[i]);

        if (value < 0)
            return 0;
        bits = (bits << 6) | (uint32_t)value;
        if (i % 4 != 0)
            out[count++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    return count;
}

/* The next piece between blanks, of at least one byte; 0 at the end. */
static inline size_t runbell_piece(const char **rest, const char **piece)
{
    size_t len;

    *rest += strspn(*rest, " ");
    len = strcspn(*rest, " ");
    *piece = *rest;
    *rest += len;
    return len;
}

static inline int runbell_starts(const char *text, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

static inline int runbell_same(const unsigned char *a, const unsigned char *b, size_t len)
{
    volatile unsigned char difference = 0;

    for (size_t i = 0; i < len; i++)
        difference = (unsigned char)(difference | (a[i] ^ b[i]));
    return difference == 0;
}

static inline enum runbell_verdict runbell_check_time(const char *text, int64_t now_s,
                                                      int64_t tolerance_s)
{
    int64_t seconds = 0;
    size_t len = strlen(text);

    if (len == 0 || len > 12 || strspn(text, "0123456789") != len)
        return RUNBELL_BAD_TIMESTAMP;
    for (size_t i = 0; i < len; i++)
        seconds = seconds * 10 + (text[i] - '0');
    if (tolerance_s == 0)
        tolerance_s = RUNBELL_TOLERANCE_S;
    if (tolerance_s < 0)
        return RUNBELL_VERIFIED;
    if (seconds < now_s - tolerance_s)
        return RUNBELL_TOO_OLD;
    return seconds > now_s + tolerance_s ? RUNBELL_TOO_NEW : RUNBELL_VERIFIED;
}

/* ---- the verdict ---- */

/* One key against all signatures of the header. */
static inline int runbell_key_matches(const unsigned char *key, size_t key_len, int is_public,
                                      const char *head, const struct runbell_request *request,
                                      const struct runbell_options *options)
{
    const char *rest = request->signature, *piece, *prefix = is_public ? "v1a," : "v1,";
    unsigned char given[64], made[32];
    size_t len, want = is_public ? 64 : 32;
    int matches = 0;

    if (!is_public)
        runbell_hmac(key, key_len, head, request, made);
    for (int i = 0; i < RUNBELL_SIGNATURES_MAX && (len = runbell_piece(&rest, &piece)) > 0; i++) {
        size_t skip = strlen(prefix);

        if (!runbell_starts(piece, len, prefix) ||
            runbell_base64(piece + skip, len - skip, given, sizeof(given)) != want)
            continue;
        if (!is_public) {
            matches |= runbell_same(given, made, sizeof(made));
        } else if (options->verify_ed25519) {
            struct runbell_ed25519 question = {key,           given,        head,
                                               request->body, strlen(head), request->body_len};

            matches |= options->verify_ed25519(options->context, &question) == 1;
        }
    }
    return matches;
}

/* `secrets`: one or more, with blanks between. `options` may be NULL. */
static inline enum runbell_verdict runbell_verify_with(const char *secrets,
                                                       const struct runbell_request *request,
                                                       int64_t now_s,
                                                       const struct runbell_options *options)
{
    static const struct runbell_options defaults = {0, NULL, NULL};
    char head[RUNBELL_ID_BYTES_MAX + 16];
    unsigned char key[RUNBELL_KEY_BYTES_MAX];
    enum runbell_verdict verdict;
    const char *piece;
    size_t id_len, len, key_len;
    int matches = 0, keys = 0;

    if (!options)
        options = &defaults;
    if (!request->id || !request->timestamp || !request->signature)
        return RUNBELL_MISSING_HEADER;
    id_len = strlen(request->id);
    if (id_len == 0 || id_len > RUNBELL_ID_BYTES_MAX || strchr(request->id, '.'))
        return RUNBELL_BAD_ID;
    verdict = runbell_check_time(request->timestamp, now_s, options->tolerance_s);
    if (verdict != RUNBELL_VERIFIED)
        return verdict;
    memcpy(head, request->id, id_len);
    head[id_len] = '.';
    len = strlen(request->timestamp); /* at most 12 */
    memcpy(head + id_len + 1, request->timestamp, len);
    memcpy(head + id_len + 1 + len, ".", 2);
    for (; (len = runbell_piece(&secrets, &piece)) > 0; keys++) {
        int is_public = runbell_starts(piece, len, "whpk_");
        size_t skip = is_public ? 5 : runbell_starts(piece, len, "whsec_") ? 6 : len;

        key_len = runbell_base64(piece + skip, len - skip, key, sizeof(key));
        if (key_len == 0 || (is_public && key_len != 32))
            return RUNBELL_BAD_SECRET;
        matches |= runbell_key_matches(key, key_len, is_public, head, request, options);
    }
    if (keys == 0)
        return RUNBELL_BAD_SECRET;
    return matches ? RUNBELL_VERIFIED : RUNBELL_WRONG_SIGNATURE;
}

static inline enum runbell_verdict
runbell_verify(const char *secrets, const struct runbell_request *request, int64_t now_s)
{
    return runbell_verify_with(secrets, request, now_s, NULL);
}

/* For the log; do not tell the sender more than 401. */
static inline const char *runbell_verdict_text(enum runbell_verdict verdict)
{
    switch (verdict) {
    case RUNBELL_VERIFIED:
        return "verified";
    case RUNBELL_MISSING_HEADER:
        return "webhook-id, webhook-timestamp or webhook-signature is missing";
    case RUNBELL_BAD_ID:
        return "webhook-id is empty, too long or has a dot";
    case RUNBELL_BAD_TIMESTAMP:
        return "webhook-timestamp is not a number of seconds";
    case RUNBELL_TOO_OLD:
        return "webhook-timestamp is too old: a replay, or a clock is wrong";
    case RUNBELL_TOO_NEW:
        return "webhook-timestamp lies in the future: a clock is wrong";
    case RUNBELL_BAD_SECRET:
        return "the secret is not whsec_ (or whpk_) and base64";
    case RUNBELL_WRONG_SIGNATURE:
        return "no signature fits: another secret, or the body is not the bytes that were sent";
    }
    return "unknown verdict";
}

#endif
