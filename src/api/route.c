/* Finds the route of a request. */
#include "api/route.h"

#include "base/uuid.h"

static const struct route_list *const lists[] = {
    &routes_system,
    &routes_assistants,
    &routes_threads,
    &routes_state,
    &routes_protocol,
    &routes_mcp,
    &routes_runs,
    &routes_store,
    &routes_deliveries,
    &routes_endpoints,
    &routes_inspectors,
    &routes_inspected,
    &routes_endpoint_headers,
    &routes_endpoint_credentials,
    &routes_signing_keys,
    &routes_crons,
    &routes_traces_ingest,
    &routes_traces_otlp,
    &routes_traces_read,
    &routes_traces_projects,
    &routes_traces_boot,
    &routes_traces_blob,
    &routes_traces_runs,
    &routes_alerts,
    &routes_rules,
    &routes_traces_feedback_tokens,
    &routes_datasets,
    &routes_dataset_files,
    &routes_dataset_upload,
    &routes_dataset_runs,
    &routes_dataset_splits,
    &routes_dataset_versions,
    &routes_dataset_shares,
    &routes_examples,
    &routes_queues,
    &routes_shares,
    &routes_links,
    &routes_shares_v2,
    &routes_traces_feedback,
    &routes_traces_feedback_configs,
    &routes_traces_stats,
    &routes_traces_group,
    &routes_traces_thread,
    &routes_traces_metadata,
    &routes_traces_prices,
    &routes_traces_delete,
    &routes_traces_v2,
    &routes_traces_v2_threads,
    &routes_traces_v2_turns,
    &routes_metrics,
    &routes_keys,
    &routes_workspaces,
    &routes_fleet_agents,
    &routes_fleet_bundles,
    &routes_fleet_auth_providers,
    &routes_fleet_models,
    &routes_fleet_schedules,
    &routes_fleet_secrets,
    &routes_fleet_servers,
    &routes_fleet_skills,
    &routes_fleet_tools,
    &routes_fleet_versions,
    &routes_fleet_webhooks,
    &routes_replays,
    &routes_erasures,
    &routes_endpoint_events,
};

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

/* "/threads/…" in the table also matches "/thread/…": both spellings are documented. {span_id}
 * takes only what may be an id, so that it stands beside words: /runs/{span_id}, /runs/rules. */
static bool segment_matches(struct str wanted, struct str given, bool is_first)
{
    if (str_eq(wanted, STR("{span_id}")))
        return given.len == 32 || given.len == UUID_TEXT_BYTES;
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

    memset(params, 0, CALL_PARAMS_MAX * sizeof(*params)); /* what another pattern left there */
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

/* What http.disable_… calls the routes of a list. */
static enum route_group group_of(const struct route_list *list)
{
    static const struct {
        const struct route_list *list;
        enum route_group group;
    } groups[] = {
        {&routes_assistants, ROUTE_GROUP_ASSISTANTS}, {&routes_threads, ROUTE_GROUP_THREADS},
        {&routes_state, ROUTE_GROUP_THREADS},         {&routes_runs, ROUTE_GROUP_RUNS},
        {&routes_store, ROUTE_GROUP_STORE},           {&routes_mcp, ROUTE_GROUP_MCP},
    };

    for (size_t i = 0; i < ARRAY_LEN(groups); i++)
        if (groups[i].list == list)
            return groups[i].group;
    return ROUTE_GROUP_NONE;
}

static bool is_served(const struct route_list *list, const struct route *route,
                      const struct api_setup *setup)
{
    enum route_group group = route->flags & ROUTE_META ? ROUTE_GROUP_META : group_of(list);

    if (route->flags & ROUTE_DEV && !setup->dev)
        return false;
    return !(setup->disabled_groups & 1u << group);
}

bool route_is_of_agents(const struct route *route)
{
    static const struct route_list *const agents[] = {
        &routes_assistants, &routes_threads, &routes_state, &routes_protocol,
        &routes_runs,       &routes_store,   &routes_crons, &routes_mcp,
    };

    for (size_t i = 0; i < ARRAY_LEN(agents); i++)
        if (route >= agents[i]->routes && route < agents[i]->routes + agents[i]->count)
            return true;
    return false;
}

bool route_is_served(const struct route *route, const struct api_setup *setup)
{
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (route >= lists[i]->routes && route < lists[i]->routes + lists[i]->count)
            return is_served(lists[i], route, setup);
    return false;
}

/* Takes the prefix off the front; false: it is not there. */
static bool prefix_take(struct str *path, struct str prefix)
{
    struct str rest = str_from(*path, prefix.len);

    if (!str_starts(*path, prefix) || (rest.len > 0 && rest.data[0] != '/'))
        return false;
    *path = rest.len > 0 ? rest : STR("/");
    return true;
}

/* What is asked for. */
struct wanted {
    enum http_method method;
    struct str path;
    unsigned flags; /* that the route must have */
};

/* The one of a list, or NULL. */
static const struct route *find_in(const struct route_list *list, const struct api_setup *setup,
                                   const struct wanted *wanted, struct str *params,
                                   bool *path_exists)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct route *route = &list->routes[i];

        if ((route->flags & wanted->flags) != wanted->flags ||
            !path_matches(str_of(route->path), wanted->path, params) ||
            !is_served(list, route, setup))
            continue;
        if (route->method == wanted->method)
            return route;
        *path_exists = true;
    }
    return NULL;
}

