/* traces_multipart.c -- POST /runs/multipart, taken in as it comes.
 *
 *   pieces ──▶ inflate ──▶ multipart ──▶ parts ──▶ a batch of spans ──┐ grown too large: written,
 *      ▲                                                              │ while the next one fills
 *      └────────── paused while two are too large ────────────────────┘
 *   the end ──▶ the last batch is written ──▶ 202, or 422 with what was refused
 *
 * So memory does not grow with the body. Writing early is no promise: the answer comes when all is
 * committed, and merging does not mind if the same is sent again. When the body breaks off or stops
 * making sense, whole parts before that are kept and the answer says what is wrong. */
#include "api/call_priv.h"
#include "api/traces_priv.h"
#include "base/mem.h"
#include "format/inflate.h"
#include "format/multipart.h"
#include "trace/span_write.h"

#define BATCH_BYTES_MAX (4 * MIB)
#define INFLATED_BYTES_MAX (1024 * MIB)
#define BODY_BYTES_MAX (512 * MIB)
#define OBJECT_BYTES_MAX (4 * MIB) /* of a run without its values, of a feedback */
#define VALUE_BYTES_MAX (64 * MIB)
#define NAME_BYTES_MAX 1200

/* On the heap: it outlives the exchange if the client leaves while a batch is being written. */
struct ingest {
    struct call *call; /* NULL: the client has left */
    struct store *store;
    struct http_exchange *exchange;
    struct arena arena;
    struct str tenant;
    struct multipart multipart;
    struct inflate *inflate; /* NULL: the body is plain */
    enum err broken;         /* the body makes no sense from some byte on */
    struct str broken_words;
    struct span_batch *filling, *writing; /* writing NULL: none */
    struct store_work work;
    enum err failed; /* of a writing */
    bool is_paused, is_complete;

    /* The part under way. */
    struct span_part part;
    char name[NAME_BYTES_MAX];
    size_t name_len;
    struct str mime_type;
    bool is_skipped;
    size_t bytes_max;
    char *known; /* of a part that says its length; in the batch's arena */
    size_t known_len;
    struct buf unknown; /* of the others */
};

static struct span_batch *batch_new(void)
{
    struct span_batch *batch = MEM_NEW(struct span_batch);

    span_batch_init(batch);
    return batch;
}

static void batch_free(struct span_batch *batch)
{
    if (batch)
        span_batch_release(batch);
    mem_free(batch);
}

static void ingest_free(struct ingest *in)
{
    batch_free(in->filling);
    batch_free(in->writing);
    inflate_free(in->inflate);
    buf_release(&in->unknown);
    arena_release(&in->arena);
    mem_free(in);
}

/* ---- writing while more comes ---- */

static enum err finish(struct call *call);

static bool is_full(const struct span_batch *batch)
{
    return batch->arena.total_bytes > BATCH_BYTES_MAX;
}

static enum err write_apply(struct tx *tx, struct store_work *work)
{
    struct ingest *in = CONTAINER_OF(work, struct ingest, work);

    return span_write(tx, in->tenant, in->writing);
}

static void write_start(struct ingest *in);

static void write_done(struct store_work *work, enum err err)
{
    struct ingest *in = CONTAINER_OF(work, struct ingest, work);

    if (err && !in->failed)
        in->failed = err;
    if (!err)
        span_batch_inherit(in->filling, in->writing);
    batch_free(in->writing);
    in->writing = NULL;
    if (!in->call) {
        ingest_free(in);
        return;
    }
    if (is_full(in->filling) && !in->is_complete)
        write_start(in);
    if (in->is_paused && !in->is_complete) {
        in->is_paused = false;
        http_body_resume(in->exchange);
    }
    if (in->is_complete)
        call_resume(in->call, finish);
}

static void write_start(struct ingest *in)
{
    in->writing = in->filling;
    in->filling = batch_new();
    in->work.apply = write_apply;
    in->work.done = write_done;
    in->work.reply_to = http_exchange_loop(in->exchange);
    in->work.class = STORE_REPLY;
    store_write(in->store, &in->work);
}

/* Between two runs. */
static void make_room(struct ingest *in)
{
    if (!is_full(in->filling))
        return;
    if (!in->writing) {
        write_start(in);
    } else if (!in->is_paused) {
        in->is_paused = true;
        http_body_pause(in->exchange);
    }
}

/* ---- parts ---- */

static struct str part_name(const struct ingest *in)
{
    return str_range(in->name, in->name_len);
}

/* A bad part is a problem in words; the others go on. */
static enum err skip_part(struct ingest *in, struct str why)
{
    span_batch_problem(in->filling, part_name(in), why);
    in->is_skipped = true;
    return OK;
}

