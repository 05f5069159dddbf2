/* The table secrets: rows sealed on their way in and opened on their way out. */
#include "store/secrets.h"

#include "crypto/secret.h"
#include "store/endpoint_lock.h"
#include "store/sequence.h"

#define VALUE_BYTES_MAX (128 * KIB)
#define LIST_MAX 320
#define USES_MAX 256

static const char *const kind_names[SECRET_KIND_COUNT] = {
    [SECRET_HEADER] = "header",
    [SECRET_SIGNING_KEY] = "signing_key",
    [SECRET_CLIENT_CERTIFICATE] = "client_certificate",
    [SECRET_OAUTH] = "oauth",
    [SECRET_WORKSPACE] = "workspace",
    [SECRET_MCP_SERVER] = "mcp_server",
    [SECRET_AUTH_PROVIDER] = "auth_provider",
};

/* No endpoint has this id. */
#define WORKSPACE STR("workspace")

struct secret_owner secret_owner_workspace(struct str tenant)
{
    return (struct secret_owner){tenant, WORKSPACE};
}

static bool is_workspace(const struct secret_owner *owner)
{
    return str_eq(owner->endpoint_id, WORKSPACE);
}

static struct str kind_name(enum secret_kind kind)
{
    REQUIRE(kind < SECRET_KIND_COUNT);
    return str_of(kind_names[kind]);
}

static enum secret_kind kind_of(struct str name)
{
    size_t kind = 0;

    while (kind < SECRET_KIND_COUNT && !str_eq(name, str_of(kind_names[kind])))
        kind++;
    REQUIRE(kind < SECRET_KIND_COUNT);
    return (enum secret_kind)kind;
}

/* ---- sealing ---- */

/* A row is named by all of its key, so that a value cannot be moved to another. */
static struct seal_binding binding_of(struct arena *arena, const struct secret_owner *owner,
                                      struct str kind, struct str secret_id)
{
    struct str row[] = {owner->endpoint_id, STR("\n"), kind, STR("\n"), secret_id};

    return (struct seal_binding){.tenant = owner->tenant,
                                 .table = STR("secrets"),
                                 .column = STR("sealed"),
                                 .row = arena_concat(arena, row, ARRAY_LEN(row))};
}

static struct str seal(struct tx *tx, const struct seal_binding *binding, struct str value,
                       uint32_t *key_id)
{
    struct buf out;
    struct str sealed;

    REQUIRE(tx->keyring);
    buf_init(&out, VALUE_BYTES_MAX + SEAL_OVERHEAD_BYTES);
    keyring_seal(tx->keyring, &out, binding, value, key_id);
    REQUIRE(!out.failed);
    sealed = arena_str(tx->arena, buf_str(&out));
    buf_release(&out);
    return sealed;
}

static struct str words_of(struct arena *arena, enum err err, struct str kind, struct str name,
                           struct str sealed)
{
    uint32_t key_id = 0;

    if (err == ERR_NOT_FOUND && seal_key_id(sealed, &key_id) == OK)
        return arena_printf(arena,
                            "the %.*s %.*s is sealed under the key %u, which is not among this "
                            "server's secret keys",
                            STR_ARG(kind), STR_ARG(name), (unsigned)key_id);
    return arena_printf(arena, "the %.*s %.*s was changed in the store, or sealed by a stranger",
                        STR_ARG(kind), STR_ARG(name));
}

/* ---- changes ---- */

static const struct db_statement endpoint_touch = {
    "endpoints_secrets_changed",
    "UPDATE endpoints SET secrets_version = secrets_version + 1, updated_us = $3"
    " WHERE tenant = $1 AND endpoint_id = $2",
    NULL};
static const struct db_statement upsert = {
    "secrets_put",
    "INSERT INTO secrets (tenant, endpoint_id, kind, secret_id, name, about, seal_key_id, sealed,"
    " secret_no, created_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    " ON CONFLICT (tenant, endpoint_id, kind, secret_id) DO UPDATE SET name = excluded.name,"
    " about = excluded.about, seal_key_id = excluded.seal_key_id, sealed = excluded.sealed,"
    " secret_no = excluded.secret_no, created_us = excluded.created_us,"
    " expires_us = excluded.expires_us",
    NULL};
static const struct db_statement delete_one = {
    "secrets_delete",
    "DELETE FROM secrets WHERE tenant = $1 AND endpoint_id = $2 AND kind = $3 AND secret_id = $4",
    NULL};
static const struct db_statement delete_all = {
    "secrets_delete_all",
    "DELETE FROM secrets WHERE tenant = $1 AND endpoint_id = $2 AND kind = $3", NULL};
