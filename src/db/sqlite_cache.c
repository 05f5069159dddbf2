/* sqlite_cache.c -- each connection's prepared statements, found by the address of their static
 * struct. */
#include "base/log.h"
#include "base/mem.h"
#include "db/sqlite_priv.h"

#define CACHE_CAP_MIN 64

static size_t slot_of(const struct db_statement *key, size_t cap)
{
    uint64_t mixed = (uint64_t)(uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(mixed >> 32) & (cap - 1);
}

static struct statement **find(struct statement **cache, size_t cap, const struct db_statement *key)
{
    size_t slot = slot_of(key, cap);

    while (cache[slot] && cache[slot]->key != key)
        slot = (slot + 1) & (cap - 1);
    return &cache[slot];
}

static void grow(struct sqlite *sqlite)
{
    size_t cap = sqlite->cache_cap ? sqlite->cache_cap * 2 : CACHE_CAP_MIN;
    struct statement **cache = mem_alloc_zero(cap * sizeof(*cache));

    for (size_t i = 0; i < sqlite->cache_cap; i++) {
        if (sqlite->cache[i])
            *find(cache, cap, sqlite->cache[i]->key) = sqlite->cache[i];
    }
    mem_free(sqlite->cache);
    sqlite->cache = cache;
    sqlite->cache_cap = cap;
}

/* Parameters are bound by name: SQLite numbers them in the order of their appearance. */
static void map_params(struct statement *statement, const char *sql)
{
    int count = sqlite3_bind_parameter_count(statement->stmt);

    statement->param_count = db_count_params(sql);
    for (int index = 1; index <= count; index++) {
        const char *name = sqlite3_bind_parameter_name(statement->stmt, index);
        int64_t number = 0;

        REQUIRE(name && name[0] == '$');
        REQUIRE(!str_to_i64(str_of(name + 1), &number));
        REQUIRE(number >= 1 && (size_t)number <= statement->param_count);
        statement->param_at[number - 1] = index;
    }
}

static enum err prepare(struct sqlite *sqlite, const struct db_statement *key, bool is_spare,
                        struct statement **out)
{
    const char *sql = db_statement_sql(&sqlite->db, key);
    unsigned flags = is_spare ? 0 : SQLITE_PREPARE_PERSISTENT;
    sqlite3_stmt *stmt = NULL;
    struct statement *statement;
    int code = sqlite3_prepare_v3(sqlite->handle, sql, -1, flags, &stmt, NULL);

    if (code != SQLITE_OK)
        return sqlite_failed(sqlite, code, key->name);
    statement = MEM_NEW(struct statement);
    statement->key = key;
    statement->stmt = stmt;
    statement->is_spare = is_spare;
    map_params(statement, sql);
    *out = statement;
    return OK;
}

enum err sqlite_cache_get(struct sqlite *sqlite, const struct db_statement *key,
                          struct statement **statement)
{
    struct statement **slot;
    enum err err = OK;

    if (sqlite->cache_count * 2 >= sqlite->cache_cap)
        grow(sqlite);
    slot = find(sqlite->cache, sqlite->cache_cap, key);
    if (!*slot) {
        err = prepare(sqlite, key, false, slot);
        sqlite->cache_count += !err;
        *statement = *slot;
    } else if ((*slot)->in_use) {
        err = prepare(sqlite, key, true, statement);
    } else {
        *statement = *slot;
    }
    if (!err)
        (*statement)->in_use = true;
    return err;
}

static void statement_free(struct statement *statement)
{
    sqlite3_finalize(statement->stmt);
    mem_free(statement);
}

void sqlite_cache_put(struct statement *statement)
{
    if (statement->is_spare) {
        statement_free(statement);
        return;
    }
    /* Both repeat an error that has been reported already. Values are unbound because they are
     * borrowed. */
    (void)sqlite3_reset(statement->stmt);
    (void)sqlite3_clear_bindings(statement->stmt);
    statement->in_use = false;
}

void sqlite_cache_release(struct sqlite *sqlite)
{
    for (size_t i = 0; i < sqlite->cache_cap; i++) {
        if (sqlite->cache[i])
            statement_free(sqlite->cache[i]);
    }
    mem_free(sqlite->cache);
}
