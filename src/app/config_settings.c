/* The table of settings: what may stand under "runbell", with its limits and what it is for.
 *
 * `runbell config print` shows what is in force. To add one: a row here, a field in config.h, its
 * default in config.c. */
#include "app/config_priv.h"

#define DAY_MAX 36500
#define BYTES_MAX (4.0 * 1024 * 1024 * 1024)
#define AT(member) offsetof(struct config, member)

const struct setting settings[] = {
    {"", "listen", SETTING_ADDRESS, AT(listen), 0, 0, NULL, "address and port to listen on"},
    {"", "data", SETTING_PATH, AT(data_dir), 0, 0, NULL, "folder of everything the server keeps"},
    {"", "store", SETTING_STORE, AT(store_url), 0, 0, NULL,
     "postgres://… instead of the SQLite file in the data folder"},
    {"", "dev", SETTING_FLAG, AT(dev), 0, 0, NULL,
     "webhooks to loopback and private addresses; graphs that do not load are left out"},
    {"", "log_level", SETTING_LEVEL, AT(log_level), 0, 0, NULL, "debug, info, warn or error"},
    {"", "python", SETTING_PROGRAM, AT(python), 0, 0, NULL,
     "program for Python graphs; default: .venv/bin/python of the project, else python3"},
    {"", "node", SETTING_PROGRAM, AT(node), 0, 0, NULL, "program for JavaScript graphs"},
    {"", "run_timeout_s", SETTING_SECONDS, AT(run_timeout_ms), 1, 31536000, "BG_JOB_TIMEOUT_SECS",
     "how long a run may take"},
    {"", "cancel_grace_s", SETTING_SECONDS, AT(cancel_grace_ms), 0.1, 3600, NULL,
     "how long a cancelled run may take to stop before its worker is killed"},
    {"", "lease_s", SETTING_SECONDS, AT(lease_ms), 5, 3600, NULL,
     "how long a run stays with a server that gives no sign of life"},
    {"", "heartbeat_s", SETTING_SECONDS, AT(heartbeat_ms), 0.1, 300, NULL,
     "pause between the heartbeats of a silent stream"},
    {"", "attempts_max", SETTING_COUNT, AT(attempts_max), 1, 100, NULL,
     "attempts of one run when workers or servers die"},
    {"", "runs_max", SETTING_COUNT, AT(runs_max), 1, 100000, NULL,
     "runs that this server executes at the same time"},
    {"", "readers", SETTING_COUNT, AT(readers), 1, 64, NULL, "database connections for reading"},
    {"", "net_threads", SETTING_COUNT, AT(net_threads), 1, 16, NULL, "threads that serve clients"},
    {"", "ca_file", SETTING_PATH, AT(ca_file), 0, 0, NULL,
     "trusted certificates for webhooks; default: the system's"},
    {"", "secret_key_file", SETTING_PATH, AT(secret_key_file), 0, 0, NULL,
     "keys that seal secrets in the store; default: secret.key in the data folder"},
    {"", "signing_secret", SETTING_SECRETS, AT(signing_secrets), 0, 0, NULL,
     "whsec_… or whsk_…; several while they change, the newest first"},
    {"tls", "cert", SETTING_PATH, AT(tls_cert), 0, 0, NULL, "PEM file; with tls.key: HTTPS"},
    {"tls", "key", SETTING_PATH, AT(tls_key), 0, 0, NULL, "PEM file"},
    {"egress", "allow", SETTING_EGRESS, AT(egress_allow), 0, 0, NULL,
     "hosts, *.suffixes, addresses and networks that webhooks may reach besides public ones"},
    {"workers", "python", SETTING_COUNT, AT(python_workers), 1, 256, NULL,
     "worker processes for Python graphs"},
    {"workers", "js", SETTING_COUNT, AT(js_workers), 1, 256, NULL,
     "worker processes for JavaScript graphs"},
    {"workers", "runs", SETTING_COUNT, AT(runs_per_worker), 1, 10000, "N_JOBS_PER_WORKER",
     "runs in one worker process at the same time"},
    {"workers", "load_timeout_s", SETTING_SECONDS, AT(load_timeout_ms), 1, 3600, NULL,
     "how long a worker may take to load its graphs"},
    {"workers", "stop_grace_s", SETTING_SECONDS, AT(stop_grace_ms), 0, 3600, NULL,
     "how long a worker may take to end before it is killed"},
    {"http", "header_bytes_max", SETTING_BYTES, AT(http_limits.header_bytes_max), 1024, 1048576,
     NULL, "of a request's line and headers"},
    {"http", "body_bytes_max", SETTING_BYTES, AT(http_limits.body_bytes_max), 1024, BYTES_MAX, NULL,
     "of a request's body"},
    {"http", "connections_max", SETTING_COUNT, AT(http_limits.connections_max), 1, 1000000, NULL,
     "open connections of one net thread"},
    {"http", "header_timeout_s", SETTING_SECONDS, AT(http_limits.header_timeout_ms), 0.1, 3600,
     NULL, "for a request's head"},
    {"http", "body_timeout_s", SETTING_SECONDS, AT(http_limits.body_timeout_ms), 0.1, 3600, NULL,
     "between two pieces of a request's body"},
    {"http", "idle_timeout_s", SETTING_SECONDS, AT(http_limits.idle_timeout_ms), 0.1, 86400, NULL,
     "of a connection without a request"},
    {"http", "write_timeout_s", SETTING_SECONDS, AT(http_limits.write_timeout_ms), 0.1, 86400, NULL,
     "of a client that takes nothing"},
    {"retention", "idempotency_days", SETTING_DAYS, AT(retention.idempotency_us), 0, DAY_MAX, NULL,
     "answers kept under an Idempotency-Key; 0 keeps for ever, also below"},
    {"retention", "attempts_days", SETTING_DAYS, AT(retention.attempts_us), 0, DAY_MAX, NULL,
     "attempts of deliveries"},
    {"retention", "deliveries_days", SETTING_DAYS, AT(retention.deliveries_us), 0, DAY_MAX, NULL,
     "ended deliveries and their bodies"},
    {"retention", "run_events_days", SETTING_DAYS, AT(retention.run_events_us), 0, DAY_MAX, NULL,
     "events of ended runs"},
    {"retention", "temporary_runs_days", SETTING_DAYS, AT(retention.temporary_runs_us), 0, DAY_MAX,
     NULL, "runs without a thread of their own"},
    {"retention", "runs_days", SETTING_DAYS, AT(retention.runs_us), 0, DAY_MAX, NULL,
     "ended runs of threads that live on"},
    {"retention", "checkpoints_days", SETTING_DAYS, AT(retention.checkpoints_us), 0, DAY_MAX, NULL,
     "history of threads that live on, beyond the newest checkpoints"},
    {"retention", "checkpoints_keep", SETTING_COUNT, AT(retention.checkpoints_keep), 1, 1000000,
     NULL, "newest checkpoints of each namespace of a thread that stay whatever their age"},
    {"retention", "inspected_days", SETTING_DAYS, AT(retention.inspected_us), 0, DAY_MAX, NULL,
     "requests that came to inspectors"},
    {"retention", "inspectors_days", SETTING_DAYS, AT(retention.inspectors_us), 0, DAY_MAX, NULL,
     "inspectors to which nothing came"},
    {"inspector", "inspectors_max", SETTING_COUNT, AT(inspector.inspectors_max), 0, 1000, NULL,
     "inspectors of a tenant; 0: none can be made"},
    {"inspector", "requests_max", SETTING_COUNT, AT(inspector.requests_max), 1, 1000, NULL,
     "newest requests that an inspector keeps"},
    {"inspector", "bytes_max", SETTING_BYTES, AT(inspector.bytes_max), 1024, BYTES_MAX, NULL,
     "that an inspector keeps"},
    {"inspector", "body_bytes_max", SETTING_BYTES, AT(inspector.body_bytes_max), 1024, 67108864,
     NULL, "of a request to an inspector; beyond: 413"},
    {"delivery", "active_max", SETTING_BYTES, AT(delivery.active_max), 1, 1000000, NULL,
     "webhooks in memory at the same time"},
    {"delivery", "bytes_max", SETTING_BYTES, AT(delivery.bytes_max), 65536, BYTES_MAX, NULL,
     "of their bodies"},
    {"delivery", "survey_s", SETTING_SECONDS, AT(delivery.survey_ms), 0.01, 3600, NULL,
     "pause between two looks at the whole outbox"},
    {"delivery", "lease_s", SETTING_SECONDS, AT(delivery.lease_ms), 30, 3600, NULL,
     "how long a webhook stays with a server that gives no sign of life"},
    {"delivery", "grace_s", SETTING_SECONDS, AT(delivery.grace_ms), 0, 600, NULL,
     "for webhooks under way when the server stops"},
    {"delivery", "test_schedule_ms", SETTING_SCHEDULE, AT(delivery.policy), 0, 86400000, NULL,
     "for tests only: the pauses between the attempts of every webhook"},
};

const size_t setting_count = ARRAY_LEN(settings);

struct str setting_name(const struct setting *setting, struct arena *arena)
{
    return arena_printf(arena, "%s%s%s", setting->section, setting->section[0] ? "." : "",
                        setting->key);
}

bool setting_is_secret(const struct setting *setting)
{
    return setting->type == SETTING_SECRETS || setting->type == SETTING_STORE;
}
