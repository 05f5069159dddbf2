/* traces_parts.c -- the parts of a multipart body: each goes to a batch of spans, large ones by way
 * of the blob store. A bad part is a problem in words; the others go on. */
#include "api/traces_multipart_priv.h"
#include "trace/span_shape.h"

static struct str part_name(const struct ingest *in)
{
    return str_range(in->part.name, in->part.name_len);
}

static enum err skip_part(struct ingest *in, struct str why)
{
    span_batch_problem(&in->filling->batch, part_name(in), why);
    in->part.is_skipped = true;
    if (in->part.upload)
        upload_give_up(in->part.upload);
    in->part.upload = NULL;
    return OK;
}

static bool is_object(enum span_part_kind kind)
{
    return kind == SPAN_PART_RUN || kind == SPAN_PART_FEEDBACK;
}

static size_t bytes_max(const struct ingest *in)
{
    if (is_object(in->part.is.kind))
        return OBJECT_BYTES_MAX;
    return in->blobs ? BLOB_BYTES_MAX : VALUE_BYTES_MAX;
}

/* A value of this size goes to the blob store. */
static bool goes_out(const struct ingest *in, size_t bytes)
{
    return in->blobs && !is_object(in->part.is.kind) && bytes >= BLOB_BYTES_MIN;
}

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct ingest *in = context;
    struct part *p = &in->part;

    p->is_skipped = false;
    p->upload = NULL;
    p->known = NULL;
    p->known_len = 0;
    p->check = (struct json_check){0};
    p->has_begun = false;
    p->after = STR("");
    buf_clear(&p->unknown);
    p->name_len = part->name.len < PART_NAME_BYTES_MAX ? part->name.len : PART_NAME_BYTES_MAX;
    memcpy(p->name, part->name.data, p->name_len);
    if (in->multipart.parts > SPAN_PARTS_MAX)
        return skip_part(in, STR("too many parts in one request"));
    if (p->name_len < part->name.len || span_part_parse(part_name(in), &p->is))
        return skip_part(in, STR("no part of this API: post.<id>, patch.<id>, each with .<field>, "
                                 "attachment.<id>.<name> or feedback.<id>"));
    if (p->is.kind == SPAN_PART_RUN)
        ingest_make_room(in);
    p->mime_type = arena_str(&in->filling->batch.arena, part->content_type);
    if (part->length > (int64_t)bytes_max(in))
        return skip_part(in, STR("too large"));
    if (part->length >= 0 && goes_out(in, (size_t)part->length))
        p->upload = upload_new(in);
    else if (part->length >= 0)
        p->known = arena_alloc(&in->filling->batch.arena, (size_t)part->length + 1);
    return OK;
}

/* A value of another shape than is promised goes into an object. */
static void begin_value(struct part *p, struct str piece)
{
    struct str trimmed = str_trim(piece);
    struct span_wrap wrap;

    if (p->has_begun || trimmed.len == 0)
        return;
    wrap = span_shape_wrap(p->is.field, trimmed.data[0]);
    p->has_begun = true;
    p->after = wrap.behind;
    if (wrap.before.len > 0)
        upload_add(p->upload, wrap.before);
}

static void send_out(struct ingest *in, struct str piece)
{
    if (in->part.is.kind == SPAN_PART_VALUE) {
        json_check_feed(&in->part.check, piece);
        begin_value(&in->part, piece);
    }
    upload_add(in->part.upload, piece);
}

static enum err on_data(void *context, struct str piece)
{
    struct ingest *in = context;
    struct part *p = &in->part;

    if (p->is_skipped)
        return OK;
    if (p->known) {
        memcpy(p->known + p->known_len, piece.data, piece.len);
        p->known_len += piece.len;
        return OK;
    }
    if (!p->upload && goes_out(in, p->unknown.len + piece.len)) {
        p->upload = upload_new(in);
        send_out(in, buf_str(&p->unknown));
        buf_clear(&p->unknown);
    }
    if ((p->upload ? (size_t)p->upload->size : p->unknown.len) + piece.len > bytes_max(in))
        return skip_part(in, STR("too large"));
    if (p->upload)
        send_out(in, piece);
    else
        buf_add(&p->unknown, piece);
    return OK;
}

/* What was held, or where it has gone to. */
static struct span_value part_value(struct ingest *in)
{
    struct arena *arena = &in->filling->batch.arena;
    struct part *p = &in->part;
    char *text;
    size_t len;

    if (p->upload)
        return (struct span_value){
            .blob_key = arena_str(arena, str_range(p->upload->key.text, BLOB_KEY_BYTES)),
            .size = p->upload->size};
    text = p->known ? p->known : arena_cstr(arena, buf_str(&p->unknown));
    len = p->known ? p->known_len : p->unknown.len;
    if (is_object(p->is.kind))
        json_scrub_nul(text, len);
    return (struct span_value){.bytes = str_range(text, len), .size = (int64_t)len};
}

static enum err on_part_end(void *context)
{
    struct ingest *in = context;
    struct part *p = &in->part;

    if (p->is_skipped)
        return OK;
    if (p->upload && p->is.kind == SPAN_PART_VALUE && !json_check_is_json(&p->check))
        return skip_part(in, STR("not JSON"));
    if (p->upload && p->after.len > 0)
        upload_add(p->upload, p->after);
    span_batch_add_part(&in->filling->batch, part_name(in), &p->is, p->mime_type, part_value(in));
    if (p->upload)
        upload_end(p->upload);
    p->upload = NULL;
    return OK;
}

struct multipart_handler parts_handler(struct ingest *in)
{
    return (struct multipart_handler){on_part, on_data, on_part_end, in};
}
