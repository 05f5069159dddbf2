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
    assert_true(str_eq(sha256_write(&digest, &text), SHA256_OF_NOTHING));
}

static void pieces(void **state)
{
    struct sha256_text text;
    struct sha256_run run;
    struct sha256 digest;
    uint8_t md5[MD5_BYTES];

    (void)state;
    sha256_begin(&run);
    sha256_add(&run, STR("a"));
    sha256_add(&run, STR_NONE);
    sha256_add(&run, STR("bc"));
    digest = sha256_end(&run);
    sha256_give_up(&run);
    ASSERT_STR(sha256_write(&digest, &text),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    if (md5_of(STR("abc"), md5)) /* RFC 1321 */
        assert_memory_equal(md5, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72",
                            MD5_BYTES);
}

static const struct CMUnitTest tests[] = {
    TEST("digests are those of FIPS 180, of nothing too", vectors),
    TEST("pieces give the digest of the whole; MD5 is RFC 1321's", pieces),
};

int main(void)
{
    return RUN_TESTS(tests);
}
