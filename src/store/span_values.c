/* span_values.c -- packs.
 *
 *   form (1 byte: 0 plain) · { field (1 byte) · length (4 bytes, little-endian) · value }…
 *
 * Fields rise; each stands once. A value that is in the blob store, and each attachment, is a row
 * of span_parts instead: "inputs", "attachment.<name>". */
#include "store/span_values.h"

#include "base/json.h"

#define PACK_PLAIN 0
#define PACK_ENTRY_BYTES 5
#define PACK_BYTES_MAX (512 * MIB)
#define ATTACHMENT "attachment."

static const struct db_statement pack_get = {
    "span_values_get", "SELECT pack FROM span_values WHERE value_no = $1", NULL};
static const struct db_statement pack_put = {
    "span_values_put",
    "INSERT INTO span_values (value_no, pack) VALUES ($1, $2)"
    " ON CONFLICT (value_no) DO UPDATE SET pack = EXCLUDED.pack",
    NULL};
static const struct db_statement part_put = {
    "span_parts_put",
    "INSERT INTO span_parts (span_no, layer, name, mime_type, size, blob_key, bytes)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (span_no, layer, name) DO UPDATE SET"
    " mime_type = EXCLUDED.mime_type, size = EXCLUDED.size, blob_key = EXCLUDED.blob_key,"
    " bytes = EXCLUDED.bytes",
    NULL};
static const struct db_statement part_drop = {
    "span_parts_drop", "DELETE FROM span_parts WHERE span_no = $1 AND layer = $2 AND name = $3",
    NULL};
static const struct db_statement parts_get = {
    "span_parts_get",
    "SELECT layer, name, size, blob_key FROM span_parts WHERE span_no = $1 AND name NOT LIKE"
    " 'attachment.%' ORDER BY layer",
    NULL};
static const struct db_statement attachments_get = {
    "span_attachments_get",
    "SELECT name, mime_type, size, blob_key, CASE WHEN CAST($2 AS INTEGER) = 1 THEN bytes END"
    " FROM span_parts WHERE span_no = $1 AND name LIKE 'attachment.%' ORDER BY name, layer",
    NULL};

static int64_t value_no(int64_t span_no, enum span_layer layer)
{
    return span_no * SPAN_LAYER_COUNT + (int64_t)layer;
}

/* ---- packs ---- */

