/* secret.c -- libsodium's comparison and wiping. */
#include "crypto/secret.h"

#include <pthread.h>
#include <sodium.h>

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    REQUIRE(sodium_init() >= 0);
}

void secret_library_ready(void)
{
    pthread_once(&library_once, init_library);
}

bool secret_equals(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.data, b.data, a.len) == 0);
}

void secret_wipe(void *bytes, size_t len)
{
    sodium_memzero(bytes, len);
}
