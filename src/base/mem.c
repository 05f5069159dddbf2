/* mem.c -- malloc that gives memory or aborts. */
#include "base/mem.h"

static void *or_abort(void *memory, size_t bytes)
{
    if (!memory) {
        fprintf(stderr, "out of memory: %zu bytes\n", bytes);
        abort();
    }
    return memory;
}

/* malloc(0) may give NULL; here every success gives a pointer of its own. */
static size_t at_least_one(size_t bytes)
{
    return bytes > 0 ? bytes : 1;
}

void *mem_alloc(size_t bytes)
{
    return or_abort(malloc(at_least_one(bytes)), bytes);
}

void *mem_alloc_zero(size_t bytes)
{
    return or_abort(calloc(1, at_least_one(bytes)), bytes);
}

void *mem_realloc(void *memory, size_t bytes)
{
    return or_abort(realloc(memory, at_least_one(bytes)), bytes);
}

void mem_free(void *memory)
{
    free(memory);
}
