/* target_memo_test.c -- what is remembered of a URL is what would be said of it anew (B13, C15). */
#include "base/test.h"
#include "delivery/target_memo.h"

#define LOCAL STR("http://127.0.0.1:8000/hook?a=1")

static const struct target_rules plain = {0};
static const struct target_rules https_only = {.has_url_block = true, .require_https = true};

static struct arena arena;
static struct target_memo memo;
static struct egress_policy policy;
static struct url url;
static struct str why;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    target_memo_init(&memo);
    policy = (struct egress_policy){.dev = true};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    target_memo_release(&memo);
    arena_release(&arena);
    return 0;
}

static enum err ask(const struct target_rules *rules, const struct egress_policy *egress,
                    struct str text, int64_t now_ms)
{
    struct target_question question = {rules, egress, text, now_ms};

    return target_memo_check(&memo, &question, &arena, &url, &why);
}

static void the_same_is_said_again(void **state)
{
    char text[64];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct str local = {text, LOCAL.len};

        memset(text, 'x', sizeof(text)); /* the text of the attempt before is gone */
        memcpy(text, LOCAL.data, LOCAL.len);
        url = (struct url){.port = 0};
        assert_int_equal(ask(&plain, &policy, local, 1), OK);
        memset(text, 'x', sizeof(text));
        if (i == 0) { /* what was not remembered borrows the text and lies in this arena */
            arena_release(&arena);
            continue;
        }
        assert_false(url.scheme_is_https || url.is_relative);
        assert_true(url.has_port && url.host_kind == HOST_IPV4);
        assert_int_equal(url.port, 8000);
        ASSERT_STR(url.host, "127.0.0.1");
        ASSERT_STR(url.path, "/hook");
        ASSERT_STR(url.query, "a=1");
        ASSERT_STR(url.target, "/hook?a=1");
    }
    target_memo_forget(&memo); /* what was given stays good */
    ASSERT_STR(url.target, "/hook?a=1");
}

/* Nobody but a test changes a policy in place: it shows what is asked anew. */
static void it_is_forgotten_after_a_second_or_when_told(void **state)
{
    (void)state;
    assert_int_equal(ask(&plain, &policy, LOCAL, 5000), OK);
    policy.dev = false;
    assert_int_equal(ask(&plain, &policy, LOCAL, 5999), OK);
    assert_int_equal(ask(&plain, &policy, LOCAL, 6000), ERR_DENIED);
    policy.dev = true;
    assert_int_equal(ask(&plain, &policy, LOCAL, 6000), OK);
    policy.dev = false;
    target_memo_forget(&memo);
    assert_int_equal(ask(&plain, &policy, LOCAL, 6000), ERR_DENIED);
}

static void other_rules_and_policies_are_asked(void **state)
{
    struct egress_policy strict = {.dev = false};

    (void)state;
    assert_int_equal(ask(&plain, &policy, LOCAL, 1), OK);
    assert_int_equal(ask(&plain, &strict, LOCAL, 1), ERR_DENIED);
    assert_int_equal(ask(&https_only, &policy, LOCAL, 1), ERR_DENIED);
    assert_true(str_contains(why, STR("require_https")));
    assert_int_equal(ask(&plain, &policy, LOCAL, 1), OK);
}

static void refusals_are_asked_anew(void **state)
{
    (void)state;
    policy.dev = false;
    assert_int_equal(ask(&plain, &policy, LOCAL, 1), ERR_DENIED);
    assert_true(str_contains(why, STR("loopback")));
    policy.dev = true;
    assert_int_equal(ask(&plain, &policy, LOCAL, 1), OK);
}

static void its_memory_has_a_limit(void **state)
{
    size_t most = 0;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct str text = arena_printf(&arena, "http://127.0.0.1:8000/a-path-of-some-length/%u", i);

        assert_int_equal(ask(&plain, &policy, text, 1), OK);
        most = memo.arena.total_bytes > most ? memo.arena.total_bytes : most;
    }
    assert_true(most >= TARGET_MEMO_BYTES_MAX / 2 && most <= 2 * TARGET_MEMO_BYTES_MAX);
}

static const struct CMUnitTest tests[] = {
    {"what was said of a URL is said again", the_same_is_said_again, set_up, tear_down, NULL},
    {"a verdict is forgotten after a second, or when told",
     it_is_forgotten_after_a_second_or_when_told, set_up, tear_down, NULL},
    {"other rules and policies are asked", other_rules_and_policies_are_asked, set_up, tear_down,
     NULL},
    {"refusals are asked anew", refusals_are_asked_anew, set_up, tear_down, NULL},
    {"the memory it takes has a limit", its_memory_has_a_limit, set_up, tear_down, NULL},
};

int main(void)
{
    return RUN_TESTS(tests);
}