static const struct db_statement expire = {
    "secrets_expire",
    "UPDATE secrets SET expires_us = $5 WHERE tenant = $1 AND endpoint_id = $2 AND kind = $3"
    " AND name = $4 AND (expires_us IS NULL OR expires_us > $5)",
    NULL};

/* Takes the endpoint's row too, so that two who change its secrets come one after the other. */
static enum err touch(struct tx *tx, const struct secret_owner *owner)
{
    int64_t changed = 0;
    enum err err;

    REQUIRE(tx->is_write);
    if (is_workspace(owner))
        return OK;
    err = db_run(tx->db, &endpoint_touch,
                 DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id), db_int(tx->now_us)),
                 &changed);
    if (err || changed != 1)
        return err ? err : ERR_NOT_FOUND;
    return endpoint_unlock_one(tx, owner);
}

enum err secret_put(struct tx *tx, const struct secret_owner *owner, const struct secret *secret)
{
    struct str kind = kind_name(secret->kind);
    struct seal_binding binding = binding_of(tx->arena, owner, kind, secret->secret_id);
    uint32_t key_id = 0;
    int64_t number = 0;
    struct str sealed;
    enum err err = touch(tx, owner);

    if (!err)
        err = sequence_next(tx, STR("secret"), 1, &number);
    if (err)
        return err;
    sealed = seal(tx, &binding, secret->value, &key_id);
    return db_run(tx->db, &upsert,
                  DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id), db_text(kind),
                          db_text(secret->secret_id), db_text(secret->name), db_text(secret->about),
                          db_int(key_id), db_blob(sealed), db_int(number),
                          db_int(secret->created_us), db_int_or_null(secret->expires_us)),
                  NULL);
}

enum err secret_delete(struct tx *tx, const struct secret_owner *owner, enum secret_kind kind,
                       struct str secret_id, int64_t *count)
{
    const struct db_value args[] = {db_text(owner->tenant), db_text(owner->endpoint_id),
                                    db_text(kind_name(kind)), db_text(secret_id)};
    enum err err = touch(tx, owner);

    if (err)
        return err;
    return str_is_none(secret_id) ? db_run(tx->db, &delete_all, args, 3, count)
                                  : db_run(tx->db, &delete_one, args, 4, count);
}

enum err secret_expire(struct tx *tx, const struct secret_owner *owner, enum secret_kind kind,
                       struct str name, int64_t expires_us)
{
    enum err err = touch(tx, owner);

    if (err)
        return err;
    return db_run(tx->db, &expire,
                  DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id),
                          db_text(kind_name(kind)), db_text(name), db_int(expires_us)),
                  NULL);
}

/* ---- lists ---- */

#define COLUMNS "SELECT kind, secret_id, name, about, created_us, expires_us"
#define LIVE " AND (expires_us IS NULL OR expires_us > "
#define ORDER " ORDER BY kind, created_us DESC, secret_no DESC LIMIT 320"

static const struct db_statement endpoint_exists = {
    "endpoints_exists", "SELECT 1 FROM endpoints WHERE tenant = $1 AND endpoint_id = $2", NULL};
static const struct db_statement select_kind = {
    "secrets_list",
    COLUMNS " FROM secrets WHERE tenant = $1 AND endpoint_id = $2 AND kind = $3" LIVE "$4)" ORDER,
    NULL};
static const struct db_statement select_sealed = {
    "secrets_open",
    COLUMNS ", sealed FROM secrets WHERE tenant = $1 AND endpoint_id = $2" LIVE "$3)" ORDER, NULL};
static const struct db_statement select_public = {
    "secrets_public",
    COLUMNS " FROM secrets WHERE endpoint_id = $1 AND kind = 'signing_key' AND name = 'ed25519'"
            " AND about IS NOT NULL" LIVE "$2)" ORDER,
    NULL};

static struct secret row_of(const struct db_rows *rows, struct arena *arena)
{
    return (struct secret){
        .kind = kind_of(db_get_str(rows, 0)),
        .secret_id = db_get_keep(rows, 1, arena),
        .name = db_get_keep(rows, 2, arena),
        .about = db_get_keep(rows, 3, arena),
        .created_us = db_get_int(rows, 4),
        .expires_us = db_get_int(rows, 5),
    };
}

static enum err read_list(struct db_rows *rows, struct arena *arena, struct secrets *found)
{
    struct secret *list = ARENA_ARRAY(arena, struct secret, LIST_MAX);
    size_t n = 0;

    while (n < LIST_MAX && db_next(rows))
        list[n++] = row_of(rows, arena);
    *found = (struct secrets){.list = list, .count = n};
    return db_rows_end(rows);
}

enum err secret_list(struct tx *tx, const struct secret_owner *owner, enum secret_kind kind,
                     struct arena *arena, struct secrets *found)
{
    struct db_rows rows = {0};
    enum err err = OK;

