/* settings_test.c -- config.json in its three shapes, and the one that is written. */
#include "base/test.h"
#include "fleet/settings.h"

static struct arena arena;

static struct agent_settings read_ok(const char *text)
{
    struct agent_settings s;
    struct str why = STR("");

    if (settings_read(&arena, str_of(text), &s, &why))
        fail_msg("%s: %.*s", text, STR_ARG(why));
    return s;
}

/* E17: the documented bundle. */
static void flat(void **state UNUSED)
{
    struct agent_settings s =
        read_ok("{\"name\": \"My Agent\", \"description\": \"Agent description\","
                " \"visibility_scope\": \"tenant\", \"triggers_paused\": false}");

    ASSERT_STR(s.name, "My Agent");
    ASSERT_STR(s.description, "Agent description");
    ASSERT_STR(s.visibility, "tenant");
    ASSERT_STR(s.model_id, NULL);
    assert_int_equal(s.triggers_paused, SETTING_NO);
    assert_int_equal(s.skips_memory_protection, SETTING_UNSAID);
}

static void nested(void **state UNUSED)
{
    struct agent_settings s = read_ok(
        "{\"config\":{\"configurable\":{\"llm_model_config\":{\"modelId\":\"anthropic:x\"},"
        "\"triggers_paused\":true,\"skip_memory_write_protection\":true,\"visibility_scope\":"
        "\"user\"}}}");

    ASSERT_STR(s.name, NULL);
    ASSERT_STR(s.model_id, "anthropic:x");
    ASSERT_STR(s.visibility, "user");
    assert_int_equal(s.triggers_paused, SETTING_YES);
    assert_int_equal(s.skips_memory_protection, SETTING_YES);
}

static void deploy(void **state UNUSED)
{
    struct agent_settings s =
        read_ok("{\"name\":\"A\",\"runtime\":{\"model\":{\"model_id\":\"openai:y\"}},"
                "\"permissions\":{\"visibility\":\"user\",\"tenant_access_level\":\"write\"}}");

    ASSERT_STR(s.model_id, "openai:y");
    ASSERT_STR(s.visibility, "user");
    ASSERT_STR(s.access, "write");
    ASSERT_STR(read_ok("{\"model\":\"m\"}").model_id, "m");
    ASSERT_STR(read_ok("{\"model\":{\"id\":\"m2\"}}").model_id, "m2");
}

static void refusals(void **state UNUSED)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"{", "not valid JSON"},
        {"[]", "must be an object"},
        {"{\"name\":1}", "name"},
        {"{\"name\":\" \"}", "1 to 200"},
        {"{\"visibility_scope\":\"world\"}", "tenant or user"},
        {"{\"permissions\":{\"tenant_access_level\":\"all\"}}", "read, run or write"},
        {"{\"model\":{\"id\":1}}", "model"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct agent_settings s;
        struct str why = STR("");

        assert_int_equal(settings_read(&arena, str_of(bad[i].text), &s, &why), ERR_INVALID);
        if (!str_contains(why, str_of(bad[i].word)))
            fail_msg("%s: %.*s", bad[i].text, STR_ARG(why));
    }
}

static struct agent_settings whole(void)
{
    return (struct agent_settings){.name = STR("A"),
                                   .description = STR("d"),
                                   .visibility = STR("tenant"),
                                   .model_id = STR("demo:echo"),
                                   .triggers_paused = SETTING_NO,
                                   .skips_memory_protection = SETTING_NO,
                                   .metadata = STR("{\"tenant_id\":\"t\"}")};
}

static void writes_all_shapes(void **state UNUSED)
{
    struct agent_settings s = whole();

    ASSERT_STR(settings_write(&arena, STR_NONE, &s),
               "{\n"
               "  \"name\": \"A\",\n"
               "  \"description\": \"d\",\n"
               "  \"visibility_scope\": \"tenant\",\n"
               "  \"triggers_paused\": false,\n"
               "  \"config\": {\n"
               "    \"configurable\": {\n"
               "      \"llm_model_config\": {\n"
               "        \"modelId\": \"demo:echo\"\n"
               "      },\n"
               "      \"triggers_paused\": false,\n"
               "      \"backend_type\": \"default\",\n"
               "      \"skip_memory_write_protection\": false,\n"
               "      \"visibility_scope\": \"tenant\"\n"
               "    }\n"
               "  },\n"
               "  \"metadata\": {\n"
               "    \"tenant_id\": \"t\"\n"
               "  }\n"
               "}\n");
}

static void what_says_it_already_stays(void **state UNUSED)
{
    struct agent_settings s = whole();
    struct str odd = STR("\n{\"metadata\":{\"tenant_id\":\"t\",\"more\":1.50},\"name\":\"A\","
                         "\"description\":\"d\",\"visibility_scope\":\"tenant\","
                         "\"triggers_paused\":false,\"config\":{\"configurable\":{"
                         "\"llm_model_config\":{\"modelId\":\"demo:echo\",\"t\":0},"
                         "\"triggers_paused\":false,\"backend_type\":\"mine\","
                         "\"skip_memory_write_protection\":false,\"visibility_scope\":\"tenant\"}},"
                         "\"z\":[]}  ");

    assert_ptr_equal(settings_write(&arena, odd, &s).data, odd.data);
    s.name = STR("B");
    odd = settings_write(&arena, odd, &s);
    assert_true(str_contains(odd, STR("\"name\": \"B\"")));
    assert_true(str_contains(odd, STR("\"more\": 1.50")));
    assert_true(str_contains(odd, STR("\"backend_type\": \"mine\"")));
    assert_true(str_contains(odd, STR("\"t\": 0")));
}

static void written_is_read(void **state UNUSED)
{
    struct agent_settings s = whole(), back;

    s.access = STR("write");
    s.configurable = STR("{\"tools_url\":\"https://h/mcp\"}");
    back = read_ok(arena_cstr(&arena, settings_write(&arena, STR_NONE, &s)));
    ASSERT_STR(back.name, "A");
    ASSERT_STR(back.access, "write");
    ASSERT_STR(back.model_id, "demo:echo");
}

static const struct CMUnitTest tests[] = {
    TEST("E17: the flat shape of the documented bundle", flat),
    TEST("the nested shape of exports", nested),
    TEST("agent.json of deepagents deploy", deploy),
    TEST("what is wrong is told in words", refusals),
    TEST("what is written has the flat and the nested members", writes_all_shapes),
    TEST("a text that says it already stays byte for byte; the rest of one that changes too",
         what_says_it_already_stays),
    TEST("what is written is read again", written_is_read),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
