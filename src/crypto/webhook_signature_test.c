/* webhook_signature_test.c -- the vectors of Standard Webhooks. */
#include "base/test.h"
#include "crypto/webhook_signature.h"

#define HMAC_SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define HMAC_SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define ED25519_SECRET                                                                             \
    "whsk_6Xb/dCcHpPea21PS1N9VY/"                                                                  \
    "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define ED25519_SIGNATURE                                                                          \
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

static const struct webhook_message message = {
    .id = {"msg_p5jXN8AQM9LWM0D4loKWxJek", 28},
    .timestamp_s = 1614265330,
    .body = {"{\"test\": 2432232314}", 20},
};

static struct webhook_key key_of(const char *secret)
{
    struct webhook_key key;
    const char *why = NULL;

    if (webhook_key_init(&key, str_of(secret), &why) != OK)
        fail_msg("%s", why);
    return key;
}

static void vectors(void **state)
{
    struct webhook_key keys[] = {key_of(HMAC_SECRET), key_of(ED25519_SECRET)};
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    for (int round = 0; round < 2; round++) {
        buf_clear(&out);
        webhook_signature_write(&out, keys, 1, &message);
        ASSERT_STR(buf_str(&out), HMAC_SIGNATURE);
        buf_clear(&out);
        webhook_signature_write(&out, keys + 1, 1, &message);
        ASSERT_STR(buf_str(&out), ED25519_SIGNATURE);
        buf_clear(&out);
        webhook_signature_write(&out, keys, 2, &message);
        ASSERT_STR(buf_str(&out), HMAC_SIGNATURE " " ED25519_SIGNATURE);
        assert_true(out.len <= 2 * WEBHOOK_SIGNATURE_BYTES_MAX);
    }
    buf_release(&out);
    webhook_key_release(&keys[0]);
    webhook_key_release(&keys[1]);
}

static void verifying(void **state)
{
    static const struct {
        const char *header;
        bool verifies;
    } cases[] = {
        {HMAC_SIGNATURE, true},
        {ED25519_SIGNATURE, true},
        {"v1,AAAA v2,x " HMAC_SIGNATURE, true},
        {"", false},
        {" ", false},
        {"v1,", false},
        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", false},
        {"v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false},
        {"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", false},
    };
    struct webhook_key keys[] = {key_of(HMAC_SECRET), key_of(ED25519_SECRET)};
    struct webhook_message later = message;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(webhook_signature_verifies(str_of(cases[i].header), keys, 2, &message),
                         cases[i].verifies);
    later.timestamp_s++;
    assert_false(webhook_signature_verifies(STR(HMAC_SIGNATURE), keys, 2, &later));
    assert_false(webhook_signature_verifies(STR(HMAC_SIGNATURE), keys, 0, &message));
    webhook_key_release(&keys[0]);
    webhook_key_release(&keys[1]);
}

static void refused(void **state)
{
    static const char *const cases[] = {
        "",
        "whsec_",
        "whsec_!!!!",
        "whsk_",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whpk_AAAA",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaQ=",
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAA=",
        "whsk_7Xb/dCcHpPea21PS1N9VY/"
        "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="};
    struct webhook_key key;
    const char *why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        why = NULL;
        if (webhook_key_init(&key, str_of(cases[i]), &why) != ERR_INVALID)
            fail_msg("%s", cases[i]);
        assert_non_null(why);
    }
}

static void new_secrets(void **state)
{
    struct buf out;
    struct webhook_key key;

    (void)state;
    buf_init(&out, 1000);
    webhook_secret_make(&out);
    key = key_of(buf_cstr(&out));
    assert_false(key.is_ed25519);
    webhook_key_release(&key);
    buf_clear(&out);
    webhook_secret_make_ed25519(&out);
    key = key_of(buf_cstr(&out));
    assert_true(key.is_ed25519);
    webhook_key_release(&key);
    key = key_of(ED25519_SECRET);
    buf_clear(&out);
    webhook_key_write_public(&out, &key);
    ASSERT_STR(buf_str(&out), "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
    webhook_key_release(&key);
    buf_release(&out);
}

static const struct CMUnitTest tests[] = {
    TEST("signatures are those of the Standard Webhooks vectors, for several keys in a row",
         vectors),
    TEST("one signature of one key is enough, a changed message or signature is not", verifying),
    TEST("what is no secret is refused with a reason", refused),
    TEST("new secrets are usable, the public key is the one of the secret", new_secrets),
};

int main(void)
{
    return RUN_TESTS(tests);
}
