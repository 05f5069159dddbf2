/* dataset_files.c -- datasets as files: tables of comma-separated values, and the lines of JSON
 * that OpenAI fine-tunes on. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "format/csv.h"

#define KEYS_MAX 200
#define PIECE 1000

/* ---- a table ---- */

struct keys {
    struct str list[KEYS_MAX];
    size_t count;
};

/* Which members its examples have, in the order in which they appear. */
struct members {
    struct keys inputs, outputs;
};

static void members_add(struct keys *keys, struct str object, struct arena *arena)
{
    const struct json *json = NULL, *value;
    struct json_iter iter;
    struct str key;

    if (str_is_none(object) || json_parse(arena, object, &json, NULL))
        return;
    for (iter = json_iter(json); json_next(&iter, &key, &value);) {
        size_t i = 0;

        while (i < keys->count && !str_eq(keys->list[i], key))
            i++;
        if (i == keys->count && i < KEYS_MAX)
            keys->list[keys->count++] = arena_str(arena, key);
    }
}

/* All of them, as they are or were: up to EXAMPLES_OF_DATASET_MAX. */
static enum err all_read(struct tx *tx, struct call *call, struct example_rows *all)
{
    struct example_filter page = {
        .tenant = call->principal.tenant, .dataset_id = call->params[0], .limit = PIECE};
    struct example_rows piece = {.count = PIECE};
    enum err err = datasets_as_of(tx, call, page.tenant, page.dataset_id, &page.as_of_us);

    page.ids = page.splits = page.metadata = STR_NONE;
    *all = (struct example_rows){
        .list = ARENA_ARRAY(tx->arena, struct example_row, EXAMPLES_OF_DATASET_MAX + PIECE)};
    for (; !err && piece.count == PIECE && all->count < EXAMPLES_OF_DATASET_MAX;
         page.offset += PIECE) {
        err = examples_search(tx, &page, tx->arena, &piece);
        for (size_t i = 0; !err && i < piece.count; i++)
            all->list[all->count++] = piece.list[i];
    }
    return err;
}

static void cell_write(struct buf *out, struct str object, struct str key, struct arena *arena)
{
    const struct json *json = NULL;
    struct str raw = str_is_none(object) ? STR_NONE : json_raw(object, key);

    buf_add(out, STR(","));
    if (str_is_none(raw) || str_eq(raw, STR("null")))
        return;
    if (!json_parse(arena, raw, &json, NULL) && json_type(json) == JSON_STRING)
        csv_field_write(out, json_string(json));
    else
        csv_field_write(out, raw);
}

static void head_write(struct buf *out, const char *of, const struct keys *keys,
                       struct arena *arena)
{
    for (size_t i = 0; i < keys->count; i++) {
        buf_add(out, STR(","));
        csv_field_write(out, arena_printf(arena, "%s_%.*s", of, STR_ARG(keys->list[i])));
    }
}

static void csv_write(struct buf *out, const struct example_rows *all, struct arena *arena)
{
    struct members *m = ARENA_NEW(arena, struct members);

    for (size_t i = 0; i < all->count; i++) {
        members_add(&m->inputs, all->list[i].inputs, arena);
        members_add(&m->outputs, all->list[i].outputs, arena);
    }
    buf_add(out, STR("id"));
    head_write(out, "input", &m->inputs, arena);
    head_write(out, "output", &m->outputs, arena);
    buf_add(out, STR("\r\n"));
    for (size_t i = 0; i < all->count; i++) {
        csv_field_write(out, all->list[i].example_id);
        for (size_t k = 0; k < m->inputs.count; k++)
            cell_write(out, all->list[i].inputs, m->inputs.list[k], arena);
        for (size_t k = 0; k < m->outputs.count; k++)
            cell_write(out, all->list[i].outputs, m->outputs.list[k], arena);
        buf_add(out, STR("\r\n"));
    }
}

