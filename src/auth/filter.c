/* Filters of auth handlers: conditions are multiplied out into alternatives. */
#include "auth/filter.h"

#include "base/json.h"

#define TEXT_MAX (1 * MIB)

/* One condition on one member of the metadata. */
struct term {
    struct str key;
    struct str value;  /* a JSON scalar */
    bool is_contained; /* the member is an array that has it; else the member is it */
};

struct alternative {
    struct term terms[AUTH_TERMS_MAX];
    size_t count;
};

struct alternatives {
    struct alternative *list; /* room for AUTH_ALTERNATIVES_MAX */
    size_t count;
};

struct reading {
    struct arena *arena;
    const char *why;
};

static enum err refuse(struct reading *r, const char *why)
{
    r->why = why;
    return ERR_INVALID;
}

static struct alternatives alternatives_new(struct reading *r, bool fits_all)
{
    return (struct alternatives){ARENA_ARRAY(r->arena, struct alternative, AUTH_ALTERNATIVES_MAX),
                                 fits_all};
}

static bool is_scalar(const struct json *value)
{
    enum json_type type = json_type(value);

    return type == JSON_NULL || type == JSON_BOOL || type == JSON_NUMBER || type == JSON_STRING;
}

/* ---- one condition more ---- */

enum added { ADDED, ADDED_CONFLICT, ADDED_NO_ROOM };

/* A member cannot be two things, nor a thing and an array. */
static enum added term_add(struct alternative *alternative, const struct term *term)
{
    for (size_t i = 0; i < alternative->count; i++) {
        const struct term *other = &alternative->terms[i];

        if (!str_eq(other->key, term->key))
            continue;
        if (other->is_contained != term->is_contained)
            return ADDED_CONFLICT;
        if (str_eq(other->value, term->value))
            return ADDED;
        if (!term->is_contained)
            return ADDED_CONFLICT;
    }
    if (alternative->count == AUTH_TERMS_MAX)
        return ADDED_NO_ROOM;
    alternative->terms[alternative->count++] = *term;
    return ADDED;
}

/* Each alternative has to fit this too; those that cannot any more go. */
static enum err all_add(struct reading *r, struct alternatives *all, const struct term *term)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->count; i++) {
        enum added added = term_add(&all->list[i], term);

        if (added == ADDED_NO_ROOM)
            return refuse(r, "it has too many conditions");
        if (added == ADDED)
            all->list[kept++] = all->list[i];
    }
    all->count = kept;
    return OK;
}

/* Every alternative of *all with every one of `others`. */
static enum err multiply(struct reading *r, struct alternatives *all,
                         const struct alternatives *others)
{
    struct alternatives product = alternatives_new(r, false);

    for (size_t i = 0; i < all->count * others->count; i++) {
        const struct alternative *other = &others->list[i % others->count];
        struct alternatives both = {&product.list[product.count], 1};
        enum err err = OK;

        if (product.count == AUTH_ALTERNATIVES_MAX)
            return refuse(r, "its $or multiply to too many alternatives");
        both.list[0] = all->list[i / others->count];
        for (size_t t = 0; !err && t < other->count; t++)
            err = all_add(r, &both, &other->terms[t]);
        if (err)
            return err;
        product.count += both.count;
    }
    *all = product;
    return OK;
}

/* ---- reading ---- */

