/* access_priv.h -- what access.c (asking, and what the answer means) and access_value.c (what is
 * asked) share. */
#ifndef API_ACCESS_PRIV_H
#define API_ACCESS_PRIV_H

#include "api/access.h"
#include "api/call_priv.h"

#define ACCESS_TEXT_MAX REPLY_BYTES_MAX

/* One thing that is to be done. */
struct access_check {
    const char *resource, *action;
    struct str value;      /* JSON object: what it is to be done with, as handlers know it */
    enum access_object of; /* what its filter is for; ACCESS_OBJECTS: nothing */
    bool is_implied;       /* it follows from another: if it is denied, nothing fits */
    bool takes_changes;    /* what the handler changes in the value counts */
    size_t item;           /* of the body's array; else 0 */
};

struct access_checks {
    struct access_check *list;
    size_t count;
};

/* What is to be done by this call, from its path, query and body (whatever they are worth). */
struct access_checks access_checks(struct call *call);
/* Takes over what the handler changed in the value of a check: `changed` is a JSON object of the
 * members that are different. */
void access_change(struct call *call, const struct access_check *check, struct str changed);

/* The decoded segment of the path that the route names so; STR_NONE: it names none. */
struct str access_param(const struct call *call, const char *name);

static inline enum access access_of(const struct call *call)
{
    return (enum access)(call->route->flags >> 16);
}

#endif
