/* config.h -- what the server is told at start: langgraph.json, the environment, the flags, in this
 * order; later wins. Read once, then immutable. Any error is one sentence that names the file (or
 * the variable, or the flag), the key and the mend.
 *
 * Our own keys stand under "runbell"; their table is in config_settings.c, and each is also an
 * environment variable: runbell.egress.allow is RUNBELL_EGRESS_ALLOW. An unknown key of ours is an
 * error, one elsewhere a warning. Relative paths in the file are meant from the file's folder. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "agent/agent_config.h"
#include "api/surface.h"
#include "base/log.h"
#include "blob/s3.h"
#include "delivery/sender.h"
#include "delivery/webhook_config.h"
#include "gateway/upstream.h"
#include "http/cors.h"
#include "http/server.h"
#include "store/retention.h"

#define CONFIG_FILE "langgraph.json"
#define CONFIG_DATA_DIR ".runbell"

struct disk;

/* Of the addresses /in/… that keep what comes to them. */
/* Of each key; of each address where there are no keys. 0: no limit. */
struct limits_config {
    unsigned requests_per_s, burst, streams, runs_live, runs_per_day, threads;
    size_t storage_bytes;
};

struct inspector_config {
    unsigned inspectors_max, requests_max, requests_per_s;
    size_t bytes_max, body_bytes_max;
};

struct config {
    struct arena arena; /* everything below lives here */
    struct address listen;
    const char *data_dir;
    const char *store_url;       /* NULL: SQLite in data_dir */
    const char *secret_key_file; /* NULL: secret.key in data_dir */
    const char *sqlite_vfs;      /* NULL, but in the simulator */
    const char *project_dir;
    const char *file;     /* as an error names it; NULL: there is none */
    struct str file_text; /* langgraph.json as read; "{}" if there is none */
    bool dev;
    bool is_simulated;
    enum log_level log_level;
    enum log_format log_format;
    bool log_requests;
    struct graphs graphs; /* configured and built-in */
    struct plugins plugins;
    bool studio_auth; /* LangGraph Studio may call as itself, with --dev */
    int64_t auth_timeout_ms, app_timeout_ms;
    size_t app_body_bytes_max;
    bool app_is_guarded; /* http.enable_custom_route_auth */
    struct thread_life thread_life;
    struct item_life item_life;
    struct item_index item_index;
    struct webhook_config webhooks;
    struct egress_policy egress;
    const struct str *egress_allow; /* the entries as written */
    size_t egress_allow_count;
    const char *public_url;          /* NULL: not said */
    const char *proxy, *proxy_login; /* as written; NULL: none */
    struct http_proxy egress_proxy;  /* if there is one */
    const char *upstream_url;        /* NULL: runs are our own */
    struct upstream upstream;        /* if there is one */
    struct str mount_prefix;         /* "" or "/prefix" */
    unsigned disabled_groups;        /* of routes: bit 1 << group */
    struct api_copied_headers copied_headers;
    struct cors_rules cors;
    const char *compat;             /* "js" or NULL */
    const char *tls_cert, *tls_key; /* NULL: plain HTTP */
    const char *ca_file;            /* for webhooks; NULL: the system's */
    const char *python, *node;      /* programs */
    bool crons_skip_missed;
    bool tracing; /* runs of workers trace into our own store */
    int64_t alerts_tick_ms, rules_tick_ms;
    unsigned python_workers, js_workers, runs_per_worker, runs_max, attempts_max;
    unsigned readers, net_threads;
    int64_t run_timeout_ms, cancel_grace_ms, lease_ms, heartbeat_ms, load_timeout_ms, stop_grace_ms;
    int64_t workers_down_ms;
    struct http_limits http_limits;
    struct retention_limits retention;
    const struct str *signing_secrets;
    size_t secret_count;
    struct delivery_tuning delivery;
    struct inspector_config inspector;
    size_t ingest_bytes_max; /* of traces that are being taken in */
    struct limits_config limits;
    struct s3_settings blobs; /* bucket NULL: large values lie in a folder, or in their rows */
    struct policy_set policies;
    const char *notify_url;        /* of operational events; NULL: nobody is told */
    int64_t disable_after_us;      /* of an endpoint that fails; 0: never */
    unsigned rest_after;           /* failures in a row; 0: never */
    bool keeps_answers;            /* what receivers say, in the log */
    const char *const *worker_env; /* NULL-terminated "NAME=value": ours, with `env` of the file */
};

/* A setting given on the command line: {"tls.cert", "cert.pem"}. */
struct config_flag {
    const char *name;
    const char *value;
};

struct config_sources {
    struct disk *disk;
    const char *working_dir;        /* absolute: where relative paths of flags begin */
    const char *file;               /* NULL: CONFIG_FILE of the working folder, if there is one */
    const char *const *environment; /* "NAME=value", NULL-terminated; NULL: none */
    const struct config_flag *flags;
    size_t flag_count;
    bool settings_only; /* for tools that need only the store: no graphs, no webhooks */
};

/* The defaults, with the built-in graphs and nothing read: for simulations and tests. Not ready to
 * serve: data_dir and project_dir are ".". */
void config_init(struct config *config);
/* Borrows nothing after its return. config_release also after an error, when *why has been said: it
 * lives in config->arena. Warnings are logged. */
enum err config_load(const struct config_sources *sources, struct config *config,
                     struct str *why) MUST_USE;
void config_release(struct config *config);

/* The policy of a server of this configuration that listens at `bound`. */
struct egress_policy config_egress(const struct config *config, struct world *world,
                                   const struct address *bound, struct arena *arena);
/* Where operational events go is judged as it will be when one is sent: refused then, they would be
 * lost one by one, and nobody told. *why in the arena. */
enum err config_check_notify_url(const struct config *config, const struct egress_policy *egress,
                                 struct arena *arena, struct str *why) MUST_USE;
bool config_listens_publicly(const struct config *config);
/* The members of a worker's init message (docs/worker-protocol.md) for the graphs of one kind; in
 * the arena. */
struct str config_worker_init(const struct config *config, enum graph_kind kind,
                              struct str server_url, struct arena *arena);
/* All that is in force, as JSON of the form of langgraph.json; secrets as "***". */
void config_write(const struct config *config, struct buf *out);

#endif
