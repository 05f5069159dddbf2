/* endpoints_priv.h -- what the files about endpoints share: changing them (endpoints.c), looking at
 * them (endpoints_read.c). */
#ifndef API_ENDPOINTS_PRIV_H
#define API_ENDPOINTS_PRIV_H

#include "api/call.h"
#include "delivery/endpoint_json.h"

/* How endpoints are told to this caller. */
struct endpoint_teller endpoint_teller_of(const struct call *call, int64_t now_us);
/* 404 for the first path parameter. */
enum err endpoint_not_found(struct call *call);
/* The endpoint that the first path parameter names, if it exists for this caller (delivery_view.h)
 * and is not deleted. ERR_NOT_FOUND: the reply (404) is filled. */
enum err endpoint_of(struct tx *tx, struct call *call, struct arena *arena,
                     struct endpoint_row *row) MUST_USE;

enum err endpoint_list_prepare(struct call *call);
enum err endpoint_get_prepare(struct call *call);

#endif
