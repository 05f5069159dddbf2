/* webhook_signature.c -- secrets read, messages signed and verified. */
#include "crypto/webhook_signature.h"

#include "base/mem.h"
#include "crypto/base64.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#define HMAC_KEY_BYTES_MIN 24
#define HMAC_KEY_BYTES_MAX 64
#define HMAC_KEY_BYTES_NEW 32

enum err webhook_key_init(struct webhook_key *key, struct str secret, const char **why)
{
    bool is_hmac = str_starts(secret, STR("whsec_"));
    uint8_t bytes[ED25519_SECRET_BYTES];
    struct webhook_key made = {.is_ed25519 = !is_hmac};
    enum err err = ERR_INVALID;
    size_t len = 0;

    if (!is_hmac && !str_starts(secret, STR("whsk_"))) {
        *why = "a signing secret begins with whsec_ or whsk_";
        return ERR_INVALID;
    }
    if (base64_decode(str_from(secret, is_hmac ? 6 : 5), bytes, sizeof(bytes), &len) != OK) {
        *why = "behind its prefix a signing secret is base64 of at most 64 bytes";
        goto out;
    }
    struct str raw = str_range((const char *)bytes, len);
    if (is_hmac && len < HMAC_KEY_BYTES_MIN) {
        *why = "a whsec_ secret has 24 to 64 bytes";
        goto out;
    }
    if (is_hmac)
        hmac_init(&made.hmac, raw);
    else if (ed25519_from_bytes(raw, &made.ed25519) != OK) {
        *why = "a whsk_ secret is a seed of 32 bytes and its public key";
        goto out;
    }
    *key = made;
    err = OK;

out:
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(&made, sizeof(made));
    return err;
}

void webhook_key_release(struct webhook_key *key)
{
    if (!key->is_ed25519)
        hmac_release(&key->hmac);
    secret_wipe(key, sizeof(*key));
}

static void write_key(struct buf *out, struct str prefix, const void *bytes, size_t len)
{
    buf_add(out, prefix);
    base64_write(out, str_range(bytes, len));
}

void webhook_key_write_public(struct buf *out, const struct webhook_key *key)
{
    struct ed25519_public public_key;

    REQUIRE(key->is_ed25519);
    public_key = ed25519_public_of(&key->ed25519);
    write_key(out, STR("whpk_"), public_key.bytes, sizeof(public_key.bytes));
}

void webhook_secret_make(struct buf *out)
{
    uint8_t bytes[HMAC_KEY_BYTES_NEW];

    random_bytes(bytes, sizeof(bytes));
    write_key(out, STR("whsec_"), bytes, sizeof(bytes));
    secret_wipe(bytes, sizeof(bytes));
}

void webhook_secret_make_ed25519(struct buf *out)
{
    struct ed25519_secret secret;

    ed25519_make(&secret);
    write_key(out, STR("whsk_"), secret.bytes, sizeof(secret.bytes));
    secret_wipe(&secret, sizeof(secret));
}

/* What stands before the body. */
struct head {
    char text[24];
    struct str parts[3]; /* id, ".timestamp.", body */
};

static void head_init(struct head *head, const struct webhook_message *message)
{
    struct integer_text digits;
    char *at = head->text;

    static_assert(sizeof(head->text) >= INTEGER_TEXT_MAX + 2, "two dots and a number fit");
    str_put(&at, STR("."));
    str_put(&at, str_from_i64(message->timestamp_s, &digits));
    str_put(&at, STR("."));
    REQUIRE(message->id.len && str_find_char(message->id, '.') == message->id.len);
    head->parts[0] = message->id;
    head->parts[1] = str_range(head->text, (size_t)(at - head->text));
    head->parts[2] = message->body;
}

/* Ed25519 reads its message twice, so it must lie in one piece. */
static void sign_ed25519(const struct ed25519_secret *secret, const struct head *head,
                         uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    size_t total = head->parts[0].len + head->parts[1].len + head->parts[2].len;
    char *whole = mem_alloc(total);
    size_t at = 0;

    for (size_t i = 0; i < ARRAY_LEN(head->parts); i++) {
        if (head->parts[i].len)
            memcpy(whole + at, head->parts[i].data, head->parts[i].len);
        at += head->parts[i].len;
    }
    ed25519_sign(secret, str_range(whole, total), signature);
    mem_free(whole);
}

static void write_signature(struct buf *out, struct str version, const void *bytes, size_t len)
{
    buf_add(out, version);
    base64_write_open(out, str_range(bytes, len));
}

static void write_one(struct buf *out, struct webhook_key *key, const struct head *head)
{
    uint8_t signature[ED25519_SIGNATURE_BYTES];

    if (key->is_ed25519) {
        sign_ed25519(&key->ed25519, head, signature);
        write_signature(out, STR("v1a,"), signature, ED25519_SIGNATURE_BYTES);
    } else {
        hmac_sign(&key->hmac, head->parts, ARRAY_LEN(head->parts), signature);
        write_signature(out, STR("v1,"), signature, HMAC_BYTES);
    }
}

void webhook_signature_write(struct buf *out, struct webhook_key *keys, size_t count,
                             const struct webhook_message *message)
{
    struct head head;

    head_init(&head, message);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ' ');
        write_one(out, &keys[i], &head);
    }
}

bool webhook_signature_verifies(struct str header, struct webhook_key *keys, size_t count,
                                const struct webhook_message *message)
{
    struct head head;
    struct buf expected;
    bool verified = false;

    head_init(&head, message);
    buf_init(&expected, WEBHOOK_SIGNATURE_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct str rest = header, given;
        buf_clear(&expected);
        write_one(&expected, &keys[i], &head); /* Ed25519 signs the same message the same way */
        REQUIRE(!expected.failed);
        while (str_split(&rest, ' ', &given))
            verified |= secret_equals(given, buf_str(&expected));
    }
    buf_release(&expected);
    return verified;
}
