/* The schema's steps from the twelfth on: traces, Fleet, keys, rules and alerts. They only grow at
 * the end; migrations.c has the list. */
#include "store/migrations_priv.h"

/* Traces. run_type, status, posted and patched are the numbers of store/span.h; project_no 0: not
 * yet placed. Costs are picodollars. span_values: value_no is span_no * 2 + place,
 * and `pack` holds what stands there (store/span_values.h). Attachments are here or in the blob
 * store. */
const char migration_12[] =
    "CREATE TABLE projects ("
    "  tenant TEXT NOT NULL, project_id TEXT NOT NULL, project_no BIGINT NOT NULL,"
    "  name TEXT NOT NULL, description TEXT, extra TEXT, start_us BIGINT NOT NULL, end_us BIGINT,"
    "  reference_dataset_id TEXT, default_dataset_id TEXT, trace_tier TEXT, keep_us BIGINT,"
    "  created_us BIGINT NOT NULL, modified_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, project_id));"
    "CREATE UNIQUE INDEX projects_by_name ON projects (tenant, name);"
    "CREATE UNIQUE INDEX projects_by_no ON projects (project_no);"
    "CREATE TABLE spans ("
    "\n@sqlite span_no INTEGER PRIMARY KEY,"
    "\n@postgres span_no BIGINT PRIMARY KEY,\n"
    "  tenant TEXT NOT NULL, span_id BYTEA NOT NULL, trace_id BYTEA NOT NULL, parent_id BYTEA,"
    "  project_no BIGINT NOT NULL, dotted_order TEXT NOT NULL, depth BIGINT NOT NULL,"
    "  is_root INTEGER NOT NULL, name TEXT NOT NULL, run_type INTEGER NOT NULL,"
    "  status INTEGER NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT, first_token_us BIGINT,"
    "  tags TEXT, thread_id TEXT, example_id BYTEA, error_preview TEXT,"
    "  prompt_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL,"
    "  total_tokens BIGINT NOT NULL, prompt_cost BIGINT, completion_cost BIGINT,"
    "  total_cost BIGINT, usage TEXT, posted BIGINT NOT NULL, patched BIGINT NOT NULL,"
    "  change_seq BIGINT NOT NULL, received_us BIGINT NOT NULL, modified_us BIGINT NOT NULL);"
    "CREATE UNIQUE INDEX spans_by_id ON spans (tenant, span_id);"
    "CREATE INDEX spans_by_trace ON spans (tenant, trace_id);"
    "CREATE INDEX spans_by_start ON spans (project_no, start_us, span_no);"
    "CREATE INDEX spans_roots ON spans (project_no, start_us, span_no) WHERE is_root = 1;"
    "CREATE INDEX spans_errors ON spans (project_no, start_us, span_no) WHERE status = 2;"
    "CREATE INDEX spans_by_thread ON spans (project_no, thread_id, start_us)"
    "  WHERE thread_id IS NOT NULL AND is_root = 1;"
    "CREATE INDEX spans_by_change ON spans (project_no, change_seq);"
    /* Children whose parent has not come, so that it can take them in. */
    "CREATE INDEX spans_orphans ON spans (tenant, parent_id)"
    "  WHERE depth = 0 AND parent_id IS NOT NULL;"
    "CREATE TABLE span_values ("
    "\n@sqlite value_no INTEGER PRIMARY KEY,"
    "\n@postgres value_no BIGINT PRIMARY KEY,\n"
    "  pack BYTEA NOT NULL);"
    "CREATE TABLE span_attachments ("
    "  span_no BIGINT NOT NULL, name TEXT NOT NULL, mime_type TEXT, size BIGINT NOT NULL,"
    "  blob_key TEXT, bytes BYTEA, PRIMARY KEY (span_no, name));"
    /* Blobs that no row refers to: not yet, or no longer (store/blobs.h). */
    "CREATE TABLE unclaimed_blobs ("
    "  blob_key TEXT PRIMARY KEY, due_us BIGINT NOT NULL);"
    "CREATE INDEX unclaimed_blobs_due ON unclaimed_blobs (due_us);"
    /* Deleted projects whose spans are still there; they are deleted in pieces. */
    "CREATE TABLE gone_projects (project_no BIGINT PRIMARY KEY, deleted_us BIGINT NOT NULL);";

