/* dataset_files.c -- datasets as files: a table of comma-separated values becomes one, and one
 * becomes such a table, or the lines of JSON that OpenAI fine-tunes on. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "format/csv.h"
#include "format/multipart.h"

#define COLUMNS_MAX 1000
#define RECORDS_MAX 10000
#define KEYS_MAX 200
#define PIECE 1000
#define FILE_BYTES_MAX (64 * MIB)

/* ---- the form ---- */

struct keys {
    struct str list[KEYS_MAX];
    size_t count;
};

struct form {
    struct call *call;
    struct dataset_row row;
    struct keys inputs, outputs, metadata;
    struct str file, file_name, name; /* name: of the part that is being read */
    struct buf bytes;
    struct example_drafts drafts;
    struct str why;
};

static enum err refuse(struct form *f, struct str words)
{
    f->why = words;
    return ERR_INVALID;
}

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct form *f = context;

    f->name = arena_str(f->call->arena, part->name);
    if (str_eq(f->name, STR("file")))
        f->file_name = arena_str(f->call->arena, part->file_name);
    buf_clear(&f->bytes);
    return OK;
}

static enum err on_data(void *context, struct str piece)
{
    struct form *f = context;

    buf_add(&f->bytes, piece);
    return f->bytes.failed ? ERR_LIMIT : OK;
}

static enum err key_add(struct form *f, struct keys *keys, struct str key)
{
    if (keys->count == KEYS_MAX)
        return refuse(f, arena_printf(f->call->arena, "%.*s: there are more than %d",
                                      STR_ARG(f->name), KEYS_MAX));
    keys->list[keys->count++] = key;
    return OK;
}

static enum err on_part_end(void *context)
{
    struct form *f = context;
    struct str text = arena_str(f->call->arena, buf_str(&f->bytes));

    if (!str_is_utf8(text))
        return refuse(f, arena_printf(f->call->arena, "%.*s: must be UTF-8",
                                      STR_ARG(str_first(f->name, 64))));
    json_scrub_nul((char *)(uintptr_t)text.data, text.len);
    if (str_eq(f->name, STR("file")))
        f->file = text;
    else if (str_eq(f->name, STR("input_keys")))
        return key_add(f, &f->inputs, text);
    else if (str_eq(f->name, STR("output_keys")))
        return key_add(f, &f->outputs, text);
    else if (str_eq(f->name, STR("metadata_keys")))
        return key_add(f, &f->metadata, text);
    else if (str_eq(f->name, STR("name")))
        f->row.name = text;
    else if (str_eq(f->name, STR("description")))
        f->row.description = text;
    else if (str_eq(f->name, STR("data_type")))
        f->row.data_type = text;
    else if (str_eq(f->name, STR("id")))
        f->row.dataset_id = text;
    return OK;
}

static enum err form_read(struct form *f)
{
    const struct http_request *request = f->call->request;
    const struct multipart_handler handler = {on_part, on_data, on_part_end, f};
    struct multipart *m = ARENA_NEW(f->call->arena, struct multipart);
    struct str boundary;
    enum err err;

    if (multipart_boundary(
            http_header_find(request->headers, request->header_count, "content-type"), &boundary) ||
        multipart_init(m, boundary, &handler))
        return refuse(f, STR("Content-Type must be multipart/form-data with a boundary"));
    if (!(err = multipart_feed(m, request->body)))
        err = multipart_end(m);
    if (err && str_is_none(f->why))
        f->why = m->why ? str_of(m->why) : STR("a part is too large");
    return err;
}

static enum err form_check(struct form *f)
{
    struct dataset_row *row = &f->row;

    if (str_is_none(f->file))
        return refuse(f, STR("file: is missing: a table of comma-separated values"));
    if (f->inputs.count == 0)
        return refuse(f, STR("input_keys: is missing: the columns that become inputs"));
    if (str_is_empty(row->name))
        row->name = f->file_name;
    if (row->name.len == 0 || row->name.len > NAMED_BYTES_MAX)
        return refuse(f, STR("name: must have 1 to 512 bytes"));
    if (!datasets_type_is_known(row->data_type))
        return refuse(f, STR("data_type: must be kv, llm or chat"));
    if (str_is_empty(row->dataset_id))
        row->dataset_id = call_new_id(f->call);
    return uuid_is_valid(row->dataset_id) ? OK : refuse(f, STR("id: must be a UUID"));
}

/* ---- the table ---- */

