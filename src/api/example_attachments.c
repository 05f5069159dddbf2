/* example_attachments.c -- files of examples: those that come, those that are kept, renamed or
 * dropped, those of the run that an example is made of; and the links under which they are shown.
 */
#include "store/example_attachments.h"
#include "api/datasets_priv.h"
#include "api/traces_priv.h"
#include "store/span_values.h"
#include "store/spans.h"

#define LIST_BYTES_MAX (256 * KIB)

/* ---- as they are shown ---- */

static void link_put(struct json_writer *json, struct call *call, const struct example_row *row,
                     struct str attachment_id)
{
    struct link link = {
        .tenant = row->tenant,
        .name = arena_printf(call->arena, EXAMPLE_LINK_PREFIX "%.*s", STR_ARG(attachment_id))};
    struct buf url;

    if (uuid_parse_loose(row->example_id, &link.span_id))
        return;
    buf_init(&url, 8 * KIB);
    traces_link_write(call, link, &url);
    json_put_str(json, "presigned_url", buf_str(&url));
    buf_release(&url);
}

void example_attachments_put(struct json_writer *json, struct call *call,
                             const struct example_row *row)
{
    const struct json *list = NULL, *one;
    struct json_iter iter;
    struct str name;

    if (str_is_none(row->attachments) || json_parse(call->arena, row->attachments, &list, NULL) ||
        json_count(list) == 0) {
        json_put_null(json, "attachment_urls");
        return;
    }
    json_key(json, "attachment_urls");
    json_begin_object(json);
    for (iter = json_iter(list); json_next(&iter, &name, &one);) {
        json_key_str(json, arena_printf(call->arena, "attachment.%.*s", STR_ARG(name)));
        json_begin_object(json);
        link_put(json, call, row, json_string(json_get(one, "id")));
        json_put_str(json, "mime_type", json_string(json_get(one, "mime_type")));
        json_end_object(json);
    }
    json_end_object(json);
}

/* ---- as they come ---- */

/* The list that is being made: {"name": {…}, …}. A later one of the same name wins. */
struct making {
    struct tx *tx;
    struct call *call;
    struct example_row *row;
    struct str all;
};

static enum err put(struct making *m, struct str name, struct str value)
{
    m->all = json_with(m->tx->arena, m->all, name, value, LIST_BYTES_MAX);
    if (!str_is_none(m->all))
        return OK;
    call_fail(m->call, 422, "attachments: an example has too many");
    return ERR_INVALID;
}

static enum err add(struct making *m, struct str name, struct str mime_type, struct str bytes)
{
    struct uuid_text id;
    struct example_attachment a = {
        .attachment_id = arena_str(m->tx->arena, uuid_write(uuid_v4(m->tx->rng), &id)),
        .mime_type = str_is_empty(mime_type) ? STR("application/octet-stream") : mime_type,
        .bytes = bytes.data ? bytes : STR(""),
    };
    struct json_writer json;
    struct buf value;
    enum err err = example_attachments_add(m->tx, m->row->tenant, m->row->example_id, &a);

    buf_init(&value, 8 * KIB);
    json_writer_init(&json, &value);
    json_begin_object(&json);
    json_put_str(&json, "id", a.attachment_id);
    json_put_str(&json, "mime_type", a.mime_type);
    json_put_i64(&json, "size", (int64_t)bytes.len);
    json_end_object(&json);
    if (!err)
        err = put(m, name, arena_str(m->tx->arena, buf_str(&value)));
    buf_release(&value);
    return err;
}

/* What `was` has under `name` stands under `as` from now on. */
static enum err keep(struct making *m, struct str was, struct str name, struct str as)
{
    struct str value = str_is_none(was) ? STR_NONE : json_raw(was, name);

    if (!str_is_none(value))
        return put(m, as, value);
    call_fail(m->call, 422, "attachments_operations: the example has no attachment \"%.*s\"",
              STR_ARG(str_first(name, 100)));
    return ERR_INVALID;
}

/* {"rename": {"old": "new"}, "retain": ["name"]}: what stands in neither is dropped. */
static enum err operate(struct making *m, struct str was, struct str operations)
{
    const struct json *json = NULL, *value;
    struct json_iter iter;
    struct str name;
    enum err err = json_parse(m->tx->arena, operations, &json, NULL);

    if (err)
        return err;
    for (iter = json_iter(json_get(json, "rename")); !err && json_next(&iter, &name, &value);)
        err = keep(m, was, name, json_string(value));
    for (size_t i = 0; !err && i < json_count(json_get(json, "retain")); i++) {
        name = json_string(json_item(json_get(json, "retain"), i));
        err = keep(m, was, name, name);
    }
    return err;
}

static bool is_wanted(const struct example_draft *draft, struct str name)
{
    for (size_t i = 0; i < json_count(draft->source_attachments); i++)
        if (str_eq(json_string(json_item(draft->source_attachments, i)), name))
            return true;
    return draft->takes_source;
}

static enum err take_source(struct making *m, const struct example_draft *draft)
{
    struct span_attachment *list;
    struct span_row span;
    struct uuid id;
    size_t count = 0;
    enum err err = str_is_none(draft->source_run_id) || uuid_parse(draft->source_run_id, &id)
                       ? ERR_NOT_FOUND
                       : spans_get(m->tx, m->row->tenant, id, m->tx->arena, &span);

    if (err == ERR_NOT_FOUND)
        call_fail(m->call, 404, "source_run_id: Run not found");
    if (err || (err = span_attachments_get(m->tx, &span, true, m->tx->arena, &list, &count)))
        return err;
    for (size_t i = 0; !err && i < count; i++) {
        if (!is_wanted(draft, list[i].name))
            continue;
        if (!str_is_none(list[i].value.blob_key)) {
            call_fail(m->call, 422,
                      "use_source_run_attachments: the run's attachment \"%.*s\" is larger than "
                      "128 KiB: send it with the example",
                      STR_ARG(str_first(list[i].name, 100)));
            return ERR_INVALID;
        }
        err = add(m, list[i].name, list[i].mime_type, list[i].value.bytes);
    }
    return err;
}

enum err example_attachments_apply(struct tx *tx, struct call *call,
                                   const struct example_draft *draft, struct example_row *row)
{
    struct making m = {tx, call, row, STR("{}")};
    struct str was = row->attachments;
    bool of_source = draft->takes_source || json_count(draft->source_attachments) > 0;
    enum err err = OK;

    if (!of_source && draft->attachment_count == 0 && str_is_none(draft->operations))
        return OK;
    if (!str_is_none(draft->operations))
        err = operate(&m, was, draft->operations);
    else if (!str_is_none(was))
        m.all = was;
    if (!err && of_source)
        err = take_source(&m, draft);
    for (size_t i = 0; !err && i < draft->attachment_count; i++)
        err = add(&m, draft->attachments[i].name, draft->attachments[i].mime_type,
                  draft->attachments[i].bytes);
    row->attachments = m.all;
    return err;
}
