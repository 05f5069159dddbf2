/* filter_priv.h -- what the files of the filter language share.
 *
 *   text ──filter_syntax.c──▶ struct filter_part ──filter_compile.c──▶ struct filter_node
 * ──filter_eval.c──▶ answer (grammar)                    (attributes, literals, groups) (logic,
 * pairs) */
#ifndef FORMAT_FILTER_PRIV_H
#define FORMAT_FILTER_PRIV_H

#include "format/filter_syntax_priv.h"
#include "format/filter_text_priv.h"

/* ---- compiled ---- */

/* One literal in the terms of what it is compared with. */
struct filter_operand {
    bool is_null;
    bool is_bool;
    bool has_number;
    double number;
    struct str text;
    struct uuid id;
};

struct filter_condition {
    struct filter_target target;
    enum filter_comparator comparator;
    const struct filter_operand *operands; /* eq and the like: one; in: any number */
    size_t operand_count;
    struct filter_pattern pattern; /* like, notlike */
    struct filter_words words;     /* search */
    const struct json *json;       /* has on a document */
};

/* Conditions on one family of pairs, siblings in an `and`. */
struct filter_group {
    enum filter_attribute family;
    const struct filter_condition **same; /* one pair fulfils all of these */
    size_t same_count;
    const struct filter_condition **never; /* neq and notlike that no pair may break */
    size_t never_count;
    bool none; /* eq(key, null): there is no pair at all */
};

enum filter_node_kind { NODE_AND, NODE_OR, NODE_NOT, NODE_CONDITION, NODE_GROUP, NODE_SEARCH };

struct filter_node {
    enum filter_node_kind kind;
    unsigned cost; /* children stand in this order */
    const struct filter_node **children;
    size_t child_count;
    const struct filter_condition *condition;
    const struct filter_group *group;
    struct filter_words words; /* of a search of everything */
};

/* filter_operand.c: the literals of a condition whose target and comparator are set. `value` NULL:
 * none was given. */
enum err filter_operands_compile(struct arena *arena, struct filter_condition *condition,
                                 const struct filter_part *value,
                                 struct filter_error *error) MUST_USE;

/* filter_bounds.c */
void filter_bounds_find(struct arena *arena, const struct filter_node *root,
                        struct filter_bounds *bounds);

/* filter_marks.c: what every match has. */
struct marks filter_marks_of_node(const struct filter_node *node);

/* filter_pairs.c */
enum filter_scalar_kind {
    SCALAR_NULL,
    SCALAR_TEXT,
    SCALAR_NUMBER,
    SCALAR_BOOL, /* number is 0 or 1 */
    SCALAR_OTHER /* an object or array */
};

struct filter_scalar {
    enum filter_scalar_kind kind;
    struct str text;
    double number;
    const struct json *json; /* of an integer that may be too long for a double */
};

struct filter_pair {
    struct filter_scalar fields[FIELD_COUNT];
};

/* False: enough. */
typedef bool (*filter_pair_visit)(void *context, const struct filter_pair *pair);

struct filter_scalar filter_scalar_of(const struct json *value);
/* Every pair of the family; FILTER_UNKNOWN: they are not at hand. */
enum filter_answer filter_pairs_each(const struct filter_source *source, void *span,
                                     enum filter_attribute family, filter_pair_visit visit,
                                     void *context);
/* Every pair of a document. */
void filter_document_each(const struct json *document, filter_pair_visit visit, void *context);
/* Every string value below; false: `visit` said so. */
bool filter_strings_each(const struct json *value, bool (*visit)(void *context, struct str text),
                         void *context);

/* filter_compare.c: what the comparator says of a value; of neq and notlike, what they deny: the
 * caller turns that round. */
bool filter_scalar_meets(const struct filter_condition *condition,
                         const struct filter_scalar *scalar);
bool filter_absent_meets(const struct filter_condition *condition);
bool filter_number_meets(const struct filter_condition *condition, double number);
bool filter_text_meets(const struct filter_condition *condition, struct str text);
bool filter_tags_meet(const struct filter_condition *condition, const struct json *tags);
static inline bool filter_is_denial(const struct filter_condition *condition)
{
    return condition->comparator == COMPARE_NEQ || condition->comparator == COMPARE_NOTLIKE;
}
/* eq(…, null) or neq(…, null) */
static inline bool filter_is_of_null(const struct filter_condition *condition)
{
    return condition->operand_count == 1 && condition->operands[0].is_null;
}

#endif
