/* traceparent_test.c -- the standard's own examples, and what it calls invalid. */
#include "base/test.h"
#include "format/traceparent.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void the_examples_of_the_standard(void **state)
{
    struct traceparent parent;
    struct traceparent_text text;
    struct str written;

    (void)state;
    assert_int_equal(traceparent_parse(STR("00-" TRACE "-" SPAN "-01"), &parent), OK);
    ASSERT_STR(parent.trace_id, TRACE);
    assert_true(parent.is_sampled);
    written = traceparent_write(&parent, 0x2a, &text);
    ASSERT_STR(written, "00-" TRACE "-000000000000002a-01");
    assert_int_equal(written.len, TRACEPARENT_CHARS);
    assert_int_equal(traceparent_parse(STR("00-" TRACE "-" SPAN "-00"), &parent), OK);
    assert_false(parent.is_sampled);
    ASSERT_STR(traceparent_write(&parent, UINT64_MAX, &text), "00-" TRACE "-ffffffffffffffff-00");
    ASSERT_STR(traceparent_write(&parent, 0x0123456789abcdef, &text),
               "00-" TRACE "-0123456789abcdef-00");
    /* Versions to come may say more. */
    assert_int_equal(traceparent_parse(STR("cc-" TRACE "-" SPAN "-0b-what-comes"), &parent), OK);
    assert_true(parent.is_sampled);
}

static void what_is_invalid_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-more",
        "00-" TRACE "-" SPAN "-01 ",
        "ff-" TRACE "-" SPAN "-01",
        "0g-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-0g",
        "cc-" TRACE "-" SPAN "-01.more",
        "00-4BF92f3577b34da6a3ce929d0e0e4736-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct traceparent parent = {.trace_id = STR("untouched")};

        assert_int_equal(traceparent_parse(str_of(wrong[i]), &parent), ERR_INVALID);
        ASSERT_STR(parent.trace_id, "untouched");
    }
}

static const struct CMUnitTest tests[] = {
    TEST("the examples of the standard are read and written", the_examples_of_the_standard),
    TEST("what the standard calls invalid is refused", what_is_invalid_is_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