/* Trees of files with versions (trees.h), and the agents of Fleet, which are such trees. */
const char migration_13[] =
    "CREATE TABLE trees ("
    "  tenant TEXT NOT NULL, tree_id TEXT NOT NULL, version BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, tree_id));"
    "CREATE TABLE tree_versions ("
    "  tenant TEXT NOT NULL, tree_id TEXT NOT NULL, version BIGINT NOT NULL,"
    "  commit_hash TEXT NOT NULL, author_id TEXT NOT NULL, author_email TEXT, message TEXT,"
    "  created_us BIGINT NOT NULL, PRIMARY KEY (tenant, tree_id, version));"
    "CREATE TABLE tree_files ("
    "  tenant TEXT NOT NULL, tree_id TEXT NOT NULL, path TEXT NOT NULL, since BIGINT NOT NULL,"
    "  until BIGINT, hash TEXT NOT NULL, bytes BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, tree_id, path, since));"
    "CREATE TABLE tree_blobs ("
    "  tenant TEXT NOT NULL, hash TEXT NOT NULL, uses BIGINT NOT NULL, content BYTEA NOT NULL,"
    "  PRIMARY KEY (tenant, hash));"
    "CREATE TABLE fleet_agents ("
    "  tenant TEXT NOT NULL, agent_id TEXT NOT NULL, name TEXT NOT NULL,"
    "  description TEXT NOT NULL, owner_id TEXT NOT NULL, owner_email TEXT,"
    "  visibility TEXT NOT NULL, access TEXT NOT NULL, metadata TEXT NOT NULL,"
    "  created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, PRIMARY KEY (tenant, agent_id));"
    "CREATE INDEX fleet_agents_by_created ON fleet_agents (tenant, created_us, agent_id);"
    "CREATE INDEX fleet_agents_by_name ON fleet_agents (tenant, name);";

/* Changes of one transaction stand together in the feed. What is open is told by a column that most
 * moves leave alone. */
const char migration_14[] =
    "ALTER TABLE delivery_feed RENAME TO delivery_feed_1;"
    "CREATE TABLE delivery_feed ("
    "\n@sqlite position INTEGER PRIMARY KEY,"
    "\n@postgres position BIGINT PRIMARY KEY,\n"
    "  count BIGINT NOT NULL, changes TEXT NOT NULL, at_us BIGINT NOT NULL);"
    "INSERT INTO delivery_feed (position, count, changes, at_us) SELECT position, 1,"
    " '[[' || delivery_id || ',' || COALESCE(attempt_id, 0) || ',\"' || state || '\"]]', at_us"
    " FROM delivery_feed_1;"
    "DROP TABLE delivery_feed_1;"
    "DROP INDEX deliveries_open;"
    "CREATE INDEX deliveries_open ON deliveries (tenant, delivery_id) WHERE ended_us IS NULL;";

/* Roles of keys, and the workspaces (tenants) that they open. What stood before was for everything
 * in its one tenant. */
const char migration_15[] =
    "ALTER TABLE api_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';"
    "ALTER TABLE api_keys ADD COLUMN expires_us BIGINT;"
    "ALTER TABLE api_keys ADD COLUMN used_us BIGINT;"
    "CREATE TABLE api_key_workspaces ("
    "  tenant TEXT NOT NULL, key_id TEXT NOT NULL, PRIMARY KEY (key_id, tenant));"
    "INSERT INTO api_key_workspaces (key_id, tenant) SELECT key_id, tenant FROM api_keys;"
    "CREATE INDEX api_key_workspaces_by_tenant ON api_key_workspaces (tenant);"
    "CREATE TABLE workspaces ("
    "  tenant TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, created_us BIGINT NOT NULL,"
    "  updated_us BIGINT NOT NULL, closed_us BIGINT);"
    "INSERT INTO workspaces (tenant, name, created_us, updated_us)"
    "  SELECT tenant, tenant, MIN(created_us), MIN(created_us) FROM api_keys GROUP BY tenant;";

/* Feedback on spans and projects. project_no 0: of a span that has not come yet. A token lets
 * somebody without a key say one thing of one span. */