/* What clients of the tracing API put before a path: their endpoint may end in /api or /api/v1, and
 * some calls add /v1. Fleet's paths always have it. */
static struct str traces_path(struct str path)
{
    if (str_starts(path, STR("/api/v1/fleet/")))
        return str_from(path, sizeof("/api") - 1);
    if (!prefix_take(&path, STR("/api/v1")))
        prefix_take(&path, STR("/api"));
    if (str_starts(path, STR("/v1/platform/")))
        path = str_from(path, sizeof("/v1") - 1);
    return path;
}

const struct route *route_find(const struct api_setup *setup, const struct http_request *request,
                               struct str *params, bool *path_exists)
{
    struct wanted wanted = {request->method == HTTP_HEAD ? HTTP_GET : request->method,
                            request->path, 0};
    bool is_below = prefix_take(&wanted.path, setup->mount_prefix);
    struct str bare = traces_path(wanted.path);

    *path_exists = false;
    if (bare.len == 0 || bare.data[0] != '/')
        return NULL;
    if (!str_eq(bare, wanted.path))
        wanted.flags = ROUTE_TRACES;
    wanted.path = bare;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct route *route = find_in(lists[i], setup, &wanted, params, path_exists);

        if (route && (is_below || route->flags & ROUTE_AT_ROOT))
            return route;
    }
    *path_exists = *path_exists && is_below;
    return NULL;
}

struct str route_methods(const struct api_setup *setup, const struct http_request *request,
                         struct arena *arena, const struct route **one)
{
    static const struct {
        enum http_method method;
        const char *name;
    } methods[] = {{HTTP_GET, "GET, HEAD"},
                   {HTTP_POST, "POST"},
                   {HTTP_PUT, "PUT"},
                   {HTTP_PATCH, "PATCH"},
                   {HTTP_DELETE, "DELETE"}};
    struct str text = STR("");

    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        struct http_request other = *request;
        struct str params[CALL_PARAMS_MAX];
        const struct route *found;
        bool path_exists;

        other.method = methods[i].method;
        if (!(found = route_find(setup, &other, params, &path_exists)))
            continue;
        text = arena_printf(arena, "%.*s%s, ", STR_ARG(text), methods[i].name);
        if (one)
            *one = found;
    }
    return arena_printf(arena, "%.*sOPTIONS", STR_ARG(text));
}
