/* owned_endpoints.h -- endpoints that belong to an alert or a rule, one for each URL that it tells,
 * with the headers sealed; what is shown and stored besides has none.
 *
 * What is stored is a JSON array, each item with its endpoint_id. */
#ifndef API_OWNED_ENDPOINTS_H
#define API_OWNED_ENDPOINTS_H

#include "api/secret_headers.h"
#include "format/header.h"
#include "store/endpoints.h"

struct owned_endpoint {
    struct str kind, url, owner, name;    /* as in struct endpoint_row */
    const struct secret_headers *headers; /* ***: the value that was stored before */
    const struct json *before;            /* the stored array that it has a place in; NULL: none */
    size_t index;                         /* its place */
    struct str endpoint_id;               /* out */
    struct str why; /* out, with ERR_INVALID: what *** cannot stand for, and the way out */
};

/* Headers of a body, in the arena, without a Content-Type of JSON; STR_NONE: they are fine, else
 * what is wrong. */
struct str owned_headers_read(struct arena *arena, const struct header_pair *pairs, size_t count,
                              struct secret_headers **headers) MUST_USE;
/* Made if there is none, told what the one before was told (policy, rate …), and its headers become
 * these. Stored values go along from one URL to another of the same origin only. */
enum err owned_endpoint_place(struct tx *tx, struct str tenant,
                              struct owned_endpoint *endpoint) MUST_USE;
/* Those of `had` are not needed any more, but for those in `keep`; what waits is still sent. Both
 * are stored arrays, or STR_NONE. */
enum err owned_endpoints_drop(struct tx *tx, struct str tenant, struct str had,
                              struct str keep) MUST_USE;

/* A stored array, in tx->arena; STR_NONE gives NULL. */
enum err owned_endpoints_parse(struct tx *tx, struct str stored, const struct json **list) MUST_USE;
struct str owned_endpoint_id(const struct json *list, size_t index);
/* {"Name": "***", …} */
void owned_headers_out(struct json_writer *json, const struct header_pair *headers, size_t count);

#endif
