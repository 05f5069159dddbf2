/* test_arena.h -- for tests whose texts and results live in one arena: `arena`, of the file that
 * includes this.
 *
 *   {"a list is read", lists, test_arena_open, test_arena_close, NULL}
 *   cmocka_run_group_tests(tests, test_arena_open, test_arena_close) */
#ifndef BASE_TEST_ARENA_H
#define BASE_TEST_ARENA_H

#include "base/arena.h"
#include "base/test.h"

static struct arena arena;

static inline int test_arena_open(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static inline int test_arena_close(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

#endif
