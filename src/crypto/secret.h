/* secret.h -- handling bytes that nobody else may learn: comparing them in constant time, wiping
 * them. And the one place where libsodium is made ready. Any thread. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/str.h"

/* The time taken tells the lengths and nothing else. */
bool secret_equals(struct str a, struct str b);
/* Not optimised away. */
void secret_wipe(void *bytes, size_t len);
/* Called by all of crypto/ before libsodium is used; cheap when done already. */
void secret_library_ready(void);

#endif
