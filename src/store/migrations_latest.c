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
