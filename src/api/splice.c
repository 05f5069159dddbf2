/* Puts blobs into an answer. */
#include "api/splice.h"

#include "api/call_priv.h"
#include "base/mem.h"

#define NULL_BYTES 4

struct splicing {
    struct call *call;
    struct blob_get *get;
    struct buf out;
    size_t at;    /* of the reply: taken up to here */
    size_t index; /* of the splice under way */
    size_t mark;  /* of `out`, before it */
};

void call_splice(struct call *call, struct json_writer *json, struct str key, int64_t size)
{
    size_t count = call->splice_count;

    json_null_out(json);
    if (!call->setup->blobs || json->out->failed)
        return;
    if ((count & (count - 1)) == 0) { /* full at each power of two */
        struct call_splice *more =
            ARENA_ARRAY(call->arena, struct call_splice, count ? 2 * count : 1);

        if (count)
            memcpy(more, call->splices, count * sizeof(*more));
        call->splices = more;
    }
    call->splices[call->splice_count++] =
        (struct call_splice){json->out->len - NULL_BYTES, arena_str(call->arena, key), size};
}

static void next(struct splicing *s);

/* The blob is in, or null stays in its place. */
static void end_one(struct splicing *s, bool is_in)
{
    blob_get_free(s->get);
    s->get = NULL;
    if (!is_in) {
        s->out.failed = false;
        buf_truncate(&s->out, s->mark);
        buf_add(&s->out, STR("null"));
    }
    s->at = s->call->splices[s->index++].at + NULL_BYTES;
    next(s);
}

static void on_piece(void *context, enum err err, struct str bytes)
{
    struct splicing *s = context;

    if (err || bytes.len == 0) {
        end_one(s, !err && s->out.len > s->mark);
        return;
    }
    buf_add(&s->out, bytes);
    if (s->out.failed)
        end_one(s, false);
    else
        blob_get_next(s->get);
}

static void finish(struct splicing *s)
{
    struct call *call = s->call;

    buf_add(&s->out, str_from(buf_str(&call->reply), s->at));
    buf_release(&call->reply);
    call->reply = s->out;
    call->splice_count = 0;
    mem_free(s);
    call_reply(call);
}

static void next(struct splicing *s)
{
    struct call *call = s->call;
    const struct call_splice *splice = &call->splices[s->index];

    if (s->index == call->splice_count) {
        finish(s);
        return;
    }
    buf_add(&s->out, str_first(str_from(buf_str(&call->reply), s->at), splice->at - s->at));
    s->mark = s->out.len;
    s->get = blob_get_new(call->setup->blobs, http_exchange_loop(call->exchange), splice->key,
                          &(struct blob_get_events){.on_piece = on_piece, .context = s});
    if (splice->size > (int64_t)(REPLY_BYTES_MAX - call->reply.len))
        end_one(s, false);
    else
        blob_get_next(s->get);
}

void splice_start(struct call *call)
{
    struct splicing *s = MEM_NEW(struct splicing);

    s->call = call;
    buf_init(&s->out, REPLY_BYTES_MAX);
    next(s);
}
