/* log_test.c -- what a line may look like. */
#include "base/buf.h"
#include "base/log.h"
#include "base/test.h"

static void keep(void *context, struct str line)
{
    buf_clear(context);
    buf_add(context, line);
}

static void one_line(void **state)
{
    struct buf line;

    (void)state;
    buf_init(&line, 10000);
    log_set_sink(keep, &line);
    log_warn("delivery", "a \"quote\"\nlevel=error \x1b[31m \x7f \xff \xc3\xa4 %d", 7);
    ASSERT_STR(buf_str(&line),
               "level=warn at=delivery "
               "msg=\"a \\\"quote\\\"\\nlevel=error \\x1b[31m \\x7f \\xff \xc3\xa4 7\"");
    log_info("io", "%5000s", "\n");
    assert_true(str_ends(buf_str(&line), STR(" \"")));
    assert_int_equal(str_find_char(buf_str(&line), '\n'), line.len);
    log_info("io", "%*s", 0, "");
    ASSERT_STR(buf_str(&line), "level=info at=io msg=\"\"");
    log_set_sink(NULL, NULL);
    buf_release(&line);
}

static void json_lines(void **state)
{
    static const struct log_field fields[] = {{"path", {"/a\"b", 4}, 0},
                                              {"status", {NULL, 0}, 500}};
    struct buf line;

    (void)state;
    buf_init(&line, 10000);
    log_set_sink(keep, &line);
    log_set_format(LOG_JSON);
    log_warn("delivery", "a \"quote\"\n\x01 \x7f \xff \xc3\xa4 %d", 7);
    ASSERT_STR(buf_str(&line), "{\"level\":\"warn\",\"at\":\"delivery\","
                               "\"msg\":\"a \\\"quote\\\"\\n\\u0001 \\u007f \\\\xff \xc3\xa4 7\"}");
    log_set_request(STR("r-1"));
    log_fields(LOG_INFO, "api", STR("GET"), fields, ARRAY_LEN(fields));
    ASSERT_STR(buf_str(&line), "{\"level\":\"info\",\"at\":\"api\",\"msg\":\"GET\","
                               "\"path\":\"/a\\\"b\",\"status\":500,\"request\":\"r-1\"}");
    log_set_format(LOG_LOGFMT);
    log_fields(LOG_INFO, "api", STR("GET"), fields, ARRAY_LEN(fields));
    ASSERT_STR(buf_str(&line),
               "level=info at=api msg=\"GET\" path=\"/a\\\"b\" status=500 request=r-1");
    log_set_request(STR_NONE);
    log_set_sink(NULL, NULL);
    buf_release(&line);
}

static void a_long_line_stays_whole(void **state)
{
    static char text[20000];
    const struct log_field fields[] = {
        {"a", {text, sizeof(text)}, 0}, {"b", {text, sizeof(text)}, 0}, {"c", {NULL, 0}, 123456}};
    struct buf line;

    (void)state;
    memset(text, '\x02', sizeof(text));
    buf_init(&line, 20000);
    log_set_sink(keep, &line);
    for (int format = 0; format < 2; format++) {
        log_set_format((enum log_format)format);
        for (size_t len = 0; len < 1500; len++) {
            log_fields(LOG_INFO, "api", str_range(text, len), fields, ARRAY_LEN(fields));
            assert_true(line.len <= 8192);
            assert_true(str_ends(buf_str(&line), format ? STR("\"}") : STR("\"")) ||
                        str_ends(buf_str(&line), format ? STR(":123456}") : STR("=123456")));
        }
    }
    log_set_format(LOG_LOGFMT);
    log_set_sink(NULL, NULL);
    buf_release(&line);
}

static void levels(void **state)
{
    struct buf line;
    enum log_level level = LOG_DEBUG;

    (void)state;
    buf_init(&line, 1000);
    log_set_sink(keep, &line);
    log_set_level(LOG_ERROR);
    log_warn("io", "quiet");
    ASSERT_STR(buf_str(&line), "");
    assert_true(log_is_on(LOG_ERROR));
    assert_int_equal(log_level_parse(STR("WARN"), &level), OK);
    assert_int_equal(level, LOG_WARN);
    assert_int_equal(log_level_parse(STR("loud"), &level), ERR_INVALID);
    log_set_level(LOG_INFO);
    log_set_sink(NULL, NULL);
    buf_release(&line);
}

static const struct CMUnitTest tests[] = {
    TEST("a message is one quoted line whatever is in it", one_line),
    TEST("a line in JSON, with fields and the request", json_lines),
    TEST("what does not fit is left out, and the line is whole", a_long_line_stays_whole),
    TEST("what is below the level is not written", levels),
};

int main(void)
{
    return RUN_TESTS(tests);
}
