/* Many threads at once: search, count, prune; and how large one is. */
#include "api/threads_priv.h"

#include "agent/thread_remove.h"
#include "base/uuid.h"
#include "format/json_path.h"
#include "store/checkpoints.h"

#define EXTRACTS_MAX 10
#define PRUNE_MAX 1000
#define PRUNE_PAGE 50 /* threads pruned in one transaction */

/* ---- search ---- */

struct extract {
    struct str alias;
    struct json_path path;
};

struct search_call {
    struct search search;
    struct thread_filter filter;
    struct extract extracts[EXTRACTS_MAX];
    size_t extract_count;
};

static enum err extract_read(struct call *call, struct extract *extract, struct str text)
{
    static const char *const roots[] = {"values", "metadata", "config", "interrupts", NULL};
    const char *why = "it must begin with values, metadata, config or interrupts";

    if (!str_is_none(text) && !json_path_parse(text, &extract->path, &why)) {
        if (str_is_one_of(extract->path.steps[0].name, roots))
            return OK;
        why = "it must begin with values, metadata, config or interrupts";
    }
    call_fail(call, 422, "extract.%.*s: %s", STR_ARG(str_first(extract->alias, 64)), why);
    return ERR_INVALID;
}

static enum err extracts_read(struct call *call, struct search_call *search)
{
    const struct json *extract = json_get(call->body, "extract"), *path;
    struct json_iter iter = json_iter(extract);
    struct str alias;
    enum err err = OK;

    if (json_is_absent(extract))
        return OK;
    if (json_type(extract) != JSON_OBJECT || json_count(extract) > EXTRACTS_MAX) {
        call_fail(call, 422, "extract: must be an object of at most %d paths", EXTRACTS_MAX);
        return ERR_INVALID;
    }
    while (!err && json_next(&iter, &alias, &path)) {
        struct extract *one = &search->extracts[search->extract_count++];

        one->alias = alias;
        err = extract_read(call, one, json_string(path));
    }
    return err;
}

static enum err ids_read(struct call *call, struct thread_filter *filter)
{
    const struct json *ids = json_get(call->body, "ids"), *id;
    struct json_iter iter = json_iter(ids);
    bool is_good = json_type(ids) == JSON_ARRAY;

    if (json_is_absent(ids))
        return OK;
    while (is_good && json_next(&iter, NULL, &id))
        is_good = uuid_is_valid(json_string(id));
    if (!is_good) {
        call_fail(call, 422, "ids: must be an array of UUIDs");
        return ERR_INVALID;
    }
    filter->ids = json_raw(call->body_text, STR("ids"));
    return OK;
}

static enum err search_read_all(struct call *call, struct search_call *search)
{
    static const char *const orders[] = {"thread_id",  "status",           "created_at",
                                         "updated_at", "state_updated_at", NULL};
    static const char *const statuses[] = {"idle", "busy", "interrupted", "error", NULL};
    static const char *const members[] = {
        "thread_id", "created_at", "updated_at", "state_updated_at", "metadata",
        "config",    "context",    "status",     "values",           "interrupts",
        "error",     "extracted",  NULL};
    struct thread_filter *filter = &search->filter;
    enum err err;

    filter->tenant = call->principal.tenant;
    filter->admitted = call->access.filters[ACCESS_OF_THREADS];
    if ((err = call_body_object(call)) ||
        (err = search_read(call, orders, members, &search->search)) ||
        (err = call_get_object(call, "metadata", &filter->metadata)) ||
        (err = call_get_object(call, "values", &filter->values)) ||
        (err = call_get_word(call, "status", statuses, &filter->status)) ||
        (err = ids_read(call, filter)) || (err = extracts_read(call, search)))
        return err;
    filter->limit = search->search.limit;
    filter->offset = search->search.offset;
    filter->sort_by = search->search.sort_by;
    if (str_is_none(filter->sort_by) && call->setup->compat_js)
        filter->sort_by = STR("created_at");
    filter->ascending = search->search.ascending;
    return OK;
}

static struct str root_of(const struct thread *thread, struct str name)
{
    if (str_eq(name, STR("values")))
        return thread->head_values;
    if (str_eq(name, STR("metadata")))
        return thread->metadata;
    return str_eq(name, STR("config")) ? thread->config : thread->interrupts;
}

/* {alias: what stands there, else null}; STR_NONE if nothing was asked for. */
static struct str extract_all(struct call *call, const struct search_call *search,
                              const struct thread *thread)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    if (search->extract_count == 0)
        return STR_NONE;
    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; i < search->extract_count; i++) {
        const struct extract *extract = &search->extracts[i];
        struct str root = root_of(thread, extract->path.steps[0].name);

        json_key_str(&json, extract->alias);
        json_raw_out(&json, json_path_find(&extract->path, 1, root));
    }
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err search_apply(struct tx *tx, struct call *call)
{
    const struct search_call *search = call->data;
    struct thread_list found = {0};
    struct json_writer *json;
    struct picker picker;
    int64_t total;
    enum err err = thread_page(tx, &search->filter, call->arena, &found, &total);

    if (err)
        return err;
    json = call_json(call, 200);
    picker_init(&picker, json, search->search.select);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++) {
        const struct thread_extras extras = {.extracted =
                                                 extract_all(call, search, &found.list[i])};

        shape_thread(picker_begin(&picker), &found.list[i], &extras);
        picker_end(&picker);
    }
    json_end_array(json);
    picker_release(&picker);
    call_page(call, total, search->filter.offset, found.count);
    return OK;
}

