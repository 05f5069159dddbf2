/* Idempotency-Key: the same request under the same key gets the reply that the first one got.
 *
 * The reply is kept in the transaction that does the work, so there is no moment at which one
 * exists without the other. A streamed reply keeps which run it follows: the repetition follows the
 * same run. */
#include "api/call_priv.h"

#include "crypto/sha256.h"
#include "store/idempotency.h"

#define STREAM_MARK "\x01stream\n"

static struct str request_hash(struct call *call)
{
    const struct str parts[] = {call->request->method_text, STR("\n"), call->request->target,
                                STR("\n"), call->request->body};
    struct sha256 digest = sha256_of(arena_concat(call->arena, parts, ARRAY_LEN(parts)));
    struct sha256_text text;

    return arena_str(call->arena, sha256_write(&digest, &text));
}

static struct str headers_text(struct call *call)
{
    struct buf out;
    struct str text;

    buf_init(&out, 64 * KIB);
    for (size_t i = 0; i < call->header_count; i++) {
        buf_add(&out, call->headers[i].name);
        buf_add_char(&out, ':');
        buf_add(&out, call->headers[i].value);
        buf_add_char(&out, '\n');
    }
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err reply_keep(struct tx *tx, struct call *call, struct str hash)
{
    struct idempotent_reply kept = {
        .request_hash = hash,
        .status = call->status,
        .headers = headers_text(call),
        .body = buf_str(&call->reply),
    };

    if (call->next == CALL_STREAM)
        kept.body = arena_printf(call->arena, STREAM_MARK "%.*s", STR_ARG(call->stream.run_id));
    else if (call->next != CALL_REPLY)
        return OK; /* there is more to come: nothing to keep yet */
    return idempotency_insert(tx, call->principal.tenant, call->idempotency_key, &kept);
}

static void headers_restore(struct call *call, struct str text)
{
    struct str line, name;

    call->header_count = 0;
    while (str_split(&text, '\n', &line) && call->header_count < CALL_HEADERS_MAX) {
        struct str rest = line;

        if (!str_split(&rest, ':', &name) || line.len == 0)
            continue;
        call->headers[call->header_count++] = (struct http_header){name, rest};
    }
}

static enum err reply_repeat(struct call *call, const struct idempotent_reply *kept,
                             struct str hash)
{
    if (!str_eq(kept->request_hash, hash)) {
        call_fail(call, 409, "Idempotency-Key: this key was used for another request");
        return ERR_CONFLICT;
    }
    headers_restore(call, kept->headers);
    call->status = (int)kept->status;
    if (str_starts(kept->body, STR(STREAM_MARK))) {
        call->stream.run_id = str_from(kept->body, sizeof(STREAM_MARK) - 1);
        call->stream.start = READER_ALL;
        return call_then_stream(call);
    }
    buf_clear(&call->reply);
    buf_add(&call->reply, kept->body);
    return OK;
}

enum err idempotent_apply(struct tx *tx, struct call *call, call_tx_step step)
{
    struct str hash = request_hash(call);
    struct idempotent_reply kept;
    enum err err =
        idempotency_find(tx, call->principal.tenant, call->idempotency_key, call->arena, &kept);

    if (!err)
        return reply_repeat(call, &kept, hash);
    if (err != ERR_NOT_FOUND || (err = step(tx, call)))
        return err;
    /* An error is not kept: the client may mend the request and try again under the same key. */
    return call->status >= 400 ? OK : reply_keep(tx, call, hash);
}