    if (!is_workspace(owner)) {
        err = db_query_one(tx->db, &endpoint_exists,
                           DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id)), &rows);
        if (!err)
            err = db_rows_end(&rows);
    }
    if (!err)
        err = db_query(tx->db, &select_kind,
                       DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id),
                               db_text(kind_name(kind)), db_int(tx->now_us)),
                       &rows);
    return err ? err : read_list(&rows, arena, found);
}

enum err secret_public_keys(struct tx *tx, struct str endpoint_id, struct arena *arena,
                            struct secrets *found)
{
    struct db_rows rows = {0};
    enum err err =
        db_query(tx->db, &select_public, DB_ARGS(db_text(endpoint_id), db_int(tx->now_us)), &rows);

    return err ? err : read_list(&rows, arena, found);
}

static enum err open_row(struct tx *tx, const struct secret_owner *owner, struct arena *arena,
                         struct db_rows *rows, struct secret *secret, struct str *why)
{
    struct str kind = kind_name(secret->kind), sealed = db_get_str(rows, 6);
    struct seal_binding binding = binding_of(tx->arena, owner, kind, secret->secret_id);
    enum err err;

    REQUIRE(tx->keyring);
    err = keyring_open(tx->keyring, arena, &binding, sealed, &secret->value);
    if (!err)
        return OK;
    *why = words_of(arena, err, kind, secret->name, sealed);
    return ERR_DENIED;
}

enum err secrets_open(struct tx *tx, const struct secret_owner *owner, struct arena *arena,
                      struct secrets *found, struct str *why)
{
    struct db_rows rows = {0};
    struct secrets opened = {0};
    enum err err = db_query(
        tx->db, &select_sealed,
        DB_ARGS(db_text(owner->tenant), db_text(owner->endpoint_id), db_int(tx->now_us)), &rows);
    enum err end;

    if (err)
        return err;
    opened.list = ARENA_ARRAY(arena, struct secret, LIST_MAX);
    while (!err && opened.count < LIST_MAX && db_next(&rows)) {
        struct secret *secret = &opened.list[opened.count++];

        *secret = row_of(&rows, arena);
        err = open_row(tx, owner, arena, &rows, secret, why);
    }
    end = db_rows_end(&rows);
    if (!end && !err) {
        *found = opened;
        return OK;
    }
    secrets_wipe(&opened);
    return end ? end : err;
}

void secrets_wipe(struct secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++) {
        struct str *value = &secrets->list[i].value;
        union {
            const char *in;
            void *out; /* it was made in our arena */
        } bytes = {.in = value->data};

        if (value->len)
            secret_wipe(bytes.out, value->len);
        *value = STR_NONE;
    }
}

const struct secret *secrets_find(const struct secrets *secrets, enum secret_kind kind,
                                  struct str secret_id)
{
    for (size_t i = 0; i < secrets->count; i++)
        if (secrets->list[i].kind == kind && str_eq(secrets->list[i].secret_id, secret_id))
            return &secrets->list[i];
    return NULL;
}

struct secrets secrets_copy(const struct secrets *secrets, struct arena *arena)
{
    struct secrets copy = {.count = secrets->count};

    copy.list = ARENA_ARRAY(arena, struct secret, secrets->count + 1);
    for (size_t i = 0; i < copy.count; i++) {
        const struct secret *from = &secrets->list[i];

        copy.list[i] = (struct secret){.kind = from->kind,
                                       .secret_id = arena_str(arena, from->secret_id),
                                       .name = arena_str(arena, from->name),
                                       .about = arena_str(arena, from->about),
                                       .value = arena_str(arena, from->value),
                                       .created_us = from->created_us,
                                       .expires_us = from->expires_us};
    }
    return copy;
}

/* ---- keys that change ---- */

static const struct db_statement count_uses = {
    "secrets_uses",
    "SELECT seal_key_id, COUNT(*) FROM secrets GROUP BY seal_key_id ORDER BY seal_key_id", NULL};
static const struct db_statement delete_expired = {
    "secrets_delete_expired", "DELETE FROM secrets WHERE expires_us <= $1", NULL};
static const struct db_statement select_under = {
    "secrets_under_key",
    "SELECT tenant, endpoint_id, kind, secret_id, secret_no, sealed FROM secrets"
    " WHERE seal_key_id = $1 AND secret_no > $2 ORDER BY secret_no LIMIT CAST($3 AS BIGINT)",
    NULL};
/* Only if it is still what was opened. */
static const struct db_statement reseal = {
    "secrets_reseal",
    "UPDATE secrets SET sealed = $5, seal_key_id = $6 WHERE tenant = $1 AND endpoint_id = $2"
    " AND kind = $3 AND secret_id = $4 AND sealed = $7",
    NULL};