const char migration_16[] =
    "CREATE TABLE feedback ("
    "  tenant TEXT NOT NULL, feedback_id BYTEA NOT NULL, span_id BYTEA, trace_id BYTEA,"
    "  project_no BIGINT NOT NULL, start_us BIGINT NOT NULL, is_root INTEGER NOT NULL,"
    "  key TEXT NOT NULL, score DOUBLE PRECISION, score_is_bool INTEGER NOT NULL, value TEXT,"
    "  comment TEXT, correction TEXT, source_type TEXT, source TEXT, extra TEXT, group_id TEXT,"
    "  experiment_id TEXT, is_error INTEGER NOT NULL, created_us BIGINT NOT NULL,"
    "  modified_us BIGINT NOT NULL, PRIMARY KEY (tenant, feedback_id));"
    "CREATE INDEX feedback_by_span ON feedback (tenant, span_id, created_us);"
    "CREATE INDEX feedback_by_project ON feedback (project_no, created_us);"
    "CREATE INDEX feedback_waiting ON feedback (tenant, span_id)"
    "  WHERE project_no = 0 AND span_id IS NOT NULL;"
    "CREATE TABLE feedback_configs ("
    "  tenant TEXT NOT NULL, key TEXT NOT NULL, config TEXT NOT NULL,"
    "  is_lower_score_better INTEGER, created_us BIGINT NOT NULL, modified_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, key));"
    "CREATE TABLE feedback_tokens ("
    "  token_id TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, span_id BYTEA NOT NULL,"
    "  key TEXT NOT NULL, config TEXT, created_us BIGINT NOT NULL, expires_us BIGINT NOT NULL);"
    "CREATE INDEX feedback_tokens_of_span ON feedback_tokens (tenant, span_id);"
    "CREATE INDEX feedback_tokens_by_end ON feedback_tokens (expires_us);";

/* The trace (W3C traceparent) of the request that caused a run, and what is told of its end. */
const char migration_17[] = "ALTER TABLE runs ADD COLUMN traceparent TEXT;"
                            "ALTER TABLE deliveries ADD COLUMN traceparent TEXT;";

/* Endpoints whose secrets cannot be opened. */
const char migration_18[] = "CREATE INDEX endpoints_locked ON endpoints (tenant, endpoint_id)"
                            "  WHERE state = 'secret_unreadable';";

/* Alerts (alerts.h): what they watch, minute by minute, and what became of them. ended_seq: the
 * change at which a span had ended. */
const char migration_19[] =
    "ALTER TABLE spans ADD COLUMN ended_seq BIGINT;"
    "CREATE INDEX spans_by_end ON spans (project_no, ended_seq) WHERE ended_seq IS NOT NULL;"
    "CREATE TABLE alerts ("
    "  tenant TEXT NOT NULL, alert_id TEXT NOT NULL, alert_no BIGINT NOT NULL,"
    "  project_no BIGINT NOT NULL, rule TEXT NOT NULL, actions TEXT NOT NULL,"
    "  is_enabled INTEGER NOT NULL, is_firing INTEGER NOT NULL, since_us BIGINT NOT NULL,"
    "  told_us BIGINT NOT NULL, value DOUBLE PRECISION, threshold DOUBLE PRECISION,"
    "  version BIGINT NOT NULL, created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, alert_id));"
    "CREATE INDEX alerts_by_project ON alerts (project_no, alert_no);"
    "CREATE TABLE alert_minutes ("
    "  alert_no BIGINT NOT NULL, minute BIGINT NOT NULL, sum DOUBLE PRECISION NOT NULL,"
    "  count BIGINT NOT NULL, total BIGINT NOT NULL, PRIMARY KEY (alert_no, minute));"
    "CREATE TABLE alert_watches (project_no BIGINT NOT NULL PRIMARY KEY, ended_seq BIGINT NOT "
    "NULL);"
    "CREATE TABLE alert_events ("
    "  tenant TEXT NOT NULL, alert_id TEXT NOT NULL, event_no BIGINT NOT NULL, what TEXT NOT NULL,"
    "  value DOUBLE PRECISION, threshold DOUBLE PRECISION, deliveries TEXT NOT NULL,"
    "  at_us BIGINT NOT NULL, PRIMARY KEY (tenant, alert_id, event_no));";

/* Keys say whose they are. The webhooks of Fleet, and who published what with which input; what a
 * receiver's answer is made of. */
const char migration_20[] =
    "ALTER TABLE api_keys ADD COLUMN email TEXT;"
    "ALTER TABLE attempts ADD COLUMN response_type TEXT;"
    "CREATE TABLE fleet_webhooks ("
    "  tenant TEXT NOT NULL, webhook_id TEXT NOT NULL, name TEXT NOT NULL, url TEXT NOT NULL,"
    "  endpoint_id TEXT NOT NULL, form_schema TEXT NOT NULL, creator_id TEXT NOT NULL,"
    "  creator_email TEXT, created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, webhook_id));"
    "CREATE INDEX fleet_webhooks_by_created ON fleet_webhooks (tenant, created_us, webhook_id);"
    "CREATE TABLE fleet_publishes ("
    "  tenant TEXT NOT NULL, publish_id TEXT NOT NULL, webhook_id TEXT NOT NULL,"
    "  webhook_name TEXT NOT NULL, agent_id TEXT, agent_name TEXT NOT NULL, agent_version BIGINT,"
    "  commit_hash TEXT, bundle_sha256 TEXT NOT NULL, publisher_id TEXT NOT NULL,"
    "  publisher_email TEXT, input TEXT NOT NULL, delivery_id BIGINT NOT NULL, request_key TEXT,"
    "  created_us BIGINT NOT NULL, PRIMARY KEY (tenant, publish_id));"
    "CREATE INDEX fleet_publishes_by_time ON fleet_publishes (tenant, created_us, publish_id);"
    "CREATE INDEX fleet_publishes_by_agent ON fleet_publishes (tenant, agent_id, created_us);"
    "CREATE UNIQUE INDEX fleet_publishes_by_key ON fleet_publishes (tenant, request_key)"
    "  WHERE request_key IS NOT NULL;";

