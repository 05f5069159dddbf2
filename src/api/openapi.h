/* openapi.h -- openapi.json, made from the table that routes requests, so that the two cannot
 * differ. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/route.h"

void openapi_write(struct json_writer *json);
/* "GET" … */
const char *openapi_method(enum http_method method);

#endif
