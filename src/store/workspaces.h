/* workspaces.h -- the table workspaces: the tenants there are. Every row of every other table
 * belongs to one.
 *
 * A closed workspace is no longer opened by any key; what is in it stays until it is erased. Its id
 * is not given out again as long as the row stands. */
#ifndef STORE_WORKSPACES_H
#define STORE_WORKSPACES_H

#include "store/store.h"

#define WORKSPACE_ID_BYTES_MAX 64
#define WORKSPACES_MAX 10000

struct workspace {
    struct str tenant; /* its id */
    struct str name;   /* for people */
    struct str limits; /* JSON (auth/limits.h); STR_NONE: none */
    int64_t created_us, updated_us;
    int64_t closed_us; /* 0: open */
};

struct workspaces {
    struct workspace *list; /* in the arena given */
    size_t count;
};

/* 1 to 64 of a-z A-Z 0-9 . _ - : it stands in headers, paths and lanes. */
bool workspace_id_is_valid(struct str id);

/* ERR_CONFLICT: the id is taken. ERR_LIMIT: there are WORKSPACES_MAX. */
enum err workspace_insert(struct tx *tx, const struct workspace *workspace) MUST_USE;
/* Makes it, named as its id, unless it is there. */
enum err workspace_ensure(struct tx *tx, struct str tenant) MUST_USE;
/* Also a closed one. ERR_NOT_FOUND. */
enum err workspace_get(struct tx *tx, struct str tenant, struct arena *arena,
                       struct workspace *workspace) MUST_USE;
/* The open ones, by age. */
enum err workspace_list(struct tx *tx, struct arena *arena, struct workspaces *found) MUST_USE;
/* Name and limits. These two: ERR_NOT_FOUND also if it is closed. */
enum err workspace_change(struct tx *tx, const struct workspace *workspace) MUST_USE;
/* Keys that open nothing else are revoked. */
enum err workspace_close(struct tx *tx, struct str tenant) MUST_USE;

#endif
