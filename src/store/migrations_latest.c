/* migrations_latest.c -- the steps behind those of migrations_later.c. */
#include "store/migrations_priv.h"

/* What is to be sent, apart from the wide rows (outbox_queue.h), by the number of its endpoint.
 * What is being sent says `due` from now on, and counts the attempts that have ended; next_us of
 * the wide rows is not read any more. */
const char step_delivery_queue[] =
    "ALTER TABLE endpoints ADD COLUMN endpoint_no BIGINT NOT NULL DEFAULT 0;"
    "UPDATE endpoints SET endpoint_no = n.no FROM (SELECT tenant AS of_tenant, endpoint_id AS id,"
    "  ROW_NUMBER() OVER (ORDER BY tenant, endpoint_id) AS no FROM endpoints) n"
    "  WHERE n.of_tenant = endpoints.tenant AND n.id = endpoints.endpoint_id;"
    "CREATE UNIQUE INDEX endpoints_by_no ON endpoints (endpoint_no);"
    "INSERT INTO sequences (name, next_value)"
    "  SELECT 'endpoint', COALESCE(MAX(endpoint_no), 0) + 1 FROM endpoints;"
    "CREATE TABLE delivery_queue ("
    "\n@sqlite delivery_id INTEGER PRIMARY KEY,"
    "\n@postgres delivery_id BIGINT PRIMARY KEY,\n"
    "  endpoint_no BIGINT NOT NULL, line BIGINT NOT NULL, at_us BIGINT NOT NULL,"
    "  attempt_id BIGINT, taken_us BIGINT, lease_node TEXT);"
    "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us)"
    "  SELECT d.delivery_id, e.endpoint_no, CASE WHEN d.class = 'replay' THEN 2"
    "  WHEN d.attempts > 0 THEN 1 ELSE 0 END, d.next_us FROM deliveries d JOIN endpoints e"
    "  ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id WHERE d.state = 'due';"
    "INSERT INTO delivery_queue (delivery_id, endpoint_no, line, at_us, attempt_id, taken_us,"
    "  lease_node) SELECT d.delivery_id, e.endpoint_no, 3, d.lease_until_us, d.attempt_id,"
    "  d.updated_us, d.lease_node FROM deliveries d JOIN endpoints e"
    "  ON e.tenant = d.tenant AND e.endpoint_id = d.endpoint_id WHERE d.state = 'sending';"
    "UPDATE deliveries SET state = 'due', attempts = attempts - 1, lease_node = NULL,"
    "  lease_until_us = NULL, attempt_id = NULL WHERE state = 'sending';"
    "DROP INDEX deliveries_fresh;"
    "DROP INDEX deliveries_retry;"
    "DROP INDEX deliveries_replay;"
    "DROP INDEX deliveries_sending;"
    "DROP INDEX deliveries_cancelled;"
    "CREATE INDEX delivery_queue_lines ON delivery_queue (line, endpoint_no, at_us, delivery_id);"
    "CREATE INDEX deliveries_cancelled ON deliveries (delivery_id)"
    "  WHERE cancelled_us IS NOT NULL AND ended_us IS NULL;";

/* Of PostgreSQL only (outbox_marks.h): indexes that a delivery does not touch when it ends as
 * nearly all do. Its pages keep room for the second version of each row; those that are there
 * already have theirs. */
