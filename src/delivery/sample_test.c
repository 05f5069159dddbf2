/* Tests of the samples: each is JSON with the documented keys, filled in. */
#include "base/test.h"

#include "base/json.h"
#include "delivery/sample.h"

static void each_kind_is_json(void **state)
{
    static const struct {
        const char *kind, *key;
    } kinds[] = {
        {"run", "run_id"}, {"rule", "rule_id"}, {"alert", "alert_rule_id"}, {"fleet", "files"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct json *root = NULL;
        struct arena arena;
        struct buf out;

        arena_init(&arena);
        buf_init(&out, 64 * KIB);
        assert_true(sample_exists(str_of(kinds[i].kind)));
        sample_write(&out, str_of(kinds[i].kind), STR("the-id"), US_PER_SECOND);
        assert_int_equal(json_parse(&arena, buf_str(&out), &root, NULL), OK);
        assert_int_not_equal(json_type(json_get(root, kinds[i].key)), JSON_ABSENT);
        assert_false(str_contains(buf_str(&out), STR("{now}")));
        assert_false(str_contains(buf_str(&out), STR("{id}")));
        assert_true(str_contains(buf_str(&out), STR("the-id")));
        buf_release(&out);
        arena_release(&arena);
    }
    assert_false(sample_exists(STR("other")));
}

static const struct CMUnitTest tests[] = {
    TEST("each kind has a sample in its documented form", each_kind_is_json),
};

int main(void)
{
    return RUN_TESTS(tests);
}
