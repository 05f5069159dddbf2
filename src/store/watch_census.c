/* watch_census.c -- see watch_census.h. */
#include "store/watch_census.h"

static const struct db_statement count_alerts = {
    "alerts_census",
    "SELECT is_enabled, is_firing, COUNT(*) FROM alerts GROUP BY is_enabled, is_firing", NULL};
/* The first change behind each watch is enough: they are in the order of time. */
static const struct db_statement first_behind = {
    "rules_behind",
    "SELECT MIN((SELECT s.modified_us FROM spans s WHERE s.project_no = w.project_no"
    " AND s.change_seq > w.change_seq ORDER BY s.change_seq LIMIT 1)) FROM rule_watches w"
    " WHERE EXISTS (SELECT 1 FROM rules r WHERE r.project_no = w.project_no AND r.is_enabled = 1)",
    NULL};

enum err alerts_census(struct tx *tx, int64_t counts[ALERT_CENSUS])
{
    struct db_rows rows = {0};
    enum err err = db_query(tx->db, &count_alerts, DB_NO_ARGS, &rows);

    if (err)
        return err;
    for (int i = 0; i < ALERT_CENSUS; i++)
        counts[i] = 0;
    while (db_next(&rows)) {
        enum alert_census state = db_get_int(&rows, 0) == 0   ? ALERT_CENSUS_DISABLED
                                  : db_get_int(&rows, 1) != 0 ? ALERT_CENSUS_FIRING
                                                              : ALERT_CENSUS_OK;

        counts[state] += db_get_int(&rows, 2);
    }
    return db_rows_end(&rows);
}

enum err rules_behind(struct tx *tx, int64_t *since_us)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &first_behind, DB_NO_ARGS, &rows);

    if (err)
        return err;
    *since_us = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}
