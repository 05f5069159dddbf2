/* examples.c -- /examples: one by one, in bulk, and as parts. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "base/time.h"

#define PAGE_MAX 100
#define DELETE_MAX 1000

/* All of it, unless the query leaves out what it does not select. */
static bool is_shown(const struct call *call, const char *key)
{
    struct str name;
    size_t at = 0;

    if (!str_eq_nocase(query_get(&call->query, "exclude_default_fields"), STR("true")))
        return true;
    while (query_next(&call->query, "select", &at, &name))
        if (str_eq(name, str_of(key)))
            return true;
    return false;
}

void examples_members(struct json_writer *json, struct call *call, const struct example_row *e)
{
    const struct {
        const char *key;
        struct str text;
        bool is_raw;
    } texts[] = {
        {"dataset_id", e->dataset_id, false}, {"name", e->name, false},
        {"inputs", e->inputs, true},          {"outputs", e->outputs, true},
        {"metadata", e->metadata, true},      {"source_run_id", e->source_run_id, false},
    };

    json_put_str(json, "id", e->example_id);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (is_shown(call, texts[i].key) && texts[i].is_raw)
            json_put_raw(json, texts[i].key, texts[i].text);
        else if (is_shown(call, texts[i].key))
            json_put_str(json, texts[i].key, texts[i].text);
    }
    if (is_shown(call, "created_at"))
        json_put_time(json, "created_at", e->created_us);
    if (is_shown(call, "modified_at"))
        json_put_time(json, "modified_at", e->modified_us);
    if (is_shown(call, "attachment_urls"))
        example_attachments_put(json, call, e);
}

void examples_write(struct json_writer *json, struct call *call, const struct example_row *e)
{
    json_begin_object(json);
    examples_members(json, call, e);
    json_end_object(json);
}

static enum err not_found(struct call *call, enum err err)
{
    return err == ERR_NOT_FOUND ? call_fail(call, 404, "Example not found") : err;
}

static enum err example_out(struct tx *tx, struct call *call, struct json_writer *json,
                            struct str example_id, int64_t as_of_us)
{
    struct example_row row;
    enum err err = examples_get(tx, call->principal.tenant, example_id, as_of_us, tx->arena, &row);

    if (!err)
        examples_write(json, call, &row);
    return err;
}

/* ---- read ---- */

enum err examples_list(struct tx *tx, struct call *call, const struct example_filter *asked)
{
    struct example_filter filter = *asked;
    struct example_rows found;
    struct json_writer *json;
    enum err err;

    if ((err = datasets_as_of(tx, call, filter.tenant, filter.dataset_id, &filter.as_of_us)) ||
        (err = example_search(tx, call, &filter, &found)))
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++)
        examples_write(json, call, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    return examples_list(tx, call, call->data);
}

enum err examples_filter_read(struct call *call, struct example_filter *f)
{
    enum err err;

    *f = (struct example_filter){.tenant = call->principal.tenant, .limit = PAGE_MAX};
    f->dataset_id = query_get(&call->query, "dataset");
    f->ids = call_query_texts(call, "id");
    f->splits = call_query_texts(call, "splits");
    if ((err = datasets_query_object(call, "metadata", &f->metadata)) ||
        (err = call_query_int(call, "limit", 1, INT32_MAX, &f->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &f->offset)))
        return err;
    f->limit = f->limit > PAGE_MAX ? PAGE_MAX : f->limit;
    return example_filter_check(call);
}

static enum err list_prepare(struct call *call)
{
    struct example_filter *f = ARENA_NEW(call->arena, struct example_filter);
    enum err err = examples_filter_read(call, f);

    call->data = f;
    if (err)
        return err;
    if (str_is_none(f->dataset_id) && str_is_none(f->ids))
        return call_fail(call, 422, "dataset: say which dataset's examples, or their ids (id)");
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct example_row row;
    int64_t as_of_us = 0;
    enum err err = examples_get(tx, call->principal.tenant, call->params[0], 0, tx->arena, &row);

    if (err && err != ERR_NOT_FOUND)
        return err;
    if ((err = datasets_as_of(tx, call, call->principal.tenant, err ? STR_NONE : row.dataset_id,
                              &as_of_us)))
        return err;
    err = example_out(tx, call, call_json(call, 200), call->params[0], as_of_us);
    return not_found(call, err);
}

static enum err get_prepare(struct call *call)
{
    return named_then_read(call, "example_id", get_apply);
}

/* ---- create and change ---- */

static struct example_drafts *drafts_new(struct call *call, size_t count)
{
    struct example_drafts *drafts = ARENA_NEW(call->arena, struct example_drafts);

    drafts->list = ARENA_ARRAY(call->arena, struct example_draft, count + 1);
    call->data = drafts;
    return drafts;
}

