/* Templates of webhooks' bodies. */
#include "format/template.h"

#include "base/test.h"

static const struct template_variable variables[] = {
    {STR("alert_name"), STR("Errors \"up\""), STR_NONE},
    {STR("project_url"), STR("https://host/o/1?a=1&b=<2>"), STR_NONE},
    {STR("triggered_metric_value"), STR("42.5"), STR("42.5")},
};
static const struct template_fill plain = {.variables = variables, .count = 3};

static void check(const struct template_fill *fill, const char *object, const char *expected)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 4096);
    json_writer_init(&w, &out);
    json_begin_object(&w);
    template_write_members(&w, str_of(object), fill, variables + 2, 1);
    json_end_object(&w);
    ASSERT_STR(buf_str(&out), expected);
    buf_release(&out);
}

static void known_names_are_replaced(void **state)
{
    (void)state;
    check(&plain, "{\"text\": \"{alert_name} and {{alert-name}}!\"}",
          "{\"text\":\"Errors \\\"up\\\" and Errors \\\"up\\\"!\"}");
    check(&plain, "{\"a\":[{\"b\":\"<{project-url}|View>\"}]}",
          "{\"a\":[{\"b\":\"<https://host/o/1?a=1&b=<2>|View>\"}]}");
}

static void one_placeholder_keeps_its_type(void **state)
{
    (void)state;
    check(&plain, "{\"v\":\"{triggered_metric_value}\",\"w\":\"{alert_name}\"}",
          "{\"v\":42.5,\"w\":\"Errors \\\"up\\\"\"}");
    check(&plain, "{\"v\":\"at {triggered_metric_value}\"}", "{\"v\":\"at 42.5\"}");
}

static void the_rest_is_carried_over(void **state)
{
    (void)state;
    check(&plain, "{\"n\": 1.10e5, \"{alert_name}\": null, \"e\": \"🚨 \\u00e4\", \"u\":\"{x} {\"}",
          "{\"n\":1.10e5,\"{alert_name}\":null,\"e\":\"🚨 \\u00e4\",\"u\":\"{x} {\"}");
    check(&plain, "{\"u\":\"{{alert_name} {alert name} {}\"}",
          "{\"u\":\"{Errors \\\"up\\\" {alert name} {}\"}");
    check(&plain, "{}", "{}");
}

static void what_the_caller_writes_is_left_out(void **state)
{
    (void)state;
    check(&plain, "{\"triggered_metric_value\":\"mine\",\"a\":1}", "{\"a\":1}");
}

static void slack_wants_entities(void **state)
{
    struct template_fill fill = plain;

    (void)state;
    fill.escapes_markup = true;
    check(&fill, "{\"b\":\"<{project_url}|View & go>\"}",
          "{\"b\":\"<https://host/o/1?a=1&amp;b=&lt;2&gt;|View & go>\"}");
}

static void verbatim_replaces_nothing(void **state)
{
    struct template_fill fill = plain;

    (void)state;
    fill.is_verbatim = true;
    check(&fill, "{\"b\":\"{alert_name}\"}", "{\"b\":\"{alert_name}\"}");
}

static void unknown_names_are_told(void **state)
{
    struct str names[4];
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(template_unknown(STR("{\"channel\":\"{channel_id}\",\"t\":[\"{channel_id} "
                                          "{alert_name} {{other}}\"]}"),
                                      &plain, &arena, names, 4),
                     2);
    ASSERT_STR(names[0], "channel_id");
    ASSERT_STR(names[1], "other");
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("known names are replaced, in one pair of braces or two", known_names_are_replaced),
    TEST("a string that is one placeholder takes over its type", one_placeholder_keeps_its_type),
    TEST("keys, numbers, escapes and unknown names are carried over", the_rest_is_carried_over),
    TEST("members that the caller writes are left out", what_the_caller_writes_is_left_out),
    TEST("Slack's markup is escaped in values, not in the template", slack_wants_entities),
    TEST("verbatim replaces nothing", verbatim_replaces_nothing),
    TEST("what would stay as it is can be told", unknown_names_are_told),
};

int main(void)
{
    return RUN_TESTS(tests);
}
