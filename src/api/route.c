/* Finds the route of a request. */
#include "api/route.h"

static const struct route_list *const lists[] = {
    &routes_system,      &routes_assistants, &routes_threads,
    &routes_state,       &routes_runs,       &routes_deliveries,
    &routes_inspectors,  &routes_inspected,  &routes_endpoint_headers,
    &routes_signing_keys};

size_t route_count(void)
{
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        count += lists[i]->count;
    return count;
}

const struct route *route_at(size_t index)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (index < lists[i]->count)
            return &lists[i]->routes[index];
        index -= lists[i]->count;
    }
    return NULL;
}

/* "/threads/…" in the table also matches "/thread/…": both spellings are documented. */
static bool segment_matches(struct str wanted, struct str given, bool is_first)
{
    if (wanted.len > 0 && wanted.data[0] == '{')
        return given.len > 0;
    if (is_first && str_eq(wanted, STR("threads")) && str_eq(given, STR("thread")))
        return true;
    return str_eq(wanted, given);
}

static bool path_matches(struct str pattern, struct str path, struct str *params)
{
    struct str wanted, given;
    size_t count = 0;
    bool is_first = true;

    pattern = str_from(pattern, 1);
    path = str_from(path, 1);
    if (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    while (str_split(&pattern, '/', &wanted)) {
        if (!str_split(&path, '/', &given) || !segment_matches(wanted, given, is_first))
            return false;
        if (wanted.len > 0 && wanted.data[0] == '{')
            params[count++] = given;
        is_first = false;
    }
    return path.len == 0;
}

const struct route *route_find(enum http_method method, struct str path, struct str *params,
                               bool *path_exists)
{
    *path_exists = false;
    if (path.len == 0 || path.data[0] != '/')
        return NULL;
    if (method == HTTP_HEAD)
        method = HTTP_GET;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (size_t k = 0; k < lists[i]->count; k++) {
            const struct route *route = &lists[i]->routes[k];

            if (!path_matches(str_of(route->path), path, params))
                continue;
            if (route->method == method)
                return route;
            *path_exists = true;
        }
    }
    return NULL;
}
