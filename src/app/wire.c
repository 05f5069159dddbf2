/* What is connected with what: the one file that shows how the system hangs together. */
#include "app/server_priv.h"

#include "api/user_app.h"
#include "app/embed.h"
#include "app/node.h"
#include "base/log.h"
#include "base/mem.h"
#include "blob/folder.h"
#include "crypto/secret.h"
#include "crypto/webhook_signature.h"
#include "delivery/target.h"
#include "native/native.h"

/* On the writer's thread: what is durable is unknown, so nothing may be answered any more. */
static void on_store_fatal(void *context, const char *why)
{
    struct server *server = context;

    server->events.on_fatal(server->context, why);
}

static enum err wire_keyring(struct server *server, const char **why)
{
    struct keyring_keys keys = {.count = 0};
    struct str words = STR_NONE;
    enum err err;

    server->secret_file = secret_file_of(server->config, server->world->disk, &server->arena);
    err = secret_file_open(&server->secret_file, &server->arena, &keys, &words);
    if (err) {
        *why = arena_cstr(&server->arena, words);
        return err;
    }
    server->keyring = keyring_new(&keys);
    secret_wipe(&keys, sizeof(keys));
    return OK;
}

struct limits wire_limits(const struct config *config)
{
    const struct limits_config *said = &config->limits;

    return (struct limits){{
        [LIMIT_REQUESTS] = said->requests_per_s,
        [LIMIT_BURST] = said->burst,
        [LIMIT_STREAMS] = said->streams,
        [LIMIT_RUNS_LIVE] = said->runs_live,
        [LIMIT_RUNS_PER_DAY] = said->runs_per_day,
        [LIMIT_THREADS] = said->threads,
        [LIMIT_STORAGE_BYTES] = (double)said->storage_bytes,
    }};
}

static const char *data_path(struct server *server, const char *name)
{
    return arena_cstr(&server->arena,
                      arena_printf(&server->arena, "%s/%s", server->config->data_dir, name));
}

/* With PostgreSQL a folder would be invisible to other nodes: large values stand in their rows. */
static enum err wire_blobs(struct server *server, const char **why)
{
    const struct config *config = server->config;
    enum err err;

    if (config->blobs.bucket) {
        err =
            s3_new(server->world, &config->blobs, data_path(server, "spool"), &server->blobs, why);
        if (err)
            *why = arena_cstr(&server->arena,
                              arena_printf(&server->arena,
                                           "the certificates of runbell.blobs.ca_file cannot be "
                                           "read: %s",
                                           *why));
        return err;
    }
    if (!config->store_url)
        server->blobs = blob_folder_new(server->world, data_path(server, "blobs"));
    return OK;
}

enum err wire_store(struct server *server, const char **why)
{
    const struct config *config = server->config;
    enum err err = wire_keyring(server, why);
    struct limits limits;
    const struct store_config store = {
        .world = server->world,
        .data_dir = config->data_dir,
        .postgres_url = config->store_url,
        .sqlite_vfs = config->sqlite_vfs,
        .reader_count = config->readers,
        .keyring = server->keyring,
        .on_fatal = on_store_fatal,
        .context = server,
    };

    if (!err)
        err = store_open(&store, &server->store, why);
    if (err)
        return err;
    server->agent = (struct agent_config){
        .graphs = config->graphs,
        .plugins = config->plugins,
        .auth_timeout_ms = config->auth_timeout_ms,
        .app_timeout_ms = config->app_timeout_ms,
        .app_body_bytes_max = config->app_body_bytes_max,
        .app_is_guarded = config->app_is_guarded,
        .webhooks_disabled = config->webhooks.is_disabled,
        .run_timeout_ms = config->run_timeout_ms,
        .cancel_grace_ms = config->cancel_grace_ms,
        .lease_ms = config->lease_ms,
        .webhook_policy = policies_for_kind(&config->policies, STR("run")),
        .runs_max = config->runs_max,
        .attempts_max = config->attempts_max,
        .workers_down_ms = config->workers_down_ms,
        .compat_js = config->compat && strcmp(config->compat, "js") == 0,
        .thread_life = config->thread_life,
        .item_life = config->item_life,
        .item_index = config->item_index,
        .crons_skip_missed = config->crons_skip_missed,
    };
    err = node_id_load(server->world->disk, config->data_dir, &server->arena,
                       &server->agent.node_id, why);
    if (err)
        return err;
    if ((err = wire_blobs(server, why)))
        return err;
    server->blob_upkeep = blob_upkeep_new(server->loop, server->store, server->blobs);
    server->erasure_upkeep = erasure_upkeep_new(server->loop, server->store);
    server->hub = hub_new(server->loop, server->store, server->agent.node_id);
    server->secret_upkeep =
        secret_upkeep_new(server->loop, server->store, &server->secret_file, server->keyring);
    server->peers = peers_new();
    limits = wire_limits(config);
    server->keys =
        key_ring_new(server->loop, server->store, &server->agent, &limits, server_on_keys, server);
    return OK;
}