static struct str scalar_text(struct reading *r, const struct json *value)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    json_writer_init(&json, &out);
    json_value_out(&json, value);
    text = arena_str(r->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static enum err add_scalar(struct reading *r, struct alternatives *all, struct str key,
                           const struct json *value, bool is_contained)
{
    struct term term = {key, STR_NONE, is_contained};

    if (!is_scalar(value))
        return refuse(r, "a value must be a text, a number, true, false or null");
    term.value = scalar_text(r, value);
    return all_add(r, all, &term);
}

static enum err add_contains(struct reading *r, struct alternatives *all, struct str key,
                             const struct json *wanted)
{
    struct json_iter iter = json_iter(wanted);
    const struct json *item;
    enum err err = OK;

    if (json_type(wanted) != JSON_ARRAY)
        return add_scalar(r, all, key, wanted, true);
    while (!err && json_next(&iter, NULL, &item))
        err = add_scalar(r, all, key, item, true);
    return err;
}

/* "owner": "ann", or "owner": {"$eq": "ann"} */
static enum err add_member(struct reading *r, struct alternatives *all, struct str key,
                           const struct json *wanted)
{
    struct json_iter iter = json_iter(wanted);
    const struct json *operand;
    struct str name;
    enum err err = OK;

    if (json_type(wanted) != JSON_OBJECT)
        return add_scalar(r, all, key, wanted, false);
    if (json_count(wanted) == 0)
        return refuse(r, "an object must have operators: $eq or $contains");
    while (!err && json_next(&iter, &name, &operand)) {
        if (str_eq(name, STR("$eq")))
            err = add_scalar(r, all, key, operand, false);
        else if (str_eq(name, STR("$contains")))
            err = add_contains(r, all, key, operand);
        else
            err = refuse(r, "its operators are $eq, $contains, $or and $and");
    }
    return err;
}

static enum err add_filter(struct reading *r, struct alternatives *all, const struct json *filter,
                           unsigned depth);

static enum err add_or(struct reading *r, struct alternatives *all, const struct json *list,
                       unsigned depth)
{
    struct alternatives any = alternatives_new(r, false);
    struct json_iter iter = json_iter(list);
    const struct json *item;

    if (json_type(list) != JSON_ARRAY)
        return refuse(r, "$or and $and take an array of filters");
    while (json_next(&iter, NULL, &item)) {
        struct alternatives one = alternatives_new(r, true);
        enum err err = add_filter(r, &one, item, depth + 1);

        if (err)
            return err;
        if (any.count + one.count > AUTH_ALTERNATIVES_MAX)
            return refuse(r, "its $or have too many alternatives");
        memcpy(&any.list[any.count], one.list, one.count * sizeof(*one.list));
        any.count += one.count;
    }
    return multiply(r, all, &any);
}

static enum err add_and(struct reading *r, struct alternatives *all, const struct json *list,
                        unsigned depth)
{
    struct json_iter iter = json_iter(list);
    const struct json *item;
    enum err err = OK;

    if (json_type(list) != JSON_ARRAY)
        return refuse(r, "$or and $and take an array of filters");
    while (!err && json_next(&iter, NULL, &item))
        err = add_filter(r, all, item, depth + 1);
    return err;
}

static enum err add_filter(struct reading *r, struct alternatives *all, const struct json *filter,
                           unsigned depth)
{
    struct json_iter iter = json_iter(filter);
    const struct json *wanted;
    struct str key;
    enum err err = OK;

    if (json_type(filter) != JSON_OBJECT)
        return refuse(r, "it must be an object");
    if (depth > AUTH_DEPTH_MAX)
        return refuse(r, "it is nested too deeply");
    while (!err && json_next(&iter, &key, &wanted)) {
        if (str_eq(key, STR("$or")))
            err = add_or(r, all, wanted, depth);
        else if (str_eq(key, STR("$and")))
            err = add_and(r, all, wanted, depth);
        else if (str_starts(key, STR("$")))
            err = refuse(r, "its operators are $eq, $contains, $or and $and");
        else
            err = add_member(r, all, key, wanted);
    }
    return err;
}

/* ---- writing ---- */

static bool is_first_of_key(const struct alternative *alternative, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_eq(alternative->terms[i].key, alternative->terms[index].key))
            return false;
    return true;
}

static void member_write(struct json_writer *json, const struct alternative *alternative,
                         size_t index)
{
    const struct term *first = &alternative->terms[index];

    json_key_str(json, first->key);
    if (!first->is_contained) {
        json_raw_out(json, first->value);
        return;
    }
    json_begin_array(json);
    for (size_t i = index; i < alternative->count; i++)
        if (str_eq(alternative->terms[i].key, first->key))
            json_raw_out(json, alternative->terms[i].value);
    json_end_array(json);
}

static enum err write(struct reading *r, const struct alternatives *all, struct str *text)
{
    struct json_writer json;
    enum err err = OK;
    struct buf out;

    buf_init(&out, TEXT_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < all->count; i++) {
        json_begin_object(&json);
        for (size_t t = 0; t < all->list[i].count; t++)
            if (is_first_of_key(&all->list[i], t))
                member_write(&json, &all->list[i], t);
        json_end_object(&json);
    }
    json_end_array(&json);
    if (out.failed)
        err = refuse(r, "it is too long");
    else
        *text = arena_str(r->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

enum err auth_filter_read(struct arena *arena, struct str text, struct str *alternatives,
                          const char **why)
{
    struct reading r = {.arena = arena, .why = "it is not JSON"};
    const struct json *filter;
    struct alternatives all;
    enum err err = json_parse(arena, text, &filter, NULL);

    if (!err && json_is_null(filter)) {
        *alternatives = STR_NONE;
        return OK;
    }
    if (!err) {
        all = alternatives_new(&r, true);
        err = add_filter(&r, &all, filter, 0);
    }
    if (!err && all.count == 1 && all.list[0].count == 0)
        *alternatives = STR_NONE;
    else if (!err)
        err = write(&r, &all, alternatives);
    if (err)
        *why = r.why;
    return err;
}

bool auth_filter_admits(struct str alternatives, struct str metadata)
{
    const struct json *all, *one, *given;
    struct json_iter iter;
    struct arena arena;
    bool fits = false;

    if (str_is_none(alternatives))
        return true;
    arena_init(&arena);
    if (!json_parse(&arena, alternatives, &all, NULL) &&
        !json_parse(&arena, metadata, &given, NULL)) {
        iter = json_iter(all);
        while (!fits && json_next(&iter, NULL, &one))
            fits = json_contains(given, one);
    }
    arena_release(&arena);
    return fits;
}
