/* endpoint_secrets_priv.h -- what the files of an endpoint's secrets share. */
#ifndef API_ENDPOINT_SECRETS_PRIV_H
#define API_ENDPOINT_SECRETS_PRIV_H

#include "api/route.h"
#include "api/secret_headers.h"

/* Of the endpoint that the path names; lives as long as the call. */
struct secret_owner call_owner(const struct call *call);
/* The reply for ERR_NOT_FOUND; other errors pass. */
enum err call_owner_failed(struct call *call, enum err err);
/* DELETE of all secrets of one kind: 204. */
enum err call_delete_secrets(struct tx *tx, struct call *call, enum secret_kind kind);

#endif
