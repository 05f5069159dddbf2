/* takes.h -- what routes of our own take, by name.
 *
 * A name that is not among them is refused (422) with the nearest one: passed over, a filter that
 * is spelt wrongly would find everything, and a replay of it send everything. The same table tells
 * openapi.json. Routes whose clients are not ours to change are not in it and take what comes. */
#ifndef API_TAKES_H
#define API_TAKES_H

#include "api/route.h"

/* Each field is "name:type" as in openapi_schemas.c, with a blank between two. A field of the type
 * `fixed` is known only so that the route itself can say why it does not take it. */
struct takes {
    enum http_method method;
    const char *path;
    const char *query; /* NULL: none */
    const char *body;  /* NULL: none */
};

const struct takes *takes_of(const struct route *route); /* NULL: not told */
/* ERR_INVALID: a name of the query or the body is not known, or stands twice in the query; the
 * reply says which. */
enum err takes_check(struct call *call) MUST_USE;

#endif
