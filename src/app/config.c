/* The defaults, and the order in which everything is read. */
#include "app/config_priv.h"

#include <stdarg.h>

#include "delivery/target.h"
#include "io/disk.h"

#define WHY_BYTES_MAX 4096
#define CHANNEL_VARIABLE "LGW_FD=3" /* docs/worker-protocol.md */

/* ---- saying no ---- */

enum err config_refuse(struct config_reader *r, const char *format, ...)
{
    char text[WHY_BYTES_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    *r->why = arena_str(r->arena, str_of(text));
    return ERR_INVALID;
}

struct str config_found(struct config_reader *r, const char *wanted, const struct json *value)
{
    return arena_printf(r->arena, "must be %s, not %s", wanted, json_type_name(json_type(value)));
}

/* ---- files ---- */

const char *config_path(struct arena *arena, const char *base, struct str path)
{
    while (str_starts(path, STR("./")))
        path = str_from(path, 2);
    if (str_starts(path, STR("/")))
        return arena_cstr(arena, path);
    if (str_is_empty(path) || str_eq(path, STR(".")))
        return arena_cstr(arena, str_of(base));
    return arena_cstr(arena,
                      arena_printf(arena, "%s%s%.*s", base,
                                   str_ends(str_of(base), STR("/")) ? "" : "/", STR_ARG(path)));
}

enum err config_read_file(struct config_reader *r, const char *path, size_t bytes_max,
                          struct str *text)
{
    struct buf out;
    enum err err;

    buf_init(&out, bytes_max);
    err = disk_read_file(r->sources->disk, path, &out);
    if (!err)
        *text = arena_str(r->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

/* ---- defaults ---- */

static const struct inspector_config inspector_defaults = {.inspectors_max = 20,
                                                           .requests_max = 500,
                                                           .requests_per_s = 100,
                                                           .bytes_max = 8 * MIB,
                                                           .body_bytes_max = 2 * MIB};

void config_init(struct config *config)
{
    *config = (struct config){
        .listen = {.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}, .port = 8123},
        .data_dir = ".",
        .project_dir = ".",
        .file_text = STR("{}"),
        .log_level = LOG_INFO,
        .mount_prefix = STR(""),
        .python = "python3",
        .node = "node",
        .python_workers = 1,
        .js_workers = 1,
        .runs_per_worker = 10,
        .runs_max = 256,
        .attempts_max = 3,
        .workers_down_ms = 300000,
        .readers = 2,
        .net_threads = 2,
        .run_timeout_ms = 3600 * MS_PER_SECOND,
        .cancel_grace_ms = 10 * MS_PER_SECOND,
        .lease_ms = 60 * MS_PER_SECOND,
        .heartbeat_ms = 5 * MS_PER_SECOND,
        .studio_auth = true,
        .tracing = true,
        .auth_timeout_ms = 10 * MS_PER_SECOND,
        .app_timeout_ms = 60 * MS_PER_SECOND,
        .app_body_bytes_max = 1024 * MIB,
        .item_index = {.timeout_ms = 30 * MS_PER_SECOND},
        .alerts_tick_ms = 5 * MS_PER_SECOND,
        .rules_tick_ms = 2 * MS_PER_SECOND,
        .load_timeout_ms = 120 * MS_PER_SECOND,
        .stop_grace_ms = 10 * MS_PER_SECOND,
        .http_limits = http_limits_default,
        .cors = cors_open,
        .retention = retention_defaults,
        .disable_after_us = 5 * 24 * 3600 * US_PER_SECOND,
        .rest_after = 32,
        .keeps_answers = true,
        .thread_life = {.strategy = STR("delete"),
                        .sweep_interval_ms = 5 * 60 * MS_PER_SECOND,
                        .sweep_limit = 1000},
        .item_life = {.refresh_on_read = true},
        .delivery = {.active_max = 1024,
                     .bytes_max = 64 * MIB,
                     .survey_ms = 5 * MS_PER_SECOND,
                     .lease_ms = 120 * MS_PER_SECOND,
                     .grace_ms = 2 * MS_PER_SECOND},
        .ingest_bytes_max = 256 * MIB,
        .blobs = {.link_ms = 24 * 3600 * MS_PER_SECOND,
                  .timeout_ms = 10 * MS_PER_SECOND,
                  .connections_max = 32},
        .inspector = inspector_defaults,
    };
    arena_init(&config->arena);
    config_builtin_graphs(config);
}

void config_release(struct config *config)
{
    cors_release(&config->cors);
    arena_release(&config->arena);
}

/* A project's own virtual environment has the libraries that its graphs need. */
static void find_python(struct config_reader *r)
{
    const char *own = config_path(r->arena, r->config->project_dir, STR(".venv/bin/python"));

    if (r->sources->disk->exists(r->sources->disk, own))
        r->config->python = own;
}

/* ---- reading ---- */

static struct str find_variable(void *context, struct str name)
{
    return env_find(context, name);
}

static enum err read_webhooks(struct config_reader *r)
{
    struct webhook_environment environment = {find_variable, &r->env};
    struct str why = STR_NONE;