/* ---- what executes runs ---- */

static bool is_written_in(const struct plugin *plugin, enum graph_kind language)
{
    return plugin_is_there(plugin) && plugin->language == language;
}

static bool is_spoken(const struct config *config, enum graph_kind language)
{
    for (size_t i = 0; i < config->graphs.count; i++)
        if (config->graphs.list[i].kind == language)
            return true;
    return is_written_in(&config->plugins.auth, language) ||
           is_written_in(&config->plugins.app, language) ||
           is_written_in(&config->item_index.embed, language);
}

static void wire_language(struct server *server, enum graph_kind kind)
{
    const struct config *config = server->config;
    struct language *language = &server->languages[server->language_count++];
    bool is_python = kind == GRAPH_PYTHON;
    const char *why;

    language->argv[0] = is_python ? config->python : config->node;
    if (embed_unpack(server->world->disk, config->data_dir, is_python ? EMBED_PYTHON : EMBED_JS,
                     &server->arena, &language->argv[1], &why)) {
        server_fail(server, why);
        return;
    }
    language->init =
        config_worker_init(config, kind,
                           arena_printf(&server->arena, "%.*s%.*s", STR_ARG(server->self_url),
                                        STR_ARG(config->mount_prefix)),
                           &server->arena);
    if (is_written_in(&config->plugins.app, kind))
        language->init =
            arena_printf(&server->arena, "%.*s,\"app_token\":\"%.*s\"", STR_ARG(language->init),
                         STR_ARG(user_app_token(&server->loopback, &server->arena)));
    server->loads_open++;
    server->executors[server->executor_count] = worker_executor_new(&(struct worker_executor_setup){
        .loop = server->loop,
        .store = server->store,
        .graphs = &config->graphs,
        .kind = kind,
        .argv = language->argv,
        .env = config->worker_env,
        .cwd = config->project_dir,
        .init = language->init,
        .loopback = &server->loopback,
        .has_auth = plugin_is_there(&config->plugins.auth),
        .item_life = config->item_life,
        .item_index = config->item_index,
        .worker_count = is_python ? config->python_workers : config->js_workers,
        .runs_per_worker = config->runs_per_worker,
        .load_timeout_ms = config->load_timeout_ms,
        .stop_grace_ms = config->stop_grace_ms,
        .on_loaded = server_on_loaded,
        .context = server,
    });
    server->executor_count++;
}

void wire_executors(struct server *server)
{
    const struct config *config = server->config;
    const char *why = "";

    if (!config->is_simulated && tls_client_new(config->ca_file, &server->tls_client, &why)) {
        server_fail(server, why);
        return;
    }
    server->loads_open = 1; /* this function itself */
    server->executors[server->executor_count++] =
        builtin_new(server->loop, server->store, config->runs_max);
    server->native = native_new(&(struct native_setup){
        .loop = server->loop,
        .store = server->store,
        .egress = &server->egress,
        .tls = server->tls_client,
        .proxy = config->proxy ? &config->egress_proxy : NULL,
        .runs_max = config->runs_max,
        .traces = config->tracing,
    });
    server->executors[server->executor_count++] = server->native;
    if (is_spoken(server->config, GRAPH_PYTHON))
        wire_language(server, GRAPH_PYTHON);
    if (is_spoken(server->config, GRAPH_JS))
        wire_language(server, GRAPH_JS);
    server_on_loaded(server, 0, NULL);
}

void wire_dispatch(struct server *server)
{
    server->dispatch = dispatch_new(&(struct dispatch_setup){
        .loop = server->loop,
        .store = server->store,
        .hub = server->hub,
        .config = &server->agent,
        .executors = server->executors,
        .executor_count = server->executor_count,
    });
    server->crons = cron_clock_new(server->loop, server->store, &server->agent);
    server->quotas = quota_clock_new(server->loop, server->store);
    server->alerts = alert_clock_new(&(struct alert_clock_config){
        .loop = server->loop,
        .store = server->store,
        .setup = {.base_url = server->public_url,
                  .policy = policies_for_kind(&server->config->policies, STR("alert"))},
        .tick_ms = server->config->alerts_tick_ms,
    });
    server->rules = rule_clock_new(&(struct rule_clock_config){
        .loop = server->loop,
        .store = server->store,
        .links = {server->public_url, server->blobs},
        .policy = policies_for_kind(&server->config->policies, STR("rule")),
        .tick_ms = server->config->rules_tick_ms,
    });
}

/* ---- what leaves the house ---- */

enum err wire_delivery(struct server *server, const char **why)
{
    const struct config *config = server->config;
    struct str reason;
    enum err err = config_check_notify_url(config, &server->egress, &server->arena, &reason);