/* Webhooks of runs at the upstream (intents.h). */
const char step_intents[] =
    "CREATE TABLE gateway_intents ("
    "  tenant TEXT NOT NULL, intent_id TEXT NOT NULL, url TEXT NOT NULL, thread_id TEXT NOT NULL,"
    "  run_id TEXT, assistant_id TEXT, traceparent TEXT, drops_thread INTEGER NOT NULL,"
    "  is_ended INTEGER NOT NULL, created_us BIGINT NOT NULL, node TEXT,"
    "  lease_until_us BIGINT NOT NULL, PRIMARY KEY (tenant, intent_id));"
    "CREATE INDEX gateway_intents_due ON gateway_intents (lease_until_us, created_us, intent_id);"
    "CREATE INDEX gateway_intents_by_node ON gateway_intents (node) WHERE node IS NOT NULL;";

/* The user for whom a cron makes runs. */
const char migration_21[] = "ALTER TABLE crons ADD COLUMN auth_user TEXT;";

/* Rules (rules.h): what they match, how far it was looked, and to what they were applied. */
const char migration_22[] =
    "CREATE TABLE rules ("
    "  tenant TEXT NOT NULL, rule_id TEXT NOT NULL, rule_no BIGINT NOT NULL,"
    "  project_no BIGINT NOT NULL, body TEXT NOT NULL, webhooks TEXT NOT NULL,"
    "  is_enabled INTEGER NOT NULL, since_seq BIGINT NOT NULL, created_us BIGINT NOT NULL,"
    "  updated_us BIGINT NOT NULL, PRIMARY KEY (tenant, rule_id));"
    "CREATE INDEX rules_by_project ON rules (project_no, rule_no);"
    "CREATE TABLE rule_watches (project_no BIGINT NOT NULL PRIMARY KEY,"
    "  change_seq BIGINT NOT NULL, at_us BIGINT NOT NULL);"
    "CREATE TABLE rule_log ("
    "  rule_no BIGINT NOT NULL, span_no BIGINT NOT NULL, span_id BYTEA NOT NULL,"
    "  span_name TEXT NOT NULL, span_type INTEGER NOT NULL, start_us BIGINT NOT NULL,"
    "  end_us BIGINT NOT NULL, applied_us BIGINT NOT NULL, outcome TEXT NOT NULL,"
    "  deliveries TEXT NOT NULL, PRIMARY KEY (rule_no, span_no));"
    "CREATE INDEX rule_log_by_time ON rule_log (rule_no, applied_us, span_no);";

/* What keys and workspaces may use, and what they have used. payer: whose run it is, while somebody
 * counts it. */
const char migration_23[] =
    "ALTER TABLE api_keys ADD COLUMN limits TEXT;"
    "ALTER TABLE workspaces ADD COLUMN limits TEXT;"
    "CREATE TABLE usage ("
    "  payer TEXT NOT NULL, day BIGINT NOT NULL, runs BIGINT NOT NULL, PRIMARY KEY (payer, day));"
    "CREATE INDEX usage_by_day ON usage (day);"
    "ALTER TABLE runs ADD COLUMN payer TEXT;"
    "CREATE INDEX runs_live_by_payer ON runs (payer)"
    "  WHERE payer IS NOT NULL AND status IN ('pending', 'running');";

