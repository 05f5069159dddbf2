/* The bodies of alerts' webhooks (A4-A6, A13-A16). */
#include "alert/alert_action.h"

#include "base/test.h"

#define KEYS                                                                                       \
    "\"project_name\":\"bot\",\"workspace_name\":\"Acme\",\"alert_rule_id\":\"5f1c\","             \
    "\"alert_rule_name\":\"Errors & more\",\"alert_rule_description\":\"\","                       \
    "\"alert_rule_type\":\"threshold\",\"alert_rule_attribute\":\"error_count\","                  \
    "\"alert_rule_url\":\"http://h/a\",\"runs_url\":\"http://h/r\","                               \
    "\"triggered_metric_value\":42,\"triggered_threshold\":10.5,"                                  \
    "\"timestamp\":\"2026-10-09T03:12:00.000000+00:00\"}"

static struct arena arena;

static struct alert_action action_of(const char *config)
{
    struct alert_action action;
    struct str why = STR_NONE;
    struct str text = arena_printf(&arena, "{\"target\":\"webhook\",\"config\":%s}", config);

    if (alert_action_read(text, 0, &arena, &action, &why))
        print_error("%.*s\n", STR_ARG(why));
    assert_true(str_is_none(why));
    return action;
}

static struct str body_of(const struct alert_action *action, bool is_resolved)
{
    static const struct alert_rule rule = {
        .name = {"Errors & more", 13}, .description = {"", 0}, .attribute = ALERT_ERROR_COUNT};
    const struct alert_news news = {.alert_id = STR("5f1c"),
                                    .rule = &rule,
                                    .project_name = STR("bot"),
                                    .workspace_name = STR("Acme"),
                                    .alert_url = STR("http://h/a"),
                                    .runs_url = STR("http://h/r"),
                                    .project_url = STR("http://h/p"),
                                    .value = 42,
                                    .limit = 10.5,
                                    .at_us = INT64_C(1791515520) * US_PER_SECOND,
                                    .is_resolved = is_resolved};
    struct str text;
    struct buf out;

    buf_init(&out, MIB);
    alert_body_write(&out, action, &news);
    text = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void the_keys_are_appended(void **state)
{
    struct alert_action action = action_of("{\"url\":\"https://a/\"}");

    (void)state;
    ASSERT_STR(body_of(&action, false), "{" KEYS);
    action = action_of("{\"url\":\"https://a/\",\"body\":{\"x\":1.50,\"timestamp\":\"mine\"}}");
    ASSERT_STR(body_of(&action, false), "{\"x\":1.50," KEYS);
    action = action_of("{\"url\":\"https://a/\",\"template\":\"{\\\"x\\\":1}\","
                       "\"merge_fields\":false}");
    ASSERT_STR(body_of(&action, false), "{\"x\":1}");
}

static void slack_literally(void **state)
{
    struct alert_action action = action_of(
        "{\"webhook_url\":\"https://slack.com/api/chat.postMessage\",\"headers\":"
        "\"{\\\"Authorization\\\": \\\"Bearer xoxb-1\\\"}\",\"merge_fields\":false,\"body\":{"
        "\"channel\":\"{channel_id}\",\"text\":\"{alert_name} triggered for {project_name}\","
        "\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":"
        "\"🚨{alert_name} has been triggered\"}},{\"type\":\"section\",\"text\":{\"type\":"
        "\"mrkdwn\",\"text\":\"<{project-url}|View in LangSmith>\"}}]},"
        "\"variables\":{\"channel_id\":\"C012\"}}");
    struct str names[4];

    (void)state;
    assert_int_equal(action.header_count, 1);
    ASSERT_STR(action.headers[0].value, "Bearer xoxb-1");
    ASSERT_STR(body_of(&action, false),
               "{\"channel\":\"C012\",\"text\":\"Errors &amp; more triggered for bot\","
               "\"blocks\":[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":"
               "\"🚨Errors &amp; more has been triggered\"}},{\"type\":\"section\",\"text\":{"
               "\"type\":\"mrkdwn\",\"text\":\"<http://h/p|View in LangSmith>\"}}]}");
    assert_int_equal(alert_action_unknown(&action, &arena, names, 4), 0);
    action.variable_count = 0;
    assert_int_equal(alert_action_unknown(&action, &arena, names, 4), 1);
    ASSERT_STR(names[0], "channel_id");
}

static void presets_are_json(void **state)
{
    static const char *const names[] = {"slack",       "slack_webhook", "teams",   "discord",
                                        "google_chat", "pagerduty",     "opsgenie"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct alert_action action =
            action_of(arena_cstr(&arena, arena_printf(&arena,
                                                      "{\"url\":\"https://a/\",\"preset\":\"%s\","
                                                      "\"variables\":{\"channel_id\":\"C\","
                                                      "\"routing_key\":\"R\"}}",
                                                      names[i])));
        struct str unknown[1], body = body_of(&action, true);
        const struct json *json;

        assert_int_equal(json_parse(&arena, body, &json, NULL), OK);
        assert_int_equal(alert_action_unknown(&action, &arena, unknown, 1), 0);
        assert_false(str_contains(body, STR("workspace_name")));
    }
}

static void recovery_is_told(void **state)
{
    struct alert_action action = action_of("{\"url\":\"https://a/\"}");

    (void)state;
    assert_true(str_ends(body_of(&action, true), STR(",\"alert_status\":\"resolved\"}")));
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{\"target\":\"webhook\"}", "actions[3].config must be an object"},
        {"{\"target\":\"webhook\",\"config\":{}}",
         "actions[3].config.url is missing: the receiver's complete URL"},
        {"{\"target\":\"webhook\",\"config\":{\"url\":\"u\",\"headers\":{\"a b\":\"\"}}}",
         "actions[3].config.headers has \"a b\", which is not the name of a header: letters, "
         "digits "
         "and hyphens, at most 256 of them"},
        {"{\"target\":\"webhook\",\"config\":{\"url\":\"u\",\"headers\":{\"a\":1}}}",
         "actions[3].config.headers has \"a\", which must have a string for a value"},
        {"{\"target\":\"webhook\",\"config\":{\"url\":\"u\",\"body\":\"{\\\"a\\\":}\"}}",
         "actions[3].config.body is not JSON: unexpected character, expected a valid JSON value at "
         "byte 5"},
        {"{\"target\":\"webhook\",\"config\":{\"url\":\"u\",\"body\":[1]}}",
         "actions[3].config.body must be a JSON object"},
        {"{\"target\":\"webhook\",\"config\":{\"url\":\"u\",\"preset\":\"irc\"}}",
         "actions[3].config.preset must be slack, slack_webhook, teams, discord, google_chat, "
         "pagerduty or opsgenie"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct alert_action action;
        struct str why = STR_NONE;

        assert_int_equal(alert_action_read(str_of(cases[i].text), 3, &arena, &action, &why),
                         ERR_INVALID);
        ASSERT_STR(why, cases[i].why);
    }
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct CMUnitTest tests[] = {
    TEST("the keys are appended, and win (A5, A6)", the_keys_are_appended),
    TEST("the documented Slack body works literally (A13-A16)", slack_literally),
    TEST("the bodies for known receivers are JSON and whole", presets_are_json),
    TEST("a recovery says that it is one", recovery_is_told),
    TEST("wrong configurations are refused, with the field", what_is_refused),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end);
}