const char step_delivery_marks[] =
    "\n@postgres DROP INDEX deliveries_by_failure, deliveries_cancelled, deliveries_dead,"
    "\n@postgres   deliveries_ended, deliveries_expiring, deliveries_following, deliveries_held,"
    "\n@postgres   deliveries_open, deliveries_ordered, deliveries_replayed;"
    "\n@postgres ALTER TABLE deliveries"
    "\n@postgres   ADD COLUMN halted TEXT GENERATED ALWAYS AS"
    "\n@postgres     (CASE WHEN state IN ('held', 'dead') THEN state END) STORED,"
    "\n@postgres   ADD COLUMN failure TEXT GENERATED ALWAYS AS"
    "\n@postgres     (CASE WHEN last_result <> 'delivered' THEN last_result END) STORED,"
    "\n@postgres   ADD COLUMN replay_state TEXT GENERATED ALWAYS AS"
    "\n@postgres     (CASE WHEN replay_id IS NOT NULL THEN state END) STORED,"
    "\n@postgres   ADD COLUMN open_expires_us BIGINT GENERATED ALWAYS AS"
    "\n@postgres     (CASE WHEN ended_us IS NULL THEN expires_us END) STORED,"
    "\n@postgres   ADD COLUMN open_key TEXT GENERATED ALWAYS AS"
    "\n@postgres     (CASE WHEN ended_us IS NULL THEN ordering_key END) STORED,"
    "\n@postgres   ADD COLUMN open_cancelled_us BIGINT GENERATED ALWAYS AS"
    "\n@postgres     (CASE WHEN ended_us IS NULL THEN cancelled_us END) STORED;"
    "\n@postgres ALTER TABLE deliveries SET (fillfactor = 45);"
    "\n@postgres CREATE INDEX deliveries_by_failure ON deliveries (tenant, failure, delivery_id)"
    "\n@postgres   WHERE failure IS NOT NULL;"
    "\n@postgres CREATE INDEX deliveries_cancelled ON deliveries (delivery_id)"
    "\n@postgres   WHERE open_cancelled_us IS NOT NULL;"
    "\n@postgres CREATE INDEX deliveries_dead ON deliveries (tenant, delivery_id)"
    "\n@postgres   WHERE halted = 'dead';"
    "\n@postgres CREATE INDEX deliveries_held ON deliveries (tenant, delivery_id)"
    "\n@postgres   WHERE halted = 'held';"
    "\n@postgres CREATE INDEX deliveries_following ON deliveries (tenant, endpoint_id, sequence)"
    "\n@postgres   WHERE halted = 'held' AND state_reason <> 'order';"
    "\n@postgres CREATE INDEX deliveries_expiring ON deliveries (open_expires_us)"
    "\n@postgres   WHERE open_expires_us IS NOT NULL;"
    "\n@postgres CREATE INDEX deliveries_ordered ON deliveries"
    "\n@postgres   (tenant, endpoint_id, open_key, sequence) WHERE open_key IS NOT NULL;"
    "\n@postgres CREATE INDEX deliveries_replayed ON deliveries (tenant, replay_id, replay_state)"
    "\n@postgres   WHERE replay_id IS NOT NULL;"
    "\n@postgres CREATE TABLE delivery_ends (ended_us BIGINT NOT NULL, delivery_id BIGINT NOT "
    "NULL);"
    "\n@postgres INSERT INTO delivery_ends (ended_us, delivery_id)"
    "\n@postgres   SELECT ended_us, delivery_id FROM deliveries WHERE ended_us IS NOT NULL;"
    "\n@postgres ALTER TABLE delivery_ends ADD PRIMARY KEY (ended_us, delivery_id);"
    "\n@postgres ALTER TABLE delivery_queue SET (autovacuum_vacuum_scale_factor = 0.02,"
    "\n@postgres   autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);\n";

/* What is being sent has a table of its own, and the wide row says when what is due may go
 * (outbox_queue.h): so SQLite's queue needs no index besides its own order. */
