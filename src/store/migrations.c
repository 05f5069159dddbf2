/* The schema's steps. Never change one that has been released: add another. */
#include "store/migrations.h"

#include "store/migrations_priv.h"

/* Times are microseconds since 1970 UTC; 0 or NULL: never. JSON columns are TEXT as the client sent
 * it. */
static const char step_1[] =
    "CREATE TABLE api_keys ("
    "  tenant TEXT NOT NULL, key_id TEXT NOT NULL, name TEXT NOT NULL, key_hash TEXT NOT NULL,"
    "  created_us BIGINT NOT NULL, revoked_us BIGINT,"
    "  PRIMARY KEY (tenant, key_id));"
    "CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (key_hash);"

    "CREATE TABLE idempotency ("
    "  tenant TEXT NOT NULL, idempotency_key TEXT NOT NULL, request_hash TEXT NOT NULL,"
    "  status INTEGER NOT NULL, headers TEXT NOT NULL, body BYTEA NOT NULL, created_us BIGINT NOT "
    "NULL,"
    "  PRIMARY KEY (tenant, idempotency_key));"
    "CREATE INDEX idempotency_by_age ON idempotency (created_us);"

    "CREATE TABLE assistants ("
    "  tenant TEXT NOT NULL, assistant_id TEXT NOT NULL, graph_id TEXT NOT NULL, name TEXT NOT "
    "NULL,"
    "  description TEXT, config TEXT NOT NULL, context TEXT NOT NULL, metadata TEXT NOT NULL,"
    "  version BIGINT NOT NULL, created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, assistant_id));"
    "CREATE INDEX assistants_by_created ON assistants (tenant, created_us);"
    "CREATE INDEX assistants_by_graph ON assistants (tenant, graph_id);"
    "CREATE TABLE assistant_versions ("
    "  tenant TEXT NOT NULL, assistant_id TEXT NOT NULL, version BIGINT NOT NULL, graph_id TEXT "
    "NOT NULL,"
    "  name TEXT NOT NULL, description TEXT, config TEXT NOT NULL, context TEXT NOT NULL,"
    "  metadata TEXT NOT NULL, created_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, assistant_id, version));"

    "CREATE TABLE threads ("
    "  tenant TEXT NOT NULL, thread_id TEXT NOT NULL, status TEXT NOT NULL, metadata TEXT NOT NULL,"
    "  config TEXT NOT NULL, graph_id TEXT, head_values TEXT, interrupts TEXT NOT NULL, error TEXT,"
    "  head_state TEXT, temporary INTEGER NOT NULL, created_us BIGINT NOT NULL,"
    "  updated_us BIGINT NOT NULL, state_updated_us BIGINT,"
    "  PRIMARY KEY (tenant, thread_id));"
    /* Workers name a thread by its id alone, so no two tenants may have the same. */
    "CREATE UNIQUE INDEX threads_by_id ON threads (thread_id);"
    "CREATE INDEX threads_by_created ON threads (tenant, created_us);"
    "CREATE INDEX threads_by_updated ON threads (tenant, updated_us);"
    "CREATE INDEX threads_by_status ON threads (tenant, status, updated_us);"

    "CREATE TABLE runs ("
    "  tenant TEXT NOT NULL, run_id TEXT NOT NULL, thread_id TEXT NOT NULL, assistant_id TEXT NOT "
    "NULL,"
    "  graph_id TEXT NOT NULL, status TEXT NOT NULL, metadata TEXT NOT NULL, kwargs TEXT NOT NULL,"
    "  multitask_strategy TEXT NOT NULL, webhook TEXT, temporary INTEGER NOT NULL,"
    "  resumable INTEGER NOT NULL, created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL,"
    "  due_us BIGINT NOT NULL, position BIGINT NOT NULL, started_us BIGINT, ended_us BIGINT,"
    "  attempt BIGINT NOT NULL, lease_node TEXT, lease_until_us BIGINT, cancel_action TEXT,"
    "  deadline_us BIGINT, events_reserved BIGINT NOT NULL, error TEXT, result TEXT,"
    "  PRIMARY KEY (tenant, run_id));"
    "CREATE INDEX runs_by_thread ON runs (tenant, thread_id, position);"
    "CREATE INDEX runs_pending ON runs (due_us, position) WHERE status = 'pending';"
    "CREATE INDEX runs_running ON runs (lease_until_us) WHERE status = 'running';"
    "CREATE INDEX runs_live ON runs (tenant, thread_id, position) WHERE status IN ('pending', "
    "'running');"
    "CREATE INDEX runs_ended ON runs (ended_us) WHERE ended_us IS NOT NULL;"

    "CREATE TABLE run_events ("
    "  tenant TEXT NOT NULL, run_id TEXT NOT NULL, event_id BIGINT NOT NULL, event TEXT NOT NULL,"
    "  data TEXT NOT NULL, PRIMARY KEY (tenant, run_id, event_id));"

    "CREATE TABLE checkpoints ("
    "  tenant TEXT NOT NULL, thread_id TEXT NOT NULL, ns TEXT NOT NULL, checkpoint_id TEXT NOT "
    "NULL,"
    "  parent_id TEXT, run_id TEXT, serde TEXT NOT NULL, body BYTEA NOT NULL, metadata TEXT NOT "
    "NULL,"
    "  created_us BIGINT NOT NULL, PRIMARY KEY (tenant, thread_id, ns, checkpoint_id));"
    "CREATE INDEX checkpoints_by_run ON checkpoints (tenant, run_id) WHERE run_id IS NOT NULL;"
    "CREATE TABLE checkpoint_writes ("
    "  tenant TEXT NOT NULL, thread_id TEXT NOT NULL, ns TEXT NOT NULL, checkpoint_id TEXT NOT "
    "NULL,"
    "  task_id TEXT NOT NULL, idx BIGINT NOT NULL, task_path TEXT NOT NULL, channel TEXT NOT NULL,"
    "  serde TEXT NOT NULL, body BYTEA NOT NULL,"
    "  PRIMARY KEY (tenant, thread_id, ns, checkpoint_id, task_id, idx));"

    "CREATE TABLE items ("
    "  tenant TEXT NOT NULL, namespace TEXT NOT NULL, item_key TEXT NOT NULL, value TEXT NOT NULL,"
    "  created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, expires_us BIGINT,"
    "  PRIMARY KEY (tenant, namespace, item_key));"
    "CREATE INDEX items_by_expiry ON items (expires_us) WHERE expires_us IS NOT NULL;"

    /* The outbox. A body is stored once; several deliveries of one event share it. */
    "CREATE TABLE bodies ("
    "  tenant TEXT NOT NULL, body_id TEXT NOT NULL, content_type TEXT NOT NULL, bytes BYTEA NOT "
    "NULL,"
    "  created_us BIGINT NOT NULL, PRIMARY KEY (tenant, body_id));"
    "CREATE TABLE endpoints ("
    "  tenant TEXT NOT NULL, endpoint_id TEXT NOT NULL, kind TEXT NOT NULL, url TEXT NOT NULL,"
    "  origin TEXT NOT NULL, state TEXT NOT NULL, state_reason TEXT, created_us BIGINT NOT NULL,"
    "  updated_us BIGINT NOT NULL, PRIMARY KEY (tenant, endpoint_id));"
    /* origin is its endpoint's: what is claimed is claimed by origin, first tries and retries
       apart. */
    "CREATE TABLE deliveries ("
    "\n@sqlite delivery_id INTEGER PRIMARY KEY,"
    "\n@postgres delivery_id BIGINT PRIMARY KEY,\n"
    "  tenant TEXT NOT NULL, endpoint_id TEXT NOT NULL,"
    "  origin TEXT NOT NULL, webhook_id TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT "
    "NULL, body_id TEXT NOT NULL,"
    "  policy TEXT NOT NULL, state TEXT NOT NULL, state_reason TEXT, attempts BIGINT NOT NULL,"
    "  next_us BIGINT, lease_node TEXT, lease_until_us BIGINT, attempt_id BIGINT,"
    "  created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, ended_us BIGINT, expires_us BIGINT,"
    "  resend_of BIGINT);"
    "CREATE INDEX deliveries_fresh ON deliveries (origin, next_us, delivery_id)"
    "  WHERE state = 'due' AND attempts = 0;"
    "CREATE INDEX deliveries_retry ON deliveries (origin, next_us, delivery_id)"
    "  WHERE state = 'due' AND attempts > 0;"
    "CREATE INDEX deliveries_sending ON deliveries (lease_until_us) WHERE state = 'sending';"
    "CREATE INDEX deliveries_by_object ON deliveries (tenant, object_id, delivery_id);"
    "CREATE INDEX deliveries_by_endpoint ON deliveries (tenant, endpoint_id, delivery_id);"
    "CREATE INDEX deliveries_by_tenant ON deliveries (tenant, delivery_id);"
    "CREATE INDEX deliveries_by_body ON deliveries (tenant, body_id);"
    "CREATE INDEX deliveries_ended ON deliveries (ended_us) WHERE ended_us IS NOT NULL;"
    "CREATE TABLE attempts ("
    "\n@sqlite attempt_id INTEGER PRIMARY KEY,"
    "\n@postgres attempt_id BIGINT PRIMARY KEY,\n"
    "  tenant TEXT NOT NULL, delivery_id BIGINT NOT NULL,"
    "  number BIGINT NOT NULL, started_us BIGINT NOT NULL, ended_us BIGINT, result TEXT,"
    "  status INTEGER, detail TEXT, address TEXT, dns_us BIGINT, connect_us BIGINT, tls_us BIGINT,"
    "  first_byte_us BIGINT, total_us BIGINT, response_excerpt BYTEA);"
    "CREATE INDEX attempts_by_delivery ON attempts (tenant, delivery_id, number);"
    "CREATE INDEX attempts_by_age ON attempts (started_us);"

    /* Counters that must rise across restarts: run positions, delivery and attempt ids. */
    "CREATE TABLE sequences (name TEXT NOT NULL PRIMARY KEY, next_value BIGINT NOT NULL);";

