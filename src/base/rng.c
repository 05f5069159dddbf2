/* rng.c -- xoshiro256**, seeded by splitmix64. */
#include "base/rng.h"

#include <string.h>
#include <sys/random.h>

/* splitmix64: spreads one seed over the state, which must not be all zero. */
static uint64_t spread(uint64_t *seed)
{
    uint64_t z = (*seed += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(r->state); i++)
        r->state[i] = spread(&seed);
}

void rng_seed_from_kernel(struct rng *r)
{
    REQUIRE(getrandom(r->state, sizeof(r->state), 0) == (ssize_t)sizeof(r->state));
    r->state[0] |= 1;
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

/* xoshiro256** */
uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t below)
{
    REQUIRE(below > 0);
    /* The first (2^64 mod below) numbers would make small results likelier: drawn again. */
    uint64_t surplus = (0 - below) % below;
    uint64_t drawn;

    do
        drawn = rng_next(r);
    while (drawn < surplus);
    return drawn % below;
}

double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}

int64_t rng_jitter(struct rng *r, int64_t value, double spread_share)
{
    double factor = 1 + spread_share * (2 * rng_unit(r) - 1);
    double result = (double)value * factor;

    if (result >= 0x1.0p63)
        return INT64_MAX;
    if (result < -0x1.0p63)
        return INT64_MIN;
    return (int64_t)result;
}

void rng_bytes(struct rng *r, void *bytes, size_t len)
{
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = rng_next(r);
        memcpy((char *)bytes + at, &word, len - at < 8 ? len - at : 8);
    }
}