/* Jobs that send many deliveries once more (replays.h). */
const char migration_24[] =
    "CREATE TABLE replays ("
    "  tenant TEXT NOT NULL, replay_id TEXT NOT NULL, state TEXT NOT NULL, filter TEXT NOT NULL,"
    "  url TEXT, rate DOUBLE PRECISION NOT NULL, expected BIGINT NOT NULL,"
    "  is_exact INTEGER NOT NULL, last_id BIGINT NOT NULL, cursor_id BIGINT NOT NULL,"
    "  matched BIGINT NOT NULL, queued BIGINT NOT NULL, skipped BIGINT NOT NULL,"
    "  failed BIGINT NOT NULL, next_us BIGINT NOT NULL, created_us BIGINT NOT NULL,"
    "  updated_us BIGINT NOT NULL, ended_us BIGINT, PRIMARY KEY (tenant, replay_id));"
    "CREATE INDEX replays_by_created ON replays (tenant, created_us, replay_id);"
    "CREATE INDEX replays_running ON replays (next_us) WHERE state = 'running';"
    "CREATE INDEX replays_ended ON replays (ended_us) WHERE ended_us IS NOT NULL;"
    "ALTER TABLE deliveries ADD COLUMN replay_id TEXT;"
    "CREATE INDEX deliveries_by_replay ON deliveries (tenant, replay_id, delivery_id)"
    "  WHERE replay_id IS NOT NULL;"
    "CREATE INDEX deliveries_replayed ON deliveries (tenant, replay_id, state)"
    "  WHERE replay_id IS NOT NULL;";

/* Datasets and their examples, in versions (datasets.h); what people are to look at, in queues
 * (queues.h). */
const char migration_25[] =
    "CREATE TABLE datasets ("
    "  tenant TEXT NOT NULL, dataset_id TEXT NOT NULL, name TEXT NOT NULL,"
    "  data_type TEXT NOT NULL, description TEXT, metadata TEXT, inputs_schema TEXT,"
    "  outputs_schema TEXT, tags TEXT, example_count BIGINT NOT NULL, created_us BIGINT NOT NULL,"
    "  modified_us BIGINT NOT NULL, PRIMARY KEY (tenant, dataset_id));"
    "CREATE UNIQUE INDEX datasets_by_name ON datasets (tenant, name);"
    "CREATE TABLE examples ("
    "  tenant TEXT NOT NULL, example_id TEXT NOT NULL, from_us BIGINT NOT NULL,"
    "  until_us BIGINT NOT NULL, dataset_id TEXT NOT NULL, name TEXT NOT NULL,"
    "  inputs TEXT NOT NULL, outputs TEXT, metadata TEXT NOT NULL, source_run_id TEXT,"
    "  created_us BIGINT NOT NULL, PRIMARY KEY (tenant, example_id, from_us));"
    "CREATE INDEX examples_of_dataset ON examples (tenant, dataset_id, created_us, example_id);"
    "CREATE TABLE queues ("
    "  tenant TEXT NOT NULL, queue_id TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,"
    "  created_us BIGINT NOT NULL, updated_us BIGINT NOT NULL, PRIMARY KEY (tenant, queue_id));"
    "CREATE UNIQUE INDEX queues_by_name ON queues (tenant, name);"
    "CREATE TABLE queue_items ("
    "  tenant TEXT NOT NULL, queue_id TEXT NOT NULL, item_id TEXT NOT NULL, item_no BIGINT NOT "
    "NULL,"
    "  span_id BYTEA NOT NULL, added_us BIGINT NOT NULL, PRIMARY KEY (tenant, queue_id, item_no));"
    "CREATE UNIQUE INDEX queue_items_by_span ON queue_items (tenant, queue_id, span_id);";

/* What tokens cost (prices.h), in picodollars; and the spans whose usage stands in their parents'
 * (span_rollup.h). */
const char migration_26[] =
    "CREATE TABLE prices ("
    "  tenant TEXT NOT NULL, price_id TEXT NOT NULL, name TEXT NOT NULL, pattern TEXT NOT NULL,"
    "  provider TEXT, match_path TEXT, start_us BIGINT, prompt_cost BIGINT NOT NULL,"
    "  completion_cost BIGINT NOT NULL, prompt_details TEXT, completion_details TEXT,"
    "  created_us BIGINT NOT NULL, modified_us BIGINT NOT NULL, PRIMARY KEY (tenant, price_id));"
    "CREATE INDEX spans_with_usage ON spans (tenant, parent_id)"
    "  WHERE total_tokens + COALESCE(total_cost, 0) > 0;";

/* What items are found by (item_vectors.h). */
const char migration_27[] = "ALTER TABLE items ADD COLUMN vectors BYTEA;";

/* How many first tries an endpoint with limits has had since its last retry, and since the last
 * that was sent once more. */
const char migration_28[] =
    "ALTER TABLE endpoints ADD COLUMN since_retry BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE endpoints ADD COLUMN since_replay BIGINT NOT NULL DEFAULT 0;";

/* What rules do besides telling webhooks; what was there before them (rule_backfills.h); traces
 * that are kept longer. */
