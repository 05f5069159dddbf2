/* Answers what workers ask of the store: checkpoints and the key-value store
 * (docs/worker-protocol.md). */
#include "agent/worker_executor_priv.h"

#include "agent/worker_items.h"
#include "base/json.h"
#include "base/mem.h"

#define LIST_PAGE 1000

enum request_kind { REQUEST_READ, REQUEST_WRITE };
struct request;

struct request_type {
    const char *name;
    enum request_kind kind;
    bool needs_thread;
    enum err (*apply)(struct tx *tx, struct request *request);
};

struct request {
    struct store_work work;
    struct arena arena;
    struct slot *slot;
    uint64_t generation;
    int64_t id;
    const struct request_type *type;
    struct str tenant;
    const struct json *header;
    struct str header_text;
    const struct str *blobs;
    size_t blob_count;
    struct embedding embedding; /* what a batch needs of the user's embedding function */
    struct agent_ask ask;
    /* the answer */
    struct buf answer; /* members of the reply's header */
    struct json_writer json;
    struct str *out_blobs;
    size_t out_count, out_cap;
};

static struct str text(const struct request *r, const char *key)
{
    return json_string(json_get(r->header, key));
}

static struct str blob(const struct request *r, int64_t index)
{
    return index >= 0 && (uint64_t)index < r->blob_count ? r->blobs[index] : STR_NONE;
}

static int64_t out_blob(struct request *r, struct str bytes)
{
    r->out_blobs =
        arena_more(&r->arena, r->out_blobs, r->out_count, &r->out_cap, sizeof(*r->out_blobs));
    r->out_blobs[r->out_count] = bytes;
    return (int64_t)r->out_count++;
}

/* ---- checkpoints ---- */

static enum err tuple_out(struct tx *tx, struct request *r, const struct checkpoint *c)
{
    struct checkpoint_write *writes;
    size_t count;
    enum err err = checkpoint_writes_list(tx, c, &r->arena, &writes, &count);

    if (err)
        return err;
    json_begin_object(&r->json);
    json_put_str(&r->json, "thread_id", c->thread_id);
    json_put_str(&r->json, "ns", c->ns);
    json_put_str(&r->json, "checkpoint_id", c->checkpoint_id);
    json_put_str(&r->json, "parent_id", c->parent_id);
    json_put_str(&r->json, "type", c->serde);
    json_put_i64(&r->json, "blob", out_blob(r, c->body));
    json_put_raw(&r->json, "metadata", c->metadata);
    json_key(&r->json, "writes");
    json_begin_array(&r->json);
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&r->json);
        json_put_str(&r->json, "task_id", writes[i].task_id);
        json_put_str(&r->json, "task_path", writes[i].task_path);
        json_put_i64(&r->json, "idx", writes[i].idx);
        json_put_str(&r->json, "channel", writes[i].channel);
        json_put_str(&r->json, "type", writes[i].serde);
        json_put_i64(&r->json, "blob", out_blob(r, writes[i].body));
        json_end_object(&r->json);
    }
    json_end_array(&r->json);
    json_end_object(&r->json);
    return OK;
}

static struct checkpoint key_of(const struct request *r)
{
    return (struct checkpoint){
        .tenant = r->tenant,
        .thread_id = text(r, "thread_id"),
        .ns = str_is_none(text(r, "ns")) ? STR("") : text(r, "ns"),
        .checkpoint_id = text(r, "checkpoint_id"),
    };
}

static enum err ckpt_get(struct tx *tx, struct request *r)
{
    const struct checkpoint key = key_of(r);
    struct checkpoint checkpoint;
    enum err err = checkpoint_get(tx, &key, &r->arena, &checkpoint);

    json_put_bool(&r->json, "found", !err);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    json_key(&r->json, "tuple");
    return tuple_out(tx, r, &checkpoint);
}

static enum err ckpt_list(struct tx *tx, struct request *r)
{
    int64_t left = json_i64(json_get(r->header, "limit"), INT64_MAX);
    const struct json *filter_json = json_get(r->header, "filter");
    struct checkpoint_filter filter = {
        .tenant = r->tenant,
        .thread_id = text(r, "thread_id"),
        .ns = text(r, "ns"),
        .checkpoint_id = text(r, "checkpoint_id"),
        .before = text(r, "before"),
        .metadata = json_type(filter_json) == JSON_OBJECT && json_count(filter_json) > 0
                        ? json_raw(r->header_text, STR("filter"))
                        : STR_NONE,
    };
    struct checkpoint *found;
    size_t count, bytes = 0;
    enum err err;

