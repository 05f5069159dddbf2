/* Tokens of runs for their own calls. */
#include "auth/loopback.h"

#include "base/buf.h"
#include "base/hex.h"
#include "crypto/base64.h"
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

static void mac_write(const struct loopback *loopback, struct str text, struct mac_text *out)
{
    uint8_t mac[HMAC_BYTES];
    struct hmac hmac;

    hmac_init(&hmac, str_range((const char *)loopback->key, sizeof(loopback->key)));
    hmac_sign(&hmac, &text, 1, mac);
    hmac_release(&hmac);
    hex_write(out->text, mac, HMAC_BYTES);
}

struct str loopback_token(const struct loopback *loopback, const struct loopback_caller *caller,
                          struct arena *arena)
{
    struct mac_text mac;
    struct str sealed;
    struct buf out;

    REQUIRE(caller->user.len <= LOOPBACK_USER_BYTES_MAX);
    buf_init(&out, 2 * LOOPBACK_USER_BYTES_MAX + KIB);
    base64_write(&out, caller->user);
    buf_add_char(&out, '.');
    buf_add(&out, caller->tenant);
    sealed = buf_str(&out);
    mac_write(loopback, sealed, &mac);
    sealed = arena_printf(arena, PREFIX "%.*s.%.*s", HEX_LEN, mac.text, STR_ARG(sealed));
    buf_release(&out);
    return sealed;
}

static bool user_read(struct str base64, struct arena *arena, struct str *user)
{
    char *bytes = arena_alloc(arena, base64.len + 1);
    size_t len;

    *user = STR_NONE;
    if (base64.len == 0)
        return true;
    if (base64_decode(base64, bytes, base64.len, &len))
        return false;
    *user = str_range(bytes, len);
    return true;
}

bool loopback_admits(const struct loopback *loopback, struct str token, struct arena *arena,
                     struct loopback_caller *caller)
{
    struct mac_text mac;
    struct str given, sealed, user;

    if (!str_starts(token, STR(PREFIX)))
        return false;
    given = str_first(str_from(token, sizeof(PREFIX) - 1), HEX_LEN);
    sealed = str_from(token, sizeof(PREFIX) - 1 + HEX_LEN);
    if (given.len != HEX_LEN || sealed.len < 2 || sealed.data[0] != '.')
        return false;
    sealed = str_from(sealed, 1);
    mac_write(loopback, sealed, &mac);
    if (!secret_equals(given, str_range(mac.text, HEX_LEN)))
        return false;
    if (!str_split(&sealed, '.', &user) || !user_read(user, arena, &caller->user))
        return false;
    caller->tenant = sealed;
    return true;
}
