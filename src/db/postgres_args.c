/* postgres_args.c -- arguments in PostgreSQL's binary form, and prepared statements with their
 * types.
 *
 * A parameter has the type of the value it is first given: BIGINT, DOUBLE PRECISION, TEXT, BYTEA.
 * So $1 + 1 is computed in BIGINT whatever stands beside it. NULL has no type: where only NULL has
 * been given so far the server infers one, and the statement is prepared once more when a value
 * comes. */
#include <endian.h>

#include "base/mem.h"
#include "db/postgres_priv.h"

/* pg_type.oid; they never change. */
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25
#define OID_FLOAT8 701

Oid postgres_type(const struct db_value *value)
{
    switch (value->type) {
    case DB_INT:
        return OID_INT8;
    case DB_DOUBLE:
        return OID_FLOAT8;
    case DB_TEXT:
        return OID_TEXT;
    case DB_BLOB:
        return OID_BYTEA;
    case DB_NULL:
        break;
    }
    return 0;
}

static uint64_t bits_of(const struct db_value *value)
{
    uint64_t bits = 0;

    if (value->type == DB_INT)
        bits = (uint64_t)value->integer;
    else
        memcpy(&bits, &value->real, sizeof(bits));
    return htobe64(bits);
}

enum err postgres_bind(struct postgres *postgres, const struct db_call *call,
                       const struct db_value *args, struct bound *bound)
{
    for (size_t i = 0; i < call->arg_count; i++) {
        const struct db_value *value = &args[i];

        bound->formats[i] = 1;
        bound->values[i] = NULL;
        bound->lengths[i] = 0;
        if (value->type == DB_INT || value->type == DB_DOUBLE) {
            bound->numbers[i] = bits_of(value);
            bound->values[i] = (const char *)&bound->numbers[i];
            bound->lengths[i] = (int)sizeof(uint64_t);
        } else if (value->type != DB_NULL) {
            if (value->bytes.len > INT32_MAX)
                return db_note_error(&postgres->db, ERR_LIMIT, call->statement->name, "too long");
            bound->values[i] = value->bytes.data;
            bound->lengths[i] = (int)value->bytes.len;
        }
        if (value->type == DB_TEXT && value->bytes.len &&
            memchr(value->bytes.data, '\0', value->bytes.len))
            return db_note_error(&postgres->db, ERR_INVALID, call->statement->name,
                                 "a text with a NUL byte");
    }
    return OK;
}

static bool is_typed(const struct prepared *prepared, const struct db_value *args)
{
    for (size_t i = 0; i < prepared->param_count; i++) {
        if (!prepared->types[i] && args[i].type != DB_NULL)
            return false;
    }
    return true;
}

static enum err describe(struct postgres *postgres, struct prepared *prepared)
{
    PGresult *result = PQdescribePrepared(postgres->conn, prepared->name);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return postgres_failed(postgres, result, prepared->key->name);
    prepared->result_format = postgres_format_of(result);
    for (size_t i = 0; prepared->takes_arrays && i < prepared->param_count; i++)
        prepared->types[i] = PQparamtype(result, (int)i);
    PQclear(result);
    return OK;
}

static enum err prepare_on_server(struct postgres *postgres, struct prepared *prepared)
{
    const struct db_statement *key = prepared->key;
    PGresult *result;

    snprintf(prepared->name, sizeof(prepared->name), "%u_%.40s", ++postgres->prepared_count,
             key->name);
    result = PQprepare(postgres->conn, prepared->name, db_statement_sql(&postgres->db, key),
                       (int)prepared->param_count, prepared->types);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return postgres_failed(postgres, result, key->name);
    PQclear(result);
    return describe(postgres, prepared);
}

static struct prepared *find(struct postgres *postgres, const struct db_statement *key)
{
    struct prepared *prepared = map_find(&postgres->prepared, str_of(key->name));

    if (!prepared) {
        prepared = MEM_NEW(struct prepared);
        prepared->key = key;
        prepared->param_count = db_count_params(db_statement_sql(&postgres->db, key));
        map_put(&postgres->prepared, str_of(key->name), prepared);
    }
    REQUIRE(prepared->key == key);
    return prepared;
}

enum err postgres_prepare_arrays(struct postgres *postgres, const struct db_call *call,
                                 struct prepared **out)
{
    struct prepared *prepared = find(postgres, call->statement);
    enum err err = OK;

    REQUIRE(call->arg_count == prepared->param_count);
    prepared->takes_arrays = true;
    if (!prepared->name[0])
        err = prepare_on_server(postgres, prepared);
    if (err)
        prepared->name[0] = '\0';
    else
        *out = prepared;
    return err;
}

enum err postgres_prepare(struct postgres *postgres, const struct db_call *call,
                          const struct db_value *args, struct prepared **out)
{
    struct prepared *prepared = find(postgres, call->statement);
    enum err err = OK;

    REQUIRE(call->arg_count == prepared->param_count);
    if (!prepared->name[0] || !is_typed(prepared, args)) {
        for (size_t i = 0; i < prepared->param_count; i++) {
            if (!prepared->types[i])
                prepared->types[i] = postgres_type(&args[i]);
        }
        err = prepare_on_server(postgres, prepared);
    }
    /* Not there: the next call has to try again. */
    if (err)
        prepared->name[0] = '\0';
    else
        *out = prepared;
    return err;
}
