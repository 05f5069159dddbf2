/* principal.h -- who calls: a tenant, known by an API key, or the one tenant of a server without
 * keys.
 *
 * The set of keys is an immutable object, replaced as a whole when keys change: lookups on any
 * thread take no lock. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "store/keys.h"

#define TENANT_DEFAULT STR("default")

struct principal {
    struct str tenant; /* lives as long as the key set it came from: copy what outlasts the call */
    struct str key_id; /* STR_NONE: no key was needed */
};

struct key_set;

/* Copies the rows. `open`: without any key everybody is admitted; else, without any key, nobody. */
struct key_set *key_set_new(const struct api_key_row *rows, size_t count, bool open);
struct key_set *key_set_ref(struct key_set *set);
void key_set_unref(struct key_set *set); /* NULL is fine */
size_t key_set_count(const struct key_set *set);
/* An empty, open set admits everybody as the default tenant. ERR_DENIED: no key, or an unknown one.
 */
enum err key_set_admit(const struct key_set *set, struct str key,
                       struct principal *principal) MUST_USE;

#endif