static bool is_object(enum span_part_kind kind)
{
    return kind == SPAN_PART_RUN || kind == SPAN_PART_FEEDBACK;
}

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct ingest *in = context;

    in->is_skipped = false;
    in->known = NULL;
    in->name_len = part->name.len < NAME_BYTES_MAX ? part->name.len : NAME_BYTES_MAX;
    memcpy(in->name, part->name.data, in->name_len);
    if (in->multipart.parts > SPAN_PARTS_MAX)
        return skip_part(in, STR("too many parts in one request"));
    if (in->name_len < part->name.len || span_part_parse(part_name(in), &in->part))
        return skip_part(in, STR("no part of this API: post.<id>, patch.<id>, each with .<field>, "
                                 "attachment.<id>.<name> or feedback.<id>"));
    if (in->part.kind == SPAN_PART_RUN)
        make_room(in);
    in->mime_type = arena_str(&in->filling->arena, part->content_type);
    in->bytes_max = is_object(in->part.kind) ? OBJECT_BYTES_MAX : VALUE_BYTES_MAX;
    if (part->length > (int64_t)in->bytes_max)
        return skip_part(in, STR("too large"));
    buf_clear(&in->unknown);
    in->known_len = 0;
    if (part->length >= 0)
        in->known = arena_alloc(&in->filling->arena, (size_t)part->length + 1);
    return OK;
}

static enum err on_data(void *context, struct str piece)
{
    struct ingest *in = context;

    if (in->is_skipped)
        return OK;
    if (in->known) {
        memcpy(in->known + in->known_len, piece.data, piece.len);
        in->known_len += piece.len;
    } else if (in->unknown.len + piece.len > in->bytes_max) {
        return skip_part(in, STR("too large"));
    } else {
        buf_add(&in->unknown, piece);
    }
    return OK;
}

static enum err on_part_end(void *context)
{
    struct ingest *in = context;
    struct str bytes;
    char *text;

    if (in->is_skipped)
        return OK;
    text = in->known ? in->known : arena_cstr(&in->filling->arena, buf_str(&in->unknown));
    bytes = str_range(text, in->known ? in->known_len : in->unknown.len);
    if (is_object(in->part.kind))
        json_scrub_nul(text, bytes.len);
    span_batch_add_part(in->filling, part_name(in), &in->part, in->mime_type,
                        (struct span_value){.bytes = bytes, .size = (int64_t)bytes.len});
    return OK;
}

/* ---- the body ---- */

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

static void on_body(struct http_exchange *exchange, struct str piece)
{
    struct call *call = http_exchange_data(exchange);
    struct ingest *in = call->data;
    enum err err;

    if (in->broken)
        return;
    err = in->inflate ? inflate_feed(in->inflate, piece) : on_plain(in, piece);
    if (err && !in->broken)
        break_off(in, err,
                  err == ERR_LIMIT ? STR("the body is too large when it is unpacked")
                                   : STR("the body is not packed as its Content-Encoding says"));
}

static void body_end(struct ingest *in)
{
    if (!in->broken && in->inflate && inflate_end(in->inflate))
        break_off(in, ERR_INVALID, STR("the packed body is not whole"));
    if (!in->broken && multipart_end(&in->multipart))
        break_off(in, ERR_INVALID, str_of(in->multipart.why));
}

/* ---- the call ---- */

static void release(struct call *call)
{
    struct ingest *in = call->data;

    in->call = NULL;
    if (!in->writing)
        ingest_free(in);
}

static void ingest_open(struct ingest *in, const struct http_request *request)
{
    struct multipart_handler handler = {on_part, on_data, on_part_end, in};
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
    buf_init(&in->unknown, VALUE_BYTES_MAX);
    in->call = call;
    in->store = call->setup->store;
    in->exchange = call->exchange;
    in->tenant = arena_str(&in->arena, call->principal.tenant);
    in->filling = batch_new();
    call->data = in;
    call->release = release;
    plan->on_body = on_body;
    plan->body_bytes_max = BODY_BYTES_MAX;
    ingest_open(in, call->request);
}

static enum err last_apply(struct tx *tx, struct call *call)
{
    struct ingest *in = call->data;
    enum err err = span_write(tx, in->tenant, in->filling);
    struct str words = in->broken_words, others;

    if (err || !in->broken)
        return err ? err : traces_accept(call, in->filling);
    others = span_batch_words(in->filling, call->arena);
    if (!str_is_none(others))
        words = arena_concat(call->arena, (struct str[]){words, STR("; "), others}, 3);
    return traces_fail(call, in->broken == ERR_LIMIT ? 413 : 422, words);
}

static enum err finish(struct call *call)
{
    struct ingest *in = call->data;

    return in->failed ? in->failed : call_then_write(call, last_apply);
}

enum err traces_multipart_prepare(struct call *call)
{
    struct ingest *in = call->data;

    in->is_complete = true;
    body_end(in);
    return in->writing ? call_then_park(call) : finish(call);
}
