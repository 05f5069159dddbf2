/* Values and attachments of spans. */
#include "store/span_values.h"

#include "base/json.h"
#include "store/blobs.h"
#include "store/span_pack.h"

enum { PLACE_FIRST, PLACE_SECOND, PLACE_COUNT };

#define PACK_ARGS 2
#define PACK_WAITS_MAX (64 * KIB)
#define PACKS_BYTES_MAX (4 * MIB)
#define VALUES_GIVEN (SPAN_HAS_FIELD(SPAN_FIELD_COUNT) - SPAN_HAS_FIELD(0))

static const struct db_statement packs_get = {
    "span_values_get",
    "SELECT value_no, pack FROM span_values WHERE value_no BETWEEN $1 AND $2 ORDER BY value_no",
    NULL};
static const struct db_statement pack_put = {
    "span_values_put",
    "INSERT INTO span_values (value_no, pack) VALUES ($1, $2)"
    " ON CONFLICT (value_no) DO UPDATE SET pack = EXCLUDED.pack",
    NULL};
static const struct db_statement packs_delete = {
    "span_values_delete", "DELETE FROM span_values WHERE value_no BETWEEN $1 AND $2", NULL};
static const struct db_statement attachment_put = {
    "span_attachments_put",
    "INSERT INTO span_attachments (span_no, name, mime_type, size, blob_key, bytes)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (span_no, name) DO UPDATE SET"
    " mime_type = EXCLUDED.mime_type, size = EXCLUDED.size, blob_key = EXCLUDED.blob_key,"
    " bytes = EXCLUDED.bytes",
    NULL};
static const struct db_statement attachment_key = {
    "span_attachments_key",
    "SELECT blob_key FROM span_attachments WHERE span_no = $1 AND name = $2", NULL};
static const struct db_statement attachments_get = {
    "span_attachments_get",
    "SELECT name, mime_type, size, blob_key, CASE WHEN CAST($2 AS INTEGER) = 1 THEN bytes END"
    " FROM span_attachments WHERE span_no = $1 ORDER BY name",
    NULL};
static const struct db_statement attachments_delete = {
    "span_attachments_delete", "DELETE FROM span_attachments WHERE span_no = $1", NULL};

static int64_t value_no(const struct span_row *span, int place)
{
    return span->span_no * PLACE_COUNT + place;
}

/* ---- extra ---- */

static bool is_object(struct str text)
{
    struct str trimmed = str_trim(text);

    return trimmed.len > 0 && trimmed.data[0] == '{';
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

/* Key by key, and their metadata too. What is no object is replaced as a whole. */
static struct str extra_merge(struct arena *arena, struct str base, struct str over)
{
    struct str metadata = STR("metadata"), of_base, of_over, both;

    if (!is_object(base) || !is_object(over) || str_eq(base, over))
        return over;
    of_base = json_raw(base, metadata);
    of_over = json_raw(over, metadata);
    both = merged(arena, base, over);
    if (!is_object(of_base) || !is_object(of_over))
        return both;
    of_over = arena_concat(
        arena, (struct str[]){STR("{\"metadata\":"), merged(arena, of_base, of_over), STR("}")}, 3);
    return merged(arena, both, of_over);
}

/* `over` upon `base`; a value in the blob store is not looked into. */
static struct span_value value_over(struct arena *arena, enum span_field field,
                                    const struct span_value *base, const struct span_value *over)
{
    struct span_value value = *over;

    if (!span_value_is_there(over))
        return *base;
    if (field == SPAN_EXTRA && !str_is_none(base->bytes) && !str_is_none(over->bytes)) {
        value.bytes = extra_merge(arena, base->bytes, over->bytes);
        value.size = (int64_t)value.bytes.len;
    }
    return value;
}

/* ---- in ---- */

static enum err blob_replace(struct tx *tx, struct str was, struct str key)
{
    enum err err = OK;

    if (!str_is_none(was) && !str_eq(was, key))
        err = blobs_discard(tx, was);
    if (!err && !str_is_none(key) && !str_eq(was, key))
        err = blobs_claim(tx, key);
    return err;
}

static enum err attachment_write(struct tx *tx, const struct span_row *span, bool is_new,
                                 const struct span_attachment *a)
{
    struct db_value no = db_int(span->span_no), name = db_text(a->name);
    struct db_rows rows = {0};
    struct str was = STR_NONE;
    enum err err = OK;

    if (!is_new && !(err = db_query_one(tx->db, &attachment_key, DB_ARGS(no, name), &rows))) {
        was = db_get_keep(&rows, 0, tx->arena);
        err = db_rows_end(&rows);
    }
    if (err && err != ERR_NOT_FOUND)
        return err;
    if ((err = blob_replace(tx, was, a->value.blob_key)))
        return err;
    return db_run(tx->db, &attachment_put,
                  DB_ARGS(no, name, db_text(a->mime_type), db_int(a->value.size),
                          db_text(a->value.blob_key), db_blob(a->value.bytes)),
                  NULL);
}

static enum err attachments_put(struct tx *tx, struct span_row *span, bool is_new,
                                const struct span_change *change)
{
    bool has_had = !is_new && span->posted & SPAN_HAS_ATTACHMENT;
    enum err err = OK;

    for (size_t i = 0; !err && i < change->attachment_count; i++) {
        const struct span_attachment *a = &change->attachments[i];

        err = attachment_write(tx, span, !has_had && i == 0, a);
        span->posted |= SPAN_HAS_ATTACHMENT;
        if (!str_is_none(a->value.blob_key))
            span->posted |= SPAN_HAS_BLOB;
    }
    return err;
}

/* One value of a change goes to where it stands; `below`: under what is there (a post that comes
 * late). */
static enum err value_take(struct tx *tx, enum span_field field, const struct span_value *given,
                           bool below, struct span_value *value)
{
    struct span_value was = *value;

    *value = below ? value_over(tx->arena, field, given, &was)
                   : value_over(tx->arena, field, &was, given);
    return blob_replace(tx, was.blob_key, value->blob_key);
}

static enum err change_take(struct tx *tx, const struct span_row *span,
                            const struct span_change *change,
                            struct span_value values[SPAN_FIELD_COUNT])
{
    enum err err = OK;

    for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++) {
        bool is_late = change->layer == SPAN_POST && span->patched & SPAN_HAS_FIELD(i);

        if (change->given & SPAN_HAS_FIELD(i) && (!is_late || i == SPAN_EXTRA))
            err = value_take(tx, (enum span_field)i, &change->values[i], is_late, &values[i]);
    }
    return err;
}

