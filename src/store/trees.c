/* The tables trees, tree_versions, tree_files, tree_blobs. */
#include "store/trees.h"

#include <stdlib.h>

#include "base/buf.h"
#include "crypto/sha256.h"

#define VERSIONS_MAX 1000

/* ---- statements ---- */

static const struct db_statement insert_tree = {
    "trees_insert", "INSERT INTO trees (tenant, tree_id, version) VALUES ($1, $2, 0)", NULL};
#define HEAD "SELECT version FROM trees WHERE tenant = $1 AND tree_id = $2"
static const struct db_statement lock_tree = {"trees_lock", HEAD, HEAD " FOR UPDATE"};
static const struct db_statement move_head = {
    "trees_move", "UPDATE trees SET version = $3 WHERE tenant = $1 AND tree_id = $2", NULL};
static const struct db_statement delete_tree = {
    "trees_delete", "DELETE FROM trees WHERE tenant = $1 AND tree_id = $2", NULL};

static const struct db_statement insert_version = {
    "tree_versions_insert",
    "INSERT INTO tree_versions (tenant, tree_id, version, commit_hash, author_id, author_email,"
    " message, created_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    NULL};
static const struct db_statement delete_versions = {
    "tree_versions_delete", "DELETE FROM tree_versions WHERE tenant = $1 AND tree_id = $2", NULL};
#define VERSION                                                                                    \
    "SELECT version, commit_hash, author_id, author_email, message, created_us FROM tree_versions" \
    " WHERE tenant = $1 AND tree_id = $2"
static const struct db_statement select_version = {
    "tree_versions_get",
    VERSION " AND (CAST($3 AS BIGINT) = 0 OR version = $3) ORDER BY version DESC LIMIT 1", NULL};
static const struct db_statement find_version = {
    "tree_versions_find", VERSION " AND commit_hash = $3 ORDER BY version DESC LIMIT 1", NULL};
static const struct db_statement list_versions = {"tree_versions_list",
                                                  VERSION
                                                  " AND (CAST($3 AS BIGINT) = 0 OR version < $3)"
                                                  " ORDER BY version DESC LIMIT CAST($4 AS BIGINT)",
                                                  NULL};

#define LIVES " AND since <= $3 AND (until IS NULL OR until > $3)"
static const struct db_statement list_files = {
    "tree_files_list",
    "SELECT path, hash, bytes FROM tree_files WHERE tenant = $1 AND tree_id = $2" LIVES
    " ORDER BY path",
    NULL};
#define WITH_CONTENT                                                                               \
    "SELECT f.path, f.hash, f.bytes, b.content FROM tree_files f JOIN tree_blobs b"                \
    " ON b.tenant = f.tenant AND b.hash = f.hash WHERE f.tenant = $1 AND f.tree_id = $2" LIVES
static const struct db_statement read_files = {"tree_files_read", WITH_CONTENT " ORDER BY path",
                                               NULL};
static const struct db_statement read_one = {"tree_files_get", WITH_CONTENT " AND path = $4", NULL};
static const struct db_statement insert_file = {
    "tree_files_insert",
    "INSERT INTO tree_files (tenant, tree_id, path, since, hash, bytes)"
    " VALUES ($1, $2, $3, $4, $5, $6)",
    NULL};
static const struct db_statement end_file = {
    "tree_files_end",
    "UPDATE tree_files SET until = $4"
    " WHERE tenant = $1 AND tree_id = $2 AND path = $3 AND until IS NULL",
    NULL};
static const struct db_statement delete_files = {
    "tree_files_delete", "DELETE FROM tree_files WHERE tenant = $1 AND tree_id = $2", NULL};

static const struct db_statement count_blob = {
    "tree_blobs_put",
    "INSERT INTO tree_blobs (tenant, hash, uses, content) VALUES ($1, $2, 1, $3)"
    " ON CONFLICT (tenant, hash) DO UPDATE SET uses = tree_blobs.uses + 1",
    NULL};
#define USES_OF_TREE                                                                               \
    "(SELECT COUNT(*) FROM tree_files f WHERE f.tenant = $1 AND f.tree_id = $2"                    \
    " AND f.hash = tree_blobs.hash)"
#define HASHES_OF_TREE "(SELECT f.hash FROM tree_files f WHERE f.tenant = $1 AND f.tree_id = $2)"
static const struct db_statement uncount_blobs = {
    "tree_blobs_release",
    "UPDATE tree_blobs SET uses = uses - " USES_OF_TREE
    " WHERE tenant = $1 AND hash IN " HASHES_OF_TREE,
    NULL};
static const struct db_statement delete_blobs = {
    "tree_blobs_delete",
    "DELETE FROM tree_blobs WHERE tenant = $1 AND uses <= 0 AND hash IN " HASHES_OF_TREE, NULL};

/* ---- reading ---- */

static struct tree_version version_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct tree_version){
        .version = db_get_int(rows, 0),
        .commit_hash = db_get_keep(rows, 1, arena),
        .author_id = db_get_keep(rows, 2, arena),
        .author_email = db_get_keep(rows, 3, arena),
        .message = db_get_keep(rows, 4, arena),
        .created_us = db_get_int(rows, 5),
    };
}

