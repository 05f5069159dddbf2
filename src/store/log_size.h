/* log_size.h -- how large the log is: kept with every change of it, never counted.
 *
 * The log is what is kept of deliveries: their rows, attempts with the receivers' answers, bodies,
 * and the requests that came to inspectors. Its size is the bytes of bodies, answers and requests,
 * and for each row what it takes on average with its indexes: about what the log fills of the
 * database, without the space that a database keeps for later.
 *
 * Who adds to the log says so by log_grow, who deletes from it does it by log_delete. The sum of a
 * group of works goes with its transaction into one row (log_size_write): with SQLite there is one,
 * with PostgreSQL each connection has one of a few, so that nodes do not wait for each other; the
 * log's size is the sum of all. Nothing is lost or counted twice in a crash. */
#ifndef STORE_LOG_SIZE_H
#define STORE_LOG_SIZE_H

#include "base/metrics.h"
#include "store/store.h"

enum log_what { LOG_DELIVERY, LOG_ATTEMPT, LOG_BODY, LOG_INSPECTED, LOG_WHAT_COUNT };

/* Why it went. Trimmed: an inspector keeps only its newest requests. */
enum log_reason { LOG_AGE, LOG_SIZE, LOG_ERASED, LOG_TRIMMED, LOG_REASON_COUNT };

/* What the statement that deletes returns of each row: its bytes beyond those of any row. */
#define LOG_BYTES_ATTEMPT "LENGTH(response_excerpt)"
#define LOG_BYTES_BODY "LENGTH(bytes)"
#define LOG_BYTES_INSPECTED "body_bytes + LENGTH(CAST(head AS BLOB))"
#define LOG_BYTES_INSPECTED_POSTGRES "body_bytes + OCTET_LENGTH(head)"

extern struct metric store_log_deleted;       /* enum log_what, enum log_reason */
extern struct metric store_log_deleted_bytes; /* enum log_reason */

/* `rows` came, with `bytes` between them; only in a write. Less than none: they went. */
void log_grow(struct tx *tx, enum log_what what, int64_t rows, int64_t bytes);

/* "DELETE … RETURNING bytes"; adds to *gone how many rows went. */
struct log_delete {
    enum log_what what;
    enum log_reason reason;
    const struct db_statement *statement;
};
enum err log_delete(struct tx *tx, const struct log_delete *delete, const struct db_value *args,
                    size_t arg_count, int64_t *gone) MUST_USE;

struct log_entry {
    struct str tenant;
    int64_t delivery_id;
    int64_t body_no; /* outbox_body.h */
};
/* A delivery with its attempts, and its body if nobody else has it; adds to *gone. */
enum err log_delete_delivery(struct tx *tx, enum log_reason reason, const struct log_entry *entry,
                             int64_t *gone) MUST_USE;

/* The size of what is committed, and what this transaction has added. */
enum err log_size_read(struct tx *tx, int64_t *bytes) MUST_USE;
/* The writer's, before the commit. */
enum err log_size_write(struct tx *tx) MUST_USE;

#endif