static uint32_t length_get(const char *at)
{
    const unsigned char *byte = (const unsigned char *)at;

    return (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 |
           (uint32_t)byte[3] << 24;
}

static void pack_add(struct buf *out, enum span_field field, struct str value)
{
    uint32_t len = (uint32_t)value.len;
    char head[PACK_ENTRY_BYTES] = {(char)field, (char)len, (char)(len >> 8), (char)(len >> 16),
                                   (char)(len >> 24)};

    REQUIRE(value.len <= UINT32_MAX);
    buf_add(out, str_range(head, sizeof(head)));
    buf_add(out, value);
}

static enum err pack_read(struct str pack, struct str values[SPAN_FIELD_COUNT])
{
    size_t at = 1;

    if (pack.len < 1 || pack.data[0] != PACK_PLAIN)
        return ERR_IO;
    while (at < pack.len) {
        size_t field = (unsigned char)pack.data[at];
        size_t len;

        if (pack.len - at < PACK_ENTRY_BYTES || field >= SPAN_FIELD_COUNT)
            return ERR_IO;
        len = length_get(pack.data + at + 1);
        at += PACK_ENTRY_BYTES;
        if (pack.len - at < len)
            return ERR_IO;
        values[field] = str_range(pack.data + at, len);
        at += len;
    }
    return OK;
}

/* What a layer has; all STR_NONE if it has nothing. */
static enum err pack_load(struct tx *tx, int64_t no, struct arena *arena,
                          struct str values[SPAN_FIELD_COUNT])
{
    struct db_rows rows = {0};
    struct str pack;
    enum err err = db_query_one(tx->db, &pack_get, DB_ARGS(db_int(no)), &rows);

    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    pack = db_get_keep(&rows, 0, arena);
    err = db_rows_end(&rows);
    return err ? err : pack_read(pack, values);
}

/* ---- extra ---- */

static bool is_object(struct str text)
{
    return text.len > 0 && str_trim(text).data[0] == '{';
}

static struct str merged(struct arena *arena, struct str base, struct str over)
{
    struct buf out;
    struct str text;

    buf_init(&out, base.len + over.len + 16);
    json_merge(&out, base, over);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* Key by key, and their metadata too. */
static struct str extra_merge(struct arena *arena, struct str base, struct str over)
{
    struct str metadata = STR("metadata"), of_base, of_over, both;

    if (str_is_none(base) || !is_object(base) || (!str_is_none(over) && !is_object(over)))
        return str_is_none(over) ? base : over;
    if (str_is_none(over))
        return base;
    of_base = json_raw(base, metadata);
    of_over = json_raw(over, metadata);
    both = merged(arena, base, over);
    if (!is_object(of_base) || !is_object(of_over))
        return both;
    of_over = arena_concat(
        arena, (struct str[]){STR("{\"metadata\":"), merged(arena, of_base, of_over), STR("}")}, 3);
    return merged(arena, both, of_over);
}

/* ---- in ---- */

static enum err part_write(struct tx *tx, int64_t span_no, enum span_layer layer, struct str name,
                           struct str mime_type, const struct span_value *value)
{
    return db_run(tx->db, &part_put,
                  DB_ARGS(db_int(span_no), db_int(layer), db_text(name), db_text(mime_type),
                          db_int(value->size), db_text(value->blob_key),
                          db_blob(str_is_none(value->blob_key) ? value->bytes : STR_NONE)),
                  NULL);
}

static enum err attachments_put(struct tx *tx, int64_t span_no, const struct span_change *change)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < change->attachment_count; i++) {
        const struct span_attachment *a = &change->attachments[i];
        struct str name = arena_concat(tx->arena, (struct str[]){STR(ATTACHMENT), a->name}, 2);

        /* Both layers share one name space: the later one wins. */
        err = part_write(tx, span_no, SPAN_POST, name, a->mime_type, &a->value);
    }
    return err;
}

/* A value that moves between the pack and a part: the other place must not keep the old one. */
static enum err value_put(struct tx *tx, int64_t span_no, const struct span_change *change,
                          enum span_field field, struct str values[SPAN_FIELD_COUNT],
                          bool layer_exists)
{
    const struct span_value *value = &change->values[field];
    struct str name = span_field_name(field);

    if (!str_is_none(value->blob_key)) {
        values[field] = STR_NONE;
        return part_write(tx, span_no, change->layer, name, STR_NONE, value);
    }
    values[field] =
        field == SPAN_EXTRA ? extra_merge(tx->arena, values[field], value->bytes) : value->bytes;
    if (!layer_exists)
        return OK;
    return db_run(tx->db, &part_drop,
                  DB_ARGS(db_int(span_no), db_int(change->layer), db_text(name)), NULL);
}

static enum err pack_write(struct tx *tx, int64_t no, const struct str values[SPAN_FIELD_COUNT])
{
    struct buf out;
    enum err err;

    buf_init(&out, PACK_BYTES_MAX);
    buf_add_char(&out, PACK_PLAIN);
    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
        if (!str_is_none(values[i]))
            pack_add(&out, (enum span_field)i, values[i]);
    err = out.failed ? ERR_LIMIT
                     : db_run(tx->db, &pack_put, DB_ARGS(db_int(no), db_blob(buf_str(&out))), NULL);
    buf_release(&out);
    return err;
}

enum err span_values_put(struct tx *tx, int64_t span_no, const struct span_change *change,
                         bool layer_exists)
{
    struct str values[SPAN_FIELD_COUNT] = {{0}};
    int64_t no = value_no(span_no, change->layer);
    bool any = false;
    enum err err = attachments_put(tx, span_no, change);

    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
        any = any || change->given & SPAN_HAS_FIELD(i);
    if (err || !any)
        return err;
    if (layer_exists)
        err = pack_load(tx, no, tx->arena, values);
    for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++)
        if (change->given & SPAN_HAS_FIELD(i))
            err = value_put(tx, span_no, change, (enum span_field)i, values, layer_exists);
    return err ? err : pack_write(tx, no, values);
}

