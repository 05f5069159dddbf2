/* dataset_upload.c -- POST /datasets/upload: a table of comma-separated values becomes a dataset. A
 * form says which columns are inputs, outputs and metadata. */
#include "api/datasets_priv.h"
#include "api/named.h"
#include "api/route.h"
#include "format/csv.h"
#include "format/multipart.h"

#define COLUMNS_MAX 1000
#define RECORDS_MAX 10000
#define KEYS_MAX 200
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

static const struct route routes[] = {
    {HTTP_POST, "/datasets/upload", upload_prepare, PERMIT_RUN,
     ROUTE_TRACES | ROUTE_AGAIN | ROUTE_LARGE,
     "Make a dataset of a table of comma-separated values"},
};

const struct route_list routes_dataset_upload = {routes, ARRAY_LEN(routes)};
