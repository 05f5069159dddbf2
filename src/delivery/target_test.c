/* Tests of the verdict on a webhook URL (C15). */
#include "base/test.h"

#include "delivery/target.h"

static const struct str domains[] = {{"*.example.com", 13}, {"api.trusted.org", 15}};
static const uint16_t ports[] = {443, 8443};

static const struct target_rules plain = {0};
static const struct target_rules empty_block = {.has_url_block = true};
static const struct target_rules https_only = {.has_url_block = true, .require_https = true};
static const struct target_rules some_domains = {
    .has_url_block = true, .allowed_domains = domains, .domain_count = 2};
static const struct target_rules some_ports = {
    .has_url_block = true, .allowed_ports = ports, .port_count = 2};
static const struct target_rules short_urls = {.has_url_block = true, .url_bytes_max = 20};
static const struct target_rules relative = {.has_url_block = true,
                                             .allows_relative = true,
                                             .require_https = true,
                                             .allowed_domains = domains,
                                             .domain_count = 2};

struct verdict_case {
    const struct target_rules *rules;
    const char *url;
    enum err err;
    const char *names; /* part of the reason */
};

static const struct verdict_case cases[] = {
    {&plain, "https://hooks.example.com/a?token=1", OK, NULL},
    {&plain, "http://hooks.example.com:8000/a", OK, NULL},
    {&plain, "http://1.1.1.1:8000", OK, NULL},
    {&plain, "", ERR_INVALID, ""},
    {&plain, "ftp://example.com/", ERR_INVALID, ""},
    {&plain, "https://user:pw@example.com/", ERR_INVALID, "user name"},
    {&plain, "http://127.0.0.1:9/", ERR_DENIED, "loopback"},
    {&plain, "http://localhost/", ERR_DENIED, "loopback"},
    {&plain, "http://10.1.2.3/", ERR_DENIED, "private"},
    {&plain, "http://169.254.169.254/latest", ERR_DENIED, "link-local"},
    {&plain, "http://[::1]/", ERR_DENIED, "loopback"},
    {&plain, "/noauth/hook", ERR_DENIED, "disable_loopback"},
    {&empty_block, "https://example.com/", OK, NULL},
    {&empty_block, "http://example.com/", OK, NULL},
    {&empty_block, "http://example.com:8000/", ERR_DENIED, "allowed_ports"},
    {&empty_block, "https://example.com:80/", ERR_DENIED, "allowed_ports"},
    {&empty_block, "/hook", ERR_DENIED, "disable_loopback"},
    {&https_only, "http://example.com/", ERR_DENIED, "require_https"},
    {&https_only, "HTTPS://example.com/", OK, NULL},
    {&some_domains, "https://hooks.example.com/", OK, NULL},
    {&some_domains, "https://a.b.EXAMPLE.com/", OK, NULL},
    {&some_domains, "https://api.trusted.org/", OK, NULL},
    {&some_domains, "https://example.com/", ERR_DENIED, "allowed_domains"},
    {&some_domains, "https://evilexample.com/", ERR_DENIED, "allowed_domains"},
    {&some_domains, "https://api.trusted.org.evil.net/", ERR_DENIED, "allowed_domains"},
    {&some_domains, "https://1.1.1.1/", ERR_DENIED, "allowed_domains"},
    {&some_ports, "https://example.com/", OK, NULL},
    {&some_ports, "https://example.com:8443/", OK, NULL},
    {&some_ports, "http://example.com/", ERR_DENIED, "allowed_ports"},
    {&short_urls, "https://example.com/", OK, NULL},
    {&short_urls, "https://example.com/a", ERR_LIMIT, "max_url_length"},
    {&relative, "/hook?x=1", OK, NULL},
    {&relative, "//evil.net/hook", ERR_INVALID, ""},
    {&relative, "http://a.example.com/", ERR_DENIED, "require_https"},
};

static void every_case(void **state)
{
    struct egress_policy egress = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena arena;
        struct str why = STR_NONE;
        struct url url = {0};
        enum err err;

        arena_init(&arena);
        err = target_check(cases[i].rules, &egress, &arena, str_of(cases[i].url), &url, &why);
        if (err != cases[i].err)
            print_error("%s: %s (%.*s)\n", cases[i].url, err_name(err), STR_ARG(why));
        assert_int_equal(err, cases[i].err);
        if (err) {
            assert_false(str_is_none(why));
            assert_true(str_contains(why, str_of(cases[i].names)));
        }
        arena_release(&arena);
    }
}

