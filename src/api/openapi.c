/* Makes openapi.json. */
#include "api/openapi.h"

#include "api/takes.h"

const char *openapi_method(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_HEAD:
        return "HEAD";
    case HTTP_POST:
        return "POST";
    case HTTP_PUT:
        return "PUT";
    case HTTP_PATCH:
        return "PATCH";
    case HTTP_DELETE:
        return "DELETE";
    case HTTP_OPTIONS:
        return "OPTIONS";
    case HTTP_OTHER:
        return "";
    }
    return "";
}

static const char *method_key(enum http_method method)
{
    switch (method) {
    case HTTP_POST:
        return "post";
    case HTTP_PUT:
        return "put";
    case HTTP_PATCH:
        return "patch";
    case HTTP_DELETE:
        return "delete";
    case HTTP_GET:
    case HTTP_HEAD:
    case HTTP_OPTIONS:
    case HTTP_OTHER:
        return "get";
    }
    return "get";
}

/* Parameters of the query, none of which is needed. */
static void query_out(struct json_writer *json, const struct takes *takes)
{
    struct str fields = str_of(takes ? takes->query : NULL), field, name;

    while (str_split(&fields, ' ', &field)) {
        str_split(&field, ':', &name);
        if (str_eq(field, STR("fixed")))
            continue;
        json_begin_object(json);
        json_put_str(json, "name", name);
        json_put_str(json, "in", STR("query"));
        json_key(json, "schema");
        openapi_type_out(json, field);
        json_end_object(json);
    }
}

static void parameters_out(struct json_writer *json, const struct route *route)
{
    struct str path = str_of(route->path), piece;

    json_key(json, "parameters");
    json_begin_array(json);
    while (str_split(&path, '/', &piece)) {
        if (piece.len < 3 || piece.data[0] != '{')
            continue;
        json_begin_object(json);
        json_put_str(json, "name", str_range(piece.data + 1, piece.len - 2));
        json_put_str(json, "in", STR("path"));
        json_put_bool(json, "required", true);
        json_put_raw(json, "schema", STR("{\"type\":\"string\"}"));
        json_end_object(json);
    }
    query_out(json, takes_of(route));
    json_end_array(json);
}

static void reference_out(struct json_writer *json, const char *name, bool is_array)
{
    json_begin_object(json);
    if (is_array) {
        json_put_str(json, "type", STR("array"));
        json_key(json, "items");
        reference_out(json, name, false);
    } else if (name) {
        buf_addf(json->out, "\"$ref\":\"#/components/schemas/%s\"", name);
    }
    json_end_object(json);
}

static void content_begin(struct json_writer *json)
{
    json_key(json, "content");
    json_begin_object(json);
    json_key(json, "application/json");
    json_begin_object(json);
    json_key(json, "schema");
}

static void content_end(struct json_writer *json)
{
    json_end_object(json);
    json_end_object(json);
}

static void content_out(struct json_writer *json, const char *name, bool is_array)
{
    content_begin(json);
    reference_out(json, name, is_array);
    content_end(json);
}

static void body_out(struct json_writer *json, const struct route *route)
{
    const struct openapi_schema *schema = openapi_schema_of(route);
    const struct takes *takes = takes_of(route);

    json_key(json, "requestBody");
    json_begin_object(json);
    if (takes && takes->body) {
        content_begin(json);
        openapi_object_out(json, takes->body);
        content_end(json);
    } else {
        content_out(json, schema ? schema->request : NULL, false);
    }
    json_end_object(json);
}

static void responses_out(struct json_writer *json, const struct openapi_schema *schema)
{
    json_key(json, "responses");
    json_begin_object(json);
    json_key(json, "2XX");
    json_begin_object(json);
    json_put_str(json, "description", STR("Done."));
    if (schema && schema->response)
        content_out(json, schema->response, schema->is_array);
    json_end_object(json);
    json_key(json, "4XX");
    json_begin_object(json);
    json_put_str(json, "description", STR("The request is at fault; detail says why."));
    content_out(json, "Error", false);
    json_end_object(json);
    json_end_object(json);
}

/* Who may: what requests are admitted by (auth/role.h). */
static void permission_out(struct json_writer *json, const struct route *route)
{
    json_put_str(json, "x-runbell-permission", str_of(permission_name(route->permission)));
    if (route->flags & ROUTE_SERVER)
        json_put_bool(json, "x-runbell-all-workspaces", true);
    if (route->permission == PERMIT_ANYONE) {
        json_put_raw(json, "security", STR("[]"));
        return;
    }
    json_key(json, "x-runbell-roles");
    json_begin_array(json);
    for (int role = 0; role < ROLE_COUNT; role++)
        if (role_permits((enum role)role, route->permission))
            json_str_out(json, str_of(role_name((enum role)role)));
    json_end_array(json);
}

static void operation_out(struct json_writer *json, const struct route *route)
{
    const struct openapi_schema *schema = openapi_schema_of(route);

    json_key(json, method_key(route->method));
    json_begin_object(json);
    json_put_str(json, "summary", str_of(route->summary));
    parameters_out(json, route);
    if (route->method == HTTP_POST || route->method == HTTP_PATCH || route->method == HTTP_PUT)
        body_out(json, route);
    permission_out(json, route);
    responses_out(json, schema);
    json_end_object(json);
}

/* A path stands once in the document, with all its methods; the table may list it in several
 * places. */
static bool is_first_of_path(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_eq(str_of(route_at(i)->path), str_of(route_at(index)->path)))
            return false;
    return true;
}

static bool is_described(const struct route *route, const struct api_setup *setup)
{
    return setup ? route_is_served(route, setup) : !(route->flags & ROUTE_DEV);
}

void openapi_write(struct json_writer *json, const struct api_setup *setup)
{
    json_begin_object(json);
    json_put_str(json, "openapi", STR("3.1.0"));
    json_put_raw(json, "info", STR("{\"title\":\"Runbell\",\"version\":\"" RUNBELL_VERSION "\"}"));
    json_key(json, "components");
    json_begin_object(json);
    json_put_raw(json, "securitySchemes",
                 STR("{\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Api-Key\"}}"));
    json_key(json, "schemas");
    openapi_components_out(json);
    json_end_object(json);
    json_put_raw(json, "security", STR("[{\"key\":[]}]"));
    json_key(json, "paths");
    json_begin_object(json);
    for (size_t i = 0; i < route_count(); i++) {
        struct str path = str_of(route_at(i)->path);

        if (!is_first_of_path(i) || !is_described(route_at(i), setup))
            continue;
        json_key_str(json, path);
        json_begin_object(json);
        for (size_t k = i; k < route_count(); k++)
            if (str_eq(str_of(route_at(k)->path), path) && is_described(route_at(k), setup))
                operation_out(json, route_at(k));
        json_end_object(json);
    }
    json_end_object(json);
    json_end_object(json);
}