enum err secret_uses(struct tx *tx, struct arena *arena, struct secret_use **uses, size_t *count)
{
    struct secret_use *list = ARENA_ARRAY(arena, struct secret_use, USES_MAX);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(tx->db, &count_uses, DB_NO_ARGS, &rows);

    if (err)
        return err;
    while (n < USES_MAX && db_next(&rows)) {
        list[n].key_id = (uint32_t)db_get_int(&rows, 0);
        list[n++].count = db_get_int(&rows, 1);
    }
    *uses = list;
    *count = n;
    return db_rows_end(&rows);
}

enum err secret_uses_beside(const char *path, struct arena *arena, struct secret_use **uses,
                            size_t *count, const char **why)
{
    const struct db_sqlite_options options = {.path = path, .read_only = true};
    struct tx tx = {.arena = arena};
    enum err err = db_sqlite_open(&options, &tx.db, why);

    if (err)
        return err;
    err = secret_uses(&tx, arena, uses, count);
    if (err)
        *why = "it has no table of secrets yet; start the server once";
    db_close(tx.db);
    return err;
}

struct sealed_row {
    struct secret_owner owner;
    struct str kind, secret_id, sealed;
};

static enum err reseal_row(struct tx *tx, const struct sealed_row *row, struct secret_sweep *sweep)
{
    struct seal_binding binding = binding_of(tx->arena, &row->owner, row->kind, row->secret_id);
    struct secret opened = {0};
    struct secrets one = {.list = &opened, .count = 1};
    uint32_t key_id = 0;
    struct str again;

    if (keyring_open(tx->keyring, tx->arena, &binding, row->sealed, &opened.value)) {
        sweep->unreadable++;
        return OK;
    }
    again = seal(tx, &binding, opened.value, &key_id);
    secrets_wipe(&one);
    sweep->resealed++;
    return db_run(tx->db, &reseal,
                  DB_ARGS(db_text(row->owner.tenant), db_text(row->owner.endpoint_id),
                          db_text(row->kind), db_text(row->secret_id), db_blob(again),
                          db_int(key_id), db_blob(row->sealed)),
                  NULL);
}

/* The rows of one key behind sweep->after, at most `limit`. */
static enum err reseal_some(struct tx *tx, struct secret_sweep *sweep, size_t limit, size_t *count)
{
    struct sealed_row *list = ARENA_ARRAY(tx->arena, struct sealed_row, limit);
    struct db_rows rows = {0};
    size_t n = 0;
    enum err err = db_query(
        tx->db, &select_under,
        DB_ARGS(db_int(sweep->key_id), db_int(sweep->after), db_int((int64_t)limit)), &rows);

    if (err)
        return err;
    for (; n < limit && db_next(&rows); n++) {
        list[n] = (struct sealed_row){
            .owner = {db_get_keep(&rows, 0, tx->arena), db_get_keep(&rows, 1, tx->arena)},
            .kind = db_get_keep(&rows, 2, tx->arena),
            .secret_id = db_get_keep(&rows, 3, tx->arena),
            .sealed = db_get_keep(&rows, 5, tx->arena)};
        sweep->after = db_get_int(&rows, 4);
    }
    err = db_rows_end(&rows);
    for (size_t i = 0; !err && i < n; i++)
        err = reseal_row(tx, &list[i], sweep);
    *count = n;
    return err;
}

/* The older key behind the one under way; 0: that was the last. */
static uint32_t next_key(struct keyring *ring, uint32_t key_id)
{
    uint32_t ids[KEYRING_KEYS_MAX];
    size_t count = keyring_ids(ring, ids), at = 0;

    while (key_id && at < count && ids[at] != key_id)
        at++;
    return at + 1 < count ? ids[at + 1] : 0;
}

enum err secret_sweep(struct tx *tx, struct secret_sweep *sweep, size_t limit)
{
    struct secret_sweep now = {.after = sweep->after, .key_id = sweep->key_id};
    size_t count = 0;
    enum err err;

    REQUIRE(tx->is_write && tx->keyring && limit > 0);
    err = db_run(tx->db, &delete_expired, DB_ARGS(db_int(tx->now_us)), NULL);
    if (!now.key_id)
        now.key_id = next_key(tx->keyring, 0);
    if (!err && now.key_id)
        err = reseal_some(tx, &now, limit, &count);
    if (err)
        return err;
    if (now.key_id && count < limit) {
        now.key_id = next_key(tx->keyring, now.key_id);
        now.after = 0;
    }
    now.more = now.key_id != 0;
    *sweep = now;
    return OK;
}