static enum err version_one(struct tx *tx, const struct db_statement *statement,
                            const struct tree_key *key, struct db_value which, struct arena *arena,
                            struct tree_version *found)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, statement,
                                DB_ARGS(db_text(key->tenant), db_text(key->tree_id), which), &rows);

    if (err)
        return err;
    *found = version_of(&rows, arena);
    return db_rows_end(&rows);
}

enum err tree_version_get(struct tx *tx, const struct tree_key *key, int64_t version,
                          struct arena *arena, struct tree_version *found)
{
    return version_one(tx, &select_version, key, db_int(version), arena, found);
}

enum err tree_version_find(struct tx *tx, const struct tree_key *key, struct str commit_hash,
                           struct arena *arena, struct tree_version *found)
{
    return version_one(tx, &find_version, key, db_text(commit_hash), arena, found);
}

enum err tree_version_list(struct tx *tx, const struct tree_key *key, int64_t before, int64_t limit,
                           struct arena *arena, struct tree_versions *found)
{
    struct tree_versions versions = {0};
    struct db_rows rows = {0};
    enum err err;

    REQUIRE(limit >= 1 && limit <= VERSIONS_MAX);
    versions.list = ARENA_ARRAY(arena, struct tree_version, (size_t)limit);
    err = db_query(
        tx->db, &list_versions,
        DB_ARGS(db_text(key->tenant), db_text(key->tree_id), db_int(before), db_int(limit)), &rows);
    if (err)
        return err;
    while (versions.count < (size_t)limit && db_next(&rows))
        versions.list[versions.count++] = version_of(&rows, arena);
    if ((err = db_rows_end(&rows)))
        return err;
    *found = versions;
    return OK;
}

static struct tree_file file_of(const struct db_rows *rows, bool with_content, struct arena *arena)
{
    struct tree_file file = {
        .path = db_get_keep(rows, 0, arena),
        .hash = db_get_keep(rows, 1, arena),
        .bytes = db_get_int(rows, 2),
    };

    if (with_content)
        file.content = file.bytes ? db_get_keep(rows, 3, arena) : STR("");
    return file;
}

static int by_path(const void *a, const void *b)
{
    const struct tree_file *left = a, *right = b;

    return str_compare(left->path, right->path);
}

static enum err read_all(struct tx *tx, const struct tree_key *key, int64_t version,
                         bool with_content, struct arena *arena, struct tree_files *files)
{
    struct tree_file *list = ARENA_ARRAY(arena, struct tree_file, TREE_FILES_MAX);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err =
        db_query(tx->db, with_content ? &read_files : &list_files,
                 DB_ARGS(db_text(key->tenant), db_text(key->tree_id), db_int(version)), &rows);

    if (err)
        return err;
    while (n < TREE_FILES_MAX && db_next(&rows))
        list[n++] = file_of(&rows, with_content, arena);
    if ((err = db_rows_end(&rows)))
        return err;
    *files = (struct tree_files){list, n};
    return OK;
}

