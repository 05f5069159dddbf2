/* assistants.h -- the tables assistants and assistant_versions.
 *
 * An assistant is a graph with a configuration, under a name; each change makes a version. The
 * system assistant of a graph has the UUIDv5 of the graph's id. Strings of a struct assistant that
 * came from a query live in the arena given; those of one that goes in are borrowed. */
#ifndef STORE_ASSISTANTS_H
#define STORE_ASSISTANTS_H

#include "store/store.h"

struct assistant {
    struct str tenant;
    struct str assistant_id;
    struct str graph_id;
    struct str name;
    struct str description; /* STR_NONE: null */
    struct str config;      /* JSON objects, as text */
    struct str context;
    struct str metadata;
    int64_t version;
    int64_t created_us;
    int64_t updated_us;
};

enum err assistant_get(struct tx *tx, struct str tenant, struct str assistant_id,
                       struct arena *arena, struct assistant *assistant) MUST_USE;
/* Its metadata say {"triggers_paused": true}: nothing may make runs of it by itself. */
bool assistant_is_paused(const struct assistant *assistant, struct arena *arena);
/* Row and first version; ERR_CONFLICT if the id exists. */
enum err assistant_insert(struct tx *tx, const struct assistant *assistant) MUST_USE;
/* Replaces the row's contents and adds them as a version: version must be assistant_next_version's.
 */
enum err assistant_update(struct tx *tx, const struct assistant *assistant) MUST_USE;
enum err assistant_next_version(struct tx *tx, struct str tenant, struct str assistant_id,
                                int64_t *version) MUST_USE;
/* The version's graph, configuration, metadata, name and description; created_us is the version's,
 * updated_us 0. ERR_NOT_FOUND. */
enum err assistant_get_version(struct tx *tx, struct str tenant, struct str assistant_id,
                               int64_t version, struct arena *arena,
                               struct assistant *assistant) MUST_USE;
/* Makes a version that exists the current one: the row gets the struct's contents. */
enum err assistant_set_version(struct tx *tx, const struct assistant *assistant) MUST_USE;
/* Row and versions. ERR_NOT_FOUND. */
enum err assistant_delete(struct tx *tx, struct str tenant, struct str assistant_id) MUST_USE;

struct assistant_filter {
    struct str tenant;
    struct str graph_id; /* STR_NONE: any */
    struct str metadata; /* JSON object that must be contained; STR_NONE: any */
    struct str name;     /* part of the name, any letter case; STR_NONE: any */
    struct str admitted; /* JSON array: metadata contain one of its objects; STR_NONE: any */
    struct str sort_by;  /* created_at (default), updated_at, name, graph_id, assistant_id */
    bool ascending;
    int64_t limit, offset;
};

/* *found and its strings live in `arena`. */
enum err assistant_search(struct tx *tx, const struct assistant_filter *filter, struct arena *arena,
                          struct assistant **found, size_t *count) MUST_USE;

struct assistant_versions {
    struct str tenant, assistant_id;
    struct str metadata; /* contained JSON object; STR_NONE: any */
    int64_t limit, offset;
};

/* Newest first, each as of assistant_get_version. */
enum err assistant_list_versions(struct tx *tx, const struct assistant_versions *which,
                                 struct arena *arena, struct assistant **found,
                                 size_t *count) MUST_USE;
enum err assistant_count(struct tx *tx, const struct assistant_filter *filter,
                         int64_t *count) MUST_USE;

#endif
