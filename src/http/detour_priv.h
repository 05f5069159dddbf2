/* detour_priv.h -- what a send may have to do before it can speak to the receiver: get a token, get
 * a tunnel. */
#ifndef HTTP_DETOUR_PRIV_H
#define HTTP_DETOUR_PRIV_H

#include "http/client_priv.h"

/* ---- oauth.c ---- */
/* False: the send waits for a token; send_begin follows, or its end. */
bool oauth_begin(struct http_send *send);
/* True: its token is no good any more, and it may begin once more. */
bool oauth_refreshes(struct http_send *send, int status);
void oauth_release(struct http_client *client);

/* ---- tunnel.c ---- */
void tunnel_begin(struct http_send *send);
void tunnel_on_read(struct http_send *send, struct str bytes);

#endif
