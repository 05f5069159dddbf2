/* sqlite_json.c -- for SQLite: json_contains(doc, filter), what PostgreSQL calls doc::jsonb @>
 * filter::jsonb; and json_contains_any(doc, filters), where one of an array of filters is enough.
 *
 * The filter is the same for every row of a query, so it is parsed once and kept with the
 * statement. */
#include "base/json.h"
#include "base/mem.h"
#include "db/sqlite_priv.h"

struct filter {
    struct arena arena;
    const struct json *root;
};

static void filter_free(void *pointer)
{
    struct filter *filter = pointer;

    arena_release(&filter->arena);
    mem_free(filter);
}

static struct str text_of(sqlite3_value *value)
{
    const unsigned char *text = sqlite3_value_text(value);

    return str_range((const char *)text, (size_t)sqlite3_value_bytes(value));
}

static struct filter *filter_new(sqlite3_value *value)
{
    struct filter *filter = MEM_NEW(struct filter);
    struct str text;

    arena_init(&filter->arena);
    text = arena_str(&filter->arena, text_of(value));
    if (json_parse(&filter->arena, text, &filter->root, NULL)) {
        filter_free(filter);
        return NULL;
    }
    return filter;
}

static bool fits_one(const struct json *doc, const struct json *filters)
{
    struct json_iter iter = json_iter(filters);
    const struct json *filter;

    while (json_next(&iter, NULL, &filter))
        if (json_contains(doc, filter))
            return true;
    return false;
}

static void test(sqlite3_context *context, sqlite3_value **args,
                 bool (*fits)(const struct json *doc, const struct json *filter))
{
    struct filter *filter = sqlite3_get_auxdata(context, 1);
    const struct json *doc = NULL;
    bool is_new = !filter;
    struct arena arena;

    if (sqlite3_value_type(args[0]) == SQLITE_NULL || sqlite3_value_type(args[1]) == SQLITE_NULL)
        return;
    if (is_new)
        filter = filter_new(args[1]);
    if (!filter) {
        sqlite3_result_error(context, "json_contains: the filter is not JSON", -1);
        return;
    }
    arena_init(&arena);
    if (json_parse(&arena, text_of(args[0]), &doc, NULL))
        sqlite3_result_error(context, "json_contains: the document is not JSON", -1);
    else
        sqlite3_result_int(context, fits(doc, filter->root));
    arena_release(&arena);
    /* Last: SQLite may free it at once. */
    if (is_new)
        sqlite3_set_auxdata(context, 1, filter, filter_free);
}

static void contains(sqlite3_context *context, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    test(context, args, json_contains);
}

static void contains_any(sqlite3_context *context, int arg_count, sqlite3_value **args)
{
    (void)arg_count;
    test(context, args, fits_one);
}

int sqlite_json_add(sqlite3 *handle)
{
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    int result = sqlite3_create_function_v2(handle, "json_contains", 2, flags, NULL, contains, NULL,
                                            NULL, NULL);

    return result ? result
                  : sqlite3_create_function_v2(handle, "json_contains_any", 2, flags, NULL,
                                               contains_any, NULL, NULL, NULL);
}
