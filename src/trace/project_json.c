/* A project as JSON. */
#include "trace/project_json.h"

#include "trace/span.h"
#include "trace/span_json.h"

static void put_time(struct json_writer *json, const char *key, int64_t wall_us)
{
    struct span_time time;

    json_put_str(json, key, wall_us ? span_time_write(wall_us, &time) : STR_NONE);
}

void project_json_write(struct json_writer *json, const struct project_row *p, struct str stats)
{
    struct uuid_text tenant_id;

    json_begin_object(json);
    json_put_str(json, "id", p->project_id);
    json_put_str(json, "tenant_id", trace_tenant_id(p->tenant, &tenant_id));
    json_put_str(json, "name", p->name);
    json_put_str(json, "description", p->description);
    json_put_raw(json, "extra", p->extra);
    put_time(json, "start_time", p->start_us);
    put_time(json, "end_time", p->end_us);
    json_put_str(json, "reference_dataset_id", p->reference_dataset_id);
    json_put_str(json, "default_dataset_id", p->default_dataset_id);
    json_put_str(json, "trace_tier", p->trace_tier);
    if (p->keep_us)
        json_put_i64(json, "retention_days", p->keep_us / (24 * 3600 * US_PER_SECOND));
    if (stats.len > 0) {
        buf_add_char(json->out, ',');
        buf_add(json->out, stats);
    }
    json_end_object(json);
}
