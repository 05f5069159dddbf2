/* test.h -- what every *_test.c includes: cmocka, a test named by the sentence it proves,
 * comparisons of struct str, and folders that are thrown away.
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
#include <stdio.h>
#include <stdlib.h>

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

#define TEST_FOLDER_BYTES 96
#define TEST_PATH_BYTES 160 /* of a file in it */

/* A new, empty folder of this name in TMPDIR, which tools/run-tests lays into memory; or in /tmp.
 * The test removes it. */
static inline void test_folder(char path[TEST_FOLDER_BYTES], const char *name)
{
    const char *parent = getenv("TMPDIR");
    int len = snprintf(path, TEST_FOLDER_BYTES, "%s/runbell-%s-XXXXXX",
                       parent && *parent ? parent : "/tmp", name);

    assert_true(len > 0 && len < TEST_FOLDER_BYTES);
    assert_non_null(mkdtemp(path));
}

#endif