    json_key(&r->json, "tuples");
    json_begin_array(&r->json);
    do {
        filter.limit = left < 0 ? 0 : left > LIST_PAGE ? LIST_PAGE : left;
        err = checkpoint_list(tx, &filter, &r->arena, &found, &count);
        for (size_t i = 0; !err && i < count; i++) {
            bytes += found[i].body.len;
            err = bytes > FRAME_BYTES_MAX || r->out_count > FRAME_BLOBS_MAX
                      ? ERR_LIMIT
                      : tuple_out(tx, r, &found[i]);
        }
        if (!err && count > 0)
            filter.before = found[count - 1].checkpoint_id;
        left -= LIST_PAGE;
    } while (!err && left > 0 && count == LIST_PAGE);
    json_end_array(&r->json);
    return err;
}

/* What a run that has ended still wants to put is refused: its thread goes on without it.
 * `position` is the run's; 0: an update puts. */
static enum err put_fence(struct tx *tx, const struct request *r, int64_t *position)
{
    struct str run_id = text(r, "run_id");
    struct run run;
    enum err err;

    *position = 0;
    if (str_is_none(run_id))
        return OK;
    err = run_get(tx, r->tenant, STR_NONE, run_id, tx->arena, &run);
    if (err)
        return err == ERR_NOT_FOUND ? ERR_CONFLICT : err;
    *position = run.position;
    return run_status_is_live(run.status) ? OK : ERR_CONFLICT;
}

static enum err ckpt_put(struct tx *tx, struct request *r)
{
    struct checkpoint checkpoint = key_of(r);
    struct str metadata = json_raw(r->header_text, STR("metadata"));
    int64_t position;
    enum err err;

    checkpoint.parent_id = text(r, "parent_id");
    checkpoint.run_id = text(r, "run_id");
    checkpoint.serde = text(r, "type");
    checkpoint.body = blob(r, 0);
    checkpoint.metadata = str_is_none(metadata) ? STR("{}") : metadata;
    if (str_is_none(checkpoint.checkpoint_id) || str_is_none(checkpoint.serde) ||
        str_is_none(checkpoint.body))
        return ERR_INVALID;
    err = put_fence(tx, r, &position);
    return err ? err : checkpoint_put(tx, &checkpoint);
}

static enum err ckpt_put_writes(struct tx *tx, struct request *r)
{
    const struct checkpoint key = key_of(r);
    const struct json *rows = json_get(r->header, "writes");
    size_t count = json_count(rows);
    struct checkpoint_write *writes = ARENA_ARRAY(tx->arena, struct checkpoint_write, count + 1);
    struct str task_path = text(r, "task_path");
    int64_t position;
    enum err err = put_fence(tx, r, &position);

    if (err)
        return err;
    for (size_t i = 0; i < count; i++) {
        const struct json *row = json_item(rows, i);

        writes[i] = (struct checkpoint_write){
            .task_id = text(r, "task_id"),
            .task_path = str_is_none(task_path) ? STR("") : task_path,
            .idx = json_i64(json_get(row, "idx"), 0),
            .channel = json_string(json_get(row, "channel")),
            .serde = json_string(json_get(row, "type")),
            .body = blob(r, json_i64(json_get(row, "blob"), -1)),
        };
        if (str_is_none(writes[i].channel) || str_is_none(writes[i].serde) ||
            str_is_none(writes[i].body) || str_is_none(writes[i].task_id))
            return ERR_INVALID;
    }
    return checkpoint_writes_put(tx, &key, position, writes, count);
}

static enum err ckpt_delete_thread(struct tx *tx, struct request *r)
{
    return checkpoints_delete_thread(tx, r->tenant, text(r, "thread_id"));
}

static enum err for_each(struct tx *tx, struct request *r, const char *key,
                         enum err (*apply)(struct tx *tx, struct str tenant, struct str id))
{
    struct json_iter iter = json_iter(json_get(r->header, key));
    const struct json *item;
    enum err err = OK;

    while (!err && json_next(&iter, NULL, &item))
        err = apply(tx, r->tenant, json_string(item));
    return err;
}

