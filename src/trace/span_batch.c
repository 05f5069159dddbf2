/* Gathers what one request says of many spans. */
#include "trace/span_batch.h"

#define WORDS_BYTES_MAX (64 * KIB)
#define ABOUT_BYTES_MAX 200

static const struct {
    const char *prefix;
    enum span_part_kind kind;
    enum span_layer layer;
} prefixes[] = {{"post.", SPAN_PART_RUN, SPAN_POST},
                {"patch.", SPAN_PART_RUN, SPAN_PATCH},
                {"attachment.", SPAN_PART_ATTACHMENT, SPAN_POST},
                {"feedback.", SPAN_PART_FEEDBACK, SPAN_POST}};

/* The word behind "post.<id>." */
static enum err field_parse(struct str word, struct span_part *part)
{
    for (size_t i = 0; i < SPAN_FIELD_COUNT; i++)
        if (str_eq(word, span_field_name((enum span_field)i))) {
            part->kind = SPAN_PART_VALUE;
            part->field = (enum span_field)i;
            return OK;
        }
    return ERR_INVALID;
}

enum err span_part_parse(struct str name, struct span_part *part)
{
    struct span_part parsed = {0};
    size_t dot;

    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        struct str rest = str_from(name, strlen(prefixes[i].prefix));

        if (!str_starts(name, str_of(prefixes[i].prefix)))
            continue;
        parsed.kind = prefixes[i].kind;
        parsed.layer = prefixes[i].layer;
        if (parsed.kind == SPAN_PART_FEEDBACK) {
            *part = parsed;
            return OK;
        }
        dot = str_find_char(rest, '.');
        if (uuid_parse_loose(str_first(rest, dot), &parsed.span_id))
            return ERR_INVALID;
        rest = str_from(rest, dot + 1);
        if (parsed.kind == SPAN_PART_ATTACHMENT)
            parsed.attachment = rest;
        else if (rest.len > 0 && field_parse(rest, &parsed))
            return ERR_INVALID;
        if (parsed.kind == SPAN_PART_ATTACHMENT && (rest.len == 0 || !str_is_utf8(rest)))
            return ERR_INVALID;
        *part = parsed;
        return OK;
    }
    return ERR_INVALID;
}

/* ---- life ---- */

void span_batch_init(struct span_batch *batch)
{
    *batch = (struct span_batch){0};
    arena_init(&batch->arena);
    map_init(&batch->by_id);
    map_init(&batch->by_alias);
    batch->last = &batch->first;
}

void span_batch_release(struct span_batch *batch)
{
    map_release(&batch->by_alias);
    map_release(&batch->by_id);
    arena_release(&batch->arena);
}

/* ---- problems ---- */

void span_batch_begin_write(struct span_batch *batch)
{
    if (batch->writings > 0)
        batch->problem_count = batch->gathered_count;
    batch->gathered_count = batch->problem_count;
    batch->writings++;
}

void span_batch_problem(struct span_batch *batch, struct str about, struct str why)
{
    if (batch->problem_count < SPAN_PROBLEMS_MAX)
        batch->problems[batch->problem_count] = arena_printf(
            &batch->arena, "%.*s: %.*s", STR_ARG(str_first(about, ABOUT_BYTES_MAX)), STR_ARG(why));
    batch->problem_count++;
}

void span_batch_inherit(struct span_batch *batch, const struct span_batch *from)
{
    for (size_t i = 0; i < from->problem_count; i++) {
        if (i < SPAN_PROBLEMS_MAX && batch->problem_count < SPAN_PROBLEMS_MAX)
            batch->problems[batch->problem_count] = arena_str(&batch->arena, from->problems[i]);
        batch->problem_count++;
    }
}

struct str span_batch_words(const struct span_batch *batch, struct arena *arena)
{
    struct buf out;
    struct str words;

    if (batch->problem_count == 0)
        return STR_NONE;
    buf_init(&out, WORDS_BYTES_MAX);
    for (size_t i = 0; i < batch->problem_count && i < SPAN_PROBLEMS_MAX; i++) {
        buf_add(&out, i ? STR("; ") : STR(""));
        buf_add(&out, batch->problems[i]);
    }
    if (batch->problem_count > SPAN_PROBLEMS_MAX)
        buf_addf(&out, "; and %zu more", batch->problem_count - SPAN_PROBLEMS_MAX);
    words = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return words;
}

static void problem_of_span(struct span_batch *batch, enum span_layer layer, struct uuid span_id,
                            struct str why)
{
    struct uuid_text id;
    struct str about =
        arena_printf(&batch->arena, "%s%s", prefixes[layer].prefix, uuid_write(span_id, &id).data);

    span_batch_problem(batch, about, why);
}

/* ---- adding ---- */

static struct str key_of(const struct uuid *id)
{
    return str_range((const char *)id->bytes, sizeof(id->bytes));
}

static struct span_batch_entry *entry_of(struct span_batch *batch, struct uuid span_id)
{
    struct str key = key_of(&span_id);
    struct span_batch_entry *entry = map_find(&batch->by_id, key);

    if (entry)
        return entry;
    entry = ARENA_NEW(&batch->arena, struct span_batch_entry);
    entry->span_id = span_id;
    for (size_t i = 0; i < SPAN_LAYER_COUNT; i++) {
        entry->drafts[i].change.layer = (enum span_layer)i;
        entry->drafts[i].change.span_id = span_id;
    }
    map_put(&batch->by_id, key, entry);
    *batch->last = entry;
    batch->last = &entry->next;
    batch->entry_count++;
    return entry;
}

