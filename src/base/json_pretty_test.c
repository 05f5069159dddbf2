/* json_pretty_test.c -- what is laid out for people is the same JSON. */
#include "base/json.h"
#include "base/test.h"

static void laid_out(void **state UNUSED)
{
    struct buf out;

    buf_init(&out, KIB);
    json_pretty(&out, STR(" {\"a\":1.50,\"b\" : [ ],\"c\":{},\"d\":[true,\"x: {,}\\\"\"]} "));
    ASSERT_STR(buf_str(&out), "{\n"
                              "  \"a\": 1.50,\n"
                              "  \"b\": [],\n"
                              "  \"c\": {},\n"
                              "  \"d\": [\n"
                              "    true,\n"
                              "    \"x: {,}\\\"\"\n"
                              "  ]\n"
                              "}\n");
    buf_release(&out);
}

static void again(void **state UNUSED)
{
    struct buf once, twice;

    buf_init(&once, KIB);
    buf_init(&twice, KIB);
    json_pretty(&once, STR("{\"a\":[{\"b\":null},-1e5,[]]}"));
    json_pretty(&twice, buf_str(&once));
    assert_true(str_eq(buf_str(&once), buf_str(&twice)));
    buf_release(&once);
    buf_release(&twice);
}

static void cut_short(void **state UNUSED)
{
    static const char text[] = "{\"a\\\":1,\"b\":[1,{\"c\":\"d\"}]}";
    struct buf out;

    for (size_t len = 0; len < sizeof(text); len++) {
        buf_init(&out, KIB);
        json_pretty(&out, str_range(text, len));
        buf_release(&out);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("members on lines of their own; numbers and strings as they stand", laid_out),
    TEST("laid out once more it stays the same", again),
    TEST("text that ends too soon is not read beyond its end", cut_short),
};

int main(void)
{
    return RUN_TESTS(tests);
}
