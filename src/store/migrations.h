/* migrations.h -- the schema, as a list of steps that only grows.
 *
 * Each step has one text for both databases; where they differ, a line that starts with "@sqlite "
 * or
 * "@postgres " belongs to one of them only. Schema version = number of steps applied, kept in the
 * table schema_version. Every table that holds a tenant's rows has `tenant` first in its key. */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include "db/db.h"

struct migration {
    const char *what; /* in plain words, what there is afterwards: for the log */
    const char *script;
};
extern const struct migration migrations[];
extern const size_t migration_count;

/* Tells how long a step took. */
struct migration_clock {
    int64_t (*mono_us)(void *of);
    void *of;
};

/* Brings the schema to migration_count, each step in its own transaction. With a clock the log says
 * what is done to a store that is not new: on a large one it takes minutes. ERR_CONFLICT with *why
 * if the store is newer than this program. */
enum err migrations_apply(struct db *db, const struct migration_clock *clock,
                          const char **why) MUST_USE;
/* One step alone; in a transaction of the caller's. */
enum err migration_run(struct db *db, const char *step) MUST_USE;

#endif
