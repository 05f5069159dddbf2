/* datasets.h -- the tables datasets and examples.
 *
 * A dataset is found by its id (UUID text) or by its name, which is unique in its tenant. Examples
 * have versions: a change closes the row that was valid until now and adds one, so that what a
 * dataset was at any time can still be read. Two changes at one instant are one version. Strings of
 * a row from a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_DATASETS_H
#define STORE_DATASETS_H

#include "store/named.h"

#define EXAMPLES_OF_DATASET_MAX 100000

struct dataset_row {
    struct str tenant;
    struct str dataset_id;
    struct str name;
    struct str data_type;   /* "kv", "llm", "chat" */
    struct str description; /* STR_NONE; so below */
    struct str metadata;    /* JSON object */
    struct str inputs_schema, outputs_schema;
    struct str tags; /* JSON object: name of a version → its time */
    int64_t example_count;
    int64_t created_us, modified_us;
};

struct dataset_rows {
    struct dataset_row *list; /* in the arena given */
    size_t count;
};

/* ERR_NOT_FOUND. */
enum err datasets_get(struct tx *tx, struct str tenant, struct str dataset_id, struct arena *arena,
                      struct dataset_row *dataset) MUST_USE;
/* The times are set here. ERR_CONFLICT: id or name is taken. */
enum err datasets_insert(struct tx *tx, struct dataset_row *dataset) MUST_USE;
/* All but id, count and created_us. ERR_NOT_FOUND, ERR_CONFLICT (name). */
enum err datasets_update(struct tx *tx, const struct dataset_row *dataset) MUST_USE;
/* With its examples. ERR_NOT_FOUND. */
enum err datasets_delete(struct tx *tx, struct str tenant, struct str dataset_id) MUST_USE;

struct dataset_filter {
    struct named_filter named;
    struct str data_type; /* STR_NONE: any; so below */
    struct str metadata;  /* JSON object that it must contain */
};

/* The newest first. */
enum err datasets_search(struct tx *tx, const struct dataset_filter *filter, struct arena *arena,
                         struct dataset_rows *found) MUST_USE;

/* ---- examples ---- */

struct example_row {
    struct str tenant;
    struct str example_id;
    struct str dataset_id;
    struct str name;
    struct str inputs;   /* JSON object */
    struct str outputs;  /* JSON object; STR_NONE; so below */
    struct str metadata; /* JSON object with its splits: {"dataset_split": ["base"]} */
    struct str source_run_id;
    struct str attachments; /* JSON object (example_attachments.h) */
    int64_t created_us;
    int64_t modified_us; /* since when this version is valid */
};

struct example_rows {
    struct example_row *list; /* in the arena given */
    size_t count;
};

/* As it was at as_of_us; 0: as it is. ERR_NOT_FOUND. */
enum err examples_get(struct tx *tx, struct str tenant, struct str example_id, int64_t as_of_us,
                      struct arena *arena, struct example_row *example) MUST_USE;
/* Is there an example that was made of this run? */
enum err examples_have_run(struct tx *tx, struct str tenant, struct str run_id,
                           bool *have) MUST_USE;
/* Of a dataset that is there. ERR_CONFLICT: the id is or was another example's; ERR_LIMIT: the
 * dataset has EXAMPLES_OF_DATASET_MAX. created_us 0: now. */
enum err examples_insert(struct tx *tx, const struct example_row *example) MUST_USE;
/* A new version of one that is there. */
enum err examples_update(struct tx *tx, const struct example_row *example) MUST_USE;
/* It is in no version from now on; `hard`: it was in none. ERR_NOT_FOUND. */
enum err examples_delete(struct tx *tx, struct str tenant, struct str example_id,
                         bool hard) MUST_USE;

struct example_filter {
    struct str tenant;
    struct str dataset_id; /* STR_NONE: any; so below */
    struct str ids;        /* JSON array of texts */
    struct str splits;     /* JSON array of texts: in one of them */
    struct str metadata;   /* JSON object that it must contain */
    int64_t as_of_us;      /* 0: as they are */
    int64_t limit, offset;
};

/* The newest first. */
enum err examples_search(struct tx *tx, const struct example_filter *filter, struct arena *arena,
                         struct example_rows *found) MUST_USE;

/* When the dataset's examples changed: the newest first, at most `limit` after `offset`. */
enum err examples_versions(struct tx *tx, struct str tenant, struct str dataset_id,
                           const struct example_filter *page, int64_t *times_us,
                           size_t *count) MUST_USE;
enum example_change { EXAMPLE_ADDED, EXAMPLE_MODIFIED, EXAMPLE_REMOVED };

struct example_changes {
    int64_t from_us, to_us; /* in; 0: now */
    struct {
        struct str example_id;
        enum example_change change;
    } * list; /* in the arena given, in the order of the ids */
    size_t count;
};

/* What became of the dataset's examples between two times. */
enum err examples_compare(struct tx *tx, struct str tenant, struct str dataset_id,
                          struct arena *arena, struct example_changes *changes) MUST_USE;
/* Names of its splits, in order, at most `max`. */
enum err examples_splits(struct tx *tx, const struct example_filter *filter, struct arena *arena,
                         struct str *names, size_t max, size_t *count) MUST_USE;

#endif
