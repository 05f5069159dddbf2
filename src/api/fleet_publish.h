/* fleet_publish.h -- running a Fleet webhook, and the log of it: for the table of fleet_webhooks.c.
 */
#ifndef API_FLEET_PUBLISH_H
#define API_FLEET_PUBLISH_H

#include "api/call.h"

enum err fleet_publish_prepare(struct call *call);
enum err fleet_publishes_prepare(struct call *call);
/* 404 for the webhook of the path; returns ERR_NOT_FOUND. */
enum err fleet_webhook_not_found(struct call *call);

#endif
