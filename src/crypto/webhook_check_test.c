/* webhook_check_test.c -- what is said about a webhook that does not verify. */
#include "base/test.h"
#include "crypto/webhook_check.h"
#include "crypto/webhook_signature.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ED25519                                                                                    \
    "whsk_6Xb/dCcHpPea21PS1N9VY/"                                                                  \
    "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define ED25519_PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
#define SENT_S 1614265330

struct given {
    const char *id, *timestamp, *signature, *body, *secret;
};

static struct webhook_check check(struct arena *arena, const struct given *g, int64_t now_s)
{
    const struct webhook_secret secrets[] = {{STR("key 1"), str_of(g->secret)}};
    const struct webhook_received received = {str_of(g->id),
                                              str_of(g->timestamp),
                                              str_of(g->signature),
                                              str_of(g->body),
                                              secrets,
                                              g->secret ? 1 : 0,
                                              now_s,
                                              WEBHOOK_TOLERANCE_S};
    struct webhook_check result;

    webhook_check(&received, arena, &result);
    return result;
}

/* The header for `body`, as the sender makes it. */
static const char *sign(struct arena *arena, const char *secret, const char *body)
{
    struct webhook_message message = {STR("msg_1"), SENT_S, str_of(body)};
    struct webhook_key key;
    const char *why, *text;
    struct buf out;

    assert_int_equal(webhook_key_init(&key, str_of(secret), &why), OK);
    buf_init(&out, 1000);
    webhook_signature_write(&out, &key, 1, &message);
    text = arena_cstr(arena, buf_str(&out));
    buf_release(&out);
    webhook_key_release(&key);
    return text;
}

#define V1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define TIME "1614265330"

static void each_mistake_has_its_words(void **state)
{
    static const struct {
        struct given given;
        enum webhook_verdict verdict;
        const char *word; /* in the sentence */
    } cases[] = {
        {{NULL, NULL, NULL, "{}", SECRET}, WEBHOOK_UNSIGNED, "none of the headers"},
        {{"m", TIME, NULL, "{}", SECRET}, WEBHOOK_MISSING_HEADER, "not signed"},
        {{NULL, NULL, V1, "{}", SECRET}, WEBHOOK_MISSING_HEADER, "webhook-id, webhook-timestamp"},
        {{"a.b", TIME, V1, "{}", SECRET}, WEBHOOK_BAD_HEADER, "webhook-id"},
        {{"", TIME, V1, "{}", SECRET}, WEBHOOK_BAD_HEADER, "webhook-id"},
        {{"m", "yesterday", V1, "{}", SECRET}, WEBHOOK_BAD_HEADER, "\"yesterday\""},
        {{"m", "-5", V1, "{}", SECRET}, WEBHOOK_BAD_HEADER, "not a number"},
        {{"m", "1614265330000", V1, "{}", SECRET}, WEBHOOK_BAD_HEADER, "not in seconds"},
        {{"m", TIME, "sha256=00ff", "{}", SECRET}, WEBHOOK_BAD_HEADER, "v1,"},
        {{"m", TIME, V1, "{}", NULL}, WEBHOOK_NO_SECRET, "no secret"},
        {{"m", TIME, V1, "{}", "hunter2"}, WEBHOOK_NO_SECRET, "key 1 cannot be used"},
        {{"m", TIME, V1, "{}", "whpk_AAAA"}, WEBHOOK_NO_SECRET, "32 bytes"},
        {{"m", TIME, V1, "{}", OTHER}, WEBHOOK_WRONG_SIGNATURE, "none of 1 secret"},
        {{"m", TIME, V1, "{}", ED25519_PUBLIC}, WEBHOOK_WRONG_SIGNATURE, "only keys of v1a"},
        {{"m", TIME, "v1a,AAAA", "{}", SECRET}, WEBHOOK_WRONG_SIGNATURE, "only secrets of v1 "},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct webhook_check got = check(&arena, &cases[i].given, SENT_S);

        assert_int_equal(got.verdict, cases[i].verdict);
        if (!str_contains(got.why, str_of(cases[i].word)))
            fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(got.why), cases[i].word);
        assert_true(got.mend.len > 0 && str_is_none(got.signer));
        assert_false(str_contains(got.why, STR("hunter2")));
    }
    arena_release(&arena);
}

static void a_right_one_is_right_for_five_minutes(void **state)
{
    static const char *const secrets[][2] = {
        {SECRET, SECRET}, {ED25519, ED25519}, {ED25519, ED25519_PUBLIC}};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        struct given g = {"msg_1", TIME, sign(&arena, secrets[i][0], "{}"), "{}", secrets[i][1]};
        struct webhook_check got = check(&arena, &g, SENT_S + 300);

        assert_int_equal(got.verdict, WEBHOOK_VERIFIED);
        ASSERT_STR(got.signer, "key 1");
        assert_int_equal(got.age_s, 300);
        assert_int_equal(check(&arena, &g, SENT_S + 301).verdict, WEBHOOK_TOO_OLD);
        assert_int_equal(check(&arena, &g, SENT_S - 300).verdict, WEBHOOK_VERIFIED);
        assert_int_equal(check(&arena, &g, SENT_S - 301).verdict, WEBHOOK_TOO_NEW);
        g.body = "{ }";
        assert_int_not_equal(check(&arena, &g, SENT_S).verdict, WEBHOOK_VERIFIED);
    }
    arena_release(&arena);
}

static void a_body_that_was_written_again_is_told(void **state)
{
    static const struct {
        const char *sent, *came;
        enum webhook_verdict verdict;
    } cases[] = {
        {"{\"a\":1.50,\"b\":[1,\"x, y: z\"]}", "{\"a\": 1.50, \"b\": [1, \"x, y: z\"]}",
         WEBHOOK_BODY_CHANGED},
        {"{\"a\":1.50}", "{\n  \"a\": 1.50\n}\n", WEBHOOK_BODY_CHANGED},
        {"{\"a\": 1, \"b\": \"\\\"q\\\\\"}", "{\"a\":1,\"b\":\"\\\"q\\\\\"}", WEBHOOK_BODY_CHANGED},
        {"{\"a\":\"\xc3\xa9\"}", "{\"a\": \"\\u00e9\"}", WEBHOOK_BODY_CHANGED},
        {"hello", "hello\r\n", WEBHOOK_BODY_CHANGED},
        {"hello\n", "hello", WEBHOOK_BODY_CHANGED},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", WEBHOOK_WRONG_SIGNATURE},
        {"{\"a\":1}", "{\"a\":2}", WEBHOOK_WRONG_SIGNATURE},
        {"hello", "", WEBHOOK_WRONG_SIGNATURE},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct given g = {"msg_1", TIME, sign(&arena, SECRET, cases[i].sent), cases[i].came,
                          SECRET};
        struct webhook_check got = check(&arena, &g, SENT_S);

        if (got.verdict != cases[i].verdict)
            fail_msg("%s: %.*s", cases[i].came, STR_ARG(got.why));
        assert_int_equal(str_is_none(got.signer), got.verdict == WEBHOOK_WRONG_SIGNATURE);
    }
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("each mistake has its words and its mend", each_mistake_has_its_words),
    TEST("a right one is right for five minutes", a_right_one_is_right_for_five_minutes),
    TEST("a body that was parsed and written again is told", a_body_that_was_written_again_is_told),
};

int main(void)
{
    return RUN_TESTS(tests);
}
