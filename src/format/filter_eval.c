/* filter_eval.c -- a compiled filter and a span.
 *
 * Logic has three values: what is not at hand makes an answer unknown only where the rest does not
 * decide. Pairs: of the conditions of a group there must be one pair that meets `same`, and no pair
 * that meets one of `never`; so
 *
 *   eq(key,K), eq(value,V)     the pair (K, V) is there
 *   eq(key,K), neq(value,V)    K is there with another value
 *   neq(key,K), eq(value,V)    no pair has key K, some pair has value V
 *   neq(key,K), neq(value,V)   no pair has key K, no pair has value V */
#include "format/filter_priv.h"

struct test {
    const struct filter_source *source;
    void *span;
};

static enum filter_answer answer_of(bool meets, bool is_denial)
{
    return meets != is_denial ? FILTER_YES : FILTER_NO;
}

/* ---- columns ---- */

static enum filter_answer id_test(const struct test *t, const struct filter_condition *c)
{
    struct uuid id;
    enum filter_answer there = t->source->id(t->span, c->target.attribute, &id);
    bool meets = false;

    if (there == FILTER_UNKNOWN)
        return there;
    if (there == FILTER_NO)
        return answer_of(filter_absent_meets(c), filter_is_denial(c));
    for (size_t i = 0; !meets && i < c->operand_count; i++)
        meets = !c->operands[i].is_null && uuid_eq(c->operands[i].id, id);
    return answer_of(meets, filter_is_denial(c));
}

static enum filter_answer number_test(const struct test *t, const struct filter_condition *c)
{
    int64_t number;
    enum filter_answer there = t->source->number(t->span, c->target.attribute, &number);

    if (there == FILTER_UNKNOWN)
        return there;
    return answer_of(there == FILTER_YES ? filter_number_meets(c, (double)number)
                                         : filter_absent_meets(c),
                     filter_is_denial(c));
}

static enum filter_answer text_test(const struct test *t, const struct filter_condition *c)
{
    struct str text;
    enum filter_answer there = t->source->text(t->span, c->target.attribute, &text);

    if (there == FILTER_UNKNOWN)
        return there;
    return answer_of(there == FILTER_YES ? filter_text_meets(c, text) : filter_absent_meets(c),
                     filter_is_denial(c));
}

static enum filter_answer error_test(const struct test *t, const struct filter_condition *c)
{
    struct str status;
    enum filter_answer there;

    if (!filter_is_of_null(c))
        return text_test(t, c);
    there = t->source->text(t->span, FILTER_STATUS, &status);
    if (there == FILTER_UNKNOWN)
        return there;
    return answer_of(there == FILTER_NO || !str_eq(status, STR("error")), filter_is_denial(c));
}

static enum filter_answer tags_test(const struct test *t, const struct filter_condition *c)
{
    const struct json *tags = NULL;
    enum filter_answer there = t->source->json(t->span, FILTER_TAGS, &tags);

    if (there == FILTER_UNKNOWN)
        return there;
    return answer_of(filter_tags_meet(c, there == FILTER_YES ? tags : NULL), filter_is_denial(c));
}

/* ---- documents ---- */

struct key_seek {
    struct str key;
    const struct filter_condition *condition; /* NULL: the key is enough */
    bool found;
};

static bool key_seek_visit(void *context, const struct filter_pair *pair)
{
    struct key_seek *seek = context;

    if (!str_eq(pair->fields[FIELD_KEY].text, seek->key))
        return true;
    seek->found =
        !seek->condition || filter_scalar_meets(seek->condition, &pair->fields[FIELD_VALUE]);
    return !seek->found;
}

static bool is_not_null(void *context, const struct filter_pair *pair)
{
    struct key_seek *seek = context;

    seek->found = str_eq(pair->fields[FIELD_KEY].text, seek->key) &&
                  pair->fields[FIELD_VALUE].kind != SCALAR_NULL;
    return !seek->found;
}

