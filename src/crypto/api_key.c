/* api_key.c -- random digits, and the hash that is stored. */
#include "crypto/api_key.h"

#include "crypto/random.h"
#include "crypto/secret.h"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static_assert(sizeof(digits) - 1 == 62, "ten digits and twice 26 letters");

struct str api_key_make(struct api_key_text *text)
{
    size_t at = sizeof(API_KEY_PREFIX) - 1;

    memcpy(text->text, API_KEY_PREFIX, at);
    for (; at < API_KEY_BYTES; at++)
        text->text[at] = digits[random_below(sizeof(digits) - 1)];
    text->text[at] = '\0';
    return str_range(text->text, at);
}

bool api_key_is_ours(struct str key)
{
    if (key.len != API_KEY_BYTES || !str_starts(key, STR(API_KEY_PREFIX)))
        return false;
    for (size_t i = sizeof(API_KEY_PREFIX) - 1; i < key.len; i++)
        if (!memchr(digits, key.data[i], sizeof(digits) - 1))
            return false;
    return true;
}

struct str api_key_hash(struct str key, struct sha256_text *text)
{
    struct sha256 digest = sha256_of(key);

    return sha256_write(&digest, text);
}

bool api_key_matches(struct str key, struct str hash)
{
    struct sha256_text text;

    return secret_equals(api_key_hash(key, &text), hash);
}
