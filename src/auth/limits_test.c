/* limits_test.c -- limits by name, and what they let through. */
#include "base/test.h"

#include "auth/peers.h"

static void limits_are_read_and_written(void **state)
{
    struct limits limits, over;
    struct arena arena;
    struct str why;

    (void)state;
    arena_init(&arena);
    assert_int_equal(limits_parse(&arena, STR_NONE, &limits, &why), OK);
    ASSERT_STR(limits_text(&arena, &limits), "{}");
    assert_int_equal(limits_parse(&arena,
                                  STR("{\"requests_per_s\":0.5,\"runs_per_day\":100,"
                                      "\"streams\":0,\"burst\":null}"),
                                  &limits, &why),
                     OK);
    ASSERT_STR(limits_text(&arena, &limits),
               "{\"requests_per_s\":0.5,\"streams\":0,\"runs_per_day\":100}");
    assert_int_equal(limits_parse_flags(&arena, STR("streams=3,runs_live=1"), &over, &why), OK);
    limits = limits_over(&limits, &over);
    ASSERT_STR(limits_text(&arena, &limits),
               "{\"requests_per_s\":0.5,\"streams\":3,\"runs_live\":1,"
               "\"runs_per_day\":100}");
    assert_true(limits_say_nothing(&limits_none));
    assert_false(limits_say_nothing(&over));
    arena_release(&arena);
}

static void wrong_limits_are_named(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"[]", "must be an object of limits"},
        {"{\"request_per_s\":1}", "there is no limit \"request_per_s\": it must be "},
        {"{\"requests_per_s\":-1}", "requests_per_s must be a number up to 1000000, or 0 "},
        {"{\"requests_per_s\":1e9}", "requests_per_s must be a number up to 1000000, or 0 "},
        {"{\"burst\":1.5}", "burst must be a whole number"},
        {"{\"streams\":\"3\"}", "streams must be a whole number"},
    };
    struct limits limits;
    struct arena arena;
    struct str why;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(limits_parse(&arena, str_of(cases[i].text), &limits, &why), ERR_INVALID);
        assert_true(str_starts(why, str_of(cases[i].why)));
    }
    assert_int_equal(limits_parse_flags(&arena, STR("streams"), &limits, &why), ERR_INVALID);
    assert_int_equal(limits_parse_flags(&arena, STR("stream=1"), &limits, &why), ERR_INVALID);
    arena_release(&arena);
}

static void a_bucket_lets_through_its_rate(void **state)
{
    struct caller *caller = caller_new();
    struct limits limits = {{[LIMIT_REQUESTS] = 10, [LIMIT_BURST] = 3}};
    struct rate_state rate;
    int64_t now_us = 1000 * US_PER_SECOND;

    (void)state;
    for (int64_t left = 2; left >= 0; left--) {
        assert_true(caller_take(caller, &limits, now_us, &rate));
        assert_int_equal(rate.limit, 3);
        assert_int_equal(rate.remaining, left);
    }
    assert_int_equal(rate.reset_s, 1); /* 0.3 s, rounded up */
    assert_false(caller_take(caller, &limits, now_us, &rate));
    assert_int_equal(rate.remaining, 0);
    assert_int_equal(rate.retry_s, 1);
    assert_true(caller_take(caller, &limits, now_us + 100 * US_PER_MS, &rate));
    assert_false(caller_take(caller, &limits, now_us + 100 * US_PER_MS, &rate));
    assert_true(caller_take(caller, &limits_none, now_us, &rate));
    assert_int_equal(rate.limit, 0);
    limits = (struct limits){{[LIMIT_REQUESTS] = 0.1}}; /* the burst is 1 then */
    assert_true(caller_take(caller, &limits, now_us + 9 * US_PER_SECOND, &rate));
    assert_false(caller_take(caller, &limits, now_us + 9 * US_PER_SECOND, &rate));
    assert_int_equal(rate.retry_s, 10);
    caller_unref(caller);
}

static void streams_are_given_back(void **state)
{
    struct caller *caller = caller_new();
    struct limits limits = {{[LIMIT_STREAMS] = 2}};

    (void)state;
    assert_true(caller_stream_begin(caller, &limits));
    assert_true(caller_stream_begin(caller, &limits));
    assert_false(caller_stream_begin(caller, &limits));
    assert_false(caller_stream_begin(caller, &limits));
    caller_stream_end(caller);
    assert_true(caller_stream_begin(caller, &limits));
    assert_true(caller_stream_begin(caller, &limits_none));
    caller_unref(caller);
}

static struct caller *peer(struct peers *peers, struct arena *arena, const char *ip, int64_t now_us,
                           struct str *payer)
{
    struct address address;

    assert_int_equal(address_parse_ip(str_of(ip), &address), OK);
    return peers_get(peers, &address, now_us, arena, payer);
}

static void peers_are_told_apart(void **state)
{
    struct peers *peers = peers_new();
    struct caller *a, *b, *c, *d;
    struct arena arena;
    struct str payer;

    (void)state;
    arena_init(&arena);
    a = peer(peers, &arena, "192.0.2.1", 0, &payer);
    ASSERT_STR(payer, "p:192.0.2.1");
    b = peer(peers, &arena, "192.0.2.1", 0, &payer);
    assert_ptr_equal(a, b);
    c = peer(peers, &arena, "2001:db8::1", 0, &payer);
    ASSERT_STR(payer, "p:2001:db8::");
    d = peer(peers, &arena, "2001:db8::ffff", 0, &payer);
    assert_ptr_equal(c, d);
    assert_ptr_not_equal(a, c);
    caller_unref(a);
    caller_unref(b);
    caller_unref(c);
    caller_unref(d);
    peers_free(peers);
    peers_free(NULL);
    arena_release(&arena);
}

static void quiet_peers_make_room(void **state)
{
    const struct limits limits = {{[LIMIT_REQUESTS] = 1}};
    struct peers *peers = peers_new();
    struct caller *busy, *others;
    struct rate_state rate;
    struct arena arena;
    struct str payer;
    char ip[32];

    (void)state;
    arena_init(&arena);
    for (int i = 0; i < PEERS_MAX; i++) {
        struct caller *one;

        snprintf(ip, sizeof(ip), "10.0.%d.%d", i / 250, i % 250);
        one = peer(peers, &arena, ip, 10 * US_PER_SECOND, &payer);
        assert_true(caller_take(one, &limits, 10 * US_PER_SECOND, &rate));
        caller_unref(one);
    }
    others = peer(peers, &arena, "192.0.2.1", 10 * US_PER_SECOND, &payer);
    busy = peer(peers, &arena, "192.0.2.2", 10 * US_PER_SECOND, &payer);
    assert_ptr_equal(others, busy); /* nobody is quiet: they share one */
    caller_unref(busy);
    busy = peer(peers, &arena, "192.0.2.2", 12 * US_PER_SECOND, &payer);
    assert_ptr_not_equal(others, busy);
    caller_unref(busy);
    caller_unref(others);
    peers_free(peers);
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("limits are read and written", limits_are_read_and_written),
    TEST("wrong limits are named", wrong_limits_are_named),
    TEST("a bucket lets through its rate", a_bucket_lets_through_its_rate),
    TEST("streams are given back", streams_are_given_back),
    TEST("peers are told apart by address, IPv6 by /64", peers_are_told_apart),
    TEST("quiet peers make room, else new ones share", quiet_peers_make_room),
};

int main(void)
{
    return RUN_TESTS(tests);
}