static enum err draft_add(struct call *call, struct example_drafts *drafts, struct str text,
                          bool is_new)
{
    struct example_draft *draft = &drafts->list[drafts->count++];
    struct str why;

    if (example_draft_read(call->arena, text, draft, &why)) {
        call_fail(call, 422, "%.*s", STR_ARG(why));
        return ERR_INVALID;
    }
    if (is_new && str_is_none(draft->example_id))
        draft->example_id = call_new_id(call);
    if (is_new && str_is_none(draft->dataset_id)) {
        call_fail(call, 422, "dataset_id: is missing");
        return ERR_INVALID;
    }
    return OK;
}

/* All of them as a list, or the one. */
static enum err reply(struct tx *tx, struct call *call, bool as_list)
{
    const struct example_drafts *drafts = call->data;
    struct json_writer *json = call_json(call, 200);
    enum err err = OK;

    if (as_list)
        json_begin_array(json);
    for (size_t i = 0; !err && i < drafts->count; i++)
        err = example_out(tx, call, json, drafts->list[i].example_id, 0);
    if (as_list)
        json_end_array(json);
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_insert(tx, call, call->data);

    return err ? err : reply(tx, call, false);
}

static enum err create_prepare(struct call *call)
{
    enum err err = call_body_object(call);

    if (!err)
        err = draft_add(call, drafts_new(call, 1), call->body_text, true);
    return err ? err : call_then_write(call, create_apply);
}

static enum err bulk_read(struct call *call, bool is_new)
{
    struct example_drafts *drafts;
    struct str key, text;
    size_t at = 0;
    enum err err = call_body_any(call);

    if (err)
        return err;
    if (json_type(call->body) != JSON_ARRAY) {
        call_fail(call, 422, "the body must be an array of examples");
        return ERR_INVALID;
    }
    drafts = drafts_new(call, json_count(call->body));
    while (!err && json_raw_next(call->body_text, &at, &key, &text))
        err = draft_add(call, drafts, text, is_new);
    return err;
}

static enum err bulk_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_insert(tx, call, call->data);

    return err ? err : reply(tx, call, true);
}

static enum err bulk_prepare(struct call *call)
{
    enum err err = bulk_read(call, true);

    return err ? err : call_then_write(call, bulk_apply);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_update(tx, call, call->data);

    return err ? err : reply(tx, call, false);
}

static enum err change_prepare(struct call *call)
{
    struct example_drafts *drafts = drafts_new(call, 1);
    enum err err = call_param_uuid(call, 0, "example_id");

    if (err || (err = call_body_object(call)) ||
        (err = draft_add(call, drafts, call->body_text, false)))
        return err;
    drafts->list[0].example_id = call->params[0];
    return call_then_write(call, change_apply);
}

static enum err bulk_change_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_update(tx, call, call->data);

    return err ? err : reply(tx, call, true);
}

static enum err bulk_change_prepare(struct call *call)
{
    enum err err = bulk_read(call, false);

    return err ? err : call_then_write(call, bulk_change_apply);
}

/* ---- parts ---- */

static void parts_reply(struct tx *tx, struct call *call, int status)
{
    const struct example_drafts *drafts = call->data;
    struct json_writer *json = call_json(call, status);

    json_begin_object(json);
    json_put_i64(json, "count", (int64_t)drafts->count);
    json_key(json, "example_ids");
    json_begin_array(json);
    for (size_t i = 0; i < drafts->count; i++)
        json_str_out(json, drafts->list[i].example_id);
    json_end_array(json);
    json_put_time(json, "as_of", tx->now_us);
    json_end_object(json);
}

static enum err upload_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_insert(tx, call, call->data);

    if (!err)
        parts_reply(tx, call, 201);
    return err;
}

static enum err parts_change_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_update(tx, call, call->data);

    if (!err)
        parts_reply(tx, call, 200);
    return err;
}

static enum err parts_read(struct call *call, call_tx_step step)
{
    struct example_drafts *drafts = drafts_new(call, 0);
    enum err err = call_param_uuid(call, 0, "dataset_id");

    if (err || (err = example_parts_read(call, drafts)))
        return err;
    for (size_t i = 0; i < drafts->count; i++)
        drafts->list[i].dataset_id = call->params[0];
    return call_then_write(call, step);
}

static enum err upload_prepare(struct call *call)
{
    return parts_read(call, upload_apply);
}

static enum err parts_change_prepare(struct call *call)
{
    return parts_read(call, parts_change_apply);
}

static enum err upsert_apply(struct tx *tx, struct call *call)
{
    enum err err = example_drafts_upsert(tx, call, call->data);