static enum err count_apply(struct tx *tx, struct call *call)
{
    const struct search_call *search = call->data;
    int64_t total = 0;
    enum err err = thread_count(tx, &search->filter, &total);

    json_i64_out(call_json(call, 200), total);
    return err;
}

static enum err prepare(struct call *call, call_tx_step step)
{
    struct search_call *search = ARENA_NEW(call->arena, struct search_call);
    enum err err = search_read_all(call, search);

    call->data = search;
    return err ? err : call_then_read(call, step);
}

enum err thread_search_prepare(struct call *call)
{
    return prepare(call, search_apply);
}

enum err thread_count_prepare(struct call *call)
{
    return prepare(call, count_apply);
}

/* ---- prune ---- */

struct prune_call {
    const struct json *ids;
    bool keeps_latest;
    int64_t pruned[PRUNE_MAX / PRUNE_PAGE]; /* by each transaction */
};

static enum err prune_one(struct tx *tx, struct call *call, struct str thread_id, int64_t *pruned)
{
    const struct prune_call *prune = call->data;
    struct str tenant = call->principal.tenant;
    struct thread thread;
    struct str metadata;
    enum err err = thread_get_metadata(tx, tenant, thread_id, tx->arena, &metadata);

    if (err || !access_admits(call, ACCESS_OF_THREADS, metadata))
        return err == ERR_NOT_FOUND ? OK : err;
    if (prune->keeps_latest) {
        err = thread_get_for_update(tx, tenant, thread_id, tx->arena, &thread);
        if (!err)
            err = checkpoints_keep_latest(tx, tenant, thread_id);
    } else {
        err = thread_remove(tx, call->setup->agent, tenant, thread_id);
    }
    *pruned += !err;
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err prune_apply(struct tx *tx, struct call *call)
{
    struct prune_call *prune = call->data;
    size_t first = call->transactions * PRUNE_PAGE, count = json_count(prune->ids);
    size_t end = count < first + PRUNE_PAGE ? count : first + PRUNE_PAGE;
    struct json_writer *json;
    int64_t total = 0;
    enum err err = OK;

    for (size_t i = first; !err && i < end; i++) {
        struct str id = json_string(json_item(prune->ids, i));

        if (i == first)
            prune->pruned[call->transactions] = 0;
        err = prune_one(tx, call, id, &prune->pruned[call->transactions]);
    }
    if (err)
        return err;
    if (end < count)
        return call_then_write(call, prune_apply);
    for (size_t i = 0; i < ARRAY_LEN(prune->pruned); i++)
        total += prune->pruned[i];
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_i64(json, "pruned_count", total);
    json_end_object(json);
    return OK;
}

enum err thread_prune_prepare(struct call *call)
{
    static const char *const strategies[] = {"delete", "keep_latest", NULL};
    struct prune_call *prune = ARENA_NEW(call->arena, struct prune_call);
    struct str strategy = STR_NONE;
    const struct json *id;
    struct json_iter iter;
    bool is_good;
    enum err err;

    if ((err = call_body_object(call)) ||
        (err = call_get_word(call, "strategy", strategies, &strategy)))
        return err;
    prune->ids = json_get(call->body, "thread_ids");
    prune->keeps_latest = str_eq(strategy, THREAD_KEEP_LATEST);
    is_good = json_type(prune->ids) == JSON_ARRAY && json_count(prune->ids) <= PRUNE_MAX;
    iter = json_iter(prune->ids);
    while (is_good && json_next(&iter, NULL, &id))
        is_good = uuid_is_valid(json_string(id));
    if (!is_good) {
        call_fail(call, 422, "thread_ids: must be an array of at most %d UUIDs", PRUNE_MAX);
        return ERR_INVALID;
    }
    call->data = prune;
    return call_then_write(call, prune_apply);
}

/* ---- storage ---- */

static enum err storage_apply(struct tx *tx, struct call *call)
{
    struct thread_storage s;
    struct json_writer *json;
    enum err err = thread_measure(tx, call->principal.tenant, call->params[0], &s);

    if (err == ERR_NOT_FOUND)
        return thread_reply_not_found(call);
    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_object(json);
    json_put_str(json, "thread_id", call->params[0]);
    json_put_i64(json, "thread_bytes", s.thread);
    json_put_i64(json, "checkpoints_bytes", s.checkpoints);
    json_put_i64(json, "writes_bytes", s.writes);
    json_put_i64(json, "runs_bytes", s.runs);
    json_put_i64(json, "events_bytes", s.events);
    json_put_i64(json, "total_bytes", s.thread + s.checkpoints + s.writes + s.runs + s.events);
    json_end_object(json);
    return OK;
}

enum err thread_storage_prepare(struct call *call)
{
    enum err err = call_param_uuid(call, 0, "thread_id");

    return err ? err : call_then_read(call, storage_apply);
}
