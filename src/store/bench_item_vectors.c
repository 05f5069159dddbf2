/* bench_item_vectors.c -- how many vectors of 1,536 numbers a search compares in a second. */
#include <stdio.h>
#include <time.h>

#include "store/item_vectors.h"

#define DIMS 1536
#define ITEMS 20000

int main(void)
{
    float *floats;
    struct str *kept;
    struct arena arena;
    struct timespec start, end;
    double best = -1, score, seconds;

    arena_init(&arena);
    floats = ARENA_ARRAY(&arena, float, DIMS);
    kept = ARENA_ARRAY(&arena, struct str, ITEMS);
    for (size_t item = 0; item < ITEMS; item++) {
        for (size_t i = 0; i < DIMS; i++)
            floats[i] = (float)((item * 31 + i * 17) % 101) - 50;
        if (item_vectors_pack(&arena, str_range((const char *)floats, DIMS * sizeof(float)), DIMS,
                              &kept[item]))
            return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (size_t item = 1; item < ITEMS; item++)
        if (item_vectors_score(kept[item], kept[0], &score) && score > best)
            best = score;
    clock_gettime(CLOCK_MONOTONIC, &end);
    seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
    printf("%.0f vectors/s, %.1f GB/s (best %.3f)\n", ITEMS / seconds,
           ITEMS * DIMS * sizeof(float) / seconds / 1e9, best);
    arena_release(&arena);
    return 0;
}
