/* endpoint_secrets_priv.h -- what the files of an endpoint's secrets share. */
#ifndef API_ENDPOINT_SECRETS_PRIV_H
#define API_ENDPOINT_SECRETS_PRIV_H

#include "api/endpoints_priv.h"
#include "api/route.h"
#include "api/secret_headers.h"

/* The endpoint that the path names; lives as long as the call. ERR_NOT_FOUND: the reply is
 * filled. */
enum err call_owner(struct tx *tx, struct call *call, struct secret_owner *owner) MUST_USE;
/* DELETE of all secrets of one kind: 204. */
enum err call_delete_secrets(struct tx *tx, struct call *call, enum secret_kind kind);

#endif