/* ---- out ---- */

static void choose(struct str layers[SPAN_LAYER_COUNT][SPAN_FIELD_COUNT], enum span_field field,
                   struct arena *arena, struct span_value *value)
{
    struct str post = layers[SPAN_POST][field], patch = layers[SPAN_PATCH][field];

    *value = (struct span_value){0};
    value->bytes = field == SPAN_EXTRA  ? extra_merge(arena, post, patch)
                   : str_is_none(patch) ? post
                                        : patch;
    value->size = (int64_t)value->bytes.len;
}

/* Values in the blob store; a patch's bytes stand above a post's blob. */
static enum err parts_read(struct tx *tx, const struct span_row *span, unsigned fields,
                           struct arena *arena, struct span_value values[SPAN_FIELD_COUNT])
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &parts_get, DB_ARGS(db_int(span->span_no)), &rows);

    while (!err && db_next(&rows)) {
        enum span_layer layer = (enum span_layer)db_get_int(&rows, 0);

        for (size_t i = 0; i < SPAN_FIELD_COUNT; i++) {
            if (!(fields & 1u << i) ||
                !str_eq(db_get_str(&rows, 1), span_field_name((enum span_field)i)) ||
                (layer == SPAN_POST && span->patched & SPAN_HAS_FIELD(i)))
                continue;
            values[i] = (struct span_value){.size = db_get_int(&rows, 2),
                                            .blob_key = db_get_keep(&rows, 3, arena)};
        }
    }
    return err ? err : db_rows_end(&rows);
}

enum err span_values_get(struct tx *tx, const struct span_row *span, unsigned fields,
                         struct arena *arena, struct span_value values[SPAN_FIELD_COUNT])
{
    struct str layers[SPAN_LAYER_COUNT][SPAN_FIELD_COUNT] = {{{0}}};
    unsigned wanted = fields * (unsigned)SPAN_HAS_VALUE;
    unsigned of_post = span->posted & wanted;
    enum err err = OK;

    /* What the patch gives hides the post's, but for extra. */
    of_post &= ~span->patched | SPAN_HAS_FIELD(SPAN_EXTRA);
    if (of_post)
        err = pack_load(tx, value_no(span->span_no, SPAN_POST), arena, layers[SPAN_POST]);
    if (!err && span->patched & wanted)
        err = pack_load(tx, value_no(span->span_no, SPAN_PATCH), arena, layers[SPAN_PATCH]);
    for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++) {
        values[i] = (struct span_value){0};
        if (fields & 1u << i)
            choose(layers, (enum span_field)i, arena, &values[i]);
    }
    return err || !(of_post | (span->patched & wanted))
               ? err
               : parts_read(tx, span, fields, arena, values);
}

enum err span_attachments_get(struct tx *tx, int64_t span_no, bool with_bytes, struct arena *arena,
                              struct span_attachment **found, size_t *count)
{
    struct db_rows rows = {0};
    struct span_attachment *list = NULL;
    size_t cap = 0, n = 0;
    enum err err =
        db_query(tx->db, &attachments_get, DB_ARGS(db_int(span_no), db_int(with_bytes)), &rows);

    while (!err && db_next(&rows)) {
        if (n == cap) {
            struct span_attachment *more =
                ARENA_ARRAY(arena, struct span_attachment, cap = 2 * cap + 4);

            if (n)
                memcpy(more, list, n * sizeof(*more));
            list = more;
        }
        list[n++] = (struct span_attachment){
            .name = str_from(db_get_keep(&rows, 0, arena), sizeof(ATTACHMENT) - 1),
            .mime_type = db_get_keep(&rows, 1, arena),
            .value = {.size = db_get_int(&rows, 2),
                      .blob_key = db_get_keep(&rows, 3, arena),
                      .bytes = db_get_keep(&rows, 4, arena)},
        };
    }
    *found = list;
    *count = n;
    return err ? err : db_rows_end(&rows);
}