const char migration_29[] =
    "ALTER TABLE rule_log ADD COLUMN actions TEXT;"
    "ALTER TABLE rule_log ADD COLUMN is_backfill INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX rule_log_by_age ON rule_log (applied_us);"
    "CREATE TABLE rule_backfills ("
    "  rule_no BIGINT NOT NULL PRIMARY KEY, backfill_id TEXT NOT NULL, from_us BIGINT NOT NULL,"
    "  until_us BIGINT NOT NULL, at_us BIGINT NOT NULL, at_no BIGINT NOT NULL,"
    "  looked BIGINT NOT NULL, matched BIGINT NOT NULL, is_done INTEGER NOT NULL,"
    "  completed_us BIGINT NOT NULL);"
    "CREATE INDEX rule_backfills_running ON rule_backfills (rule_no) WHERE is_done = 0;"
    "CREATE TABLE kept_traces ("
    "  tenant TEXT NOT NULL, trace_id BYTEA NOT NULL, kept_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, trace_id));";

/* Tokens under which anyone may read a span and what is below it. */
const char migration_30[] =
    "CREATE TABLE shares ("
    "  token TEXT NOT NULL PRIMARY KEY, tenant TEXT NOT NULL, span_id BYTEA NOT NULL,"
    "  created_us BIGINT NOT NULL);"
    "CREATE UNIQUE INDEX shares_by_span ON shares (tenant, span_id);";

/* The latest instant that the last process saw (clock.h). */
const char migration_31[] = "CREATE TABLE clock_marks (seen_us BIGINT NOT NULL);";

/* Searches of threads: indexes end with what breaks ties in each order, and hold only what can be
 * found. For what is in metadata see thread_search.c. max(m.id): of equal names the last counts. */
const char migration_32[] =
    "DROP INDEX threads_by_created; DROP INDEX threads_by_updated; DROP INDEX threads_by_status;"
    "CREATE INDEX threads_by_created ON threads (tenant, created_us, thread_id)"
    "  WHERE temporary = 0;"
    "CREATE INDEX threads_by_updated ON threads (tenant, updated_us, thread_id)"
    "  WHERE temporary = 0;"
    /* temporary: so that threads are counted without a look at them. */
    "CREATE INDEX threads_by_status ON threads (tenant, status, updated_us, thread_id, temporary)"
    "  WHERE temporary = 0;"
    "\n@postgres CREATE INDEX threads_by_metadata ON threads"
    " USING gin ((metadata::jsonb) jsonb_path_ops) WHERE temporary = 0;"
    "\n@sqlite CREATE TABLE thread_labels (tenant TEXT NOT NULL, label TEXT NOT NULL,"
    " thread_id TEXT NOT NULL, PRIMARY KEY (tenant, label, thread_id)) WITHOUT ROWID;"
#define LABELS_OF(row)                                                                             \
    " SELECT " row "tenant, m.key || char(31) || m.value, " row "thread_id FROM json_each(" row    \
    "metadata) m GROUP BY m.key HAVING max(m.id) AND m.type = 'text'"                              \
    " AND length(m.key || m.value) < 200"
    "\n@sqlite INSERT OR IGNORE INTO thread_labels"
    " SELECT t.tenant, m.key || char(31) || m.value, t.thread_id"
    " FROM threads t, json_each(t.metadata) m"
    " WHERE t.temporary = 0 GROUP BY t.tenant, t.thread_id, m.key"
    " HAVING max(m.id) AND m.type = 'text' AND length(m.key || m.value) < 200;"
    "\n@sqlite CREATE TRIGGER thread_labels_in AFTER INSERT ON threads WHEN NEW.temporary = 0"
    " BEGIN INSERT OR IGNORE INTO thread_labels" LABELS_OF(
        "NEW.") "; END;"
                "\n@sqlite CREATE TRIGGER thread_labels_out AFTER DELETE ON threads WHEN "
                "OLD.temporary = 0"
                " BEGIN DELETE FROM thread_labels WHERE (tenant, label, thread_id) IN"
                " (" LABELS_OF(
                    "OLD.") "); END;"
                            "\n@sqlite CREATE TRIGGER thread_labels_new AFTER UPDATE OF metadata "
                            "ON threads"
                            " WHEN NEW.temporary = 0 AND OLD.metadata <> NEW.metadata"
                            " BEGIN DELETE FROM thread_labels WHERE (tenant, label, thread_id) IN"
                            " (" LABELS_OF("OLD.") ");"
                                                   " INSERT OR IGNORE INTO thread_labels" LABELS_OF(
                                                       "NEW.") "; END;\n";
#undef LABELS_OF

