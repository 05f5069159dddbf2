/* What the Agent Server's operations take and give, for openapi.json. */
#include "api/openapi.h"

/* Each field is "name:type", with a space between two. */
static const struct {
    const char *name, *fields;
} components[] = {
    {"Error", "detail:text"},
    {"Assistant", "assistant_id:uuid graph_id:text config:object context:object created_at:time "
                  "updated_at:time metadata:object version:whole name:text description:text"},
    {"AssistantCreate", "graph_id:text assistant_id:uuid config:object context:object "
                        "metadata:object if_exists:text name:text description:text"},
    {"Search", "metadata:object values:object ids:uuids status:text graph_id:text name:text "
               "limit:whole offset:whole sort_by:text sort_order:text select:texts "
               "extract:object"},
    {"Thread", "thread_id:uuid created_at:time updated_at:time metadata:object status:text "
               "config:object values:any interrupts:object error:object ttl:object"},
    {"ThreadCreate", "thread_id:uuid metadata:object if_exists:text ttl:any supersteps:objects"},
    {"ThreadState", "values:any next:texts tasks:objects metadata:object created_at:time "
                    "checkpoint:object parent_checkpoint:object interrupts:objects"},
    {"StateUpdate", "values:any as_node:text checkpoint:object checkpoint_id:text"},
    {"Run", "run_id:uuid thread_id:uuid assistant_id:uuid created_at:time updated_at:time "
            "status:text metadata:object kwargs:object multitask_strategy:text"},
    {"RunCreate", "assistant_id:text input:any command:object metadata:object config:object "
                  "context:any checkpoint:object checkpoint_id:text webhook:text "
                  "interrupt_before:any interrupt_after:any stream_mode:any "
                  "stream_subgraphs:flag stream_resumable:flag on_disconnect:text "
                  "on_completion:text multitask_strategy:text if_not_exists:text "
                  "after_seconds:number durability:text"},
    {"Item", "namespace:texts key:text value:object created_at:time updated_at:time"},
    {"ItemPut", "namespace:texts key:text value:object index:any ttl:number"},
};

/* The JSON Schemas of the types of fields. */
static const struct {
    const char *type, *schema;
} types[] = {
    {"text", "{\"type\":\"string\"}"},
    {"uuid", "{\"type\":\"string\",\"format\":\"uuid\"}"},
    {"time", "{\"type\":\"string\",\"format\":\"date-time\"}"},
    {"whole", "{\"type\":\"integer\"}"},
    {"number", "{\"type\":\"number\"}"},
    {"flag", "{\"type\":\"boolean\"}"},
    {"object", "{\"type\":\"object\"}"},
    {"objects", "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"},
    {"texts", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
    {"uuids", "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"format\":\"uuid\"}}"},
    {"any", "{}"},
};

void openapi_type_out(struct json_writer *json, struct str type)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(type, str_of(types[i].type)))
            json_raw_out(json, str_of(types[i].schema));
}

void openapi_object_out(struct json_writer *json, const char *described)
{
    struct str fields = str_of(described), field, name;

    json_begin_object(json);
    json_put_str(json, "type", STR("object"));
    json_key(json, "properties");
    json_begin_object(json);
    while (str_split(&fields, ' ', &field)) {
        str_split(&field, ':', &name);
        if (str_eq(field, STR("fixed")))
            continue;
        json_key_str(json, name);
        openapi_type_out(json, field);
    }
    json_end_object(json);
    json_end_object(json);
}

void openapi_components_out(struct json_writer *json)
{
    json_begin_object(json);
    for (size_t i = 0; i < ARRAY_LEN(components); i++) {
        json_key(json, components[i].name);
        openapi_object_out(json, components[i].fields);
    }
    json_end_object(json);
}

static const struct openapi_schema schemas[] = {
    {HTTP_POST, "/assistants", "AssistantCreate", "Assistant", false},
    {HTTP_POST, "/assistants/search", "Search", "Assistant", true},
    {HTTP_POST, "/assistants/count", "Search", NULL, false},
    {HTTP_GET, "/assistants/{assistant_id}", NULL, "Assistant", false},
    {HTTP_PATCH, "/assistants/{assistant_id}", "AssistantCreate", "Assistant", false},
    {HTTP_POST, "/assistants/{assistant_id}/versions", "Search", "Assistant", true},
    {HTTP_POST, "/assistants/{assistant_id}/latest", NULL, "Assistant", false},
    {HTTP_POST, "/threads", "ThreadCreate", "Thread", false},
    {HTTP_POST, "/threads/search", "Search", "Thread", true},
    {HTTP_POST, "/threads/count", "Search", NULL, false},
    {HTTP_GET, "/threads/{thread_id}", NULL, "Thread", false},
    {HTTP_PATCH, "/threads/{thread_id}", "ThreadCreate", "Thread", false},
    {HTTP_POST, "/threads/{thread_id}/copy", NULL, "Thread", false},
    {HTTP_GET, "/threads/{thread_id}/state", NULL, "ThreadState", false},
    {HTTP_GET, "/threads/{thread_id}/state/{checkpoint_id}", NULL, "ThreadState", false},
    {HTTP_POST, "/threads/{thread_id}/state/checkpoint", NULL, "ThreadState", false},
    {HTTP_POST, "/threads/{thread_id}/state", "StateUpdate", NULL, false},
    {HTTP_GET, "/threads/{thread_id}/history", NULL, "ThreadState", true},
    {HTTP_POST, "/threads/{thread_id}/history", NULL, "ThreadState", true},
    {HTTP_POST, "/threads/{thread_id}/runs", "RunCreate", "Run", false},
    {HTTP_POST, "/threads/{thread_id}/runs/stream", "RunCreate", NULL, false},
    {HTTP_POST, "/threads/{thread_id}/runs/wait", "RunCreate", NULL, false},
    {HTTP_POST, "/runs", "RunCreate", "Run", false},
    {HTTP_POST, "/runs/stream", "RunCreate", NULL, false},
    {HTTP_POST, "/runs/wait", "RunCreate", NULL, false},
    {HTTP_POST, "/runs/batch", NULL, "Run", true},
    {HTTP_GET, "/threads/{thread_id}/runs", NULL, "Run", true},
    {HTTP_GET, "/threads/{thread_id}/runs/{run_id}", NULL, "Run", false},
    {HTTP_PUT, "/store/items", "ItemPut", NULL, false},
    {HTTP_GET, "/store/items", NULL, "Item", false},
};

const struct openapi_schema *openapi_schema_of(const struct route *route)
{
    for (size_t i = 0; i < ARRAY_LEN(schemas); i++)
        if (schemas[i].method == route->method && strcmp(schemas[i].path, route->path) == 0)
            return &schemas[i];
    return NULL;
}
