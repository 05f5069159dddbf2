/* random_test.c -- kernel bytes, injected bytes, even numbers. */
#include "base/rng.h"
#include "base/test.h"
#include "crypto/random.h"

static void from_rng(void *context, void *bytes, size_t len)
{
    rng_bytes(context, bytes, len);
}

static void kernel(void **state)
{
    uint8_t a[64], b[64];

    (void)state;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

static void injected(void **state)
{
    struct rng rng;
    uint8_t a[20], b[20];

    (void)state;
    rng_seed(&rng, 1);
    random_set_source(from_rng, &rng);
    random_bytes(a, sizeof(a));
    rng_seed(&rng, 1);
    random_bytes(b, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
    random_set_source(NULL, NULL);
}

static void even(void **state)
{
    size_t seen[3] = {0};

    (void)state;
    for (int i = 0; i < 3000; i++)
        seen[random_below(3)]++;
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        assert_true(seen[i] > 800 && seen[i] < 1200);
    assert_int_equal(random_below(1), 0);
}

static const struct CMUnitTest tests[] = {
    TEST("the kernel never gives the same bytes twice", kernel),
    TEST("a test may choose the bytes", injected),
    TEST("numbers below a bound are equally likely", even),
};

int main(void)
{
    return RUN_TESTS(tests);
}
