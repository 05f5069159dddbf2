/* sha256_test.c -- the vectors of FIPS 180. */
#include "base/test.h"
#include "crypto/sha256.h"

static void vectors(void **state)
{
    struct sha256_text text;
    struct sha256 digest = sha256_of(STR("abc"));

    (void)state;
    ASSERT_STR(sha256_write(&digest, &text),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest = sha256_of(STR_NONE);
    ASSERT_STR(sha256_write(&digest, &text),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static const struct CMUnitTest tests[] = {
    TEST("digests are those of FIPS 180, of nothing too", vectors),
};

int main(void)
{
    return RUN_TESTS(tests);
}
