/* example_parts.c -- examples in a multipart body: parts `{id}` (the object without its large
 * members), `{id}.inputs`, `{id}.outputs`, `{id}.attachment.{name}` (a file) and
 * `{id}.attachments_operations`. */
#include "api/datasets_priv.h"
#include "base/mem.h"
#include "format/multipart.h"

#define EXAMPLES_MAX 10000
#define NAME_BYTES_MAX 256

struct parts {
    struct call *call;
    struct example_drafts *drafts;
    size_t capacity;
    char name[NAME_BYTES_MAX];
    size_t name_len;
    struct str mime_type; /* in the call's arena */
    struct buf bytes;
    struct str why; /* in the call's arena */
};

static enum err refuse(struct parts *p, const char *words)
{
    p->why = arena_printf(p->call->arena, "%.*s: %s", (int)p->name_len, p->name, words);
    return ERR_INVALID;
}

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct parts *p = context;

    p->name_len = part->name.len < NAME_BYTES_MAX ? part->name.len : NAME_BYTES_MAX;
    memcpy(p->name, part->name.data, p->name_len);
    p->mime_type =
        str_is_none(part->content_type) ? STR_NONE : arena_str(p->call->arena, part->content_type);
    buf_clear(&p->bytes);
    return OK;
}

static enum err on_data(void *context, struct str piece)
{
    struct parts *p = context;

    buf_add(&p->bytes, piece);
    return p->bytes.failed ? ERR_LIMIT : OK;
}

/* The one of this id; made if its main part has just come. */
static struct example_draft *draft_of(struct parts *p, struct str id, bool is_main)
{
    struct example_drafts *d = p->drafts;

    for (size_t i = d->count; i-- > 0;)
        if (str_eq(d->list[i].example_id, id))
            return &d->list[i];
    if (!is_main || d->count == EXAMPLES_MAX)
        return NULL;
    d->list = arena_more(p->call->arena, d->list, d->count, &p->capacity, sizeof(*d->list));
    d->list[d->count] = (struct example_draft){.example_id = id};
    return &d->list[d->count++];
}

static struct str bytes_keep(struct parts *p)
{
    struct str text = arena_str(p->call->arena, buf_str(&p->bytes));

    json_scrub_nul((char *)(uintptr_t)text.data, text.len);
    return text;
}

static enum err main_part(struct parts *p, struct example_draft *draft)
{
    struct str id = draft->example_id, why;

    if (example_draft_read(p->call->arena, bytes_keep(p), draft, &why)) {
        p->why = why;
        return ERR_INVALID;
    }
    draft->example_id = id;
    return OK;
}

static enum err attachment_part(struct parts *p, struct str name, struct example_draft *draft)
{
    if (name.len == 0)
        return refuse(p, "an attachment must have a name");
    draft->attachments = arena_more(p->call->arena, draft->attachments, draft->attachment_count,
                                    &draft->attachment_capacity, sizeof(*draft->attachments));
    draft->attachments[draft->attachment_count++] = (struct draft_attachment){
        .name = arena_str(p->call->arena, name),
        .mime_type = p->mime_type,
        .bytes = arena_str(p->call->arena, buf_str(&p->bytes)),
    };
    return OK;
}

static enum err value_part(struct parts *p, struct str field, struct example_draft *draft)
{
    const struct json *json;
    struct str text;

    if (str_starts(field, STR("attachment.")))
        return attachment_part(p, str_from(field, sizeof("attachment.") - 1), draft);
    text = bytes_keep(p);
    if (json_parse(p->call->arena, text, &json, NULL))
        return refuse(p, "is not valid JSON");
    if (json_is_null(json))
        return OK;
    if (json_type(json) != JSON_OBJECT)
        return refuse(p, "must be an object");
    if (str_eq(field, STR("inputs")))
        draft->inputs = text;
    else if (str_eq(field, STR("outputs")))
        draft->outputs = text;
    else if (str_eq(field, STR("attachments_operations")))
        draft->operations = text;
    else
        return refuse(p, "is not a part that is known: {id}, {id}.inputs, {id}.outputs, "
                         "{id}.attachment.{name} or {id}.attachments_operations");
    return OK;
}

static enum err on_part_end(void *context)
{
    struct parts *p = context;
    struct str name = str_range(p->name, p->name_len);
    size_t dot = str_find_char(name, '.');
    bool is_main = dot >= name.len;
    struct uuid_text text;
    struct uuid id;
    struct example_draft *draft;

    if (uuid_parse_loose(str_first(name, dot), &id))
        return refuse(p, "the name of a part must begin with the UUID of its example");
    draft = draft_of(p, arena_str(p->call->arena, uuid_write(id, &text)), is_main);
    if (!draft)
        return refuse(p, is_main ? "a request may have at most 10,000 examples"
                                 : "comes before the part that is named like its example");
    return is_main ? main_part(p, draft) : value_part(p, str_from(name, dot + 1), draft);
}

static enum err parts_feed(struct parts *p)
{
    const struct http_request *request = p->call->request;
    const struct multipart_handler handler = {on_part, on_data, on_part_end, p};
    struct multipart *m = ARENA_NEW(p->call->arena, struct multipart);
    struct str boundary;
    enum err err = ERR_INVALID;

    if (multipart_boundary(
            http_header_find(request->headers, request->header_count, "content-type"), &boundary) ||
        multipart_init(m, boundary, &handler)) {
        p->why = STR("Content-Type must be multipart/form-data with a boundary");
        return err;
    }
    if (!(err = multipart_feed(m, request->body)))
        err = multipart_end(m);
    if (err && str_is_none(p->why))
        p->why = m->why ? str_of(m->why) : STR("a part is too large");
    return err;
}

enum err example_parts_read(struct call *call, struct example_drafts *drafts)
{
    struct parts p = {.call = call, .drafts = drafts};
    enum err err;

    *drafts = (struct example_drafts){0};
    buf_init(&p.bytes, call->request->body.len + 1);
    err = parts_feed(&p);
    buf_release(&p.bytes);
    if (!err)
        return OK;
    call_fail(call, 422, "%.*s", STR_ARG(p.why));
    return ERR_INVALID;
}
