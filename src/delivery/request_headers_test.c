/* request_headers_test.c -- what stands in an attempt's head (delivery.md §4.3; requirements B10,
 * C12; defects 17 and 19 of §8.3). */
#include "base/test.h"
#include "delivery/request_headers.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define ED25519                                                                                    \
    "whsk_6Xb/dCcHpPea21PS1N9VY/"                                                                  \
    "NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define V1 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define V1A                                                                                        \
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/"                                                       \
    "enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="

static struct arena arena;
static const struct http_header *made;
static size_t made_count;

static const struct outbox_claimed row = {.attempt_id = 42,
                                          .attempts = 3,
                                          .sequence = 7,
                                          .webhook_id = {"msg_p5jXN8AQM9LWM0D4loKWxJek", 28},
                                          .content_type = {"application/json", 16},
                                          .body = {"{\"test\": 2432232314}", 20}};

static struct request_headers_input input_of(void)
{
    return (struct request_headers_input){
        .row = &row, .timestamp_s = 1614265330, .user_agent = STR("Runbell/test")};
}

static struct str header(const char *name)
{
    return http_header_find(made, made_count, name);
}

static void make(const struct request_headers_input *input)
{
    request_headers_make(input, &arena, &made, &made_count);
}

static struct secret header_secret(const char *name, const char *value)
{
    return (struct secret){.kind = SECRET_HEADER,
                           .secret_id = str_of(name),
                           .name = str_of(name),
                           .value = str_of(value)};
}

static struct secret key_secret(const char *value)
{
    return (struct secret){.kind = SECRET_SIGNING_KEY,
                           .secret_id = STR("key"),
                           .name = STR("hmac"),
                           .value = str_of(value)};
}

static void what_every_attempt_says(void **state)
{
    struct request_headers_input input = input_of();

    (void)state;
    make(&input);
    ASSERT_STR(header("user-agent"), "Runbell/test");
    ASSERT_STR(header("content-type"), "application/json");
    ASSERT_STR(header("webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
    ASSERT_STR(header("webhook-timestamp"), "1614265330");
    ASSERT_STR(header("webhook-attempt"), "3");
    ASSERT_STR(header("webhook-sequence"), "7");
    ASSERT_STR(header("webhook-signature"), NULL);
    ASSERT_STR(header("traceparent"), NULL); /* this id is not one of ours */
}

static void the_vectors_of_the_standard(void **state)
{
    struct request_headers_input input = input_of();
    struct secret list[] = {key_secret(SECRET), header_secret("x", "y"), key_secret("whsec_bad"),
                            key_secret(ED25519)};
    struct secrets secrets = {.list = list, .count = ARRAY_LEN(list)};
    struct signing_keys own, server;

    (void)state;
    signing_keys_open(&own, &secrets);
    assert_int_equal(own.count, 2);
    secrets.count = 1;
    signing_keys_open(&server, &secrets);
    input.own = &own;
    make(&input);
    ASSERT_STR(header("webhook-signature"), V1 " " V1A);
    input.server = &server;
    make(&input);
    ASSERT_STR(header("webhook-signature"), V1 " " V1A " " V1);
    input.own = NULL;
    make(&input);
    ASSERT_STR(header("webhook-signature"), V1);
    signing_keys_release(&own);
    signing_keys_release(&server);
    assert_int_equal(own.count, 0);
}

/* Whatever they look like. */
static void only_signing_keys_sign(void **state)
{
    struct secret list[] = {key_secret(SECRET), key_secret(SECRET), key_secret(SECRET),
                            key_secret(SECRET)};
    struct secrets secrets = {.list = list, .count = ARRAY_LEN(list)};
    struct signing_keys keys;

    (void)state;
    list[0].kind = SECRET_HEADER;
    list[1].kind = SECRET_CLIENT_CERTIFICATE;
    list[2].kind = SECRET_OAUTH;
    signing_keys_open(&keys, &secrets);
    assert_int_equal(keys.count, 1);
    signing_keys_release(&keys);
}

static void a_test_says_that_it_is_one(void **state)
{
    struct request_headers_input input = input_of();
    struct outbox_claimed test = row;

    (void)state;
    make(&input);
    ASSERT_STR(header("webhook-test"), NULL);
    test.object_id = STR("test-1");
    input.row = &test;
    make(&input);
    ASSERT_STR(header("webhook-test"), "true");
}

static void users_headers(void **state)
{
    static const struct http_header fixed[] = {{{"X-Both", 6}, {"fixed", 5}},
                                               {{"X-Fixed", 7}, {"f", 1}},
                                               {{"user-agent", 10}, {"mine", 4}}};
    struct request_headers_input input = input_of();
    struct secret list[] = {header_secret("x-both", "own"),
                            header_secret("Authorization", "Basic x"), key_secret(SECRET),
                            header_secret("Webhook-Id", "forged"), header_secret("Host", "forged")};
    struct secrets secrets = {.list = list, .count = ARRAY_LEN(list)};

    (void)state;
    input.fixed = fixed;
    input.fixed_count = ARRAY_LEN(fixed);
    input.secrets = &secrets;
    make(&input);
    ASSERT_STR(header("X-Both"), "own");
    ASSERT_STR(header("X-Fixed"), "f");
    ASSERT_STR(header("User-Agent"), "mine");
    ASSERT_STR(header("Authorization"), "Basic x");
    ASSERT_STR(header("webhook-id"), "msg_p5jXN8AQM9LWM0D4loKWxJek");
    ASSERT_STR(header("Host"), NULL);
    for (size_t i = 0; i < made_count; i++) {
        assert_false(str_contains(made[i].value, STR("whsec_")));
        for (size_t k = 0; k < i; k++)
            assert_false(str_eq_nocase(made[i].name, made[k].name));
    }
}

static void traces(void **state)
{
    struct request_headers_input input = input_of();
    struct outbox_claimed ours = row;

    (void)state;
    ours.webhook_id = STR("msg_019a2b3c4d5e6f708192a3b4c5d6e7f8");
    input.row = &ours;
    make(&input);
    ASSERT_STR(header("traceparent"), "00-019a2b3c4d5e6f708192a3b4c5d6e7f8-000000000000002a-01");
    ours.traceparent = STR("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    make(&input);
    ASSERT_STR(header("traceparent"), "00-4bf92f3577b34da6a3ce929d0e0e4736-000000000000002a-00");
    ours.traceparent = STR("00-nonsense");
    make(&input);
    ASSERT_STR(header("traceparent"), "00-019a2b3c4d5e6f708192a3b4c5d6e7f8-000000000000002a-01");
}

static int end_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct CMUnitTest tests[] = {
    TEST("what every attempt says", what_every_attempt_says),
    TEST("the standard's vectors, by several keys at once", the_vectors_of_the_standard),
    TEST("no other secret signs", only_signing_keys_sign),
    TEST("a test says that it is one", a_test_says_that_it_is_one),
    TEST("the endpoint's headers win over the configured ones; none comes twice", users_headers),
    TEST("a trace is carried on, or made of the webhook-id", traces),
};

int main(void)
{
    arena_init(&arena);
    return cmocka_run_group_tests(tests, NULL, end_arena);
}
