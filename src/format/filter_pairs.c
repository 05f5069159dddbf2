/* filter_pairs.c -- a document as pairs of key and value: nested keys are joined with dots, arrays
 * add nothing to a key ("messages.content" is in {"messages": [{"content": …}]}). An object or
 * array has a pair of its own too, so that its key is there. Feedback rows are pairs as they are.
 *
 * Recursion follows values that json_parse took: at most JSON_DEPTH_MAX deep. Keys beyond
 * KEY_BYTES_MAX are left out. */
#include "format/filter_priv.h"

#define KEY_BYTES_MAX 1024

struct walk {
    filter_pair_visit visit;
    void *context;
    struct filter_pair pair; /* the one that is being shown */
    char key[KEY_BYTES_MAX];
};

struct filter_scalar filter_scalar_of(const struct json *value)
{
    struct filter_scalar scalar = {.kind = SCALAR_OTHER, .text = STR_NONE, .json = value};

    switch (json_type(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        scalar.kind = SCALAR_NULL;
        break;
    case JSON_BOOL:
        scalar.kind = SCALAR_BOOL;
        scalar.number = json_bool(value, false);
        break;
    case JSON_NUMBER:
        scalar.kind = SCALAR_NUMBER;
        scalar.number = json_double(value, 0);
        break;
    case JSON_STRING:
        scalar.kind = SCALAR_TEXT;
        scalar.text = json_string(value);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return scalar;
}

/* `len` bytes of the walk's key name this value. */
static bool value_walk(struct walk *walk, size_t len, const struct json *value);

static bool pair_visit(struct walk *walk, size_t len, const struct json *value)
{
    walk->pair.fields[FIELD_KEY].text = str_range(walk->key, len);
    walk->pair.fields[FIELD_VALUE] = filter_scalar_of(value);
    return walk->visit(walk->context, &walk->pair);
}

static bool members_walk(struct walk *walk, size_t len, const struct json *object)
{
    struct json_iter iter = json_iter(object);
    const struct json *member;
    struct str key;

    while (json_next(&iter, &key, &member)) {
        size_t at = len;

        if (len + 1 + key.len > KEY_BYTES_MAX)
            continue;
        if (len > 0)
            walk->key[at++] = '.';
        memcpy(walk->key + at, key.data, key.len);
        at += key.len;
        if (!pair_visit(walk, at, member) || !value_walk(walk, at, member))
            return false;
    }
    return true;
}

static bool value_walk(struct walk *walk, size_t len, const struct json *value)
{
    struct json_iter iter = json_iter(value);
    const struct json *item;

    if (json_type(value) == JSON_OBJECT)
        return members_walk(walk, len, value);
    if (json_type(value) != JSON_ARRAY)
        return true;
    while (json_next(&iter, NULL, &item)) {
        bool is_scalar = json_type(item) != JSON_OBJECT && json_type(item) != JSON_ARRAY;

        if (is_scalar ? !pair_visit(walk, len, item) : !value_walk(walk, len, item))
            return false;
    }
    return true;
}

static struct filter_scalar text_scalar(struct str text)
{
    return (struct filter_scalar){.kind = str_is_none(text) ? SCALAR_NULL : SCALAR_TEXT,
                                  .text = text};
}

static void feedback_each(const struct filter_feedback *rows, size_t count, filter_pair_visit visit,
                          void *context)
{
    for (size_t i = 0; i < count; i++) {
        struct filter_pair pair = {0};

        pair.fields[FIELD_KEY] = text_scalar(rows[i].key);
        pair.fields[FIELD_VALUE] = filter_scalar_of(rows[i].value);
        if (rows[i].has_score)
            pair.fields[FIELD_SCORE] =
                (struct filter_scalar){.kind = SCALAR_NUMBER, .number = rows[i].score};
        pair.fields[FIELD_SOURCE] = text_scalar(rows[i].source);
        pair.fields[FIELD_COMMENT] = text_scalar(rows[i].comment);
        if (!visit(context, &pair))
            return;
    }
}

void filter_document_each(const struct json *document, filter_pair_visit visit, void *context)
{
    struct walk walk;

    walk.visit = visit;
    walk.context = context;
    walk.pair = (struct filter_pair){.fields[FIELD_KEY].kind = SCALAR_TEXT};
    value_walk(&walk, 0, document);
}

enum filter_answer filter_pairs_each(const struct filter_source *source, void *span,
                                     enum filter_attribute family, filter_pair_visit visit,
                                     void *context)
{
    const struct filter_feedback *rows;
    const struct json *document;
    enum filter_answer answer;
    size_t count;

    if (family == FILTER_FEEDBACK) {
        answer = source->feedback(span, &rows, &count);
        if (answer == FILTER_YES)
            feedback_each(rows, count, visit, context);
        return answer;
    }
    answer = source->json(span, family, &document);
    if (answer != FILTER_YES)
        return answer;
    filter_document_each(document, visit, context);
    return FILTER_YES;
}

bool filter_strings_each(const struct json *value, bool (*visit)(void *context, struct str text),
                         void *context)
{
    struct json_iter iter = json_iter(value);
    const struct json *member;

    if (json_type(value) == JSON_STRING)
        return visit(context, json_string(value));
    while (json_next(&iter, NULL, &member))
        if (!filter_strings_each(member, visit, context))
            return false;
    return true;
}