/* Deleting an assistant takes its runs along. */
static const char step_2[] = "CREATE INDEX runs_by_assistant ON runs (tenant, assistant_id);";

/* checkpoints_by_age: retention walks it. A write has the position of the run that wrote it (0: an
 * update; less: copied from another thread), so that a rollback takes back what its run overwrote.
 */
static const char step_3[] =
    "CREATE INDEX checkpoints_by_age ON checkpoints (created_us);"
    "ALTER TABLE checkpoint_writes RENAME TO checkpoint_writes_1;"
    "CREATE TABLE checkpoint_writes ("
    "  tenant TEXT NOT NULL, thread_id TEXT NOT NULL, ns TEXT NOT NULL, checkpoint_id TEXT NOT "
    "NULL,"
    "  task_id TEXT NOT NULL, idx BIGINT NOT NULL, run_position BIGINT NOT NULL,"
    "  task_path TEXT NOT NULL, channel TEXT NOT NULL, serde TEXT NOT NULL, body BYTEA NOT NULL,"
    "  PRIMARY KEY (tenant, thread_id, ns, checkpoint_id, task_id, idx, run_position));"
    "INSERT INTO checkpoint_writes (tenant, thread_id, ns, checkpoint_id, task_id, idx,"
    " run_position, task_path, channel, serde, body) SELECT tenant, thread_id, ns, checkpoint_id,"
    " task_id, idx, 0, task_path, channel, serde, body FROM checkpoint_writes_1;"
    "DROP TABLE checkpoint_writes_1;";

