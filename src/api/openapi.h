/* openapi.h -- openapi.json, made from the table that routes requests, so that the two cannot
 * differ. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "api/route.h"

/* Of the routes that a server with this setup has; NULL: of all but those of --dev. */
void openapi_write(struct json_writer *json, const struct api_setup *setup);
/* "GET" … */
const char *openapi_method(enum http_method method);

/* openapi_schemas.c: what an operation takes and gives, by the names of components; NULL: anything.
 */
struct openapi_schema {
    enum http_method method;
    const char *path;
    const char *request, *response;
    bool is_array; /* of responses */
};

void openapi_components_out(struct json_writer *json); /* the schemas, by name */
/* The schema of an object with these fields, "name:type name:type"; of a type. */
void openapi_object_out(struct json_writer *json, const char *described);
void openapi_type_out(struct json_writer *json, struct str type);
const struct openapi_schema *openapi_schema_of(const struct route *route); /* NULL: not described */

#endif
