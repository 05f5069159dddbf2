/* rng.h -- pseudo-random numbers from a seed, for jitter, ids and the simulator.
 *
 * Not for secrets (crypto/ has those). Every thread that needs numbers owns one; production
 * seeds it from the kernel, the simulator from its seed, so that a failure can be replayed. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/base.h"

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *r, uint64_t seed);
void rng_seed_from_kernel(struct rng *r);
uint64_t rng_next(struct rng *r);
/* 0 … below-1; below > 0. */
uint64_t rng_below(struct rng *r, uint64_t below);
/* 0.0 … just under 1.0 */
double rng_unit(struct rng *r);
/* value × (1 ± spread), spread in 0…1. */
int64_t rng_jitter(struct rng *r, int64_t value, double spread);
void rng_bytes(struct rng *r, void *bytes, size_t len);

#endif
