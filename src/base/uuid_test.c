/* uuid_test.c -- versions, order and text of identifiers. */
#include "base/test.h"
#include "base/uuid.h"

static void name_based(void **state)
{
    struct uuid_text text;

    (void)state;
    ASSERT_STR(uuid_write(uuid_v5(uuid_namespace_assistants, STR("agent")), &text),
               "fe096781-5601-53d2-b2f6-0d3403f7e9ca");
}

static void versions(void **state)
{
    struct rng rng;
    struct uuid_text text;
    struct uuid id;

    (void)state;
    rng_seed(&rng, 1);
    for (int i = 0; i < 100; i++) {
        id = uuid_v4(&rng);
        assert_int_equal(uuid_write(id, &text).data[14], '4');
        assert_int_equal(id.bytes[8] >> 6, 2);
        id = uuid_v6(&rng, i, 0);
        assert_int_equal(uuid_write(id, &text).data[14], '6');
        assert_int_equal(id.bytes[8] >> 6, 2);
        id = uuid_v7(&rng, i);
        assert_int_equal(uuid_write(id, &text).data[14], '7');
        assert_int_equal(id.bytes[8] >> 6, 2);
    }
}

/* RFC 9562, appendix A: both stand for 2022-02-22 19:22:22 UTC. */
static void known_times(void **state)
{
    struct rng rng;
    struct uuid_text text;

    (void)state;
    rng_seed(&rng, 1);
    ASSERT_STR(str_first(uuid_write(uuid_v6(&rng, INT64_C(1645557742000000), 0x33c8), &text), 23),
               "1ec9414c-232a-6b00-b3c8");
    ASSERT_STR(str_first(uuid_write(uuid_v7(&rng, INT64_C(1645557742000000)), &text), 13),
               "017f22e2-79b0");
}

static void order(void **state)
{
    struct rng rng;
    struct uuid_text before = {""}, now = {""};
    int64_t wall_us = INT64_C(1795237957000000);

    (void)state;
    rng_seed(&rng, 2);
    for (int i = 0; i < 5000; i++) {
        wall_us += i % 3 == 0 ? 1 : 0; /* three in each microsecond */
        uuid_write(uuid_v6(&rng, wall_us, (uint16_t)i), &now);
        assert_true(strcmp(before.text, now.text) < 0);
        before = now;
    }
    before.text[0] = '\0';
    for (int i = 0; i < 5000; i++) {
        uuid_write(uuid_v7(&rng, wall_us + i), &now);
        assert_true(strcmp(before.text, now.text) < 0);
        before = now;
    }
}

static void parsing(void **state)
{
    static const char *const bad[] = {"",
                                      "fe096781-5601-53d2-b2f6-0d3403f7e9c",
                                      "fe096781-5601-53d2-b2f6-0d3403f7e9caa",
                                      "fe096781-5601-53d2-b2f6-0d3403f7e9cg",
                                      "fe0967815601-53d2-b2f6-0d3403f7e9ca-",
                                      "{e096781-5601-53d2-b2f6-0d3403f7e9c}",
                                      "fe096781 5601 53d2 b2f6 0d3403f7e9ca"};
    struct uuid id;
    struct uuid_text text;

    (void)state;
    assert_int_equal(uuid_parse(STR("FE096781-5601-53d2-B2F6-0d3403f7e9cA"), &id), OK);
    ASSERT_STR(uuid_write(id, &text), "fe096781-5601-53d2-b2f6-0d3403f7e9ca");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(uuid_is_valid(str_of(bad[i])));
    assert_false(uuid_is_valid(STR_NONE));
}

static void without_dashes(void **state)
{
    struct uuid id;
    struct uuid_text text;

    (void)state;
    assert_int_equal(uuid_parse_loose(STR("fe096781560153d2b2f60d3403f7e9CA"), &id), OK);
    ASSERT_STR(uuid_write(id, &text), "fe096781-5601-53d2-b2f6-0d3403f7e9ca");
    assert_int_equal(uuid_parse_loose(STR("fe096781-5601-53d2-b2f6-0d3403f7e9ca"), &id), OK);
    assert_int_equal(uuid_parse_loose(STR("fe09678-560153d2b2f60d3403f7e9ca"), &id), ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    TEST("the graph 'agent' has the assistant id that clients expect", name_based),
    TEST("version and variant are in their places", versions),
    TEST("times stand where RFC 9562 shows them", known_times),
    TEST("texts of v6 and v7 sort in the order of their making", order),
    TEST("only the canonical form is read, in any letter case", parsing),
    TEST("where it is asked for, dashes may be missing", without_dashes),
};

int main(void)
{
    return RUN_TESTS(tests);
}