static enum err ckpt_delete_for_runs(struct tx *tx, struct request *r)
{
    return for_each(tx, r, "run_ids", checkpoints_delete_run);
}

static enum err ckpt_copy_thread(struct tx *tx, struct request *r)
{
    return checkpoints_copy(tx, r->tenant, text(r, "from"), text(r, "to"));
}

static enum err ckpt_prune(struct tx *tx, struct request *r)
{
    return for_each(tx, r, "thread_ids",
                    str_eq(text(r, "strategy"), STR("keep_latest")) ? checkpoints_keep_latest
                                                                    : checkpoints_delete_thread);
}

static enum err store_batch(struct tx *tx, struct request *r)
{
    const struct items_of whose = {r->tenant, &r->slot->owner->setup.item_life,
                                   r->embedding.count > 0 ? &r->embedding : NULL};

    return worker_items_batch(tx, &whose, r->header, r->header_text, &r->json);
}

static const struct request_type types[] = {
    {"ckpt.get", REQUEST_READ, true, ckpt_get},
    {"ckpt.list", REQUEST_READ, false, ckpt_list},
    {"ckpt.put", REQUEST_WRITE, true, ckpt_put},
    {"ckpt.put_writes", REQUEST_WRITE, true, ckpt_put_writes},
    {"ckpt.delete_thread", REQUEST_WRITE, true, ckpt_delete_thread},
    {"ckpt.delete_for_runs", REQUEST_WRITE, false, ckpt_delete_for_runs},
    {"ckpt.copy_thread", REQUEST_WRITE, false, ckpt_copy_thread},
    {"ckpt.prune", REQUEST_WRITE, false, ckpt_prune},
    {"store.batch", REQUEST_WRITE, false, store_batch},
};

/* ---- the way of a request ---- */

/* Whose data: the tenant of the named thread if it is open to workers; without a thread the one
 * tenant that all open threads share. STR_NONE: nobody's. */
static struct str tenant_of(const struct worker_executor *owner, struct str thread_id)
{
    struct str tenant = STR_NONE;
    size_t position = 0;
    struct str key;
    void *value;

    if (!str_is_none(thread_id)) {
        const struct thread_tenant *entry = map_find(&owner->tenants, thread_id);

        return entry ? entry->tenant : STR_NONE;
    }
    while (map_next(&owner->tenants, &position, &key, &value)) {
        const struct thread_tenant *entry = value;

        if (!str_is_none(tenant) && !str_eq(tenant, entry->tenant))
            return STR_NONE;
        tenant = entry->tenant;
    }
    return tenant;
}

static const char *error_code(enum err err)
{
    switch (err) {
    case OK:
        return "failed";
    case ERR_INVALID:
        return "invalid";
    case ERR_DENIED:
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_LIMIT:
        return "too_large";
    case ERR_AGAIN:
        return "unavailable";
    case ERR_IO:
        return "failed";
    }
    return "failed";
}

static void refuse(struct worker *worker, int64_t id, enum err err, struct str words)
{
    struct frame_writer frame;

    frame_writer_begin(&frame, "reply");
    json_put_i64(&frame.json, "re", id);
    json_put_bool(&frame.json, "ok", false);
    json_key(&frame.json, "error");
    json_begin_object(&frame.json);
    json_put_str(&frame.json, "code", str_of(error_code(err)));
    json_put_str(&frame.json, "type", STR("StoreError"));
    json_put_str(&frame.json, "message", str_is_none(words) ? str_of(err_name(err)) : words);
    json_end_object(&frame.json);
    if (worker_send(worker, &frame))
        worker_kill(worker, "a refusal could not be sent");
}

static void reply(struct worker *worker, int64_t id, const struct request *request)
{
    struct frame_writer frame;

    frame_writer_begin(&frame, "reply");
    json_put_i64(&frame.json, "re", id);
    json_put_bool(&frame.json, "ok", true);
    if (request->answer.len > 0) {
        buf_add_char(&frame.header, ',');
        buf_add(&frame.header, buf_str(&request->answer));
    }
    frame_writer_blobs(&frame, request->out_blobs, request->out_count);
    if (worker_send(worker, &frame))
        refuse(worker, id, ERR_LIMIT, STR_NONE);
}

static void request_free(struct request *request)
{
    buf_release(&request->answer);
    arena_release(&request->arena);
    mem_free(request);
}

