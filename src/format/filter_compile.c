/* filter_compile.c -- parts to a tree of nodes: names to attributes, literals to operands, siblings
 * of one family to groups, the cheap before the expensive. Depth is bounded by the parser. */
#include "format/filter_priv.h"

#define COST_COLUMN 1
#define COST_TAGS 2
#define COST_VALUE 4 /* a document, or rows, to be loaded */
#define COST_LARGE 6
#define COST_SEARCH 8
#define COST_MAX COST_SEARCH

struct compiler {
    struct arena *arena;
    struct filter_error *error;
    unsigned needs;
};

static const enum filter_attribute families[] = {FILTER_METADATA, FILTER_INPUTS, FILTER_OUTPUTS,
                                                 FILTER_FEEDBACK};

static unsigned cost_of(enum filter_attribute attribute)
{
    if (attribute == FILTER_INPUTS || attribute == FILTER_OUTPUTS)
        return COST_LARGE;
    if (attribute == FILTER_METADATA || attribute == FILTER_FEEDBACK || attribute == FILTER_ERROR)
        return COST_VALUE;
    return attribute == FILTER_TAGS ? COST_TAGS : COST_COLUMN;
}

static struct filter_node *node_new(struct compiler *c, enum filter_node_kind kind, unsigned cost)
{
    struct filter_node *node = ARENA_NEW(c->arena, struct filter_node);

    node->kind = kind;
    node->cost = cost;
    return node;
}

static enum err refuse(struct compiler *c, const struct filter_part *part, const char *words)
{
    return filter_refuse(c->error, ERR_INVALID, part->position, "%.*s %s",
                         STR_ARG(str_first(part->text, 40)), words);
}

/* ---- one comparison ---- */

/* search("text"): everywhere. */
static enum err search_compile(struct compiler *c, const struct filter_part *part,
                               const struct filter_node **out)
{
    struct filter_node *node = node_new(c, NODE_SEARCH, COST_SEARCH);

    if (part->first->kind != PART_STRING)
        return refuse(c, part, "takes a text in quotes, or an attribute and a text");
    if (!filter_words_compile(c->arena, part->first->text, &node->words))
        return filter_refuse(c->error, ERR_INVALID, part->first->position,
                             "there is nothing to search for");
    c->needs |= 1U << FILTER_NAME | 1U << FILTER_ERROR | 1U << FILTER_TAGS | 1U << FILTER_METADATA |
                1U << FILTER_INPUTS | 1U << FILTER_OUTPUTS;
    *out = node;
    return OK;
}

/* has(feedback_key, "k") says the same as eq. */
static enum filter_comparator plain(const struct filter_condition *condition)
{
    bool is_scalar = condition->target.class == CLASS_PAIR || condition->target.class == CLASS_PATH;

    return condition->comparator == COMPARE_HAS && is_scalar ? COMPARE_EQ : condition->comparator;
}

static enum err condition_compile(struct compiler *c, const struct filter_part *part,
                                  enum filter_comparator comparator,
                                  struct filter_condition *condition)
{
    enum err err;

    if (part->count != 2)
        return refuse(c, part, "takes an attribute and a value");
    if ((err = filter_target_find(part->first, &condition->target, c->error)))
        return err;
    if (!filter_class_takes(condition->target.class, comparator))
        return filter_refuse(c->error, ERR_INVALID, part->position, "%s cannot be used with %s",
                             filter_comparator_name(comparator), condition->target.name);
    condition->comparator = comparator;
    condition->comparator = plain(condition);
    if ((err = filter_operands_compile(c->arena, condition, part->first->next, c->error)))
        return err;
    if (condition->target.class == CLASS_ERROR && filter_is_of_null(condition))
        condition->target.attribute = FILTER_STATUS; /* says whether there is one */
    c->needs |= 1U << condition->target.attribute;
    return OK;
}

/* ---- groups ---- */

static bool is_of_no_key(const struct filter_condition *condition)
{
    return condition->target.field == FIELD_KEY && condition->comparator == COMPARE_EQ &&
           filter_is_of_null(condition);
}

/* neq(…, null) asks that something is there. */
static bool is_negative(const struct filter_condition *condition)
{
    return filter_is_denial(condition) && !filter_is_of_null(condition);
}

/* What a denied key means is said of all pairs. A denied value is said of the pair that the other
 * conditions choose; if they choose none, of all. */
static struct filter_node *group_build(struct compiler *c, enum filter_attribute family,
                                       const struct filter_condition **conditions, size_t count)
{
    struct filter_group *group = ARENA_NEW(c->arena, struct filter_group);
    struct filter_node *node = node_new(c, NODE_GROUP, cost_of(family));
    bool chooses = false;

    group->family = family;
    group->same = ARENA_ARRAY(c->arena, const struct filter_condition *, count);
    group->never = ARENA_ARRAY(c->arena, const struct filter_condition *, count);
    for (size_t i = 0; i < count; i++)
        chooses = chooses || (!is_negative(conditions[i]) && !is_of_no_key(conditions[i]));
    for (size_t i = 0; i < count; i++) {
        bool of_all =
            is_negative(conditions[i]) && (!chooses || conditions[i]->target.field == FIELD_KEY);

        if (is_of_no_key(conditions[i]))
            group->none = true;
        else if (of_all)
            group->never[group->never_count++] = conditions[i];
        else
            group->same[group->same_count++] = conditions[i];
    }
    node->group = group;
    return node;
}

