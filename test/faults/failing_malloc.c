/* failing_malloc.c -- loaded before a program: its n-th allocation finds no memory, once or from
 * then on.
 *
 *   cc -shared -fPIC -o failing_malloc.so failing_malloc.c -ldl
 *   FAIL_PROGRAM=runbell FAIL_AT=1000 FAIL_EVER=0 FAIL_MARK=/tmp/mark LD_PRELOAD=… runbell serve
 *
 * The file FAIL_MARK appears at the first failure. Other programs that inherit the environment are
 * left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static atomic_bool is_looking;
static atomic_long count;
static long fail_at;
static bool is_ever;
static const char *mark;
/* dlsym allocates; what it gets before the others are known is never given back. */
static _Alignas(16) char early[65536];
static atomic_size_t early_used;

static void *early_get(size_t bytes)
{
    size_t at = atomic_fetch_add(&early_used, (bytes + 15) & ~(size_t)15);

    return at + bytes <= sizeof(early) ? early + at : NULL;
}

static bool look(void)
{
    if (next_realloc)
        return true;
    if (atomic_exchange(&is_looking, true))
        return false;
    next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    next_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    return true;
}

__attribute__((constructor)) static void begin(void)
{
    const char *program = getenv("FAIL_PROGRAM"), *at = getenv("FAIL_AT"),
               *ever = getenv("FAIL_EVER");

    look();
    if (!program || !at || strcmp(program_invocation_short_name, program) != 0)
        return;
    is_ever = ever && *ever == '1';
    mark = getenv("FAIL_MARK");
    fail_at = atol(at);
}

static bool fails(void)
{
    long number;

    if (fail_at == 0)
        return false;
    number = atomic_fetch_add(&count, 1) + 1;
    if (number == fail_at && mark)
        close(open(mark, O_CREAT | O_WRONLY, 0600));
    if (number < fail_at || (number > fail_at && !is_ever))
        return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t bytes)
{
    if (!look())
        return early_get(bytes);
    return fails() ? NULL : next_malloc(bytes);
}

void *calloc(size_t items, size_t bytes)
{
    if (!look())
        return early_get(items * bytes);
    return fails() ? NULL : next_calloc(items, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    if (!look())
        return NULL;
    return fails() ? NULL : next_realloc(memory, bytes);
}