/* What an endpoint is told and remembers; the order of its deliveries. What must outlive a restart
 * (a rest asked for, the clock of failing, the token bucket) stands in its row. */
static const char step_4[] =
    "ALTER TABLE endpoints ADD COLUMN name TEXT;"
    "ALTER TABLE endpoints ADD COLUMN policy TEXT;"                 /* NULL: as the event says */
    "ALTER TABLE endpoints ADD COLUMN rate_limit DOUBLE PRECISION;" /* a second; NULL: none */
    "ALTER TABLE endpoints ADD COLUMN rate_burst BIGINT;"
    "ALTER TABLE endpoints ADD COLUMN in_flight_max BIGINT;"                  /* NULL: none */
    "ALTER TABLE endpoints ADD COLUMN ordering TEXT NOT NULL DEFAULT 'none';" /* none, fifo */
    "ALTER TABLE endpoints ADD COLUMN expires_after_s BIGINT;"                /* NULL: never */
    "ALTER TABLE endpoints ADD COLUMN next_sequence BIGINT NOT NULL DEFAULT 1;"
    "ALTER TABLE endpoints ADD COLUMN state_since_us BIGINT;"
    "ALTER TABLE endpoints ADD COLUMN failing_since_us BIGINT;" /* NULL: its last try went well */
    "ALTER TABLE endpoints ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;" /* in a row */
    "ALTER TABLE endpoints ADD COLUMN told_us BIGINT;" /* its disabling was told; NULL: nothing was
                                                        */
    "ALTER TABLE endpoints ADD COLUMN rest_until_us BIGINT;" /* nothing is sent before */
    "ALTER TABLE endpoints ADD COLUMN rate_next_us BIGINT;"  /* the token bucket: store/endpoints.h
                                                              */
    "ALTER TABLE endpoints ADD COLUMN moving TEXT;" /* hold, release: its rows follow its state */
    "ALTER TABLE deliveries ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE deliveries ADD COLUMN ordering_key TEXT;"
    "ALTER TABLE deliveries ADD COLUMN class TEXT NOT NULL DEFAULT 'live';"
    "UPDATE deliveries SET sequence = n.sequence FROM (SELECT delivery_id AS id, ROW_NUMBER() OVER"
    " (PARTITION BY tenant, endpoint_id ORDER BY delivery_id) AS sequence FROM deliveries) n"
    " WHERE n.id = deliveries.delivery_id;"
    "UPDATE endpoints SET next_sequence = 1 + (SELECT COUNT(*) FROM deliveries d"
    " WHERE d.tenant = endpoints.tenant AND d.endpoint_id = endpoints.endpoint_id);"
    "CREATE UNIQUE INDEX deliveries_by_sequence ON deliveries (tenant, endpoint_id, sequence);";