/* metadata.K: the value, or one of the values, under that key. */
static enum filter_answer path_test(const struct test *t, const struct filter_condition *c)
{
    struct key_seek seek = {.key = c->target.path, .condition = c};
    bool of_null = filter_is_of_null(c);
    enum filter_answer there = filter_pairs_each(t->source, t->span, c->target.attribute,
                                                 of_null ? is_not_null : key_seek_visit, &seek);

    if (there == FILTER_UNKNOWN)
        return there;
    return answer_of(seek.found != of_null, filter_is_denial(c));
}

struct string_seek {
    const struct filter_condition *condition;
    uint64_t words; /* found so far */
    bool found;
};

static bool string_seek_visit(void *context, struct str text)
{
    struct string_seek *seek = context;
    const struct filter_condition *c = seek->condition;

    if (c->comparator == COMPARE_SEARCH) {
        seek->words = filter_words_find(&c->words, seek->words, text);
        seek->found = seek->words == filter_words_all(&c->words);
    } else {
        seek->found = filter_pattern_matches(&c->pattern, text);
    }
    return !seek->found;
}

/* like: the whole document's text or one of its strings; search: its strings together. */
static enum filter_answer document_text_test(const struct test *t, const struct filter_condition *c)
{
    struct string_seek seek = {.condition = c};
    const struct json *document = NULL;
    enum filter_answer there = t->source->json(t->span, c->target.attribute, &document);
    struct str text;

    if (there == FILTER_UNKNOWN)
        return there;
    if (there == FILTER_YES)
        filter_strings_each(document, string_seek_visit, &seek);
    if (there == FILTER_YES && !seek.found && c->comparator != COMPARE_SEARCH &&
        t->source->text(t->span, c->target.attribute, &text) == FILTER_YES)
        seek.found = filter_pattern_matches(&c->pattern, text);
    return answer_of(seek.found, filter_is_denial(c));
}

static enum filter_answer document_test(const struct test *t, const struct filter_condition *c)
{
    struct key_seek seek = {.condition = NULL};
    const struct json *document = NULL;
    enum filter_answer there;

    if (c->comparator == COMPARE_HAS) {
        there = t->source->json(t->span, c->target.attribute, &document);
        if (there != FILTER_YES)
            return there;
        return answer_of(json_contains(document, c->json), false);
    }
    if (c->comparator != COMPARE_EXISTS)
        return document_text_test(t, c);
    if (c->operand_count == 0)
        return FILTER_NO;
    seek.key = c->operands[0].text;
    there = filter_pairs_each(t->source, t->span, c->target.attribute, key_seek_visit, &seek);
    return there == FILTER_UNKNOWN ? there : answer_of(seek.found, false);
}

static enum filter_answer condition_test(const struct test *t, const struct filter_condition *c)
{
    switch (c->target.class) {
    case CLASS_ID:
        return id_test(t, c);
    case CLASS_TEXT:
    case CLASS_WORD:
        return text_test(t, c);
    case CLASS_ERROR:
        return error_test(t, c);
    case CLASS_TAGS:
        return tags_test(t, c);
    case CLASS_DOCUMENT:
        return document_test(t, c);
    case CLASS_PATH:
        return path_test(t, c);
    case CLASS_BOOL:
    case CLASS_TIME:
    case CLASS_SECONDS:
    case CLASS_NUMBER:
    case CLASS_MONEY:
        return number_test(t, c);
    case CLASS_PAIR:
        break; /* always in a group */
    }
    REQUIRE(c->target.class != CLASS_PAIR);
    return FILTER_NO;
}

/* ---- groups ---- */

struct group_walk {
    const struct filter_group *group;
    bool found, broken;
};

static bool pair_meets(const struct filter_condition *c, const struct filter_pair *pair)
{
    return filter_scalar_meets(c, &pair->fields[c->target.field]);
}

