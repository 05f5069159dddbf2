/* trees.h -- the tables trees, tree_versions, tree_files, tree_blobs: folders of files with every
 * version they ever had.
 *
 * A file's row lives from the version that wrote it (`since`) to the one that replaced or removed
 * it (`until`, NULL while it stands): a version is what lives at it, and costs only what it
 * changed. Contents stand once per tenant under their SHA-256 and are counted by the rows that name
 * them; with the last row they go. A version's commit is the SHA-256 over its paths and contents,
 * so the same tree has the same commit on every server.
 *
 * Paths are the caller's to check (format/file_path.h). Strings of what comes out live in the arena
 * given. */
#ifndef STORE_TREES_H
#define STORE_TREES_H

#include "store/store.h"

#define TREE_FILES_MAX 1000
#define TREE_BYTES_MAX (10 * MIB) /* of all files of a version */

struct tree_key {
    struct str tenant;
    struct str tree_id;
};

struct tree_file {
    struct str path;
    struct str hash; /* SHA-256 of the content, hex */
    int64_t bytes;
    struct str content; /* STR_NONE where only listed */
};

struct tree_files {
    struct tree_file *list; /* by path, bytewise */
    size_t count;
};

struct tree_version {
    int64_t version; /* from 1 on */
    struct str commit_hash;
    struct str author_id;
    struct str author_email; /* STR_NONE: unknown */
    struct str message;      /* STR_NONE: none */
    int64_t created_us;
};

struct tree_versions {
    struct tree_version *list;
    size_t count;
};

/* One file to be written; content STR_NONE: to be removed, if it is there. */
struct tree_change {
    struct str path;
    struct str content;
};

/* The index of the change of this path, or `count`. */
size_t tree_change_find(const struct tree_change *changes, size_t count, struct str path);

struct tree_commit {
    const struct tree_change *changes; /* each path at most once */
    size_t count;
    struct str author_id, author_email, message;
};

/* An empty tree at version 0, which holds no file. */
enum err tree_insert(struct tx *tx, const struct tree_key *key) MUST_USE;
/* The newest version; the tree is this transaction's until its end. ERR_NOT_FOUND. */
enum err tree_lock(struct tx *tx, const struct tree_key *key, int64_t *version) MUST_USE;
/* Applies the changes to the newest version of a tree that tree_lock has locked. If they change
 * nothing there is no new version and *made is the newest one (version 0: all its fields are
 * empty). ERR_LIMIT: more files or bytes than a tree may have. */
enum err tree_commit(struct tx *tx, const struct tree_key *key, const struct tree_commit *commit,
                     struct arena *arena, struct tree_version *made) MUST_USE;
/* With all versions and what no other tree holds. */
enum err tree_delete(struct tx *tx, const struct tree_key *key) MUST_USE;

/* ---- reading ---- */

/* ERR_NOT_FOUND. `version` 0: the newest. */
enum err tree_version_get(struct tx *tx, const struct tree_key *key, int64_t version,
                          struct arena *arena, struct tree_version *found) MUST_USE;
/* The same by commit; of several the newest. */
enum err tree_version_find(struct tx *tx, const struct tree_key *key, struct str commit_hash,
                           struct arena *arena, struct tree_version *found) MUST_USE;
/* Newest first, those older than `before` (0: all). */
enum err tree_version_list(struct tx *tx, const struct tree_key *key, int64_t before, int64_t limit,
                           struct arena *arena, struct tree_versions *found) MUST_USE;
/* Without contents. */
enum err tree_list(struct tx *tx, const struct tree_key *key, int64_t version, struct arena *arena,
                   struct tree_files *files) MUST_USE;
/* With contents. */
enum err tree_read(struct tx *tx, const struct tree_key *key, int64_t version, struct arena *arena,
                   struct tree_files *files) MUST_USE;
/* One file's content. ERR_NOT_FOUND. */
enum err tree_read_file(struct tx *tx, const struct tree_key *key, int64_t version, struct str path,
                        struct arena *arena, struct str *content) MUST_USE;
/* NULL: there is no such path. */
const struct tree_file *tree_files_find(const struct tree_files *files, struct str path);

#endif
