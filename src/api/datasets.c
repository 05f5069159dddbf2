/* datasets.c -- /datasets: sets of examples, and what they were at which time. */
#include "api/datasets_priv.h"
#include "api/route.h"
#include "base/time.h"
#include "trace/span.h"

#define PAGE_MAX 100
#define SPLITS_MAX 1000
#define LIST_BYTES_MAX (64 * KIB)

static const char *const data_types[] = {"kv", "llm", "chat", NULL};

static enum err not_found(struct call *call, enum err err)
{
    return err == ERR_NOT_FOUND ? call_fail(call, 404, "Dataset not found") : err;
}

/* ---- the query ---- */

enum err datasets_query_object(struct call *call, const char *key, struct str *text)
{
    struct str value = query_get(&call->query, key);
    const struct json *json;

    if (str_is_empty(value))
        return OK;
    if (json_parse(call->arena, value, &json, NULL) || json_type(json) != JSON_OBJECT) {
        call_fail(call, 422, "%s: must be a JSON object", key);
        return ERR_INVALID;
    }
    *text = value;
    return OK;
}

static enum err tag_time(struct tx *tx, struct call *call, struct str dataset_id, struct str tag,
                         int64_t *wall_us)
{
    const struct json *tags = NULL;
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, dataset_id, tx->arena, &dataset);

    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!err && !str_is_none(dataset.tags))
        err = json_parse(tx->arena, dataset.tags, &tags, NULL);
    *wall_us = json_i64(json_get_str(tags, tag), 0);
    return *wall_us ? OK : ERR_NOT_FOUND;
}

enum err datasets_as_of(struct tx *tx, struct call *call, struct str dataset_id, int64_t *wall_us)
{
    struct str text = query_get(&call->query, "as_of");

    *wall_us = 0;
    if (str_is_empty(text) || str_eq(text, STR("latest")) || !time_parse_iso(text, wall_us))
        return OK;
    if (!str_is_none(dataset_id) && !tag_time(tx, call, dataset_id, text, wall_us))
        return OK;
    call_fail(call, 422, "as_of: must be a time or the name of a version of the dataset");
    return ERR_INVALID;
}

/* ---- as it is shown ---- */

static void dataset_write(struct json_writer *json, const struct dataset_row *d)
{
    struct uuid_text tenant_id;

    json_begin_object(json);
    json_put_str(json, "id", d->dataset_id);
    json_put_str(json, "tenant_id", trace_tenant_id(d->tenant, &tenant_id));
    json_put_str(json, "name", d->name);
    json_put_str(json, "description", d->description);
    json_put_str(json, "data_type", d->data_type);
    json_put_raw(json, "metadata", d->metadata);
    json_put_raw(json, "inputs_schema_definition", d->inputs_schema);
    json_put_raw(json, "outputs_schema_definition", d->outputs_schema);
    json_put_i64(json, "example_count", d->example_count);
    json_put_time(json, "created_at", d->created_us);
    json_put_time(json, "modified_at", d->modified_us);
    json_end_object(json);
}

static enum err reply_one(struct tx *tx, struct call *call, struct str dataset_id)
{
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, dataset_id, tx->arena, &dataset);

    if (err)
        return not_found(call, err);
    dataset_write(call_json(call, 200), &dataset);
    return OK;
}

/* ---- list, get ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct dataset_rows found;
    struct json_writer *json;
    enum err err = datasets_search(tx, call->data, tx->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++)
        dataset_write(json, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct dataset_filter *f = ARENA_NEW(call->arena, struct dataset_filter);
    enum err err;

    f->tenant = call->principal.tenant;
    f->ids = call_query_texts(call, "id");
    f->name = query_get(&call->query, "name");
    f->name_contains = query_get(&call->query, "name_contains");
    f->data_type = query_get(&call->query, "data_type");
    f->limit = PAGE_MAX;
    if ((err = datasets_query_object(call, "metadata", &f->metadata)) ||
        (err = call_query_int(call, "limit", 1, INT32_MAX, &f->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &f->offset)))
        return err;
    f->limit = f->limit > PAGE_MAX ? PAGE_MAX : f->limit;
    call->data = f;
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    return reply_one(tx, call, call->params[0]);
}

enum err datasets_one_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "dataset_id");

    return err ? err : call_then_read(call, get_apply);
}

/* ---- create, change, delete ---- */

/* What the body says replaces what stands in the row. */
static enum err body_read(struct call *call, struct dataset_row *row)
{
    const struct json *metadata = json_get(json_get(call->body, "extra"), "metadata");
    enum err err;

