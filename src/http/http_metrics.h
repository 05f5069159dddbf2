/* http_metrics.h -- what the server and the client of HTTP count. What every metric says stands in
 * docs/metrics.md. */
#ifndef HTTP_HTTP_METRICS_H
#define HTTP_HTTP_METRICS_H

#include "base/metrics.h"

extern struct metric http_conn_open;   /* of the client; no label */
extern struct metric http_conn_reused; /* of the client; no label */
extern struct metric http_replies;     /* of the server, by class of their status */

/* One address, URL or request that a rule forbids; `rule` as egress.h and delivery/target.h name
 * it. */
void http_count_denied(struct str rule);
extern struct metric http_denied;

void http_count_reply(int status);

#endif