/* What is to be gone for good (erasures.h). Its filler is never kept: it takes free pages. */
const char migration_33[] =
    "CREATE TABLE erasures ("
    "  tenant TEXT NOT NULL, erasure_id TEXT NOT NULL, scope TEXT NOT NULL, state TEXT NOT NULL,"
    "  subject TEXT, cursor_id BIGINT NOT NULL, deleted_rows BIGINT NOT NULL,"
    "  created_us BIGINT NOT NULL, ended_us BIGINT, PRIMARY KEY (erasure_id));"
    "CREATE INDEX erasures_by_created ON erasures (tenant, created_us);"
    "CREATE INDEX erasures_open ON erasures (created_us) WHERE ended_us IS NULL;"
    "CREATE TABLE erasure_filler ("
    "\n@sqlite piece INTEGER PRIMARY KEY,"
    "\n@postgres piece BIGINT PRIMARY KEY,\n"
    "  bytes BYTEA NOT NULL);";

/* What children may call a span besides its id (spans.h). */
const char step_aliases[] = "ALTER TABLE spans ADD COLUMN alias_id BYTEA;"
                            "CREATE INDEX spans_by_alias ON spans (tenant, alias_id)"
                            "  WHERE alias_id IS NOT NULL;";

/* Traces that are to go (span_delete.h). */
const char migration_34[] =
    "CREATE TABLE gone_traces (tenant TEXT NOT NULL, trace_id BYTEA NOT NULL,"
    "  deleted_us BIGINT NOT NULL, PRIMARY KEY (tenant, trace_id));"
    "CREATE INDEX kept_traces_by_time ON kept_traces (kept_us);";

/* What had ended before an alert was made, or changed, does not count for it (alerts.h). */
const char step_alert_starts[] = "ALTER TABLE alerts ADD COLUMN begun_seq BIGINT NOT NULL "
                                 "DEFAULT 0;";

/* How large the log is (log_size.h): counted once, here. */
const char step_log_sizes[] =
    "CREATE TABLE log_sizes (shard BIGINT NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL);"
    "INSERT INTO log_sizes (shard, bytes) SELECT 0,"
    " (SELECT COUNT(*) * 1024 FROM deliveries)"
    " + (SELECT COALESCE(SUM(LENGTH(bytes) + 256), 0) FROM bodies)"
    " + (SELECT COALESCE(SUM(COALESCE(LENGTH(response_excerpt), 0) + 384), 0) FROM attempts)"
    "\n@sqlite + (SELECT COALESCE(SUM(body_bytes + LENGTH(CAST(head AS BLOB)) + 256), 0) FROM"
    " inspector_requests);"
    "\n@postgres + (SELECT COALESCE(SUM(body_bytes + OCTET_LENGTH(head) + 256), 0) FROM"
    " inspector_requests);"
    "\n@postgres INSERT INTO log_sizes (shard, bytes) SELECT n, 0 FROM generate_series(1, 7) n;\n";

/* Ids first: PostgreSQL's planner takes any index that begins with the tenant for as good as the
 * one by id while a table is new to it, and reads all of the tenant's. */
const char step_span_keys[] = "DROP INDEX spans_by_id;"
                              "DROP INDEX spans_by_trace;"
                              "CREATE UNIQUE INDEX spans_by_id ON spans (span_id, tenant);"
                              "CREATE INDEX spans_by_trace ON spans (trace_id, tenant);";

/* Attachments of examples (example_attachments.h), comparisons of experiments (comparatives.h). */
const char step_examples[] =
    "ALTER TABLE examples ADD COLUMN attachments TEXT;"
    "CREATE INDEX examples_of_run ON examples (tenant, source_run_id)"
    "  WHERE source_run_id IS NOT NULL;"
    "CREATE TABLE example_attachments ("
    "  tenant TEXT NOT NULL, example_id TEXT NOT NULL, attachment_id TEXT NOT NULL,"
    "  mime_type TEXT NOT NULL, bytes BYTEA NOT NULL, created_us BIGINT NOT NULL,"
    "  PRIMARY KEY (tenant, example_id, attachment_id));"
    "CREATE TABLE comparatives ("
    "  tenant TEXT NOT NULL, comparative_id TEXT NOT NULL, dataset_id TEXT NOT NULL,"
    "  body TEXT NOT NULL, created_us BIGINT NOT NULL, PRIMARY KEY (tenant, comparative_id));"
    "CREATE INDEX comparatives_of_dataset ON comparatives (tenant, dataset_id, created_us);";

/* Skills that a workspace keeps once for all its agents (fleet_skills.h). */
const char step_skills[] =
    "CREATE TABLE fleet_skills ("
    "  tenant TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, owner_id TEXT NOT NULL,"
    "  owner_email TEXT, visibility TEXT NOT NULL, created_us BIGINT NOT NULL,"
    "  updated_us BIGINT NOT NULL, PRIMARY KEY (tenant, name));"
    "CREATE INDEX fleet_skills_by_created ON fleet_skills (tenant, created_us, name);";