const char step_delivery_sending[] =
    "UPDATE deliveries SET next_us = q.at_us FROM delivery_queue q"
    "  WHERE q.delivery_id = deliveries.delivery_id AND q.line < 3;"
    "CREATE TABLE delivery_sending ("
    "\n@sqlite delivery_id INTEGER PRIMARY KEY,"
    "\n@postgres delivery_id BIGINT PRIMARY KEY,\n"
    "  attempt_id BIGINT NOT NULL, endpoint_no BIGINT NOT NULL, taken_us BIGINT NOT NULL,"
    "  until_us BIGINT NOT NULL, node TEXT NOT NULL, is_limited BIGINT NOT NULL);"
    "INSERT INTO delivery_sending SELECT delivery_id, attempt_id, endpoint_no, taken_us, at_us,"
    "  lease_node, 1 FROM delivery_queue WHERE line = 3;"
    "CREATE INDEX delivery_sending_limited ON delivery_sending (endpoint_no) WHERE is_limited = 1;"
    "\n@sqlite ALTER TABLE delivery_queue RENAME TO delivery_queue_1;"
    "\n@sqlite CREATE TABLE delivery_queue (line BIGINT NOT NULL, endpoint_no BIGINT NOT NULL,"
    "\n@sqlite   at_us BIGINT NOT NULL, delivery_id BIGINT NOT NULL,"
    "\n@sqlite   PRIMARY KEY (line, endpoint_no, at_us, delivery_id)) WITHOUT ROWID;"
    "\n@sqlite INSERT INTO delivery_queue SELECT line, endpoint_no, at_us, delivery_id"
    "\n@sqlite   FROM delivery_queue_1 WHERE line < 3 ORDER BY 1, 2, 3, 4;"
    "\n@sqlite DROP TABLE delivery_queue_1;"
    "\n@postgres DELETE FROM delivery_queue WHERE line = 3;"
    "\n@postgres ALTER TABLE delivery_queue DROP COLUMN attempt_id, DROP COLUMN taken_us,"
    "\n@postgres   DROP COLUMN lease_node;"
    "\n@postgres ALTER TABLE delivery_sending SET (autovacuum_vacuum_scale_factor = 0.02,"
    "\n@postgres   autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);\n";

/* A body stands under the number of its delivery (outbox_body.h). Of deliveries: no columns are
 * left that nothing reads, and in SQLite rows are as large from the start as they will be. */
const char step_numbered_bodies[] =
    "ALTER TABLE bodies RENAME TO bodies_1;"
    "CREATE TABLE bodies ("
    "\n@sqlite delivery_id INTEGER PRIMARY KEY,"
    "\n@postgres delivery_id BIGINT PRIMARY KEY,\n"
    "  tenant TEXT NOT NULL, content_type TEXT NOT NULL, bytes BYTEA NOT NULL);"
    "INSERT INTO bodies (delivery_id, tenant, content_type, bytes)"
    "  SELECT d.no, b.tenant, b.content_type, b.bytes FROM (SELECT tenant AS of_tenant, body_id AS"
    "  id, MIN(COALESCE(resend_of, delivery_id)) AS no FROM deliveries GROUP BY tenant, body_id) d"
    "  JOIN bodies_1 b ON b.tenant = d.of_tenant AND b.body_id = d.id;"
    "DROP TABLE bodies_1;"
    "DROP INDEX deliveries_by_body;"
    "ALTER TABLE deliveries DROP COLUMN body_id;"
    "ALTER TABLE deliveries DROP COLUMN lease_node;"
    "ALTER TABLE deliveries DROP COLUMN lease_until_us;"
    "ALTER TABLE deliveries DROP COLUMN attempt_id;"
    "\n@sqlite ALTER TABLE deliveries ADD COLUMN room BLOB;\n"
    "CREATE INDEX deliveries_resent ON deliveries (resend_of) WHERE resend_of IS NOT NULL;";

/* Of PostgreSQL only: the index by the id is the youngest of the table. Of indexes that seem to
 * cost the same the planner takes that, and all that begin with the tenant do while a table is
 * empty; whoever has planned then walks in the wrong one until the table is analysed. */
const char step_run_ids[] = "\n@postgres ALTER TABLE runs DROP CONSTRAINT runs_pkey,"
                            "\n@postgres   ADD PRIMARY KEY (tenant, run_id);\n";

/* Endpoints that have waited since the same instant go in the order in which they were made: what
 * one event sent to many of them, one after the other, is read in that order. */
#define LINE_INDEX(name, column)                                                                   \
    "DROP INDEX " name ";"                                                                         \
    "CREATE INDEX " name " ON endpoints (lane, " column ", endpoint_no)"                           \
    "  WHERE " column " IS NOT NULL;"
const char step_endpoint_lines[] = LINE_INDEX("endpoints_fresh", "fresh_us")
    LINE_INDEX("endpoints_retry", "retry_us") LINE_INDEX("endpoints_replay", "replay_us");

/* Of PostgreSQL only (db_postgres_mark_commits): a row for each session that writes. */
const char step_commit_marks[] =
    "\n@postgres CREATE TABLE commit_marks ("
    "\n@postgres   session TEXT PRIMARY KEY, mark TEXT NOT NULL, at_us BIGINT NOT NULL);\n";
