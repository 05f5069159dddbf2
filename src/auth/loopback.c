/* Tokens of runs for their own calls. */
#include "auth/loopback.h"

#include "crypto/hmac.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#define PREFIX "rbl_" /* an API key begins with rbk_ */
#define HEX_LEN (2 * HMAC_BYTES)

struct mac_text {
    char text[HEX_LEN];
};

void loopback_init(struct loopback *loopback)
{
    random_bytes(loopback->key, sizeof(loopback->key));
}

static void mac_write(const struct loopback *loopback, struct str tenant, struct mac_text *out)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t mac[HMAC_BYTES];
    struct hmac hmac;

    hmac_init(&hmac, str_range((const char *)loopback->key, sizeof(loopback->key)));
    hmac_sign(&hmac, &tenant, 1, mac);
    hmac_release(&hmac);
    for (size_t i = 0; i < HMAC_BYTES; i++) {
        out->text[2 * i] = digits[mac[i] >> 4];
        out->text[2 * i + 1] = digits[mac[i] & 15];
    }
}

struct str loopback_token(const struct loopback *loopback, struct str tenant, struct arena *arena)
{
    struct mac_text mac;

    mac_write(loopback, tenant, &mac);
    return arena_printf(arena, PREFIX "%.*s.%.*s", HEX_LEN, mac.text, STR_ARG(tenant));
}

bool loopback_admits(const struct loopback *loopback, struct str token, struct str *tenant)
{
    struct mac_text mac;
    struct str given, named;

    if (!str_starts(token, STR(PREFIX)))
        return false;
    given = str_first(str_from(token, sizeof(PREFIX) - 1), HEX_LEN);
    named = str_from(token, sizeof(PREFIX) - 1 + HEX_LEN);
    if (given.len != HEX_LEN || named.len < 2 || named.data[0] != '.')
        return false;
    named = str_from(named, 1);
    mac_write(loopback, named, &mac);
    if (!secret_equals(given, str_range(mac.text, HEX_LEN)))
        return false;
    *tenant = named;
    return true;
}