    if ((err = call_get_text(call, "name", &row->name)) ||
        (err = call_get_text(call, "description", &row->description)) ||
        (err = call_get_word(call, "data_type", data_types, &row->data_type)) ||
        (err = call_get_object(call, "inputs_schema_definition", &row->inputs_schema)) ||
        (err = call_get_object(call, "outputs_schema_definition", &row->outputs_schema)))
        return err;
    if (json_type(metadata) == JSON_OBJECT)
        row->metadata = json_raw(json_raw(call->body_text, STR("extra")), STR("metadata"));
    if ((err = call_get_object(call, "metadata", &row->metadata)))
        return err;
    if (row->name.len > 0 && row->name.len <= DATASET_NAME_BYTES_MAX)
        return OK;
    call_fail(call, 422, "name: must have 1 to %d bytes", DATASET_NAME_BYTES_MAX);
    return ERR_INVALID;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct dataset_row *row = call->data;
    enum err err = datasets_insert(tx, row);

    if (err == ERR_CONFLICT) {
        call_fail(call, 409, "a dataset with the name \"%.*s\" or this id already exists",
                  STR_ARG(str_first(row->name, 100)));
        return err;
    }
    return err ? err : reply_one(tx, call, row->dataset_id);
}

static enum err create_prepare(struct call *call)
{
    struct dataset_row *row = ARENA_NEW(call->arena, struct dataset_row);
    enum err err = call_body_object(call);

    *row = (struct dataset_row){.tenant = call->principal.tenant, .data_type = STR("kv")};
    if (err || (err = body_read(call, row)) || (err = call_get_uuid(call, "id", &row->dataset_id)))
        return err;
    if (str_is_none(row->dataset_id))
        row->dataset_id = call_new_id(call);
    call->data = row;
    return call_then_write(call, create_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    struct dataset_row row;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &row);

    if (err)
        return not_found(call, err);
    if ((err = body_read(call, &row)))
        return err;
    err = datasets_update(tx, &row);
    if (err == ERR_CONFLICT)
        call_fail(call, 409, "a dataset with this name already exists");
    return err ? err : reply_one(tx, call, row.dataset_id);
}

static enum err change_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "dataset_id");

    return err || (err = call_body_object(call)) ? err : call_then_write(call, change_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    enum err err = datasets_delete(tx, call->principal.tenant, call->params[0]);

    if (err)
        return not_found(call, err);
    json_raw_out(call_json(call, 200), STR("{\"message\":\"Dataset deleted\"}"));
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "dataset_id");

    return err ? err : call_then_write(call, delete_apply);
}

/* ---- versions ---- */

static void version_write(struct call *call, struct json_writer *json, const struct json *tags,
                          int64_t wall_us, bool is_latest)
{
    struct json_iter iter = json_iter(tags);
    const struct json *value;
    struct str name;

    json_begin_object(json);
    json_put_time(json, "as_of", wall_us);
    json_key(json, "tags");
    json_begin_array(json);
    if (is_latest)
        json_str_out(json, STR("latest"));
    while (json_next(&iter, &name, &value))
        if (json_i64(value, 0) == wall_us)
            json_str_out(json, arena_str(call->arena, name));
    json_end_array(json);
    json_end_object(json);
}

static enum err tags_get(struct tx *tx, struct call *call, const struct json **tags)
{
    struct dataset_row dataset;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    *tags = NULL;
    if (err || str_is_none(dataset.tags))
        return err;
    return json_parse(tx->arena, dataset.tags, tags, NULL);
}

static enum err versions_apply(struct tx *tx, struct call *call)
{
    const struct example_filter *page = call->data;
    int64_t times_us[PAGE_MAX];
    const struct json *tags;
    struct json_writer *json;
    size_t count = 0;
    enum err err = tags_get(tx, call, &tags);

