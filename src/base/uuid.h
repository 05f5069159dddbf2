/* uuid.h -- RFC 9562 identifiers. v4 random, v5 from a name, v6 and v7 ordered by time. */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/rng.h"
#include "base/str.h"

#define UUID_TEXT_BYTES 36

struct uuid {
    uint8_t bytes[16];
};

/* Text form on the stack: struct uuid_text t; uuid_write(id, &t); … str_range(t.text, 36) */
struct uuid_text {
    char text[UUID_TEXT_BYTES + 1];
};

struct uuid uuid_v4(struct rng *rng);
struct uuid uuid_v5(struct uuid name_space, struct str name);
/* v6 and v7 of one rng and one microsecond clock sort in the order of their making, as text too:
 * `sequence` breaks ties (pass a counter). */
struct uuid uuid_v6(struct rng *rng, int64_t wall_us, uint16_t sequence);
struct uuid uuid_v7(struct rng *rng, int64_t wall_us);
/* Canonical 36-character form in any letter case; ERR_INVALID otherwise. */
enum err uuid_parse(struct str text, struct uuid *id) MUST_USE;
/* Also without dashes: 32 digits. */
enum err uuid_parse_loose(struct str text, struct uuid *id) MUST_USE;
bool uuid_is_valid(struct str text);
static inline bool uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}
struct str uuid_write(struct uuid id, struct uuid_text *text); /* lower case; borrows *text */

/* The name space in which an assistant's id is made from its graph id. */
extern const struct uuid uuid_namespace_assistants; /* 6ba7b821-9dad-11d1-80b4-00c04fd430c8 */

#endif
