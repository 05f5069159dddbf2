/* dataset_versions.c -- what datasets were at which time, and what they were called then. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "base/time.h"

#define PAGE_MAX 100
#define LIST_BYTES_MAX (64 * KIB)

/* ---- times and names ---- */

/* A dataset, and a text that names one of its versions, in `key` of what was sent. */
struct version_name {
    struct str tenant, dataset_id; /* STR_NONE: it has only "latest" and times */
    const char *key;
    struct str text;
};

static enum err tag_time(struct tx *tx, struct str tenant, struct str dataset_id, struct str tag,
                         int64_t *wall_us)
{
    const struct json *tags = NULL;
    struct dataset_row dataset;
    enum err err = datasets_get(tx, tenant, dataset_id, tx->arena, &dataset);

    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!err && !str_is_none(dataset.tags))
        err = json_parse(tx->arena, dataset.tags, &tags, NULL);
    *wall_us = json_i64(json_get_str(tags, tag), 0);
    return *wall_us ? OK : ERR_NOT_FOUND;
}

/* 0: as it is. ERR_INVALID: the reply is filled. */
static enum err version_read(struct tx *tx, struct call *call, const struct version_name *name,
                             int64_t *wall_us)
{
    *wall_us = 0;
    if (str_is_empty(name->text) || str_eq(name->text, STR("latest")) ||
        !time_parse_iso(name->text, wall_us))
        return OK;
    if (!str_is_none(name->dataset_id) &&
        !tag_time(tx, name->tenant, name->dataset_id, name->text, wall_us))
        return OK;
    call_fail(call, 422, "%s: must be a time, \"latest\", or the name of a version of the dataset",
              name->key);
    return ERR_INVALID;
}

enum err datasets_as_of(struct tx *tx, struct call *call, struct str tenant, struct str dataset_id,
                        int64_t *wall_us)
{
    return version_read(
        tx, call,
        &(struct version_name){tenant, dataset_id, "as_of", query_get(&call->query, "as_of")},
        wall_us);
}

/* Of the dataset of the path. */
static enum err version_of(struct tx *tx, struct call *call, const char *key, struct str text,
                           int64_t *wall_us)
{
    return version_read(tx, call,
                        &(struct version_name){call->principal.tenant, call->params[0], key, text},
                        wall_us);
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
        return datasets_not_found(call, err);
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

/* The newest version that is not younger than that (0: the newest). ERR_NOT_FOUND. */
static enum err version_before(struct tx *tx, struct call *call, int64_t wanted_us,
                               int64_t *wall_us, bool *is_latest)
{
    struct example_filter page = {.limit = PAGE_MAX};
    int64_t times_us[PAGE_MAX];
    size_t count = 0;
    enum err err;

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

/* By the query's as_of, or its tag. */
static enum err version_find(struct tx *tx, struct call *call, int64_t *wall_us, bool *is_latest)
{
    struct str tag = query_get(&call->query, "tag");
    int64_t wanted_us = 0;
    enum err err = OK;

    if (!str_is_empty(tag) && !str_eq(tag, STR("latest")))
        return tag_time(tx, call->principal.tenant, call->params[0], tag, wall_us);
    if (str_is_empty(tag))
        err = version_of(tx, call, "as_of", query_get(&call->query, "as_of"), &wanted_us);
    return err ? err : version_before(tx, call, wanted_us, wall_us, is_latest);
}

static enum err version_apply(struct tx *tx, struct call *call)
{
    const struct json *tags;
    bool is_latest = false;
    int64_t wall_us = 0;
    enum err err = tags_get(tx, call, &tags);

    if (err)
        return datasets_not_found(call, err);
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

/* A name stands for a version: the newest one of that time; without examples, for the time. */
static enum err tag_apply(struct tx *tx, struct call *call)
{
    struct str tag = STR_NONE, as_of = STR_NONE;
    struct integer_text digits;
    struct dataset_row row;
    int64_t wanted_us, wall_us;
    bool is_latest;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &row);

    if (err)
        return datasets_not_found(call, err);
    if ((err = call_get_text(call, "tag", &tag)) || (err = call_get_text(call, "as_of", &as_of)))
        return err;
    if (tag.len == 0 || tag.len > 256 || str_eq(tag, STR("latest")))
        return call_fail(call, 422, "tag: must be a text of 1 to 256 bytes, and not \"latest\"");
    if (str_is_empty(as_of))
        return call_fail(call, 422, "as_of: is missing: a time, \"latest\", or a version's name");
    if ((err = version_of(tx, call, "as_of", as_of, &wanted_us)))
        return err;
    err = version_before(tx, call, wanted_us, &wall_us, &is_latest);
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (err)
        wall_us = wanted_us ? wanted_us : tx->now_us;
    row.tags = json_with(tx->arena, row.tags, tag, str_from_i64(wall_us, &digits), LIST_BYTES_MAX);
    if (str_is_none(row.tags))
        return call_fail(call, 422, "tag: this dataset has too many names of versions");
    err = datasets_update(tx, &row);
    return err ? err : datasets_reply(tx, call, row.dataset_id);
}

static enum err tag_prepare(struct call *call)
{
    return named_then_change(call, "dataset_id", tag_apply);
}

/* ---- what lies between two versions ---- */

static enum err diff_time(struct tx *tx, struct call *call, const char *key, int64_t *wall_us)
{
    struct str text = query_get(&call->query, key);

    if (!str_is_empty(text))
        return version_of(tx, call, key, text, wall_us);
    call_fail(call, 422, "%s: is missing: a time, \"latest\", or the name of a version", key);
    return ERR_INVALID;
}

static void diff_write(struct json_writer *json, const char *key, const struct example_changes *all,
                       enum example_change change)
{
    json_key(json, key);
    json_begin_array(json);
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].change == change)
            json_str_out(json, all->list[i].example_id);
    json_end_array(json);
}

static enum err diff_apply(struct tx *tx, struct call *call)
{
    struct example_changes changes = {0};
    struct json_writer *json;
    const struct json *tags;
    enum err err = tags_get(tx, call, &tags);

    if (err)
        return datasets_not_found(call, err);
    if ((err = diff_time(tx, call, "from_version", &changes.from_us)) ||
        (err = diff_time(tx, call, "to_version", &changes.to_us)) ||
        (err = examples_compare(tx, call->principal.tenant, call->params[0], tx->arena, &changes)))
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    diff_write(json, "examples_modified", &changes, EXAMPLE_MODIFIED);
    diff_write(json, "examples_added", &changes, EXAMPLE_ADDED);
    diff_write(json, "examples_removed", &changes, EXAMPLE_REMOVED);
    json_end_object(json);
    return OK;
}

static enum err diff_prepare(struct call *call)
{
    return versions_read(call, diff_apply);
}

#define ONE "/datasets/{dataset_id}"

static const struct route routes[] = {
    {HTTP_GET, ONE "/versions", versions_prepare, PERMIT_READ, ROUTE_TRACES,
     "When a dataset's examples changed"},
    {HTTP_GET, ONE "/version", version_prepare, PERMIT_READ, ROUTE_TRACES,
     "The version of a time or a name"},
    {HTTP_PUT, ONE "/tags", tag_prepare, PERMIT_RUN, ROUTE_TRACES, "Name a version"},
    {HTTP_GET, ONE "/versions/diff", diff_prepare, PERMIT_READ, ROUTE_TRACES,
     "What changed between two versions of a dataset"},
};

const struct route_list routes_dataset_versions = {routes, ARRAY_LEN(routes)};