    if (err) {
        *why = arena_cstr(&server->arena, reason);
        return err;
    }
    return delivery_start(
        &(struct delivery_config){
            .world = server->world,
            .store = server->store,
            .egress = &server->egress,
            .tls = server->tls_client,
            .proxy = config->proxy ? &config->egress_proxy : NULL,
            .webhooks = &config->webhooks,
            .signing_secrets = config->signing_secrets,
            .secret_count = config->secret_count,
            .node = server->agent.node_id,
            .self_url = server->self_url,
            .rules = {.disable_after_us = config->disable_after_us,
                      .rest_after = config->rest_after,
                      .notify_url = str_of(config->notify_url),
                      .notify_policy = policies_for_kind(&config->policies, STR("system"))},
            .policies = &config->policies,
            .drops_answers = !config->keeps_answers,
            .tuning = config->delivery,
        },
        &server->delivery, why);
}

/* ---- who executes the runs instead of us ---- */

static void wire_gateway(struct server *server)
{
    const struct config *config = server->config;

    if (!config->upstream_url)
        return;
    server->follower = follower_new(&(struct follower_config){
        .loop = server->loop,
        .store = server->store,
        .upstream = &config->upstream,
        .state = &server->upstream_state,
        .tls = server->tls_client,
        .node = server->agent.node_id,
        .policy = policies_for_kind(&config->policies, STR("run")),
        .error_is_text = server->agent.compat_js,
    });
    server->gateway = (struct gateway){
        .upstream = &config->upstream,
        .state = &server->upstream_state,
        .follower = server->follower,
        .tls = server->tls_client,
    };
}

/* ---- what comes in ---- */

static void wire_one_net(struct server *server, struct net *net)
{
    net->server = server;
    net->loop = world_loop_new(server->world, "net");
    net->api = api_new(&server->api, net->loop);
    net->http = http_server_new(&(struct http_server_config){
        .loop = net->loop,
        .socket = server->socket,
        .limits = server->config->http_limits,
        .handler = api_handler(net->api),
        .tls = server->tls_server,
    });
    loop_start(net->loop);
}

/* The public halves of the configured signing secrets. */
static void find_public_keys(struct server *server)
{
    const struct config *config = server->config;
    struct str *list = ARENA_ARRAY(&server->arena, struct str, config->secret_count + 1);
    size_t count = 0;

    for (size_t i = 0; i < config->secret_count; i++) {
        struct webhook_key key;
        const char *why;
        struct buf out;

        if (webhook_key_init(&key, config->signing_secrets[i], &why))
            continue; /* configuration has checked it */
        buf_init(&out, KIB);
        if (key.is_ed25519) {
            webhook_key_write_public(&out, &key);
            list[count++] = arena_str(&server->arena, buf_str(&out));
        }
        buf_release(&out);
        webhook_key_release(&key);
    }
    server->public_keys = list;
    server->public_key_count = count;
}

void wire_inspector(struct api_setup *setup, const struct config *config)
{
    setup->inspector = (struct inspector_limits){
        .inspectors_max = config->inspector.inspectors_max,
        .requests_max = config->inspector.requests_max,
        .bytes_max = (int64_t)config->inspector.bytes_max,
    };
    setup->inspector_body_bytes_max = config->inspector.body_bytes_max;
    setup->inspector_per_s = config->inspector.requests_per_s;
}

enum err wire_net(struct server *server, const char **why)
{
    const struct config *config = server->config;
    enum err err = OK;

    if (config->tls_cert)
        err = tls_server_new(config->tls_cert, config->tls_key, &server->tls_server, why);
    if (err)
        return err;
    find_public_keys(server);
    wire_gateway(server);
    server->ingest.bytes_max = config->ingest_bytes_max;
    server->api = (struct api_setup){
        .gateway = config->upstream_url ? &server->gateway : NULL,
        .store = server->store,
        .blobs = server->blobs,
        .keyring = server->keyring,
        .ingest = &server->ingest,
        .dispatch = server->dispatch,
        .hub = server->hub,
        .agent = &server->agent,
        .webhook_rules = &config->webhooks.rules,
        .egress = &server->egress,
        .public_keys = server->public_keys,
        .public_key_count = server->public_key_count,
        .delivery = server->delivery,
        .policies = &config->policies,
        .mount_prefix = config->mount_prefix,
        .disabled_groups = config->disabled_groups,
        .copied_headers = config->copied_headers,
        .cors = &config->cors,
        .compat_js = config->compat && strcmp(config->compat, "js") == 0,
        .dev = config->dev,
        .log_requests = config->log_requests,
        .studio_auth = config->studio_auth && config->dev,
        .heartbeat_ms = config->heartbeat_ms,
        .body_bytes_max = config->http_limits.body_bytes_max,
        .self_url = server->self_url,
        .public_url = server->public_url,
        .signing_secrets = config->signing_secrets,
        .secret_count = config->secret_count,
        .keys = key_ring_get,
        .keys_context = server->keys,
        .refresh_keys = key_ring_refresh,
        .loopback = &server->loopback,
        .peers = server->peers,
    };
    wire_inspector(&server->api, config);
    server->net_count = config->net_threads < NET_MAX ? config->net_threads : NET_MAX;
    for (unsigned i = 0; i < server->net_count; i++)
        wire_one_net(server, &server->nets[i]);
    return OK;
}