static enum err request_apply(struct tx *tx, struct store_work *work)
{
    struct request *request = CONTAINER_OF(work, struct request, work);
    enum err err;

    buf_clear(&request->answer);
    json_writer_init(&request->json, &request->answer);
    request->out_count = 0;
    err = request->type->apply(tx, request);
    return err                                                              ? err
           : request->answer.failed || request->out_count > FRAME_BLOBS_MAX ? ERR_LIMIT
                                                                            : OK;
}

static void request_done(struct store_work *work, enum err err)
{
    struct request *request = CONTAINER_OF(work, struct request, work);
    struct slot *slot = request->slot;
    bool waits = slot->worker && slot->generation == request->generation;

    if (waits && err)
        refuse(slot->worker, request->id, err, STR_NONE);
    else if (waits)
        reply(slot->worker, request->id, request);
    request_free(request);
}

/* The frame's memory ends with the call: the request keeps a copy. */
static struct request *request_new(struct slot *slot, const struct frame *frame)
{
    struct request *request = MEM_NEW(struct request);
    struct str *blobs;
    char *header;

    arena_init(&request->arena);
    buf_init(&request->answer, FRAME_BYTES_MAX);
    request->slot = slot;
    request->generation = slot->generation;
    request->id = frame->id;
    header = arena_cstr(&request->arena, frame->header_text);
    json_scrub_nul(header, frame->header_text.len);
    request->header_text = str_range(header, frame->header_text.len);
    REQUIRE(json_parse(&request->arena, request->header_text, &request->header, NULL) == OK);
    blobs = ARENA_ARRAY(&request->arena, struct str, frame->blob_count + 1);
    for (size_t i = 0; i < frame->blob_count; i++)
        blobs[i] = arena_str(&request->arena, frame->blobs[i]);
    request->blobs = blobs;
    request->blob_count = frame->blob_count;
    return request;
}

static void request_go(struct request *request)
{
    struct store *store = request->slot->owner->setup.store;

    request->work.apply = request_apply;
    request->work.done = request_done;
    request->work.reply_to = request->slot->owner->setup.loop;
    request->work.class = STORE_OUTCOME;
    if (request->type->kind == REQUEST_READ)
        store_read(store, &request->work);
    else
        store_write(store, &request->work);
}

/* ---- vectors, before a batch ---- */

static void on_embedded(struct agent_ask *ask, enum err err, struct str answer, struct str floats)
{
    struct request *request = CONTAINER_OF(ask, struct request, ask);
    struct slot *slot = request->slot;
    struct str why = STR_NONE;

    err = embedding_answer(&request->embedding, err, answer, floats, &why);
    if (!err) {
        request_go(request);
        return;
    }
    if (slot->worker && slot->generation == request->generation)
        refuse(slot->worker, request->id, err, why);
    request_free(request);
}

/* Asks for the vectors that the batch needs. False: it needs none. */
static bool embed_first(struct request *request)
{
    struct worker_executor *owner = request->slot->owner;
    const struct item_index *index = &owner->setup.item_index;

    if (!plugin_is_there(&index->embed) || request->type->apply != store_batch)
        return false;
    embedding_begin(&request->embedding, &request->arena, index);
    worker_items_embed(request->header, request->header_text, &request->embedding);
    request->ask = embedding_ask(&request->embedding);
    request->ask.on_answer = on_embedded;
    if (request->embedding.count == 0)
        return false;
    owner->executor.on_ask(owner->executor.context, &request->ask); /* which may answer at once */
    return true;
}

static const struct request_type *type_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (str_eq(name, str_of(types[i].name)))
            return &types[i];
    return NULL;
}

void worker_store_ask(struct slot *slot, const struct frame *frame)
{
    const struct request_type *type = type_find(frame->type);
    struct str thread_id = json_string(json_get(frame->header, "thread_id"));
    struct str tenant = tenant_of(slot->owner, thread_id);
    struct request *request;

    if (!type || (type->needs_thread && str_is_none(thread_id))) {
        refuse(slot->worker, frame->id, ERR_INVALID, STR_NONE);
        return;
    }
    if (str_is_none(tenant)) {
        refuse(slot->worker, frame->id, ERR_NOT_FOUND, STR_NONE);
        return;
    }
    request = request_new(slot, frame);
    request->type = type;
    request->tenant = arena_str(&request->arena, tenant);
    if (!embed_first(request))
        request_go(request);
}