enum err tree_list(struct tx *tx, const struct tree_key *key, int64_t version, struct arena *arena,
                   struct tree_files *files)
{
    return read_all(tx, key, version, false, arena, files);
}

enum err tree_read(struct tx *tx, const struct tree_key *key, int64_t version, struct arena *arena,
                   struct tree_files *files)
{
    return read_all(tx, key, version, true, arena, files);
}

enum err tree_read_file(struct tx *tx, const struct tree_key *key, int64_t version, struct str path,
                        struct arena *arena, struct str *content)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(
        tx->db, &read_one,
        DB_ARGS(db_text(key->tenant), db_text(key->tree_id), db_int(version), db_text(path)),
        &rows);

    if (err)
        return err;
    *content = file_of(&rows, true, arena).content;
    return db_rows_end(&rows);
}

const struct tree_file *tree_files_find(const struct tree_files *files, struct str path)
{
    const struct tree_file wanted = {.path = path};

    return files->count ? bsearch(&wanted, files->list, files->count, sizeof(wanted), by_path)
                        : NULL;
}

/* ---- a commit ---- */

struct committing {
    struct tx *tx;
    const struct tree_key *key;
    int64_t version; /* the one being made */
    struct tree_files files;
    bool has_changed;
};

static enum err end_one(struct committing *c, struct str path)
{
    return db_run(c->tx->db, &end_file,
                  DB_ARGS(db_text(c->key->tenant), db_text(c->key->tree_id), db_text(path),
                          db_int(c->version)),
                  NULL);
}

static enum err write_one(struct committing *c, const struct tree_change *change, struct str hash)
{
    enum err err =
        db_run(c->tx->db, &count_blob,
               DB_ARGS(db_text(c->key->tenant), db_text(hash), db_blob(change->content)), NULL);

    if (err)
        return err;
    return db_run(c->tx->db, &insert_file,
                  DB_ARGS(db_text(c->key->tenant), db_text(c->key->tree_id), db_text(change->path),
                          db_int(c->version), db_text(hash), db_int((int64_t)change->content.len)),
                  NULL);
}

/* Keeps c->files in step, in order. */
static enum err apply_removal(struct committing *c, struct tree_file *old)
{
    struct tree_file *end = c->files.list + c->files.count;
    enum err err;

    if (!old)
        return OK;
    err = end_one(c, old->path);
    memmove(old, old + 1, (size_t)(end - old - 1) * sizeof(*old));
    c->files.count--;
    c->has_changed = true;
    return err;
}

static enum err apply_write(struct committing *c, const struct tree_change *change,
                            struct tree_file *old)
{
    struct sha256 digest = sha256_of(change->content);
    struct sha256_text text;
    struct str hash = arena_str(c->tx->arena, sha256_write(&digest, &text));
    struct tree_file *file = old;
    enum err err = OK;

    if (old && str_eq(old->hash, hash))
        return OK;
    c->has_changed = true;
    if (old) {
        err = end_one(c, change->path);
    } else {
        if (c->files.count == TREE_FILES_MAX)
            return ERR_LIMIT;
        file = &c->files.list[c->files.count++];
    }
    *file = (struct tree_file){
        .path = change->path, .hash = hash, .bytes = (int64_t)change->content.len};
    if (!old)
        qsort(c->files.list, c->files.count, sizeof(*file), by_path);
    return err ? err : write_one(c, change, hash);
}

static enum err apply_change(struct committing *c, const struct tree_change *change)
{
    const struct tree_file *found = tree_files_find(&c->files, change->path);
    struct tree_file *old = found ? &c->files.list[found - c->files.list] : NULL;

    return str_is_none(change->content) ? apply_removal(c, old) : apply_write(c, change, old);
}

static int64_t bytes_of(const struct tree_files *files)
{
    int64_t sum = 0;

    for (size_t i = 0; i < files->count; i++)
        sum += files->list[i].bytes;
    return sum;
}

