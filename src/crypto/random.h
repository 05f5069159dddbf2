/* random.h -- bytes that nobody can guess, from the kernel: for keys, nonces and secrets.
 *
 * For jitter and ids base/rng.h is enough. Any thread; the source is replaced before threads start.
 */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "base/base.h"

/* Never fails: without random bytes the process cannot go on. */
void random_bytes(void *bytes, size_t len);
/* 0 … below-1, each equally likely; below > 0. */
uint32_t random_below(uint32_t below);

/* Tests and the simulator: where the bytes come from instead. NULL restores the kernel. */
void random_set_source(void (*fill)(void *context, void *bytes, size_t len), void *context);

#endif
