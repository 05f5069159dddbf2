/* random.c -- getrandom, or the source of a test. */
#include "crypto/random.h"

#include <errno.h>
#include <sys/random.h>

static void (*source_fill)(void *context, void *bytes, size_t len);
static void *source_context;

void random_set_source(void (*fill)(void *context, void *bytes, size_t len), void *context)
{
    source_fill = fill;
    source_context = context;
}

void random_bytes(void *bytes, size_t len)
{
    size_t done = 0;

    if (source_fill) {
        source_fill(source_context, bytes, len);
        return;
    }
    while (done < len) {
        ssize_t got = getrandom((char *)bytes + done, len - done, 0);
        REQUIRE(got > 0 || (got < 0 && errno == EINTR));
        if (got > 0)
            done += (size_t)got;
    }
}

uint32_t random_below(uint32_t below)
{
    uint32_t surplus, drawn;

    REQUIRE(below > 0);
    /* The first (2^32 mod below) numbers would make small results likelier: drawn again. */
    surplus = (0 - below) % below;
    do
        random_bytes(&drawn, sizeof(drawn));
    while (drawn < surplus);
    return drawn % below;
}
