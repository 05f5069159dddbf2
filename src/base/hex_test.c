/* hex_test.c -- both halves of every byte. */
#include "base/hex.h"
#include "base/test.h"

static void every_byte(void **state)
{
    char expected[3];

    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        char text[3] = "..";

        hex_write(text, &(uint8_t){(uint8_t)value}, 1);
        snprintf(expected, sizeof(expected), "%02x", value);
        assert_string_equal(text, expected);
    }
}

static void no_more_than_asked(void **state)
{
    char text[] = "........";

    (void)state;
    hex_write(text, "\x01\xfe\x80", 3);
    assert_string_equal(text, "01fe80..");
    hex_write(text, NULL, 0);
    assert_string_equal(text, "01fe80..");
}

static const struct CMUnitTest tests[] = {
    TEST("each byte is two lower-case digits, the high half first", every_byte),
    TEST("only the digits of the bytes are written", no_more_than_asked),
};

int main(void)
{
    return RUN_TESTS(tests);
}
