/* test.h -- what every *_test.c includes: cmocka, a test named by the sentence it proves, and
 * comparisons of struct str.
 *
 *   static const struct CMUnitTest tests[] = {TEST("an empty buffer is not absent", empty_buffer)};
 *
 *   int main(void)
 *   {
 *       return RUN_TESTS(tests);
 *   } */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

/* `function` is void (*)(void **state). */
#define TEST(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), NULL, NULL, NULL                                                   \
    }
#define RUN_TESTS(tests) cmocka_run_group_tests((tests), NULL, NULL)

/* The text is compared and, where it differs, shown. STR_NONE equals only a NULL `expected`. */
#define ASSERT_STR(actual, expected) test_assert_str((actual), (expected), __FILE__, __LINE__)

static inline void test_assert_str(struct str actual, const char *expected, const char *file,
                                   int line)
{
    if (str_is_none(actual) == (expected == NULL) && str_eq(actual, str_of(expected)))
        return;
    print_error("\"%.*s\"%s != \"%s\"\n", STR_ARG(actual), actual.data ? "" : " (none)",
                expected ? expected : "(none)");
    _fail(file, line);
}

#endif