/* Secrets of endpoints (secrets.h). secret_no rises with each value that is put. */
static const char step_5[] =
    "ALTER TABLE endpoints ADD COLUMN secrets_version BIGINT NOT NULL DEFAULT 0;"
    "CREATE TABLE secrets ("
    "  tenant TEXT NOT NULL, endpoint_id TEXT NOT NULL, kind TEXT NOT NULL, secret_id TEXT NOT "
    "NULL,"
    "  name TEXT NOT NULL, about TEXT, seal_key_id BIGINT NOT NULL, sealed BYTEA NOT NULL,"
    "  secret_no BIGINT NOT NULL, created_us BIGINT NOT NULL, expires_us BIGINT,"
    "  PRIMARY KEY (tenant, endpoint_id, kind, secret_id));"
    "CREATE INDEX secrets_by_key ON secrets (seal_key_id, secret_no);"
    "CREATE INDEX secrets_by_endpoint ON secrets (endpoint_id, kind);"
    "CREATE INDEX secrets_by_expiry ON secrets (expires_us) WHERE expires_us IS NOT NULL;";

/* The log of deliveries: searched by what became of them, followed in the order of commits. */
static const char step_6[] =
    "ALTER TABLE deliveries ADD COLUMN last_result TEXT;"
    "ALTER TABLE deliveries ADD COLUMN last_status BIGINT;"
    "ALTER TABLE deliveries ADD COLUMN cancelled_us BIGINT;"
    "CREATE INDEX deliveries_by_webhook ON deliveries (tenant, webhook_id, delivery_id);"
    "CREATE INDEX deliveries_by_failure ON deliveries (tenant, last_result, delivery_id)"
    "  WHERE last_result <> 'delivered';"
    "CREATE INDEX deliveries_open ON deliveries (tenant, delivery_id)"
    "  WHERE state IN ('due', 'sending');"
    "CREATE INDEX deliveries_held ON deliveries (tenant, delivery_id) WHERE state = 'held';"
    "CREATE INDEX deliveries_dead ON deliveries (tenant, delivery_id) WHERE state = 'dead';"
    "CREATE INDEX deliveries_cancelled ON deliveries (delivery_id)"
    "  WHERE cancelled_us IS NOT NULL AND state = 'sending';"
    "CREATE TABLE delivery_feed ("
    "\n@sqlite position INTEGER PRIMARY KEY,"
    "\n@postgres position BIGINT PRIMARY KEY,\n"
    "  delivery_id BIGINT NOT NULL, attempt_id BIGINT, state TEXT NOT NULL, at_us BIGINT NOT "
    "NULL);";

/* Threads that live for a time only. */
static const char step_7[] =
    "ALTER TABLE threads ADD COLUMN ttl_us BIGINT;"
    "ALTER TABLE threads ADD COLUMN ttl_strategy TEXT;"
    "ALTER TABLE threads ADD COLUMN expires_us BIGINT;"
    "CREATE INDEX threads_by_expiry ON threads (expires_us) WHERE expires_us IS NOT NULL;";