    if (err)
        return not_found(call, err);
    if ((err = examples_versions(tx, page->tenant, page->dataset_id, page, times_us, &count)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        version_write(call, json, tags, times_us[i], page->offset == 0 && i == 0);
    json_end_array(json);
    return OK;
}

static enum err versions_read(struct call *call, call_tx_step step)
{
    struct example_filter *page = ARENA_NEW(call->arena, struct example_filter);
    enum err err = call_param_uuid(call, 0, "dataset_id");

    page->tenant = call->principal.tenant;
    page->dataset_id = call->params[0];
    page->limit = PAGE_MAX;
    call->data = page;
    if (err || (err = call_query_int(call, "limit", 1, PAGE_MAX, &page->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &page->offset)))
        return err;
    return call_then_read(call, step);
}

static enum err versions_prepare(struct call *call)
{
    return versions_read(call, versions_apply);
}

/* The newest version that is not younger than as_of; or the one of a name. */
static enum err version_find(struct tx *tx, struct call *call, int64_t *wall_us, bool *is_latest)
{
    struct str tag = query_get(&call->query, "tag");
    struct example_filter page = {.limit = PAGE_MAX};
    int64_t times_us[PAGE_MAX], wanted_us = INT64_MAX;
    size_t count = 0;
    enum err err = OK;

    if (!str_is_empty(tag) && !str_eq(tag, STR("latest")))
        return tag_time(tx, call, call->params[0], tag, wall_us);
    if (str_is_empty(tag) && (err = datasets_as_of(tx, call, call->params[0], &wanted_us)))
        return err;
    do {
        err =
            examples_versions(tx, call->principal.tenant, call->params[0], &page, times_us, &count);
        for (size_t i = 0; !err && i < count; i++)
            if (wanted_us == 0 || times_us[i] <= wanted_us) {
                *wall_us = times_us[i];
                *is_latest = page.offset == 0 && i == 0;
                return OK;
            }
        page.offset += PAGE_MAX;
    } while (!err && count == PAGE_MAX);
    return err ? err : ERR_NOT_FOUND;
}

static enum err version_apply(struct tx *tx, struct call *call)
{
    const struct json *tags;
    bool is_latest = false;
    int64_t wall_us = 0;
    enum err err = tags_get(tx, call, &tags);

    if (err)
        return not_found(call, err);
    err = version_find(tx, call, &wall_us, &is_latest);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Dataset version not found");
    if (!err)
        version_write(call, call_json(call, 200), tags, wall_us, is_latest);
    return err;
}

static enum err version_prepare(struct call *call)
{
    return versions_read(call, version_apply);
}

/* STR_NONE: they are too many. */
static struct str tags_with(struct arena *arena, struct str tags, struct str tag, int64_t wall_us)
{
    struct json_writer json;
    struct buf one, all;

    buf_init(&one, 4 * KIB);
    buf_init(&all, LIST_BYTES_MAX);
    json_writer_init(&json, &one);
    json_begin_object(&json);
    json_key_str(&json, tag);
    json_i64_out(&json, wall_us);
    json_end_object(&json);
    json_merge(&all, tags, buf_str(&one));
    tags = all.failed ? STR_NONE : arena_str(arena, buf_str(&all));
    buf_release(&one);
    buf_release(&all);
    return tags;
}

static enum err tag_apply(struct tx *tx, struct call *call)
{
    struct str tag = STR_NONE, time = STR_NONE;
    struct dataset_row row;
    int64_t wall_us;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &row);

    if (err)
        return not_found(call, err);
    if ((err = call_get_text(call, "tag", &tag)) || (err = call_get_text(call, "as_of", &time)))
        return err;
    if (tag.len == 0 || tag.len > 256 || str_eq(tag, STR("latest")))
        return call_fail(call, 422, "tag: must be a text of 1 to 256 bytes, and not \"latest\"");
    if (str_is_none(time) || time_parse_iso(time, &wall_us))
        return call_fail(call, 422, "as_of: must be an ISO time");
    row.tags = tags_with(tx->arena, row.tags, tag, wall_us);
    if (str_is_none(row.tags))
        return call_fail(call, 422, "tag: this dataset has too many names of versions");
    err = datasets_update(tx, &row);
    return err ? err : reply_one(tx, call, row.dataset_id);
}

static enum err tag_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "dataset_id");

    return err || (err = call_body_object(call)) ? err : call_then_write(call, tag_apply);
}

static enum err splits_apply(struct tx *tx, struct call *call)
{
    struct example_filter filter = *(const struct example_filter *)call->data;
    struct str *names = ARENA_ARRAY(tx->arena, struct str, SPLITS_MAX);
    const struct json *tags;
    struct json_writer *json;
    size_t count = 0;
    enum err err = tags_get(tx, call, &tags);

    if (err)
        return not_found(call, err);
    if ((err = datasets_as_of(tx, call, call->params[0], &filter.as_of_us)) ||
        (err = examples_splits(tx, &filter, tx->arena, names, SPLITS_MAX, &count)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        json_str_out(json, names[i]);
    json_end_array(json);
    return OK;
}

static enum err splits_prepare(struct call *call)
{
    return versions_read(call, splits_apply);
}

#define ONE "/datasets/{dataset_id}"

static const struct route routes[] = {
    {HTTP_GET, "/datasets", list_prepare, PERMIT_READ, ROUTE_TRACES, "List datasets"},
    {HTTP_POST, "/datasets", create_prepare, PERMIT_RUN, ROUTE_TRACES, "Create a dataset"},
    {HTTP_GET, ONE, datasets_one_prepare, PERMIT_READ, ROUTE_TRACES, "Get a dataset"},
    {HTTP_PATCH, ONE, change_prepare, PERMIT_RUN, ROUTE_TRACES, "Change a dataset"},
    {HTTP_DELETE, ONE, delete_prepare, PERMIT_EDIT, ROUTE_TRACES,
     "Delete a dataset and its examples"},
    {HTTP_GET, ONE "/versions", versions_prepare, PERMIT_READ, ROUTE_TRACES,
     "When a dataset's examples changed"},
    {HTTP_GET, ONE "/version", version_prepare, PERMIT_READ, ROUTE_TRACES,
     "The version of a time or a name"},
    {HTTP_PUT, ONE "/tags", tag_prepare, PERMIT_RUN, ROUTE_TRACES, "Name a version"},
    {HTTP_GET, ONE "/splits", splits_prepare, PERMIT_READ, ROUTE_TRACES, "A dataset's splits"},
};

const struct route_list routes_datasets = {routes, ARRAY_LEN(routes)};