static void attachment_add(struct span_batch *batch, struct span_batch_entry *entry,
                           const struct span_attachment *attachment)
{
    size_t count = entry->attachment_count;

    if ((count & (count - 1)) == 0) { /* full at each power of two */
        struct span_attachment *more =
            ARENA_ARRAY(&batch->arena, struct span_attachment, count ? 2 * count : 1);

        if (count)
            memcpy(more, entry->attachments, count * sizeof(*more));
        entry->attachments = more;
    }
    entry->attachments[entry->attachment_count++] = *attachment;
}

static void feedback_add(struct span_batch *batch, struct str text)
{
    batch->feedback = arena_more(&batch->arena, batch->feedback, batch->feedback_count,
                                 &batch->feedback_cap, sizeof(*batch->feedback));
    batch->feedback[batch->feedback_count++] = text;
}

static void value_add(struct span_batch *batch, struct str name, const struct span_part *part,
                      struct span_value value)
{
    struct span_batch_entry *entry = entry_of(batch, part->span_id);
    struct span_draft *draft = &entry->drafts[part->layer];
    struct str why;

    if (!str_is_none(value.blob_key)) {
        draft->change.values[part->field] = value;
        draft->change.given |= SPAN_HAS_FIELD(part->field);
        draft->is_said = true;
    } else if (span_parse_value(&batch->arena, part->field, value.bytes, draft, &why)) {
        span_batch_problem(batch, name, why);
    }
}

void span_batch_add_object(struct span_batch *batch, enum span_layer layer,
                           const struct uuid *span_id, struct str text)
{
    struct span_draft draft = {.change.layer = layer};
    struct span_batch_entry *entry = NULL;
    struct str why;

    if (span_id) {
        entry = entry_of(batch, *span_id);
        draft = entry->drafts[layer];
    }
    if (span_parse(&batch->arena, text, span_id != NULL, &draft, &why)) {
        if (entry)
            entry->is_bad[layer] = true;
        problem_of_span(batch, layer, draft.change.span_id, why);
        return;
    }
    if (!entry) {
        entry = entry_of(batch, draft.change.span_id);
        if (entry->drafts[layer].is_said) { /* twice in one request: once more, on top */
            span_batch_add_object(batch, layer, &draft.change.span_id, text);
            return;
        }
    }
    entry->drafts[layer] = draft;
}

void span_batch_add_alias(struct span_batch *batch, struct uuid span_id, struct uuid alias)
{
    struct span_batch_entry *entry = entry_of(batch, span_id);
    struct span_change *change = &entry->drafts[SPAN_POST].change;

    change->alias_id = alias;
    change->given |= SPAN_HAS_ALIAS;
    map_put(&batch->by_alias, key_of(&alias), entry);
}

struct span_batch_entry *span_batch_parent(const struct span_batch *batch,
                                           const struct span_batch_entry *entry)
{
    const struct span_change *post = &entry->drafts[SPAN_POST].change;
    const struct span_change *patch = &entry->drafts[SPAN_PATCH].change;
    const struct span_change *says = patch->given & SPAN_HAS_PARENT ? patch : post;
    struct span_batch_entry *parent;

    if ((post->given | patch->given) & SPAN_HAS_ORDER || !(says->given & SPAN_HAS_PARENT))
        return NULL;
    parent = map_find(&batch->by_id, key_of(&says->parent_id));
    return parent ? parent : map_find(&batch->by_alias, key_of(&says->parent_id));
}

void span_batch_add_part(struct span_batch *batch, struct str name, const struct span_part *part,
                         struct str mime_type, struct span_value value)
{
    struct span_attachment attachment;

    switch (part->kind) {
    case SPAN_PART_RUN:
        span_batch_add_object(batch, part->layer, &part->span_id, value.bytes);
        return;
    case SPAN_PART_VALUE:
        value_add(batch, name, part, value);
        return;
    case SPAN_PART_ATTACHMENT:
        attachment = (struct span_attachment){arena_str(&batch->arena, part->attachment),
                                              arena_str(&batch->arena, mime_type), value};
        attachment_add(batch, entry_of(batch, part->span_id), &attachment);
        return;
    case SPAN_PART_FEEDBACK:
        feedback_add(batch, value.bytes);
        return;
    }
}

static enum err list_add(struct span_batch *batch, enum span_layer layer, struct str list,
                         struct str *why)
{
    struct str key, item;
    size_t at = 0, count = 0;

    if (str_is_none(list) || str_eq(list, STR("null")))
        return OK;
    if (list.data[0] != '[') {
        *why = STR("post and patch must be arrays of runs");
        return ERR_INVALID;
    }
    while (json_raw_next(list, &at, &key, &item)) {
        if (++count > SPAN_PARTS_MAX) {
            *why = STR("more than 100,000 runs in one request");
            return ERR_INVALID;
        }
        span_batch_add_object(batch, layer, NULL, item);
    }
    return OK;
}

enum err span_batch_add_batch(struct span_batch *batch, struct str text, struct str *why)
{
    const struct json *root;
    struct json_error error;
    enum err err;

    if (json_parse(&batch->arena, text, &root, &error)) {
        *why =
            arena_printf(&batch->arena, "not JSON: %s at byte %zu", error.reason, error.position);
        return ERR_INVALID;
    }
    if (json_type(root) != JSON_OBJECT) {
        *why = STR("the body must be an object with post and patch");
        return ERR_INVALID;
    }
    err = list_add(batch, SPAN_POST, json_raw(text, STR("post")), why);
    return err ? err : list_add(batch, SPAN_PATCH, json_raw(text, STR("patch")), why);
}
