/* mcp_message_test.c -- what MCP servers say, in all its wrong forms. */
#include "base/test_arena.h"
#include "native/mcp_message.h"

static void replies(void **state)
{
    static const struct {
        const char *text, *result, *error;
        bool is_reply, tools_changed;
    } cases[] = {
        {"{\"id\":7,\"result\":{\"a\":1}}", "{\"a\":1}", NULL, true, false},
        {"{\"id\":7,\"error\":{\"message\":\"no\"}}", NULL, "it says: no", true, false},
        {"{\"id\":7,\"error\":{\"code\":1}}", NULL, "it says: error", true, false},
        {"{\"id\":7,\"error\":\"x\"}", NULL, "it says: error", true, false},
        {"{\"id\":7}", NULL, "its answer has no result", true, false},
        {"{\"id\":8,\"result\":{}}", NULL, NULL, false, false},
        {"{\"id\":\"7\",\"result\":{}}", NULL, NULL, false, false},
        {"{\"id\":7,\"method\":\"ping\"}", NULL, NULL, false, false},
        {"{\"method\":\"notifications/tools/list_changed\"}", NULL, NULL, false, true},
        {"{\"method\":\"notifications/progress\"}", NULL, NULL, false, false},
        {"[]", NULL, NULL, false, false},
        {"null", NULL, NULL, false, false},
        {"<html>", NULL, "it answered with what is no JSON", true, false},
        {"", NULL, "it answered with what is no JSON", true, false},
        {"{\"id\":7,\"result\":", NULL, "it answered with what is no JSON", true, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct mcp_message message = mcp_message_read(&arena, str_of(cases[i].text), 7);

        assert_int_equal(message.is_reply, cases[i].is_reply);
        assert_int_equal(message.tools_changed, cases[i].tools_changed);
        ASSERT_STR(message.result, cases[i].result);
        ASSERT_STR(message.error, cases[i].error);
    }
}

static void tools(void **state)
{
    struct mcp_tool found[MCP_TOOLS_MAX + 1];
    size_t count = 0;
    struct str cursor;

    (void)state;
    cursor = mcp_tools_read(&arena,
                            STR("{\"tools\":[{\"name\":\"a\",\"description\":\"A\",\"inputSchema\":"
                                "{\"type\":\"object\"}},{\"name\":\"b\",\"inputSchema\":7},"
                                "{\"name\":5},{},[],null,\"c\"],\"nextCursor\":\"2\"}"),
                            found, &count);
    ASSERT_STR(cursor, "2");
    assert_int_equal(count, 2);
    ASSERT_STR(found[0].schema, "{\"type\":\"object\"}");
    ASSERT_STR(found[1].description, "");
    ASSERT_STR(found[1].schema, "{\"type\":\"object\",\"properties\":{}}");
    cursor = mcp_tools_read(&arena, STR("{\"tools\":[{\"name\":\"c\"}],\"nextCursor\":\"\"}"),
                            found, &count);
    assert_true(str_is_none(cursor));
    assert_int_equal(count, 3);
    ASSERT_STR(found[2].name, "c");
    for (const char *const *wrong = (const char *const[]){"[]", "{\"tools\":{}}", "x", "{}", NULL};
         *wrong; wrong++)
        assert_true(str_is_none(mcp_tools_read(&arena, str_of(*wrong), found, &count)));
    assert_int_equal(count, 3);
}

static void too_many_tools(void **state)
{
    struct mcp_tool *found = ARENA_ARRAY(&arena, struct mcp_tool, MCP_TOOLS_MAX + 1);
    size_t count = 0;
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    buf_add_cstr(&out, "{\"tools\":[{\"name\":\"x\"}");
    for (size_t i = 0; i < MCP_TOOLS_MAX + 5; i++)
        buf_add_cstr(&out, ",{\"name\":\"x\"}");
    buf_add_cstr(&out, "]}");
    mcp_tools_read(&arena, buf_str(&out), found, &count);
    assert_int_equal(count, MCP_TOOLS_MAX);
    buf_release(&out);
}

static void versions(void **state)
{
    struct str why = STR_NONE;

    (void)state;
    ASSERT_STR(mcp_version_read(&arena, STR("{\"protocolVersion\":\"2024-11-05\"}"), &why),
               "2024-11-05");
    ASSERT_STR(mcp_version_newest(), "2025-11-25");
    assert_true(str_is_none(mcp_version_read(&arena, STR("{\"protocolVersion\":\"1\"}"), &why)));
    ASSERT_STR(why, "it speaks version 1 of the protocol, which is not known here");
    assert_true(str_is_none(mcp_version_read(&arena, STR("{}"), &why)));
    assert_true(str_is_none(mcp_version_read(&arena, STR("x"), &why)));
}

static void results(void **state)
{
    bool is_error;

    (void)state;
    ASSERT_STR(mcp_result_text(&arena,
                               STR("{\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
                                   "{\"type\":\"image\",\"data\":\"\"},{\"text\":\"b\"}]}"),
                               &is_error),
               "a\n[image]\nb");
    assert_false(is_error);
    ASSERT_STR(mcp_result_text(&arena, STR("{\"isError\":true,\"content\":[]}"), &is_error), "");
    assert_true(is_error);
    ASSERT_STR(mcp_result_text(&arena, STR("{}"), &is_error), "");
    assert_false(is_error);
    ASSERT_STR(mcp_result_text(&arena, STR("nonsense"), &is_error), "");
    assert_true(is_error);
}

static const struct CMUnitTest tests[] = {
    TEST("a reply is the one to the question, a result or an error", replies),
    TEST("of a page of tools those are taken that are tools", tools),
    TEST("tools beyond the limit are left out", too_many_tools),
    TEST("a version is one that is spoken here", versions),
    TEST("a result is its texts", results),
};

int main(void)
{
    return cmocka_run_group_tests(tests, test_arena_open, test_arena_close);
}
