/* item_vectors_test.c -- vectors of items: packing and likeness (issue 4). */
#include "store/item_vectors.h"

#include <math.h>

#include "base/test.h"

static struct str pack(struct arena *arena, const float *floats, size_t count, uint32_t dims)
{
    struct str kept = STR_NONE;

    assert_int_equal(item_vectors_pack(arena,
                                       str_range((const char *)floats, count * sizeof(float)), dims,
                                       &kept),
                     OK);
    return kept;
}

static void likeness_is_the_cosine_at_any_length(void **state)
{
    float a[40], b[40];
    struct arena arena;
    uint32_t random = 1;

    (void)state;
    arena_init(&arena);
    for (uint32_t dims = 1; dims <= 40; dims++) {
        double dot = 0, aa = 0, bb = 0, score;

        for (uint32_t i = 0; i < dims; i++) {
            random = random * 1664525 + 1013904223;
            a[i] = (float)(random >> 8) - 5e6f;
            random = random * 1664525 + 1013904223;
            b[i] = (float)(random >> 8) - 5e6f;
            dot += (double)a[i] * (double)b[i];
            aa += (double)a[i] * (double)a[i];
            bb += (double)b[i] * (double)b[i];
        }
        assert_true(
            item_vectors_score(pack(&arena, a, dims, dims), pack(&arena, b, dims, dims), &score));
        assert_true(fabs(score - dot / sqrt(aa * bb)) < 1e-5);
    }
    arena_release(&arena);
}

static void the_best_of_several_counts(void **state)
{
    const float several[] = {1, 0, 0, 1, -1, 0}, query[] = {0, 2}, none[] = {0, 0},
                three[] = {1, 1, 1};
    struct arena arena;
    struct str asked;
    double score = 5;

    (void)state;
    arena_init(&arena);
    asked = pack(&arena, query, 2, 2);
    assert_true(item_vectors_score(pack(&arena, several, 6, 2), asked, &score));
    assert_true(fabs(score - 1) < 1e-6);
    assert_true(item_vectors_score(pack(&arena, none, 2, 2), asked, &score));
    assert_true(score == 0);
    assert_false(item_vectors_score(pack(&arena, three, 3, 3), asked, &score));
    assert_false(item_vectors_score(STR_NONE, asked, &score));
    assert_false(item_vectors_score(asked, STR_NONE, &score));
    assert_true(str_is_none(pack(&arena, none, 0, 2)));
    arena_release(&arena);
}

static void what_is_no_vector_is_refused(void **state)
{
    const float bad[] = {1, NAN, 1, INFINITY};
    struct arena arena;
    struct str kept, large;

    (void)state;
    arena_init(&arena);
    assert_int_equal(item_vectors_pack(&arena, str_range((const char *)bad, 8), 2, &kept),
                     ERR_INVALID);
    assert_int_equal(item_vectors_pack(&arena, str_range((const char *)&bad[2], 8), 2, &kept),
                     ERR_INVALID);
    assert_int_equal(item_vectors_pack(&arena, str_range((const char *)bad, 4), 2, &kept),
                     ERR_INVALID);
    large = str_range(arena_alloc_zero(&arena, 2 * MIB), 2 * MIB);
    assert_int_equal(item_vectors_pack(&arena, large, 2, &kept), ERR_LIMIT);
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("likeness is the cosine at any length (issue 4)", likeness_is_the_cosine_at_any_length),
    TEST("the best of several vectors counts; other dims do not", the_best_of_several_counts),
    TEST("what is no vector is refused", what_is_no_vector_is_refused),
};

int main(void)
{
    return RUN_TESTS(tests);
}
