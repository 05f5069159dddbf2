/* Files of sealing keys, sealed values, signing secrets and signature headers, as a stranger could
 * have written them. */
#include "base/arena.h"
#include "crypto/keyring.h"
#include "crypto/webhook_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct seal_binding place = {
    .tenant = {"t", 1}, .table = {"secrets", 7}, .column = {"sealed", 6}, .row = {"42", 2}};

static void try_file(struct str text)
{
    struct keyring_keys keys, again;
    const char *why = NULL;
    struct buf out;

    if (keyring_keys_parse(text, &keys, &why)) {
        REQUIRE(why && keys.count == 0);
        return;
    }
    buf_init(&out, KEYRING_FILE_BYTES_MAX);
    keyring_keys_write(&out, &keys);
    REQUIRE(keyring_keys_parse(buf_str(&out), &again, &why) == OK && again.count == keys.count);
    buf_release(&out);
}

/* What was not sealed with this key never opens. */
static void try_sealed(struct str text)
{
    static const struct seal_key key = {.id = 1, .bytes = {1}};
    const struct seal_ring ring = {.keys = &key, .count = 1};
    struct arena arena;
    struct str plain;

    arena_init(&arena);
    REQUIRE(seal_open(&arena, &ring, &place, text, &plain) != OK);
    arena_release(&arena);
}

/* A secret that is understood signs what it verifies; the input is never its signature. */
static void try_signature(struct str text)
{
    const struct webhook_message message = {
        .id = STR("msg_1"), .timestamp_s = 1614265330, .body = STR("{}")};
    struct str rest = text, secret;
    struct webhook_key key;
    const char *why = NULL;
    struct buf header;

    if (!str_split(&rest, '\n', &secret) || webhook_key_init(&key, secret, &why))
        return;
    buf_init(&header, KIB);
    webhook_signature_write(&header, &key, 1, &message);
    REQUIRE(webhook_signature_verifies(buf_str(&header), &key, 1, &message));
    if (!str_contains(rest, buf_str(&header)))
        REQUIRE(!webhook_signature_verifies(rest, &key, 1, &message));
    buf_release(&header);
    webhook_key_release(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);

    try_file(text);
    try_sealed(text);
    try_signature(text);
    return 0;
}