enum err span_packs_flush(struct span_packs *packs)
{
    size_t count = packs->count;

    packs->count = packs->bytes = 0;
    return count ? db_run_many(packs->tx->db, &pack_put, packs->args, PACK_ARGS, count) : OK;
}

static enum err pack_add(struct span_packs *packs, int64_t number, struct str pack)
{
    struct db_value *args;

    packs->args = arena_more(packs->tx->arena, packs->args, packs->count, &packs->cap,
                             PACK_ARGS * sizeof(*packs->args));
    args = packs->args + PACK_ARGS * packs->count++;
    args[0] = db_int(number);
    args[1] = db_blob(arena_str(packs->tx->arena, pack));
    packs->bytes += pack.len;
    return packs->bytes > PACKS_BYTES_MAX ? span_packs_flush(packs) : OK;
}

/* Large ones do not wait, so that nothing is copied that matters. */
static enum err pack_write(struct span_packs *packs, struct span_row *span, int place,
                           const struct span_value values[SPAN_FIELD_COUNT])
{
    struct buf out;
    enum err err = ERR_LIMIT;

    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
        if (!str_is_none(values[i].blob_key))
            span->posted |= SPAN_HAS_BLOB;
    buf_init(&out, SPAN_PACK_BYTES_MAX);
    if (!packs->squeezer)
        packs->squeezer = squeezer_new();
    span_pack_write(packs->squeezer, &out, values);
    if (!out.failed && out.len > PACK_WAITS_MAX)
        err = db_run(packs->tx->db, &pack_put,
                     DB_ARGS(db_int(value_no(span, place)), db_blob(buf_str(&out))), NULL);
    else if (!out.failed)
        err = pack_add(packs, value_no(span, place), buf_str(&out));
    buf_release(&out);
    return err;
}

typedef struct span_value places_of[PLACE_COUNT][SPAN_FIELD_COUNT];

static enum err packs_read(struct tx *tx, const struct span_row *span, struct arena *arena,
                           places_of places)
{
    struct db_rows rows = {0};
    enum err err = db_query(
        tx->db, &packs_get,
        DB_ARGS(db_int(value_no(span, PLACE_FIRST)), db_int(value_no(span, PLACE_SECOND))), &rows);

    while (!err && db_next(&rows)) {
        size_t place = (size_t)(db_get_int(&rows, 0) - value_no(span, PLACE_FIRST));

        if (span_pack_read(db_get_keep(&rows, 1, arena), arena, places[place]))
            err = ERR_IO;
    }
    return db_rows_end(&rows) ? ERR_IO : err;
}

static bool says_values(const struct span_change *change)
{
    return change && change->given & VALUES_GIVEN;
}

static enum err put_first(struct span_packs *packs, struct span_row *span,
                          const struct span_saying *saying)
{
    struct span_value values[SPAN_FIELD_COUNT] = {[0].size = 0};
    int place = saying->post ? PLACE_FIRST : PLACE_SECOND;
    enum err err = OK;

    if (saying->post)
        err = change_take(packs->tx, span, saying->post, values);
    if (!err && saying->patch)
        err = change_take(packs->tx, span, saying->patch, values);
    return err ? err : pack_write(packs, span, place, values);
}

