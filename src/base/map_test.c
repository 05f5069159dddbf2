/* map_test.c -- a map against a plain array. */
#include "base/map.h"
#include "base/rng.h"
#include "base/test.h"

#define KEYS 500

/* A plain array is the model; the map must agree with it after every step. */
static void agrees_with_model(void **state)
{
    static int values[KEYS];
    static void *model[KEYS];
    struct map m;
    struct rng rng;
    size_t count = 0;

    (void)state;
    rng_seed(&rng, 1);
    map_init(&m);
    for (int step = 0; step < 20000; step++) {
        char text[16];
        size_t i = rng_below(&rng, KEYS);
        struct str key = str_range(text, (size_t)snprintf(text, sizeof(text), "key %zu", i));
        if (rng_below(&rng, 2)) {
            void *value = &values[rng_below(&rng, KEYS)];
            assert_ptr_equal(map_put(&m, key, value), model[i]);
            count += model[i] ? 0 : 1;
            model[i] = value;
        } else {
            assert_ptr_equal(map_remove(&m, key), model[i]);
            count -= model[i] ? 1 : 0;
            model[i] = NULL;
        }
        assert_int_equal(m.count, count);
        assert_ptr_equal(map_find(&m, key), model[i]);
    }
    for (size_t i = 0; i < KEYS; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "key %zu", i);
        assert_ptr_equal(map_find(&m, str_range(text, (size_t)len)), model[i]);
    }
    map_release(&m);
}

static void iteration(void **state)
{
    struct map m;
    int values[3] = {0};
    size_t position = 0;
    struct str key;
    void *value;

    (void)state;
    map_init(&m);
    assert_false(map_next(&m, &position, &key, &value));
    assert_null(map_find(&m, STR("a")));
    assert_null(map_remove(&m, STR("a")));
    map_put(&m, STR(""), &values[0]);
    map_put(&m, STR("a"), &values[1]);
    map_put(&m, STR("a\0b"), &values[2]);
    while (map_next(&m, &position, &key, &value))
        ++*(int *)value;
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_int_equal(values[i], 1);
    assert_ptr_equal(map_find(&m, STR_NONE), &values[0]);
    map_release(&m);
}

static const struct CMUnitTest tests[] = {
    TEST("after any puts and removes it holds what was put", agrees_with_model),
    TEST("every entry is visited once, the empty key too", iteration),
};

int main(void)
{
    return RUN_TESTS(tests);
}
