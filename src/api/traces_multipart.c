/* traces_multipart.c -- the body comes, batches are written, the answer goes (the drawing is in
 * traces_multipart_priv.h). */
#include "api/traces_multipart_priv.h"

#include "api/call_priv.h"
#include "base/mem.h"
#include "trace/span_write.h"

#define INFLATED_BYTES_MAX (1024 * MIB)
#define BODY_BYTES_MAX (512 * MIB)
#define HELD_BYTES_MAX (16 * MIB) /* what still comes after a pause */

static struct gathering *gathering_new(void)
{
    struct gathering *gathering = MEM_NEW(struct gathering);

    span_batch_init(&gathering->batch);
    return gathering;
}

static void gathering_free(struct gathering *gathering)
{
    if (gathering)
        span_batch_release(&gathering->batch);
    mem_free(gathering);
}

static void ingest_free(struct ingest *in)
{
    gathering_free(in->filling);
    gathering_free(in->writing);
    inflate_free(in->inflate);
    buf_release(&in->part.unknown);
    buf_release(&in->held);
    arena_release(&in->arena);
    mem_free(in);
}

/* ---- writing while more comes ---- */

bool ingest_is_full(const struct ingest *in)
{
    return in->filling->batch.arena.total_bytes > BATCH_BYTES_MAX;
}

static enum err write_apply(struct tx *tx, struct store_work *work)
{
    struct ingest *in = CONTAINER_OF(work, struct ingest, work);

    return span_write(tx, in->tenant, &in->writing->batch);
}

static void write_done(struct store_work *work, enum err err)
{
    struct ingest *in = CONTAINER_OF(work, struct ingest, work);

    if (err && !in->failed)
        in->failed = err;
    if (!err)
        span_batch_inherit(&in->filling->batch, &in->writing->batch);
    gathering_free(in->writing);
    in->writing = NULL;
    in->is_applied = false;
    ingest_on_change(in);
}

/* Once the blobs that it refers to are durable. */
static void try_write(struct ingest *in)
{
    if (!in->writing || in->is_applied || in->writing->uploads_open > 0)
        return;
    in->is_applied = true;
    in->work.apply = write_apply;
    in->work.done = write_done;
    in->work.reply_to = in->loop;
    in->work.class = STORE_REPLY;
    store_write(in->store, &in->work);
}

void ingest_make_room(struct ingest *in)
{
    if (!ingest_is_full(in) || in->writing)
        return;
    in->writing = in->filling;
    in->filling = gathering_new();
    try_write(in);
}

/* ---- the body ---- */

static bool must_wait(const struct ingest *in)
{
    return (in->writing && ingest_is_full(in)) || uploads_pending(in) > UPLOAD_PENDING_MAX;
}

static void break_off(struct ingest *in, enum err err, struct str words)
{
    in->broken = err;
    in->broken_words = words;
}

static enum err on_plain(void *context, struct str piece)
{
    struct ingest *in = context;
    enum err err = multipart_feed(&in->multipart, piece);

    if (err)
        break_off(in, err, str_of(in->multipart.why));
    return err;
}

/* One piece, so that it can rest in between. */
static void take_piece(struct ingest *in, struct str *bytes)
{
    enum err err;

    if (!in->inflate) {
        (void)!on_plain(in, *bytes);
        *bytes = STR("");
        return;
    }
    err = inflate_step(in->inflate, bytes, &in->has_more);
    if (err && !in->broken)
        break_off(in, err,
                  err == ERR_LIMIT ? STR("the body is too large when it is unpacked")
                                   : STR("the body is not packed as its Content-Encoding says"));
}

/* What cannot be taken now is held. */
static void take(struct ingest *in, struct str bytes)
{
    in->is_busy = true;
    while (!in->broken && !in->failed && (bytes.len > 0 || in->has_more) && !must_wait(in))
        take_piece(in, &bytes);
    in->is_busy = false;
    if (in->broken || in->failed)
        return;
    buf_add(&in->held, bytes);
    if (in->held.failed)
        break_off(in, ERR_LIMIT, STR("more came than could be taken"));
}

static bool is_at_rest(const struct ingest *in)
{
    return in->broken || in->failed || (in->held.len == 0 && !in->has_more);
}

static void pause_or_resume(struct ingest *in)
{
    bool pauses = must_wait(in) && !in->is_whole;

    if (pauses == in->is_paused)
        return;
    in->is_paused = pauses;
    if (pauses)
        http_body_pause(in->exchange);
    else if (!in->is_whole)
        http_body_resume(in->exchange);
}