/* Does something stand where this is to go? A patch that came alone has the second place. */
static bool is_on_top(const struct span_row *span, const struct span_saying *saying)
{
    unsigned said = says_values(saying->post) ? span->posted | span->patched : span->patched;

    return said & VALUES_GIVEN;
}

static enum err put_more(struct span_packs *packs, struct span_row *span,
                         const struct span_saying *saying)
{
    places_of places = {[0][0].size = 0};
    struct tx *tx = packs->tx;
    enum err err = OK;

    if (is_on_top(span, saying) && !(err = span_packs_flush(packs)))
        err = packs_read(tx, span, tx->arena, places);
    if (!err && says_values(saying->post) &&
        !(err = change_take(tx, span, saying->post, places[PLACE_FIRST])))
        err = pack_write(packs, span, PLACE_FIRST, places[PLACE_FIRST]);
    if (!err && says_values(saying->patch) &&
        !(err = change_take(tx, span, saying->patch, places[PLACE_SECOND])))
        err = pack_write(packs, span, PLACE_SECOND, places[PLACE_SECOND]);
    return err;
}

enum err span_values_put(struct span_packs *packs, struct span_row *span, bool is_new,
                         const struct span_saying *saying)
{
    enum err err = OK;

    if (saying->post)
        err = attachments_put(packs->tx, span, is_new, saying->post);
    if (!err && saying->patch)
        err = attachments_put(packs->tx, span, is_new, saying->patch);
    if (err || (!says_values(saying->post) && !says_values(saying->patch)))
        return err;
    return is_new ? put_first(packs, span, saying) : put_more(packs, span, saying);
}

/* ---- out ---- */

enum err span_values_get(struct tx *tx, const struct span_row *span, unsigned fields,
                         struct arena *arena, struct span_value values[SPAN_FIELD_COUNT])
{
    places_of places = {[0][0].size = 0};
    unsigned given = span->posted | span->patched;
    enum err err = OK;

    if (given & fields * (unsigned)SPAN_HAS_VALUE & VALUES_GIVEN)
        err = packs_read(tx, span, arena, places);
    for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++) {
        values[i] = (struct span_value){0};
        if (fields & 1u << i)
            values[i] = value_over(arena, (enum span_field)i, &places[PLACE_FIRST][i],
                                   &places[PLACE_SECOND][i]);
    }
    return err;
}

enum err span_attachments_get(struct tx *tx, const struct span_row *span, bool with_bytes,
                              struct arena *arena, struct span_attachment **found, size_t *count)
{
    struct db_rows rows = {0};
    struct span_attachment *list = NULL;
    size_t cap = 0, n = 0;
    enum err err;

    *found = NULL;
    *count = 0;
    if (!(span->posted & SPAN_HAS_ATTACHMENT))
        return OK;
    err = db_query(tx->db, &attachments_get, DB_ARGS(db_int(span->span_no), db_int(with_bytes)),
                   &rows);
    while (!err && db_next(&rows)) {
        list = arena_more(arena, list, n, &cap, sizeof(*list));
        list[n++] = (struct span_attachment){
            .name = db_get_keep(&rows, 0, arena),
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

/* ---- away ---- */

static enum err blobs_discard_all(struct tx *tx, const struct span_row *span)
{
    struct span_attachment *attachments;
    places_of places = {[0][0].size = 0};
    size_t count;
    enum err err = packs_read(tx, span, tx->arena, places);

    for (size_t place = 0; place < PLACE_COUNT; place++)
        for (size_t i = 0; !err && i < SPAN_FIELD_COUNT; i++)
            if (!str_is_none(places[place][i].blob_key))
                err = blobs_discard(tx, places[place][i].blob_key);
    if (!err)
        err = span_attachments_get(tx, span, false, tx->arena, &attachments, &count);
    for (size_t i = 0; !err && i < count; i++)
        if (!str_is_none(attachments[i].value.blob_key))
            err = blobs_discard(tx, attachments[i].value.blob_key);
    return err;
}

enum err span_values_delete(struct tx *tx, const struct span_row *span)
{
    enum err err = OK;

    if (span->posted & SPAN_HAS_BLOB)
        err = blobs_discard_all(tx, span);
    if (!err)
        err = db_run(
            tx->db, &packs_delete,
            DB_ARGS(db_int(value_no(span, PLACE_FIRST)), db_int(value_no(span, PLACE_SECOND))),
            NULL);
    if (!err && span->posted & SPAN_HAS_ATTACHMENT)
        err = db_run(tx->db, &attachments_delete, DB_ARGS(db_int(span->span_no)), NULL);
    return err;
}
