/* user_app_priv.h -- what user_app.c (which requests are the app's) and user_app_call.c (one of
 * them on its way) share. */
#ifndef API_USER_APP_PRIV_H
#define API_USER_APP_PRIV_H

#include "api/call_priv.h"
#include "api/user_app.h"

#define SEEN_HEADER "x-runbell-app" /* with a token: the app has had this request already */

/* The exchange is its own from now on; it is taken up at its head. */
void user_app_take(struct call *call);

#endif