static struct str commit_hash(struct arena *arena, const struct tree_files *files)
{
    struct sha256_text text;
    struct sha256 digest;
    struct buf lines;

    buf_init(&lines, TREE_FILES_MAX * KIB);
    for (size_t i = 0; i < files->count; i++) {
        buf_add(&lines, files->list[i].path);
        buf_add_char(&lines, '\0');
        buf_add(&lines, files->list[i].hash);
        buf_add_char(&lines, '\n');
    }
    digest = sha256_of(buf_str(&lines));
    buf_release(&lines);
    return arena_str(arena, sha256_write(&digest, &text));
}

static enum err write_version(struct committing *c, const struct tree_version *v)
{
    struct tx *tx = c->tx;
    enum err err =
        db_run(tx->db, &insert_version,
               DB_ARGS(db_text(c->key->tenant), db_text(c->key->tree_id), db_int(v->version),
                       db_text(v->commit_hash), db_text(v->author_id), db_text(v->author_email),
                       db_text(v->message), db_int(v->created_us)),
               NULL);

    return err ? err
               : db_run(
                     tx->db, &move_head,
                     DB_ARGS(db_text(c->key->tenant), db_text(c->key->tree_id), db_int(v->version)),
                     NULL);
}

static enum err finish(struct committing *c, const struct tree_commit *commit, struct arena *arena,
                       struct tree_version *made)
{
    const struct tree_version version = {
        .version = c->version,
        .commit_hash = commit_hash(arena, &c->files),
        .author_id = arena_str(arena, commit->author_id),
        .author_email = arena_str(arena, commit->author_email),
        .message = arena_str(arena, commit->message),
        .created_us = c->tx->now_us,
    };
    enum err err;

    if (bytes_of(&c->files) > (int64_t)TREE_BYTES_MAX)
        return ERR_LIMIT;
    err = write_version(c, &version);
    if (!err)
        *made = version;
    return err;
}

enum err tree_commit(struct tx *tx, const struct tree_key *key, const struct tree_commit *commit,
                     struct arena *arena, struct tree_version *made)
{
    struct committing c = {.tx = tx, .key = key};
    int64_t head;
    enum err err = tree_lock(tx, key, &head);

    REQUIRE(tx->is_write);
    if (!err)
        err = tree_list(tx, key, head, tx->arena, &c.files);
    c.version = head + 1;
    for (size_t i = 0; !err && i < commit->count; i++)
        err = apply_change(&c, &commit->changes[i]);
    if (err)
        return err;
    if (c.has_changed)
        return finish(&c, commit, arena, made);
    if (head > 0)
        return tree_version_get(tx, key, head, arena, made);
    *made = (struct tree_version){.version = 0};
    return OK;
}

/* ---- trees ---- */

enum err tree_insert(struct tx *tx, const struct tree_key *key)
{
    return db_run(tx->db, &insert_tree, DB_ARGS(db_text(key->tenant), db_text(key->tree_id)), NULL);
}

enum err tree_lock(struct tx *tx, const struct tree_key *key, int64_t *version)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(tx->db, &lock_tree,
                                DB_ARGS(db_text(key->tenant), db_text(key->tree_id)), &rows);

    if (err)
        return err;
    *version = db_get_int(&rows, 0);
    return db_rows_end(&rows);
}

enum err tree_delete(struct tx *tx, const struct tree_key *key)
{
    /* What the rows held is uncounted while they still say what that was. */
    static const struct db_statement *const steps[] = {&uncount_blobs, &delete_blobs, &delete_files,
                                                       &delete_versions, &delete_tree};
    int64_t version;
    enum err err = tree_lock(tx, key, &version);

    for (size_t i = 0; !err && i < ARRAY_LEN(steps); i++)
        err = db_run(tx->db, steps[i], DB_ARGS(db_text(key->tenant), db_text(key->tree_id)), NULL);
    return err;
}

size_t tree_change_find(const struct tree_change *changes, size_t count, struct str path)
{
    size_t at = 0;

    while (at < count && !str_eq(changes[at].path, path))
        at++;
    return at;
}