static void opened_by_dev_and_by_entry(void **state)
{
    struct egress_policy dev = {.dev = true}, by_entry = {0};
    struct arena arena;
    struct str why = STR_NONE;
    const char *reason = NULL;
    struct url url = {0};

    (void)state;
    arena_init(&arena);
    assert_int_equal(egress_policy_add(&by_entry, &arena, STR("127.0.0.1:9000"), &reason), OK);
    assert_int_equal(target_check(&plain, &dev, &arena, STR("http://localhost:8000/"), &url, &why),
                     OK);
    ASSERT_STR(url.host, "localhost");
    assert_int_equal(
        target_check(&plain, &by_entry, &arena, STR("http://127.0.0.1:9000/x"), &url, &why), OK);
    assert_int_equal(
        target_check(&plain, &by_entry, &arena, STR("http://127.0.0.1:9001/x"), &url, &why),
        ERR_DENIED);
    /* --dev opens addresses, not the rules of the file */
    assert_int_equal(target_check(&https_only, &dev, &arena, STR("http://localhost/"), &url, &why),
                     ERR_DENIED);
    assert_int_equal(target_check(&empty_block, &dev, &arena, STR("/hook"), &url, &why),
                     ERR_DENIED);
    arena_release(&arena);
}

static enum err fleet_verdict(const struct egress_policy *policy, const char *url)
{
    const struct target_rules *rules = target_rules_for(STR("fleet"), &plain);
    struct arena arena;
    struct url parsed;
    struct str why;
    enum err err;

    arena_init(&arena);
    err = target_check(rules, policy, &arena, str_of(url), &parsed, &why);
    arena_release(&arena);
    return err;
}

static void https_unless_opened(void **state)
{
    struct egress_policy closed = {0}, dev = {.dev = true}, listed = {0};
    struct arena arena;
    const char *why;

    (void)state;
    arena_init(&arena);
    assert_int_equal(egress_policy_add(&listed, &arena, STR("hook.example.com:8000"), &why), OK);
    assert_int_equal(egress_policy_add(&listed, &arena, STR("10.0.0.0/8"), &why), OK);
    assert_int_equal(fleet_verdict(&closed, "https://example.com/"), OK);
    assert_int_equal(fleet_verdict(&closed, "http://example.com/"), ERR_DENIED);
    assert_int_equal(fleet_verdict(&closed, "http://127.0.0.1/"), ERR_DENIED);
    assert_int_equal(fleet_verdict(&dev, "http://127.0.0.1:8000/"), OK);
    assert_int_equal(fleet_verdict(&dev, "http://localhost:8000/"), OK);
    assert_int_equal(fleet_verdict(&dev, "http://[::ffff:10.0.0.1]/"), OK);
    assert_int_equal(fleet_verdict(&dev, "http://example.com/"), ERR_DENIED);
    assert_int_equal(fleet_verdict(&dev, "http://8.8.8.8/"), ERR_DENIED);
    assert_int_equal(fleet_verdict(&listed, "http://hook.example.com:8000/"), OK);
    assert_int_equal(fleet_verdict(&listed, "http://hook.example.com/"), ERR_DENIED);
    assert_int_equal(fleet_verdict(&listed, "http://10.1.2.3/"), OK);
    assert_int_equal(fleet_verdict(&listed, "/in/x"), ERR_DENIED);
    assert_ptr_equal(target_rules_for(STR("run"), &https_only), &https_only);
    assert_ptr_equal(target_rules_for(STR("rule"), &https_only), &target_rules_none);
    arena_release(&arena);
}

static const struct {
    const char *url;
    enum err closed, dev;
    const char *names;
} token_cases[] = {
    {"https://login.example.com/token", OK, OK, NULL},
    {"http://login.example.com/token", ERR_DENIED, OK, "https://"},
    {"http://127.0.0.1:9/token", ERR_DENIED, OK, "loopback"},
    {"https://169.254.169.254/token", ERR_DENIED, ERR_DENIED, "link-local"},
    {"https://127.0.0.1:8123/token", ERR_DENIED, ERR_DENIED, ""},
    {"https://127.0.0.1:8123/in/x", ERR_DENIED, ERR_DENIED, "this server"},
    {"/in/x", ERR_DENIED, ERR_DENIED, ""},
    {"", ERR_INVALID, ERR_INVALID, ""},
};

static void a_token_is_never_asked_of_ourselves(void **state)
{
    struct egress_policy closed = {
        .own = {{.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}, .port = 8123}},
        .own_count = 1,
        .own_path = STR("/in/")};
    struct egress_policy dev = closed;
    struct arena arena;

    (void)state;
    dev.dev = true;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(token_cases); i++) {
        struct str text = str_of(token_cases[i].url), why = STR("");
        struct url url = {0};

        assert_int_equal(target_check_token(&dev, &arena, text, &url, &why), token_cases[i].dev);
        assert_int_equal(target_check_token(&closed, &arena, text, &url, &why),
                         token_cases[i].closed);
        if (token_cases[i].names)
            assert_true(str_contains(why, str_of(token_cases[i].names)));
    }
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("every row of the table of webhook addresses (C15)", every_case),
    TEST("--dev and egress.allow open addresses and nothing else", opened_by_dev_and_by_entry),
    TEST("a token's endpoint has https and is not this server",
         a_token_is_never_asked_of_ourselves),
    TEST("E1: Fleet's webhooks take https; http only to what is opened", https_unless_opened),
};

int main(void)
{
    return RUN_TESTS(tests);
}
