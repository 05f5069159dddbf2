/* retention_priv.h -- one piece of retention, in two files: retention.c, and retention_log.c for
 * the log of deliveries. */
#ifndef STORE_RETENTION_PRIV_H
#define STORE_RETENTION_PRIV_H

#include "store/retention.h"

struct sweep {
    struct tx *tx;
    const struct retention_limits *limits;
    int64_t now_us;
    int64_t rows_left, instants_left;
    bool is_pressed;
};

/* Runs a statement that deletes at most $2 rows older than $1. */
enum err sweep_older(struct sweep *sweep, const struct db_statement *statement,
                     int64_t age_us) MUST_USE;

/* ---- retention_log.c ---- */

/* By age, then by size. */
enum err sweep_log(struct sweep *sweep) MUST_USE;

#endif