/* ---- logic ---- */

/* The children of a node that is being made; conditions on pairs wait for their siblings. */
struct children {
    const struct filter_node **nodes;
    size_t node_count;
    const struct filter_condition **pairs;
    size_t pair_count;
};

static enum err node_compile(struct compiler *c, const struct filter_part *part,
                             const struct filter_node **out);

static enum err comparison_compile(struct compiler *c, const struct filter_part *part,
                                   struct children *children)
{
    enum filter_comparator comparator;
    struct filter_condition *condition;
    struct filter_node *node;
    enum err err;

    if (!filter_comparator_find(part->text, &comparator))
        return refuse(c, part,
                      "is no operator: there are and, or, not, eq, neq, gt, gte, lt, lte, in, has, "
                      "search, like, notlike and exists");
    if (comparator == COMPARE_SEARCH && part->count == 1)
        return search_compile(c, part, &children->nodes[children->node_count++]);
    condition = ARENA_NEW(c->arena, struct filter_condition);
    if ((err = condition_compile(c, part, comparator, condition)))
        return err;
    if (condition->target.class == CLASS_PAIR) {
        children->pairs[children->pair_count++] = condition;
        return OK;
    }
    node = node_new(c, NODE_CONDITION, cost_of(condition->target.attribute));
    node->condition = condition;
    children->nodes[children->node_count++] = node;
    return OK;
}

static bool is_logic(const struct filter_part *part)
{
    static const char *const words[] = {"and", "or", "not", NULL};

    return str_is_one_of(part->text, words);
}

static enum err child_compile(struct compiler *c, const struct filter_part *part,
                              struct children *children)
{
    if (part->kind != PART_CALL)
        return filter_refuse(c->error, ERR_INVALID, part->position,
                             "a condition such as eq(name, \"x\") must stand here");
    if (is_logic(part))
        return node_compile(c, part, &children->nodes[children->node_count++]);
    return comparison_compile(c, part, children);
}

static void pairs_group(struct compiler *c, struct children *children)
{
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        const struct filter_condition **of_family =
            ARENA_ARRAY(c->arena, const struct filter_condition *, children->pair_count);
        size_t count = 0;

        for (size_t i = 0; i < children->pair_count; i++)
            if (children->pairs[i]->target.attribute == families[f])
                of_family[count++] = children->pairs[i];
        if (count > 0)
            children->nodes[children->node_count++] = group_build(c, families[f], of_family, count);
    }
    children->pair_count = 0;
}

static void by_cost(struct compiler *c, const struct children *from, struct filter_node *node)
{
    node->children = ARENA_ARRAY(c->arena, const struct filter_node *, from->node_count);
    for (unsigned cost = 1; cost <= COST_MAX; cost++)
        for (size_t i = 0; i < from->node_count; i++)
            if (from->nodes[i]->cost == cost) {
                node->children[node->child_count++] = from->nodes[i];
                node->cost = cost;
            }
}

static enum err node_compile(struct compiler *c, const struct filter_part *part,
                             const struct filter_node **out)
{
    bool is_and = str_eq(part->text, STR("and")), is_not = str_eq(part->text, STR("not"));
    struct filter_node *node;
    struct children children = {0};

    if (part->count == 0 || (is_not && part->count > 1))
        return refuse(c, part, is_not ? "takes one condition" : "takes at least one condition");
    node = node_new(c, is_not ? NODE_NOT : is_and ? NODE_AND : NODE_OR, 0);
    /* Each part gives one node, or waits and then has at most one. */
    children.nodes = ARENA_ARRAY(c->arena, const struct filter_node *, part->count);
    children.pairs = ARENA_ARRAY(c->arena, const struct filter_condition *, part->count);
    for (const struct filter_part *child = part->first; child; child = child->next) {
        enum err err = child_compile(c, child, &children);

        if (err)
            return err;
        if (!is_and)
            pairs_group(c, &children);
    }
    pairs_group(c, &children);
    by_cost(c, &children, node);
    *out = node;
    return OK;
}

enum err filter_parse(struct arena *arena, struct str text, struct filter *filter,
                      struct filter_error *error)
{
    struct compiler c = {arena, error, 0};
    struct filter_part whole = {.kind = PART_CALL, .text = STR("and"), .count = 1};
    struct filter parsed = {0};
    struct filter_part *root;
    enum err err;

    if (!str_is_empty(str_trim(text))) {
        if ((err = filter_syntax_parse(arena, arena_str(arena, text), &root, error)))
            return err;
        whole.first = root;
        if ((err = node_compile(&c, &whole, &parsed.root)))
            return err;
    }
    parsed.needs = c.needs;
    filter_bounds_find(arena, parsed.root, &parsed.bounds);
    *filter = parsed;
    return OK;
}