/* Inspectors. body_bytes stands before the body, so that sizes are summed without reading bodies.
 */
static const char step_8[] =
    "CREATE TABLE inspectors ("
    "  tenant TEXT NOT NULL, inspector_id TEXT NOT NULL, slug TEXT NOT NULL, name TEXT NOT NULL,"
    "  answer TEXT NOT NULL, received BIGINT NOT NULL, answered BIGINT NOT NULL,"
    "  created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, used_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, inspector_id));"
    "CREATE UNIQUE INDEX inspectors_by_slug ON inspectors (slug);"
    "CREATE INDEX inspectors_by_use ON inspectors (used_us);"
    "CREATE TABLE inspector_requests ("
    "  tenant TEXT NOT NULL, inspector_id TEXT NOT NULL, request_id BIGINT NOT NULL,"
    "  received_us BIGINT NOT NULL, status BIGINT NOT NULL, body_bytes BIGINT NOT NULL,"
    "  head TEXT NOT NULL, body BYTEA NOT NULL, PRIMARY KEY (tenant, inspector_id, request_id));"
    "CREATE INDEX inspector_requests_by_age ON inspector_requests (received_us);";

/* How long an item lives, so that reading it can begin its life anew. */
static const char step_9[] = "ALTER TABLE items ADD COLUMN ttl_us BIGINT;";

/* Runs that are made again and again. */
static const char step_10[] =
    "CREATE TABLE crons ("
    "  tenant TEXT NOT NULL, cron_id TEXT NOT NULL, assistant_id TEXT NOT NULL, thread_id TEXT,"
    "  schedule TEXT NOT NULL, timezone TEXT, end_us BIGINT, keep INTEGER NOT NULL,"
    "  enabled INTEGER NOT NULL, payload TEXT NOT NULL, metadata TEXT NOT NULL, user_id TEXT,"
    "  created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, next_us BIGINT,"
    "  PRIMARY KEY (tenant, cron_id));"
    "CREATE INDEX crons_due ON crons (next_us, cron_id) WHERE next_us IS NOT NULL;"
    "CREATE INDEX crons_by_created ON crons (tenant, created_us);"
    "CREATE INDEX crons_by_thread ON crons (tenant, thread_id) WHERE thread_id IS NOT NULL;";

/* Lines: what is claimed is claimed endpoint by endpoint, so that each gets its turn, a rest puts
 * off all of an endpoint at once, and its limits hold on every node. A lane is an origin's part of
 * one tenant. An active endpoint with something due has a place in its lane's line: fresh_us,
 * retry_us, replay_us say when it is to be looked at (store/outbox_priv.h). */
static const char step_11[] =
    "ALTER TABLE endpoints ADD COLUMN lane TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE endpoints ADD COLUMN fresh_us BIGINT;"
    "ALTER TABLE endpoints ADD COLUMN retry_us BIGINT;"
    "ALTER TABLE endpoints ADD COLUMN replay_us BIGINT;"
    "UPDATE endpoints SET lane = origin || ' ' || tenant;"
    "DROP INDEX deliveries_fresh;"
    "DROP INDEX deliveries_retry;"
    "DROP INDEX deliveries_sending;"
    "CREATE INDEX deliveries_fresh ON deliveries (tenant, endpoint_id, next_us, delivery_id)"
    "  WHERE state = 'due' AND attempts = 0 AND class <> 'replay';"
    "CREATE INDEX deliveries_retry ON deliveries (tenant, endpoint_id, next_us, delivery_id)"
    "  WHERE state = 'due' AND attempts > 0 AND class <> 'replay';"
    "CREATE INDEX deliveries_replay ON deliveries (tenant, endpoint_id, next_us, delivery_id)"
    "  WHERE state = 'due' AND class = 'replay';"
    "CREATE INDEX deliveries_sending ON deliveries (tenant, endpoint_id, lease_until_us)"
    "  WHERE state = 'sending';"
    "CREATE INDEX deliveries_following ON deliveries (tenant, endpoint_id, sequence)"
    "  WHERE state = 'held' AND state_reason <> 'order';"
    "CREATE INDEX deliveries_ordered ON deliveries (tenant, endpoint_id, ordering_key, sequence)"
    "  WHERE ordering_key IS NOT NULL AND ended_us IS NULL;"
    "CREATE INDEX deliveries_expiring ON deliveries (expires_us)"
    "  WHERE expires_us IS NOT NULL AND ended_us IS NULL;"
    "UPDATE endpoints SET fresh_us = (SELECT MIN(next_us) FROM deliveries d WHERE"
    "  d.tenant = endpoints.tenant AND d.endpoint_id = endpoints.endpoint_id AND d.state = 'due'"
    "  AND d.attempts = 0), retry_us = (SELECT MIN(next_us) FROM deliveries d WHERE"
    "  d.tenant = endpoints.tenant AND d.endpoint_id = endpoints.endpoint_id AND d.state = 'due'"
    "  AND d.attempts > 0);"
    "CREATE INDEX endpoints_fresh ON endpoints (lane, fresh_us, endpoint_id)"
    "  WHERE fresh_us IS NOT NULL;"
    "CREATE INDEX endpoints_retry ON endpoints (lane, retry_us, endpoint_id)"
    "  WHERE retry_us IS NOT NULL;"
    "CREATE INDEX endpoints_replay ON endpoints (lane, replay_us, endpoint_id)"
    "  WHERE replay_us IS NOT NULL;"
    "CREATE INDEX endpoints_moving ON endpoints (tenant, endpoint_id) WHERE moving IS NOT NULL;";