/* An attempt under way stands in its delivery's row alone (outbox_settle.c); ids rise with time. */
const char step_attempts_at_end[] = "DELETE FROM attempts WHERE ended_us IS NULL;"
                                    "DROP INDEX attempts_by_age;"
                                    "DROP INDEX attempts_by_delivery;"
                                    "CREATE INDEX attempts_of ON attempts (delivery_id, number);";

/* Traces that were deleted a short while ago: what still comes of them is dropped (span_delete.h).
 */
const char step_deleted_traces[] =
    "CREATE TABLE deleted_traces (trace_id BYTEA NOT NULL, tenant TEXT NOT NULL,"
    "  deleted_us BIGINT NOT NULL, PRIMARY KEY (trace_id, tenant));"
    "CREATE INDEX deleted_traces_by_time ON deleted_traces (deleted_us);";

/* An erasure looks in one place after the other. */
const char step_erasure_stages[] =
    "ALTER TABLE erasures ADD COLUMN stage BIGINT NOT NULL DEFAULT 0;";

/* What limited workspaces hold, as measured last (quota.h). */
const char step_holdings[] =
    "CREATE TABLE holdings (tenant TEXT NOT NULL, limit_bytes BIGINT NOT NULL, bytes BIGINT NOT "
    "NULL,"
    "  measured_us BIGINT NOT NULL, wanted_us BIGINT NOT NULL, PRIMARY KEY (tenant));";

/* Threads by when their state changed (thread_search.c), and how often PostgreSQL meets which
 * metadata: of a partial index it does not ask that. Before 14 it does not know such statistics. */
const char step_thread_orders[] =
    "CREATE INDEX threads_by_state ON threads (tenant, COALESCE(state_updated_us, 0), thread_id)"
    "  WHERE temporary = 0;"
    "\n@postgres DO $$ BEGIN"
    " IF CAST(current_setting('server_version_num') AS INTEGER) >= 140000 THEN"
    " EXECUTE 'CREATE STATISTICS threads_metadata ON (metadata::jsonb) FROM threads';"
    " END IF; END $$;"
    "\n@postgres ANALYZE threads;\n";

/* How many threads there are (thread_totals.c). */
const char step_thread_totals[] =
    "CREATE TABLE thread_totals (tenant TEXT NOT NULL, shard BIGINT NOT NULL,"
    "  total BIGINT NOT NULL, PRIMARY KEY (tenant, shard));"
    "INSERT INTO thread_totals (tenant, shard, total)"
    " SELECT tenant, 0, COUNT(*) FROM threads WHERE temporary = 0 GROUP BY tenant;";

/* Which thread a run is of that a rule was applied to. */
const char step_rule_log_threads[] = "ALTER TABLE rule_log ADD COLUMN thread_id TEXT;";

/* What a run asked when it stopped for a person (run_stop_put): until now only the thread knew, and
 * only of its last run. */
const char step_run_stops[] =
    "ALTER TABLE runs ADD COLUMN stopped TEXT;"
    "UPDATE runs SET stopped ="
    " (SELECT t.interrupts FROM threads t"
    "  WHERE t.tenant = runs.tenant AND t.thread_id = runs.thread_id)"
    " WHERE status = 'success' AND EXISTS (SELECT 1 FROM threads t"
    "  WHERE t.tenant = runs.tenant AND t.thread_id = runs.thread_id AND t.status = 'interrupted')"
    " AND position = (SELECT MAX(s.position) FROM runs s"
    "  WHERE s.tenant = runs.tenant AND s.thread_id = runs.thread_id);";

/* What spans may hold (format/marks.h): of older ones nobody knows, so they may hold anything. In
 * SQLite a walk over all spans finds in its index what most searches ask first. */
const char step_span_marks[] =
    "ALTER TABLE spans ADD COLUMN mark_low BIGINT NOT NULL DEFAULT -1;"
    "ALTER TABLE spans ADD COLUMN mark_high BIGINT NOT NULL DEFAULT -1;"
    "\n@sqlite DROP INDEX spans_by_start;"
    "\n@sqlite CREATE INDEX spans_by_start ON spans (project_no, start_us, span_no, is_root,"
    " run_type, status, end_us, mark_low, mark_high);\n";

/* An alert counts on when only its name or the way it is told changes (alerts_rename). */
const char step_alert_beginnings[] =
    "ALTER TABLE alerts ADD COLUMN begun_us BIGINT NOT NULL DEFAULT 0;"
    "UPDATE alerts SET begun_us = updated_us;";