static bool group_visit(void *context, const struct filter_pair *pair)
{
    struct group_walk *walk = context;
    const struct filter_group *group = walk->group;
    bool all = true;

    for (size_t i = 0; i < group->never_count; i++)
        walk->broken = walk->broken || pair_meets(group->never[i], pair);
    for (size_t i = 0; all && !walk->found && i < group->same_count; i++)
        all = pair_meets(group->same[i], pair) != filter_is_denial(group->same[i]);
    walk->found = walk->found || all;
    walk->broken = walk->broken || group->none;
    return !walk->broken && !(walk->found && group->never_count == 0 && !group->none);
}

static enum filter_answer group_test(const struct test *t, const struct filter_group *group)
{
    struct group_walk walk = {.group = group, .found = group->same_count == 0};
    enum filter_answer there =
        filter_pairs_each(t->source, t->span, group->family, group_visit, &walk);

    if (there == FILTER_UNKNOWN)
        return there;
    return answer_of(walk.found && !walk.broken, false);
}

/* ---- search everywhere ---- */

struct word_seek {
    const struct filter_words *words;
    uint64_t found;
    bool unknown;
};

static bool word_visit(void *context, struct str text)
{
    struct word_seek *seek = context;

    seek->found = filter_words_find(seek->words, seek->found, text);
    return seek->found != filter_words_all(seek->words);
}

static enum filter_answer search_test(const struct test *t, const struct filter_words *words)
{
    static const enum filter_attribute texts[] = {FILTER_NAME, FILTER_ERROR};
    static const enum filter_attribute documents[] = {FILTER_TAGS, FILTER_METADATA, FILTER_INPUTS,
                                                      FILTER_OUTPUTS};
    struct word_seek seek = {.words = words};
    const struct json *document;
    enum filter_answer there;
    struct str text;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        there = t->source->text(t->span, texts[i], &text);
        seek.unknown = seek.unknown || there == FILTER_UNKNOWN;
        if (there == FILTER_YES && !word_visit(&seek, text))
            return FILTER_YES;
    }
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        there = t->source->json(t->span, documents[i], &document);
        seek.unknown = seek.unknown || there == FILTER_UNKNOWN;
        if (there == FILTER_YES && !filter_strings_each(document, word_visit, &seek))
            return FILTER_YES;
    }
    return seek.unknown ? FILTER_UNKNOWN : FILTER_NO;
}

/* ---- logic ---- */

static enum filter_answer node_test(const struct test *t, const struct filter_node *node);

/* `decisive` ends it: no for and, yes for or. */
static enum filter_answer children_test(const struct test *t, const struct filter_node *node,
                                        enum filter_answer decisive)
{
    bool unknown = false;

    for (size_t i = 0; i < node->child_count; i++) {
        enum filter_answer answer = node_test(t, node->children[i]);

        if (answer == decisive)
            return decisive;
        unknown = unknown || answer == FILTER_UNKNOWN;
    }
    if (unknown)
        return FILTER_UNKNOWN;
    return decisive == FILTER_NO ? FILTER_YES : FILTER_NO;
}

static enum filter_answer node_test(const struct test *t, const struct filter_node *node)
{
    enum filter_answer answer;

    switch (node->kind) {
    case NODE_AND:
        return children_test(t, node, FILTER_NO);
    case NODE_OR:
        return children_test(t, node, FILTER_YES);
    case NODE_NOT:
        answer = node_test(t, node->children[0]);
        if (answer == FILTER_UNKNOWN)
            return answer;
        return answer == FILTER_YES ? FILTER_NO : FILTER_YES;
    case NODE_CONDITION:
        return condition_test(t, node->condition);
    case NODE_GROUP:
        return group_test(t, node->group);
    case NODE_SEARCH:
        return search_test(t, &node->words);
    }
    return FILTER_NO;
}

enum filter_answer filter_test(const struct filter *filter, const struct filter_source *source,
                               void *span)
{
    const struct test t = {source, span};

    return filter->root ? node_test(&t, filter->root) : FILTER_YES;
}
