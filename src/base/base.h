/* base.h -- the few words every file may use: REQUIRE, attributes, sizes.
 *
 * A broken REQUIRE is a bug of ours: it prints where and aborts, in release builds too. Errors
 * of the outside world are `enum err`, never REQUIRE. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define NORETURN __attribute__((noreturn))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define REQUIRE(cond) ((cond) ? (void)0 : require_failed(#cond, __FILE__, __LINE__))

NORETURN void require_failed(const char *condition, const char *file, int line);

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)

#define MS_PER_SECOND INT64_C(1000)
#define US_PER_MS INT64_C(1000)
#define US_PER_SECOND INT64_C(1000000)

#endif