const struct migration migrations[] = {
    {"keys, assistants, threads, runs, items, deliveries", step_1},
    {"runs are found by their assistant", step_2},
    {"checkpoints are found by their age, and say which run wrote them", step_3},
    {"endpoints of deliveries, and the order of their deliveries", step_4},
    {"secrets of endpoints", step_5},
    {"the log of deliveries is searched, and followed", step_6},
    {"threads that live for a time only", step_7},
    {"inspectors", step_8},
    {"items that live anew when they are read", step_9},
    {"crons", step_10},
    {"each endpoint has its turn in a line", step_11},
    {"traces", migration_12},
    {"trees of files, and the agents of Fleet", migration_13},
    {"the feed of deliveries takes one row of many changes", migration_14},
    {"roles of keys, and workspaces", migration_15},
    {"feedback", migration_16},
    {"runs know the trace of their request", migration_17},
    {"endpoints whose secrets cannot be opened are found", migration_18},
    {"alerts", migration_19},
    {"owners of keys, and webhooks of Fleet", migration_20},
    {"crons know for whom they make runs", migration_21},
    {"rules", migration_22},
    {"limits of keys and workspaces", migration_23},
    {"jobs that send deliveries once more", migration_24},
    {"datasets, examples, annotation queues", migration_25},
    {"prices of tokens", migration_26},
    {"items are found by meaning", migration_27},
    {"retries and replays have their share of a limited endpoint", migration_28},
    {"what rules do besides webhooks", migration_29},
    {"spans that are shared by a link", migration_30},
    {"the latest time that was seen", migration_31},
    {"threads are searched in the order that is asked for", migration_32},
    {"erasures", migration_33},
    {"spans have a second name", step_aliases},
    {"traces that are to be deleted", migration_34},
    {"webhooks of runs at an upstream", step_intents},
    {"alerts know from where on they count", step_alert_starts},
    {"how large the log of deliveries is", step_log_sizes},
    {"spans are found by their id first", step_span_keys},
    {"attachments of examples, comparisons of experiments", step_examples},
    {"skills of a workspace", step_skills},
    {"attempts stand in the log when they have ended", step_attempts_at_end},
    {"traces that were deleted lately", step_deleted_traces},
    {"erasures go on where they were", step_erasure_stages},
    {"what limited workspaces hold", step_holdings},
    {"threads are found by when their state changed", step_thread_orders},
    {"how many threads there are", step_thread_totals},
    {"the log of rules names threads", step_rule_log_threads},
    {"runs know what they asked when they stopped", step_run_stops},
    {"searches of spans look at less", step_span_marks},
    {"alerts that are renamed count on", step_alert_beginnings},
    {"what is to be sent stands in a table of its own", step_delivery_queue},
    {"deliveries that have ended touch fewer indexes", step_delivery_marks},
    {"what is being sent stands in a table of its own", step_delivery_sending},
    {"bodies are found by the number of their delivery", step_numbered_bodies},
    {"endpoints stand in line in the order in which they were made", step_endpoint_lines},
    {"runs are found by their id from the first one on", step_run_ids},
    {"what became of a lost commit is told by a mark", step_commit_marks},
};
const size_t migration_count = ARRAY_LEN(migrations);