static enum err file_apply(struct tx *tx, struct call *call,
                           void (*write)(struct buf *out, const struct example_rows *all,
                                         struct arena *arena),
                           const char *content_type)
{
    struct dataset_row dataset;
    struct example_rows all;
    enum err err = datasets_get(tx, call->principal.tenant, call->params[0], tx->arena, &dataset);

    if (err)
        return datasets_not_found(call, err);
    if ((err = all_read(tx, call, &all)))
        return err;
    call_json(call, 200);
    call->content_type = content_type;
    write(&call->reply, &all, tx->arena);
    return call->reply.failed ? ERR_LIMIT : OK;
}

static enum err csv_apply(struct tx *tx, struct call *call)
{
    return file_apply(tx, call, csv_write, "text/csv; charset=utf-8");
}

static enum err csv_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", csv_apply);
}

/* ---- for fine-tuning ---- */

/* The role of a message: what OpenAI calls it, or what LangChain's serialised ones are. */
static struct str role_of(const struct json *message)
{
    struct str role = json_string(json_get(message, "role"));
    struct str type = json_string(json_get(message, "type"));

    if (role.len > 0)
        return role;
    return str_eq(type, STR("human"))    ? STR("user")
           : str_eq(type, STR("ai"))     ? STR("assistant")
           : str_eq(type, STR("system")) ? STR("system")
           : str_eq(type, STR("tool"))   ? STR("tool")
                                         : STR_NONE;
}

/* `text` is a message or an array of them; what is none is passed over. */
static void messages_add(struct json_writer *json, struct str text, struct arena *arena)
{
    const struct json *message = NULL;
    struct str key, item, content;
    size_t at = 0;

    if (str_is_none(text) || json_parse(arena, text, &message, NULL))
        return;
    if (json_type(message) == JSON_ARRAY) {
        while (json_raw_next(text, &at, &key, &item))
            if (item.len > 0 && item.data[0] == '{')
                messages_add(json, item, arena);
        return;
    }
    content = json_raw(text, STR("content"));
    if (str_is_none(content))
        content = json_raw(json_raw(text, STR("data")), STR("content"));
    if (str_is_none(role_of(message)) || str_is_none(content))
        return;
    json_begin_object(json);
    json_put_str(json, "role", role_of(message));
    json_put_raw(json, "content", content);
    json_end_object(json);
}

/* Under the names that chat examples have; the text of a pair is said by user and assistant. */
static void side_add(struct json_writer *json, struct str object, const char *const *names,
                     const char *role, struct arena *arena)
{
    for (size_t i = 0; !str_is_none(object) && names[i]; i++) {
        struct str text = json_raw(object, str_of(names[i]));

        if (str_is_none(text))
            continue;
        if (text.data[0] != '"') {
            messages_add(json, text, arena);
            return;
        }
        json_begin_object(json);
        json_put_str(json, "role", str_of(role));
        json_put_raw(json, "content", text);
        json_end_object(json);
        return;
    }
}

static void openai_write(struct buf *out, const struct example_rows *all, struct arena *arena)
{
    static const char *const ins[] = {"messages", "input", NULL};
    static const char *const outs[] = {"messages", "message", "output", NULL};

    for (size_t i = 0; i < all->count; i++) {
        struct json_writer json;

        json_writer_init(&json, out);
        json_begin_object(&json);
        json_key(&json, "messages");
        json_begin_array(&json);
        side_add(&json, all->list[i].inputs, ins, "user", arena);
        side_add(&json, all->list[i].outputs, outs, "assistant", arena);
        json_end_array(&json);
        json_end_object(&json);
        buf_add(out, STR("\n"));
    }
}

static enum err openai_apply(struct tx *tx, struct call *call)
{
    return file_apply(tx, call, openai_write, "application/x-ndjson");
}

static enum err openai_prepare(struct call *call)
{
    return named_then_read(call, "dataset_id", openai_apply);
}

#define ONE "/datasets/{dataset_id}"

static const struct route routes[] = {
    {HTTP_GET, ONE "/csv", csv_prepare, PERMIT_READ, ROUTE_TRACES,
     "A dataset as comma-separated values"},
    {HTTP_GET, ONE "/openai_ft", openai_prepare, PERMIT_READ, ROUTE_TRACES,
     "A dataset as lines that OpenAI fine-tunes on"},
};

const struct route_list routes_dataset_files = {routes, ARRAY_LEN(routes)};
