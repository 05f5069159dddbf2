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
    TEST("what is below the level is not written", levels),
};

int main(void)
{
    return RUN_TESTS(tests);
}
