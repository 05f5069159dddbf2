/* /v1/fleet/models: which models agents can name: the common ones, and those that agents of the
 * workspace name already. */
#include "api/fleet_priv.h"

#include "fleet/agent_files.h"
#include "fleet/env_name.h"
#include "fleet/settings.h"
#include "store/prices.h"

#define MODELS_MAX 500

struct models {
    struct call *call;
    struct secrets secrets; /* names only */
    struct str seen[MODELS_MAX];
    size_t count;
};

/* Is it known where it is, and with which key? */
static bool is_available(const struct models *models, struct str provider)
{
    struct arena *arena = models->call->arena;
    struct str prefix = env_name(arena, provider);

    if (str_eq(provider, STR("demo")))
        return true; /* built in */
    return fleet_has_secret(arena, &models->secrets,
                            arena_printf(arena, "%.*s_API_KEY", STR_ARG(prefix))) ||
           fleet_has_secret(arena, &models->secrets,
                            arena_printf(arena, "%.*s_BASE_URL", STR_ARG(prefix)));
}

static void put_model(struct models *models, struct str id, struct str name)
{
    struct json_writer *json = &models->call->json;
    struct str provider = str_first(id, str_find_char(id, ':'));

    for (size_t i = 0; i < models->count; i++)
        if (str_eq(models->seen[i], id))
            return;
    if (models->count == MODELS_MAX || provider.len == id.len)
        return;
    models->seen[models->count++] = id;
    json_begin_object(json);
    json_put_str(json, "id", id);
    json_put_str(json, "provider", provider);
    json_put_str(json, "display_name", name);
    json_put_bool(json, "available", is_available(models, provider));
    json_end_object(json);
}

/* Of the two providers whose address is known; what writes no text is no model of an agent. */
static void put_common(struct models *models)
{
    struct arena *arena = models->call->arena;
    struct price_rows common = prices_built_in(arena);

    for (size_t i = 0; i < common.count; i++) {
        struct str name = common.list[i].name;
        const char *provider = str_starts(name, STR("claude"))                        ? "anthropic"
                               : str_starts(name, STR("gpt-")) || name.data[0] == 'o' ? "openai"
                                                                                      : NULL;

        if (provider && common.list[i].completion_cost > 0)
            put_model(models, arena_printf(arena, "%s:%.*s", provider, STR_ARG(name)), name);
    }
}

static enum err put_named(struct tx *tx, struct models *models)
{
    struct call *call = models->call;
    const struct fleet_agent_filter filter = {.tenant = call->principal.tenant,
                                              .user_id = fleet_person(call).user_id,
                                              .name = STR_NONE,
                                              .before_id = STR(""),
                                              .limit = FLEET_AGENTS_LIST_MAX};
    struct fleet_agent *agents;
    size_t count;
    enum err err = fleet_agent_list(tx, &filter, tx->arena, &agents, &count);

    for (size_t i = 0; !err && i < count; i++) {
        const struct tree_key key = {agents[i].tenant, agents[i].agent_id};
        struct agent_settings settings = {.model_id = STR_NONE};
        struct str text, why;

        err = tree_read_file(tx, &key, agents[i].version, SETTINGS_PATH, tx->arena, &text);
        if (!err && !settings_read(call->arena, text, &settings, &why) &&
            !str_is_none(settings.model_id))
            put_model(models, settings.model_id,
                      str_from(settings.model_id, str_find_char(settings.model_id, ':') + 1));
        if (err == ERR_NOT_FOUND)
            err = OK;
    }
    return err;
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct models *models = ARENA_NEW(call->arena, struct models);
    struct json_writer *json;
    enum err err = fleet_secrets_of(tx, call, SECRET_WORKSPACE, &models->secrets);

    if (err)
        return err;
    models->call = call;
    fleet_page_begin(call, &json);
    put_common(models);
    put_model(models, STR("demo:echo"), STR("echo"));
    put_model(models, STR("demo:script"), STR("script"));
    err = put_named(tx, models);
    fleet_page_end(call, 0, STR_NONE);
    return err;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/fleet/models", list_prepare, PERMIT_READ, ROUTE_PROBLEM | ROUTE_TRACES,
     "List the models that agents can name"},
};

const struct route_list routes_fleet_models = {routes, ARRAY_LEN(routes)};
