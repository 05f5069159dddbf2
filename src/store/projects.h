/* projects.h -- the table projects: what the wire of the tracing API calls a session.
 *
 * A project is found by its name, which is unique in its tenant, by its id (UUID text) or by its
 * number, which is what spans carry. The project `default` of a tenant comes to be when it is first
 * asked for. Strings of a row from a query live in the arena given; those of one that goes in are
 * borrowed. */
#ifndef STORE_PROJECTS_H
#define STORE_PROJECTS_H

#include "store/store.h"

#define PROJECT_DEFAULT STR("default")
#define PROJECT_NAME_BYTES_MAX 512

struct project_row {
    struct str tenant;
    struct str project_id;
    int64_t project_no; /* ≥ 1, the same on all nodes */
    struct str name;
    struct str description; /* STR_NONE; so below */
    struct str extra;       /* JSON object */
    int64_t start_us, end_us;
    struct str reference_dataset_id, default_dataset_id;
    struct str trace_tier;
    int64_t keep_us; /* how long its traces are kept; 0: as the configuration says */
    int64_t created_us, modified_us;
};

struct project_rows {
    struct project_row *list; /* in the arena given */
    size_t count;
};

/* ERR_NOT_FOUND. */
enum err projects_get(struct tx *tx, struct str tenant, struct str project_id, struct arena *arena,
                      struct project_row *project) MUST_USE;
enum err projects_find(struct tx *tx, struct str tenant, struct str name, struct arena *arena,
                       struct project_row *project) MUST_USE;
enum err projects_get_by_no(struct tx *tx, int64_t project_no, struct arena *arena,
                            struct project_row *project) MUST_USE;
/* By name; made if there is none. In a write. */
enum err projects_ensure(struct tx *tx, struct str tenant, struct str name, struct arena *arena,
                         struct project_row *project) MUST_USE;
/* project_no and the times of making are set here. ERR_CONFLICT: id or name is taken. */
enum err projects_insert(struct tx *tx, struct project_row *project) MUST_USE;
/* All but tenant, id, number and created_us. ERR_NOT_FOUND, ERR_CONFLICT (name). */
enum err projects_update(struct tx *tx, const struct project_row *project) MUST_USE;
/* The row alone. ERR_NOT_FOUND. */
enum err projects_delete(struct tx *tx, struct str tenant, struct str project_id) MUST_USE;

enum project_sort { PROJECTS_BY_START, PROJECTS_BY_NAME, PROJECTS_BY_LAST_SPAN };

struct project_filter {
    struct str tenant;
    struct str name;                 /* STR_NONE: any; so below */
    struct str name_contains;        /* in any letter case */
    struct str reference_dataset_id; /* "" : those without one */
    struct str metadata;             /* JSON object that extra.metadata must contain */
    enum project_sort sort;
    bool ascending;
    int64_t limit, offset;
};

enum err projects_search(struct tx *tx, const struct project_filter *filter, struct arena *arena,
                         struct project_rows *found) MUST_USE;
/* Which experiment on its reference dataset it is, from 1, by start. */
enum err projects_experiment_number(struct tx *tx, const struct project_row *project,
                                    int64_t *number) MUST_USE;

#endif
