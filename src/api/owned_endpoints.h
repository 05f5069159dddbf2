/* owned_endpoints.h -- endpoints that belong to an alert or a rule, one for each URL that it tells,
 * with the headers sealed; what is shown and stored besides has none.
 *
 * What is stored is a JSON array, each item with its endpoint_id. */
#ifndef API_OWNED_ENDPOINTS_H
#define API_OWNED_ENDPOINTS_H

#include "base/json.h"
#include "format/header.h"
#include "store/endpoints.h"

struct owned_endpoint {
    struct str kind, url, owner, name; /* as in struct endpoint_row */
    struct header_pair *headers;       /* "***": the value that `was` has */
    size_t header_count;
    struct str was;         /* the endpoint that had them before; STR_NONE */
    struct str endpoint_id; /* out */
    struct str missing;     /* out: the header whose "***" stands for nothing (ERR_INVALID) */
};

/* Made if there is none, and its headers become these. */
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
