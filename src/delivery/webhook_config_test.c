/* Tests of the webhooks block: what is read, and on which errors the server does not start
 * (C12-C16). */
#include "base/test.h"

#include "delivery/webhook_config.h"

static struct str find(void *context, struct str name)
{
    (void)context;
    if (str_eq(name, STR("LG_WEBHOOK_TOKEN")))
        return STR("s3cret");
    if (str_eq(name, STR("MY_APP_SECRET")))
        return STR("mine");
    if (str_eq(name, STR("LG_WEBHOOK_BROKEN")))
        return STR("line\nbreak");
    return STR_NONE;
}

static enum err parse(struct arena *arena, const char *text, struct webhook_config *config,
                      struct str *why)
{
    struct webhook_environment environment = {.find = find};
    const struct json *root = NULL;

    assert_int_equal(json_parse(arena, str_of(text), &root, NULL), OK);
    return webhook_config_parse(arena, root, &environment, config, why);
}

static void everything_is_read(void **state)
{
    struct webhook_config config = {0};
    struct str why = STR_NONE;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(
        parse(&arena,
              "{\"webhooks\": {\"headers\": {\"X-Environment\": \"production\","
              " \"Authorization\": \"Bearer ${{ env.LG_WEBHOOK_TOKEN }}\", \"content-type\": "
              "\"x/y\"},"
              " \"url\": {\"require_https\": true, \"allowed_domains\": [\"*.mycompany.com\"],"
              " \"allowed_ports\": [443, 8443], \"max_url_length\": 100, \"disable_loopback\": "
              "false}},"
              " \"http\": {\"disable_webhooks\": true}, \"graphs\": {}}",
              &config, &why),
        OK);
    assert_true(config.is_disabled);
    assert_int_equal(config.header_count, 2);
    ASSERT_STR(config.headers[0].name, "X-Environment");
    ASSERT_STR(config.headers[1].value, "Bearer s3cret");
    assert_true(config.rules.has_url_block && config.rules.require_https &&
                config.rules.allows_relative);
    assert_int_equal(config.rules.domain_count, 1);
    assert_int_equal(config.rules.port_count, 2);
    assert_int_equal(config.rules.allowed_ports[1], 8443);
    assert_int_equal(config.rules.url_bytes_max, 100);
    arena_release(&arena);
}

static void nothing_is_fine(void **state)
{
    struct webhook_environment environment = {.find = find};
    struct webhook_config config = {0};
    struct str why = STR_NONE;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(webhook_config_parse(&arena, NULL, &environment, &config, &why), OK);
    assert_int_equal(parse(&arena, "{}", &config, &why), OK);
    assert_int_equal(parse(&arena, "{\"webhooks\": null, \"http\": null}", &config, &why), OK);
    assert_int_equal(parse(&arena, "{\"webhooks\": {}}", &config, &why), OK);
    assert_false(config.rules.has_url_block || config.rules.allows_relative || config.is_disabled);
    arena_release(&arena);
}

static void another_prefix(void **state)
{
    struct webhook_config config = {0};
    struct str why = STR_NONE;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(parse(&arena,
                           "{\"webhooks\": {\"env_prefix\": \"MY_APP_\", \"headers\":"
                           " {\"A\": \"${{ env.MY_APP_SECRET }}\"}}}",
                           &config, &why),
                     OK);
    ASSERT_STR(config.headers[0].value, "mine");
    arena_release(&arena);
}

static void errors_name_key_and_variable(void **state)
{
    static const struct {
        const char *block, *key, *says;
    } cases[] = {
        {"{\"headers\": {\"A\": \"${{ env.LG_WEBHOOK_NONE }}\"}}", "webhooks.headers.A",
         "LG_WEBHOOK_NONE"},
        {"{\"headers\": {\"A\": \"${{ env.HOME }}\"}}", "webhooks.headers.A", "HOME"},
        {"{\"headers\": {\"A\": \"${{ env.LG_WEBHOOK_BROKEN }}\"}}", "webhooks.headers.A",
         "LG_WEBHOOK_BROKEN"},
        {"{\"headers\": {\"A\": \"${{ env.LG_WEBHOOK_TOKEN\"}}", "webhooks.headers.A", ""},
        {"{\"headers\": {\"A\": 1}}", "webhooks.headers.A", "string"},
        {"{\"headers\": {\"a b\": \"x\"}}", "webhooks.headers.a b", "name"},
        {"{\"headers\": {\"Host\": \"x\"}}", "webhooks.headers.Host", "sender"},
        {"{\"headers\": {\"webhook-id\": \"x\"}}", "webhooks.headers.webhook-id", "sender"},
        {"{\"headers\": []}", "webhooks.headers", "object"},
        {"{\"env_prefix\": 1}", "webhooks.env_prefix", "string"},
        {"{\"url\": {\"require_https\": \"yes\"}}", "webhooks.url.require_https", "true or false"},
        {"{\"url\": {\"allowed_domains\": [\"*\"]}}", "webhooks.url.allowed_domains", "*"},
        {"{\"url\": {\"allowed_domains\": \"a.b\"}}", "webhooks.url.allowed_domains", "list"},
        {"{\"url\": {\"allowed_ports\": [0]}}", "webhooks.url.allowed_ports", "65535"},
        {"{\"url\": {\"allowed_ports\": [70000]}}", "webhooks.url.allowed_ports", "65535"},
        {"{\"url\": {\"max_url_length\": 0}}", "webhooks.url.max_url_length", "above 0"},
        {"{\"url\": 3}", "webhooks.url", "object"},
        {"[]", "webhooks", "object"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct webhook_config config = {0};
        struct str why = STR_NONE, text;
        struct arena arena;

        arena_init(&arena);
        text = arena_printf(&arena, "{\"webhooks\": %s}", cases[i].block);
        assert_int_equal(parse(&arena, arena_cstr(&arena, text), &config, &why), ERR_INVALID);
        if (!str_starts(why, str_of(cases[i].key)) || !str_contains(why, str_of(cases[i].says)))
            print_error("%s: %.*s\n", cases[i].block, STR_ARG(why));
        assert_true(str_starts(why, str_of(cases[i].key)));
        assert_true(str_contains(why, str_of(cases[i].says)));
        assert_false(str_contains(why, STR("s3cret")));
        arena_release(&arena);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("every key of the block is read (C12, C15, C16)", everything_is_read),
    TEST("without a block there are no headers and no rules", nothing_is_fine),
    TEST("env_prefix admits other variables (C13)", another_prefix),
    TEST("each error names its key and its variable, never a value (C14)",
         errors_name_key_and_variable),
};

int main(void)
{
    return RUN_TESTS(tests);
}