    if (!err)
        parts_reply(tx, call, 201);
    return err;
}

/* Each says which dataset it is in. */
static enum err upsert_prepare(struct call *call)
{
    struct example_drafts *drafts = drafts_new(call, 0);
    enum err err = example_parts_read(call, drafts);

    for (size_t i = 0; !err && i < drafts->count; i++)
        if (str_is_none(drafts->list[i].dataset_id))
            return call_fail(call, 422, "%.*s: dataset_id is missing",
                             STR_ARG(drafts->list[i].example_id));
    return err ? err : call_then_write(call, upsert_apply);
}

/* ---- delete ---- */

struct deletion {
    struct str ids[DELETE_MAX];
    size_t count;
    bool hard;
};

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct deletion *d = call->data;
    enum err err = OK;

    for (size_t i = 0; !err && i < d->count; i++)
        err = examples_delete(tx, call->principal.tenant, d->ids[i], d->hard);
    if (err == ERR_NOT_FOUND)
        return call_fail(call, 404, "Example not found"), err;
    if (!err)
        json_raw_out(call_json(call, 200), STR("{\"message\":\"Examples deleted\"}"));
    return err;
}

static enum err deletion_add(struct call *call, struct deletion *d, struct str id)
{
    if (d->count == DELETE_MAX || !uuid_is_valid(id)) {
        call_fail(call, 422, "example_ids: must be at most %d UUIDs", DELETE_MAX);
        return ERR_INVALID;
    }
    d->ids[d->count++] = id;
    return OK;
}

static enum err delete_prepare(struct call *call)
{
    struct deletion *d = ARENA_NEW(call->arena, struct deletion);
    enum err err = call_param_uuid(call, 0, "example_id");

    d->ids[d->count++] = call->params[0];
    call->data = d;
    return err ? err : call_then_write(call, delete_apply);
}

static enum err delete_many_prepare(struct call *call)
{
    struct deletion *d = ARENA_NEW(call->arena, struct deletion);
    struct str id;
    size_t at = 0;
    enum err err = OK;

    while (!err && query_next(&call->query, "example_ids", &at, &id))
        err = deletion_add(call, d, id);
    call->data = d;
    return err ? err : call_then_write(call, delete_apply);
}

static enum err hard_delete_prepare(struct call *call)
{
    struct deletion *d = ARENA_NEW(call->arena, struct deletion);
    const struct json *ids;
    enum err err = call_body_object(call);

    if (err)
        return err;
    ids = json_get(call->body, "example_ids");
    d->hard = json_bool(json_get(call->body, "hard_delete"), false);
    for (size_t i = 0; !err && i < json_count(ids); i++)
        err = deletion_add(call, d, json_string(json_item(ids, i)));
    call->data = d;
    return err ? err : call_then_write(call, delete_apply);
}

#define ONE "/examples/{example_id}"
#define PARTS "/platform/datasets/{dataset_id}/examples"
#define LARGE (ROUTE_TRACES | ROUTE_AGAIN | ROUTE_LARGE)

static const struct route routes[] = {
    {HTTP_GET, "/examples", list_prepare, PERMIT_READ, ROUTE_TRACES, "List examples"},
    {HTTP_POST, "/examples", create_prepare, PERMIT_RUN, LARGE, "Create an example"},
    {HTTP_DELETE, "/examples", delete_many_prepare, PERMIT_RUN, ROUTE_TRACES, "Delete examples"},
    {HTTP_POST, "/examples/bulk", bulk_prepare, PERMIT_RUN, LARGE, "Create examples"},
    {HTTP_PATCH, "/examples/bulk", bulk_change_prepare, PERMIT_RUN, LARGE, "Change examples"},
    {HTTP_GET, ONE, get_prepare, PERMIT_READ, ROUTE_TRACES, "Get an example"},
    {HTTP_PATCH, ONE, change_prepare, PERMIT_RUN, LARGE, "Change an example"},
    {HTTP_DELETE, ONE, delete_prepare, PERMIT_RUN, ROUTE_TRACES, "Delete an example"},
    {HTTP_POST, PARTS, upload_prepare, PERMIT_RUN, LARGE, "Create examples from parts"},
    {HTTP_POST, "/platform/examples/multipart", upsert_prepare, PERMIT_RUN, LARGE,
     "Create examples from parts, or change those that are there"},
    {HTTP_PATCH, PARTS, parts_change_prepare, PERMIT_RUN, LARGE, "Change examples by parts"},
    {HTTP_POST, "/platform/datasets/examples/delete", hard_delete_prepare, PERMIT_RUN, ROUTE_TRACES,
     "Delete examples, in all versions if asked to"},
};

const struct route_list routes_examples = {routes, ARRAY_LEN(routes)};
