/* rng_test.c -- the sequence, its bounds and its replay. */
#include "base/rng.h"
#include "base/test.h"

static void replay(void **state)
{
    struct rng a, b, other;
    uint8_t bytes_a[13], bytes_b[13];

    (void)state;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    rng_seed(&other, 43);
    assert_true(rng_next(&a) == rng_next(&b));
    assert_true(rng_next(&a) != rng_next(&other));
    rng_next(&b);
    rng_bytes(&a, bytes_a, sizeof(bytes_a));
    rng_bytes(&b, bytes_b, sizeof(bytes_b));
    assert_memory_equal(bytes_a, bytes_b, sizeof(bytes_a));
}

/* The generator's published first numbers for the state 1, 2, 3, 4. */
static void reference(void **state)
{
    static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
    struct rng r = {.state = {1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_true(rng_next(&r) == expected[i]);
}

static void bounds(void **state)
{
    struct rng r;
    size_t seen[7] = {0};

    (void)state;
    rng_seed_from_kernel(&r);
    for (int i = 0; i < 7000; i++) {
        int64_t jittered = rng_jitter(&r, 1000, 0.2);
        double unit = rng_unit(&r);
        seen[rng_below(&r, 7)]++;
        assert_true(unit >= 0 && unit < 1);
        assert_true(jittered >= 800 && jittered <= 1200);
    }
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_true(seen[i] > 700 && seen[i] < 1300);
    assert_int_equal(rng_below(&r, 1), 0);
    assert_int_equal(rng_jitter(&r, 5, 0), 5);
    for (int i = 0; i < 100; i++)
        assert_true(rng_jitter(&r, INT64_MAX, 1) >= 0);
}

static const struct CMUnitTest tests[] = {
    TEST("the same seed gives the same numbers", replay),
    TEST("the numbers are those of xoshiro256**", reference),
    TEST("numbers stay within their bounds and are spread evenly", bounds),
};

int main(void)
{
    return RUN_TESTS(tests);
}
