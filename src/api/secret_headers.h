/* secret_headers.h -- headers that users set and nobody sees again: read from a body, sealed,
 * listed by name. For everything that has an endpoint. */
#ifndef API_SECRET_HEADERS_H
#define API_SECRET_HEADERS_H

#include "api/call.h"
#include "store/secrets.h"

#define SECRET_SHOWN STR("***")
#define SECRET_HEADERS_MAX 64

struct secret_header {
    struct str name, id; /* as given; in lower case */
    struct str value;    /* STR_NONE: stays as it is */
};

struct secret_headers {
    struct secret_header list[SECRET_HEADERS_MAX];
    size_t count, bytes;
};

/* Adds one. STR_NONE: it is fine; else what is wrong with it, in the arena. */
struct str secret_headers_add(struct arena *arena, struct secret_headers *headers, struct str name,
                              struct str value) MUST_USE;
/* {"Name": "value", …}; the value *** keeps what is there. ERR_INVALID: the reply is filled. */
enum err secret_headers_read(struct call *call, const struct json *headers,
                             struct secret_headers *found) MUST_USE;
/* They become the endpoint's headers; what is left out goes. ERR_NOT_FOUND: no such endpoint;
 * ERR_INVALID (the reply is filled): one is *** that is not there. */
enum err secret_headers_put(struct tx *tx, struct call *call, const struct secret_owner *owner,
                            const struct secret_headers *headers) MUST_USE;
/* The same; the value *** is what `was` has: the endpoint itself, or the one that it takes the
 * place of (endpoint_id STR_NONE: none). ERR_INVALID: *missing is the header that `was` does not
 * have. */
enum err secret_headers_store(struct tx *tx, const struct secret_owner *owner,
                              const struct secret_owner *was, const struct secret_headers *headers,
                              struct str *missing) MUST_USE;
/* {"Name": "***", …}. ERR_NOT_FOUND. */
enum err secret_headers_out(struct tx *tx, const struct secret_owner *owner,
                            struct json_writer *json) MUST_USE;
/* In lower case, in the arena. */
struct str secret_header_id(struct arena *arena, struct str name);

#endif
