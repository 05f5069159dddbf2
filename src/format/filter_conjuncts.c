/* filter_conjuncts.c -- the conditions of a filter that must hold together, as texts. */
#include "base/buf.h"
#include "format/filter_priv.h"

#define NO_FAMILY FILTER_ATTRIBUTE_COUNT

/* Of the pairs that a condition speaks of. */
static enum filter_attribute family_of(const struct filter_part *part)
{
    struct filter_error ignored;
    struct filter_target target;

    if (part->count != 2 || filter_target_find(part->first, &target, &ignored) ||
        target.class != CLASS_PAIR)
        return NO_FAMILY;
    return target.attribute;
}

static struct str written(struct str text, const struct filter_part *part)
{
    return str_range(text.data + part->position, part->end - part->position);
}

/* "and(a, b)" of this one and those behind it that speak of the same family. */
static struct str together(struct arena *arena, struct str text, const struct filter_part *first)
{
    enum filter_attribute family = family_of(first);
    struct str joined = written(text, first);
    bool is_one = true;

    for (const struct filter_part *part = first->next; part; part = part->next) {
        if (family_of(part) != family)
            continue;
        joined = arena_printf(arena, "%s%.*s, %.*s", is_one ? "and(" : "", STR_ARG(joined),
                              STR_ARG(written(text, part)));
        is_one = false;
    }
    return is_one ? joined : arena_printf(arena, "%.*s)", STR_ARG(joined));
}

size_t filter_conjuncts(struct arena *arena, struct str text, struct str *list, size_t max)
{
    unsigned seen = 0; /* bits 1 << family */
    struct filter_error ignored;
    struct filter_part *root;
    struct filter filter;
    size_t count = 0;

    if (str_is_empty(str_trim(text)) || filter_parse(arena, text, &filter, &ignored) ||
        filter_syntax_parse(arena, text, &root, &ignored))
        return 0;
    if (!str_eq(root->text, STR("and"))) {
        list[0] = arena_str(arena, written(text, root));
        return 1;
    }
    for (const struct filter_part *part = root->first; part && count < max; part = part->next) {
        enum filter_attribute family = family_of(part);

        if (family == NO_FAMILY) {
            list[count++] = arena_str(arena, written(text, part));
        } else if (!(seen >> family & 1)) {
            seen |= 1U << family;
            list[count++] = arena_str(arena, together(arena, text, part));
        }
    }
    return count;
}