static void on_body(struct http_exchange *exchange, struct str piece)
{
    struct call *call = http_exchange_data(exchange);
    struct ingest *in = call->data;

    if (in->held.len > 0 || in->has_more)
        buf_add(&in->held, piece);
    else
        take(in, piece);
    pause_or_resume(in);
}

static void take_held(struct ingest *in)
{
    struct buf held = in->held;

    if (is_at_rest(in) || must_wait(in))
        return;
    buf_init(&in->held, HELD_BYTES_MAX);
    take(in, buf_str(&held));
    buf_release(&held);
}

/* ---- the call ---- */

static enum err last_apply(struct tx *tx, struct call *call)
{
    struct ingest *in = call->data;
    struct span_batch *batch = &in->filling->batch;
    enum err err = span_write(tx, in->tenant, batch);
    struct str words = in->broken_words, others;

    if (err || !in->broken)
        return err ? err : traces_accept(call, batch);
    others = span_batch_words(batch, call->arena);
    if (!str_is_none(others))
        words = arena_concat(call->arena, (struct str[]){words, STR("; "), others}, 3);
    return traces_fail(call, in->broken == ERR_LIMIT ? 413 : 422, words);
}

/* A part that broke off with the body takes its upload along. */
static void body_end(struct ingest *in)
{
    if (!in->broken && in->inflate && inflate_end(in->inflate))
        break_off(in, ERR_INVALID, STR("the packed body is not whole"));
    if (!in->broken && multipart_end(&in->multipart))
        break_off(in, ERR_INVALID, str_of(in->multipart.why));
    if (in->part.upload) {
        struct upload *upload = in->part.upload;

        in->part.upload = NULL;
        in->is_busy = true;
        upload_give_up(upload);
        in->is_busy = false;
    }
}

/* Parked until nothing is under way; then the last batch is written with the answer. */
static enum err finish(struct call *call)
{
    struct ingest *in = call->data;

    if (!is_at_rest(in) || in->writing)
        return call_then_park(call);
    if (!in->is_ended) {
        in->is_ended = true;
        body_end(in);
    }
    if (in->failed) /* for the client it is as if the server were not there: it sends all again */
        return in->failed;
    if (in->filling->uploads_open > 0)
        return call_then_park(call);
    in->is_finished = true;
    return call_then_write(call, last_apply);
}

void ingest_on_change(struct ingest *in)
{
    if (in->is_busy)
        return; /* whoever is at work sees what has changed */
    if (in->call)
        take_held(in);
    try_write(in);
    if (!in->call) {
        if (!in->is_applied && list_is_empty(&in->uploads))
            ingest_free(in);
        return;
    }
    pause_or_resume(in);
    if (in->is_whole && !in->is_finished)
        call_resume(in->call, finish);
}

static void release(struct call *call)
{
    struct ingest *in = call->data;

    in->call = NULL;
    in->is_busy = true;
    uploads_give_up(in);
    in->is_busy = false;
    ingest_on_change(in);
}

static void ingest_open(struct ingest *in, const struct http_request *request)
{
    struct multipart_handler handler = parts_handler(in);
    enum inflate_kind kind = INFLATE_NONE;
    struct str boundary;

    if (inflate_kind_of(
            http_header_find(request->headers, request->header_count, "content-encoding"), &kind))
        break_off(in, ERR_INVALID, STR("Content-Encoding must be gzip, deflate or zstd"));
    else if (multipart_boundary(
                 http_header_find(request->headers, request->header_count, "content-type"),
                 &boundary) ||
             multipart_init(&in->multipart, boundary, &handler))
        break_off(in, ERR_INVALID, STR("Content-Type must be multipart/form-data with a boundary"));
    if (kind != INFLATE_NONE)
        in->inflate = inflate_new(kind, INFLATED_BYTES_MAX, on_plain, in);
}

void traces_receive(struct call *call, struct http_plan *plan)
{
    struct ingest *in = MEM_NEW(struct ingest);

    arena_init(&in->arena);
    buf_init(&in->part.unknown, VALUE_BYTES_MAX);
    buf_init(&in->held, HELD_BYTES_MAX);
    list_init(&in->uploads);
    in->call = call;
    in->store = call->setup->store;
    in->blobs = call->setup->blobs;
    in->exchange = call->exchange;
    in->loop = http_exchange_loop(call->exchange);
    in->tenant = arena_str(&in->arena, call->principal.tenant);
    in->filling = gathering_new();
    call->data = in;
    call->release = release;
    plan->on_body = on_body;
    plan->body_bytes_max = BODY_BYTES_MAX;
    ingest_open(in, call->request);
}

enum err traces_multipart_prepare(struct call *call)
{
    struct ingest *in = call->data;

    in->is_whole = true;
    return finish(call);
}