struct table {
    struct str columns[COLUMNS_MAX], fields[COLUMNS_MAX];
    size_t column_count, field_count;
};

/* The member of each key whose column the record has; *object is STR_NONE without keys. */
static enum err object_of(struct form *f, const struct table *t, const struct keys *keys,
                          struct str *object)
{
    struct json_writer json;
    struct buf out;
    enum err err = OK;

    *object = STR_NONE;
    if (keys->count == 0)
        return OK;
    buf_init(&out, FILE_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; !err && i < keys->count; i++) {
        size_t column = 0;

        while (column < t->column_count && !str_eq(t->columns[column], keys->list[i]))
            column++;
        if (column == t->column_count)
            err = refuse(f, arena_printf(f->call->arena, "file: has no column \"%.*s\"",
                                         STR_ARG(str_first(keys->list[i], 100))));
        json_key_str(&json, keys->list[i]);
        json_str_out(&json, column < t->field_count ? t->fields[column] : STR(""));
    }
    json_end_object(&json);
    *object = arena_str(f->call->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

static enum err record_add(struct form *f, const struct table *t)
{
    struct example_draft *draft = &f->drafts.list[f->drafts.count++];
    enum err err;

    *draft =
        (struct example_draft){.example_id = call_new_id(f->call), .dataset_id = f->row.dataset_id};
    if ((err = object_of(f, t, &f->inputs, &draft->inputs)) ||
        (err = object_of(f, t, &f->outputs, &draft->outputs)))
        return err;
    return object_of(f, t, &f->metadata, &draft->metadata);
}

static enum err table_read(struct form *f)
{
    struct table *t = ARENA_NEW(f->call->arena, struct table);
    struct arena *arena = f->call->arena;
    struct csv csv;
    enum err err;

    csv_init(&csv, f->file);
    f->drafts.list = ARENA_ARRAY(arena, struct example_draft, RECORDS_MAX + 1);
    err = csv_next(&csv, arena, t->columns, COLUMNS_MAX, &t->column_count);
    if (err == ERR_NOT_FOUND)
        return refuse(f, STR("file: is empty: its first line must name the columns"));
    while (!err && !(err = csv_next(&csv, arena, t->fields, COLUMNS_MAX, &t->field_count))) {
        if (f->drafts.count == RECORDS_MAX)
            return refuse(f,
                          STR("file: has more than 10,000 records: send the others as examples"));
        if ((err = record_add(f, t)))
            return err;
    }
    if (err == ERR_NOT_FOUND)
        return OK;
    return refuse(
        f, arena_printf(arena, "file: line %zu: %s", csv.line, csv.why ? csv.why : "too large"));
}

static enum err upload_apply(struct tx *tx, struct call *call)
{
    struct form *f = call->data;
    enum err err = datasets_insert(tx, &f->row);

    if (err == ERR_CONFLICT)
        call_fail(call, 409, "a dataset with the name \"%.*s\" or this id already exists",
                  STR_ARG(str_first(f->row.name, 100)));
    if (!err)
        err = example_drafts_insert(tx, call, &f->drafts);
    return err ? err : datasets_reply(tx, call, f->row.dataset_id);
}

static enum err upload_prepare(struct call *call)
{
    struct form *f = ARENA_NEW(call->arena, struct form);
    enum err err;

    f->call = call;
    f->row = (struct dataset_row){.tenant = call->principal.tenant, .data_type = STR("kv")};
    f->file = f->why = STR_NONE;
    call->data = f;
    buf_init(&f->bytes, call->request->body.len + 1);
    err = form_read(f);
    buf_release(&f->bytes);
    if (!err && !(err = form_check(f)))
        err = table_read(f);
    if (!err)
        return call_then_write(call, upload_apply);
    call_fail(call, 422, "%.*s", STR_ARG(f->why));
    return ERR_INVALID;
}

/* ---- a dataset becomes a file ---- */

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
    {HTTP_POST, "/datasets/upload", upload_prepare, PERMIT_RUN,
     ROUTE_TRACES | ROUTE_AGAIN | ROUTE_LARGE,
     "Make a dataset of a table of comma-separated values"},
    {HTTP_GET, ONE "/csv", csv_prepare, PERMIT_READ, ROUTE_TRACES,
     "A dataset as comma-separated values"},
    {HTTP_GET, ONE "/openai_ft", openai_prepare, PERMIT_READ, ROUTE_TRACES,
     "A dataset as lines that OpenAI fine-tunes on"},
};

const struct route_list routes_dataset_files = {routes, ARRAY_LEN(routes)};
