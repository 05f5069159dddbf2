/* migrations_priv.h -- the steps that stand in a file of their own (migrations_later.c). */
#ifndef STORE_MIGRATIONS_PRIV_H
#define STORE_MIGRATIONS_PRIV_H

extern const char step_intents[];
extern const char step_alert_starts[];
extern const char step_log_sizes[];
extern const char step_examples[];
extern const char step_skills[];
extern const char step_erasure_stages[];
extern const char migration_12[];
extern const char migration_13[];
extern const char migration_14[];
extern const char migration_15[];
extern const char migration_16[];
extern const char migration_17[];
extern const char migration_18[];
extern const char migration_19[];
extern const char migration_20[];
extern const char migration_21[];
extern const char migration_22[];
extern const char migration_23[];
extern const char migration_24[];
extern const char migration_25[];
extern const char migration_26[];
extern const char migration_27[];
extern const char migration_28[];
extern const char migration_29[];
extern const char migration_30[];
extern const char migration_31[];
extern const char migration_32[];
extern const char migration_33[];
extern const char step_aliases[];
extern const char migration_34[];
extern const char step_span_keys[];
extern const char step_attempts_at_end[];
extern const char step_deleted_traces[];
extern const char step_holdings[];
extern const char step_thread_orders[];
extern const char step_thread_totals[];
extern const char step_delivery_queue[];
extern const char step_rule_log_threads[];
extern const char step_run_stops[];

extern const char step_span_marks[];
extern const char step_alert_beginnings[];
extern const char step_delivery_marks[];
extern const char step_delivery_sending[];
extern const char step_numbered_bodies[];
extern const char step_endpoint_lines[];
extern const char step_commit_marks[];
extern const char step_run_ids[];

#endif
