/* dotted_order_test.c -- reading and writing where a span stands. */
#include "format/dotted_order.h"

#include "base/test.h"

#define ROOT "20261121T051237533121Z01930000-0000-7000-8000-000000000001"
#define CHILD "20261121T051237600000Z01930000-0000-7000-8000-000000000002"
#define GRANDCHILD "20261121T051238000000Z01930000000070008000000000000003"
#define ROOT_US INT64_C(1795237957533121)

static struct uuid id_of(uint8_t last)
{
    struct uuid id = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[15] = last;
    return id;
}

static void a_root(void **state)
{
    struct dotted_order order;

    (void)state;
    assert_int_equal(dotted_order_parse(STR(ROOT), &order), OK);
    assert_int_equal(order.depth, 0);
    assert_int_equal(order.start_us, ROOT_US);
    assert_true(uuid_eq(order.trace_id, id_of(1)) && uuid_eq(order.span_id, id_of(1)));
}

static void a_grandchild(void **state)
{
    struct dotted_order order;

    (void)state;
    assert_int_equal(dotted_order_parse(STR(ROOT "." CHILD "." GRANDCHILD), &order), OK);
    assert_int_equal(order.depth, 2);
    assert_int_equal(order.start_us, ROOT_US + 466879);
    assert_true(uuid_eq(order.trace_id, id_of(1)));
    assert_true(uuid_eq(order.parent_id, id_of(2)));
    assert_true(uuid_eq(order.span_id, id_of(3)));
}

static void what_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        ROOT ".",
        "." ROOT,
        ROOT "..." CHILD,
        ROOT CHILD,
        "20261121T051237533121Z",
        "20261321T051237533121Z01930000-0000-7000-8000-000000000001",
        "20261121 051237533121Z01930000-0000-7000-8000-000000000001",
        "20261121T05123753312Z01930000-0000-7000-8000-000000000001",
        "20261121T051237533121Z01930000-0000-7000-8000-00000000000g",
    };
    struct dotted_order order;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(dotted_order_parse(str_of(bad[i]), &order), ERR_INVALID);
}

static void too_deep(void **state)
{
    static char text[(DOTTED_SEGMENT_BYTES + 1) * (DOTTED_ORDER_DEPTH_MAX + 1)];
    struct dotted_order order;
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i <= DOTTED_ORDER_DEPTH_MAX; i++, len += sizeof(ROOT)) {
        memcpy(text + len, ROOT, sizeof(ROOT) - 1);
        text[len + sizeof(ROOT) - 1] = '.';
    }
    assert_int_equal(dotted_order_parse(str_range(text, len - 1), &order), ERR_LIMIT);
    assert_int_equal(dotted_order_parse(str_range(text, len - 1 - sizeof(ROOT)), &order), OK);
}

static void written(void **state)
{
    struct dotted_segment segment;

    (void)state;
    ASSERT_STR(dotted_segment_write(ROOT_US, id_of(1), &segment), ROOT);
}

static const struct CMUnitTest tests[] = {
    TEST("a root is its own trace", a_root),
    TEST("a span names its root, its parent and its start", a_grandchild),
    TEST("what is not well-formed is refused", what_is_none),
    TEST("depth is bounded", too_deep),
    TEST("a segment is written as clients write it", written),
};

int main(void)
{
    return RUN_TESTS(tests);
}
