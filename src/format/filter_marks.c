/* filter_marks.c -- the marks of what a filter demands, and of what a span's metadata says: both
 * from the pairs that filters see (filter_pairs.c). */
#include "format/filter_priv.h"

#define KEY_BYTES_MAX 1024 /* longer ones are no pairs */

/* ---- of spans ---- */

static bool pair_visit(void *context, const struct filter_pair *pair)
{
    struct marks *marks = context;
    struct str key = pair->fields[FIELD_KEY].text;
    const struct filter_scalar *value = &pair->fields[FIELD_VALUE];

    if (value->kind == SCALAR_TEXT)
        *marks = marks_both(*marks, marks_of_text(key, value->text));
    else if (value->kind == SCALAR_NUMBER || value->kind == SCALAR_BOOL)
        *marks = marks_both(*marks, marks_of_number(key, value->number));
    return true;
}

struct marks filter_marks_of_metadata(const struct json *metadata)
{
    struct marks marks = MARKS_NONE;

    filter_document_each(metadata, pair_visit, &marks);
    return marks;
}

struct marks filter_marks_of_tags(const struct json *tags)
{
    struct json_iter iter = json_iter(tags);
    struct marks marks = MARKS_NONE;
    const struct json *tag;

    while (json_next(&iter, NULL, &tag))
        if (json_type(tag) == JSON_STRING)
            marks = marks_both(marks, marks_of(MARKS_TAG, json_string(tag)));
    return marks;
}

/* ---- of values that are demanded ---- */

/* What every value has that equals the operand: it may be a text, a number or a bool. */
static struct marks operand_marks(struct str key, const struct filter_operand *operand)
{
    struct marks marks = marks_of_text(key, operand->text);
    int64_t integer;

    if (operand->is_null)
        return MARKS_NONE;
    if (operand->has_number)
        marks = marks_common(marks, marks_of_number(key, operand->number));
    if (!str_to_i64(operand->text, &integer))
        marks = marks_common(marks, marks_of_number(key, (double)integer));
    return marks;
}

static bool is_equality(const struct filter_condition *c)
{
    return c->comparator == COMPARE_EQ || c->comparator == COMPARE_IN ||
           c->comparator == COMPARE_HAS;
}

static struct marks value_marks(struct str key, const struct filter_condition *c)
{
    struct marks marks = MARKS_ALL;

    if (!is_equality(c) || c->operand_count == 0)
        return MARKS_NONE;
    for (size_t i = 0; i < c->operand_count; i++)
        marks = marks_common(marks, operand_marks(key, &c->operands[i]));
    return marks;
}

/* An object that the metadata must contain; recursion follows what json_parse took. */
static struct marks object_marks(struct str prefix, const struct json *object)
{
    struct json_iter iter = json_iter(object);
    struct marks marks = MARKS_NONE;
    const struct json *member;
    struct str name;

    while (json_type(object) == JSON_OBJECT && json_next(&iter, &name, &member)) {
        struct filter_scalar value = filter_scalar_of(member);
        char key[KEY_BYTES_MAX];
        size_t dot = prefix.len > 0, len = prefix.len + dot + name.len;

        if (prefix.len + 1 + name.len > KEY_BYTES_MAX)
            continue;
        memcpy(key, prefix.data ? prefix.data : "", prefix.len);
        memcpy(key + prefix.len, ".", dot);
        memcpy(key + prefix.len + dot, name.data, name.len);
        if (value.kind == SCALAR_OTHER) {
            marks = marks_both(marks, object_marks(str_range(key, len), member));
        } else {
            const struct filter_pair pair = {
                .fields = {[FIELD_KEY] = {.text = str_range(key, len)}, [FIELD_VALUE] = value}};

            pair_visit(&marks, &pair);
        }
    }
    return marks;
}

/* ---- of conditions ---- */

/* The empty text is also that of a span that has none. */
static struct marks texts_marks(enum marks_kind kind, const struct filter_condition *c, bool all)
{
    struct marks marks = all ? MARKS_NONE : MARKS_ALL;

    if (!is_equality(c) || c->operand_count == 0)
        return MARKS_NONE;
    for (size_t i = 0; i < c->operand_count; i++) {
        struct str text = c->operands[i].text;
        struct marks one = text.len > 0 ? marks_of(kind, text) : MARKS_NONE;

        marks = all ? marks_both(marks, one) : marks_common(marks, one);
    }
    return marks;
}

static struct marks examples_marks(const struct filter_condition *c)
{
    struct marks marks = MARKS_ALL;

    if (!is_equality(c) || c->operand_count == 0)
        return MARKS_NONE;
    for (size_t i = 0; i < c->operand_count; i++)
        marks = marks_common(marks, marks_of_example(c->operands[i].id));
    return marks;
}

static struct marks condition_marks(const struct filter_condition *c)
{
    enum filter_attribute attribute = c->target.attribute;

    if (filter_is_denial(c) || filter_is_of_null(c))
        return MARKS_NONE;
    if (attribute == FILTER_NAME)
        return texts_marks(MARKS_NAME, c, false);
    if (attribute == FILTER_THREAD_ID)
        return texts_marks(MARKS_THREAD, c, false);
    if (attribute == FILTER_TAGS)
        return texts_marks(MARKS_TAG, c, c->comparator != COMPARE_IN);
    if (attribute == FILTER_EXAMPLE_ID)
        return examples_marks(c);
    if (attribute != FILTER_METADATA)
        return MARKS_NONE;
    if (c->target.class == CLASS_PATH)
        return value_marks(c->target.path, c);
    return c->comparator == COMPARE_HAS ? object_marks(STR(""), c->json) : MARKS_NONE;
}

/* The key that one pair must have; STR_NONE: it is not said. */
static struct str key_of(const struct filter_group *group)
{
    for (size_t i = 0; i < group->same_count; i++) {
        const struct filter_condition *c = group->same[i];

        if (c->target.field == FIELD_KEY && is_equality(c) && c->operand_count == 1 &&
            !c->operands[0].is_null && !c->operands[0].is_bool)
            return c->operands[0].text;
    }
    return STR_NONE;
}

static struct marks group_marks(const struct filter_group *group)
{
    struct marks marks = MARKS_NONE;
    struct str key = key_of(group);

    if (group->family != FILTER_METADATA || group->none || str_is_none(key))
        return MARKS_NONE;
    for (size_t i = 0; i < group->same_count; i++)
        if (group->same[i]->target.field == FIELD_VALUE)
            marks = marks_both(marks, value_marks(key, group->same[i]));
    return marks;
}

static struct marks children_marks(const struct filter_node *node, bool all)
{
    struct marks marks = all || node->child_count == 0 ? MARKS_NONE : MARKS_ALL;

    for (size_t i = 0; i < node->child_count; i++) {
        struct marks one = filter_marks_of_node(node->children[i]);

        marks = all ? marks_both(marks, one) : marks_common(marks, one);
    }
    return marks;
}

struct marks filter_marks_of_node(const struct filter_node *node)
{
    switch (node->kind) {
    case NODE_AND:
        return children_marks(node, true);
    case NODE_OR:
        return children_marks(node, false);
    case NODE_CONDITION:
        return condition_marks(node->condition);
    case NODE_GROUP:
        return group_marks(node->group);
    case NODE_NOT:
    case NODE_SEARCH:
        break;
    }
    return MARKS_NONE;
}