    if (!webhook_config_parse(r->arena, r->root, &environment, &r->config->webhooks, &why))
        return OK;
    return config_refuse(r, "%s: %.*s", r->file, STR_ARG(why));
}

static enum err check_compat(struct config_reader *r)
{
    const char *compat = r->config->compat;

    if (!compat || strcmp(compat, "js") == 0)
        return OK;
    return config_refuse(r, "runbell.compat must be \"js\", or be left out; it is \"%s\"", compat);
}

/* What is executed here. */
static enum err read_agents(struct config_reader *r)
{
    enum err err = config_read_graphs(r);

    if (!err)
        err = config_read_plugins(r);
    return err ? err : config_read_assistants(r);
}

static enum err read_all(struct config_reader *r)
{
    static const char *const extra[] = {CHANNEL_VARIABLE, "PYTHONUNBUFFERED=1", NULL};
    struct config *config = r->config;
    enum err err = config_read_root(r);

    if (err)
        return err;
    config->data_dir = config_path(r->arena, config->project_dir, STR(CONFIG_DATA_DIR));
    find_python(r);
    err = config_read_settings(r);
    if (err || r->sources->settings_only)
        return err;
    if (config->upstream_url)
        config_warn_of_upstream(r);
    else
        err = read_agents(r);
    if (!err)
        err = config_read_lives(r);
    if (!err)
        err = read_webhooks(r);
    if (!err)
        err = config_read_http(r);
    if (!err)
        err = check_compat(r);
    config->worker_env = env_for_workers(&r->env, setting_is_variable, extra, r->arena);
    return err;
}

enum err config_load(const struct config_sources *sources, struct config *config, struct str *why)
{
    struct config_reader reader = {
        .config = config,
        .sources = sources,
        .file = CONFIG_FILE,
        .env.process = sources->environment,
        .why = why,
    };

    REQUIRE(sources->disk && sources->working_dir);
    config_init(config);
    reader.arena = &config->arena;
    return read_all(&reader);
}

bool config_listens_publicly(const struct config *config)
{
    return !address_is_loopback(&config->listen);
}

struct egress_policy config_egress(const struct config *config, struct world *world,
                                   const struct address *bound, struct arena *arena)
{
    struct egress_policy egress = config->egress;

    if (egress.own_count < ARRAY_LEN(egress.own))
        egress.own[egress.own_count++] = *bound;
    egress.world = world;
    egress.own_path = arena_printf(arena, "%.*s/in/", STR_ARG(config->mount_prefix));
    return egress;
}

enum err config_check_notify_url(const struct config *config, const struct egress_policy *egress,
                                 struct arena *arena, struct str *why)
{
    struct str text = str_of(config->notify_url), reason = STR_NONE;
    struct url url = {0};
    enum err err;

    if (str_is_empty(text))
        return OK;
    err = target_check(&target_rules_none, egress, arena, text, &url, &reason);
    if (err)
        *why = arena_printf(arena, "runbell.delivery.notify_url: %.*s", STR_ARG(reason));
    return err;
}
