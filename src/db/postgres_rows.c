/* postgres_rows.c -- the rows of a result. They come as text, which is the same for every type;
 * BYTEA is in hex. */
#include "base/mem.h"
#include "db/postgres_priv.h"

/* pg_type.oid; they never change. */
#define OID_BOOL 16
#define OID_BYTEA 17

struct result {
    PGresult *pg;
    struct arena arena; /* decoded bytes of the current row */
};

void postgres_rows_start(struct db_rows *rows, PGresult *pg)
{
    struct result *result = MEM_NEW(struct result);

    result->pg = pg;
    arena_init(&result->arena);
    rows->handle = result;
    rows->row_count = (size_t)PQntuples(pg);
    rows->row = SIZE_MAX;
}

bool postgres_rows_next(struct db_rows *rows)
{
    struct result *result = rows->handle;

    arena_reset(&result->arena);
    rows->row++;
    return rows->row < rows->row_count;
}

static struct result *row_of(const struct db_rows *rows, int column)
{
    struct result *result = rows->handle;

    REQUIRE(result && rows->row < rows->row_count);
    REQUIRE(column >= 0 && column < PQnfields(result->pg));
    return result;
}

bool postgres_is_null(const struct db_rows *rows, int column)
{
    return PQgetisnull(row_of(rows, column)->pg, (int)rows->row, column);
}

static struct str text_of(const struct db_rows *rows, int column)
{
    PGresult *pg = row_of(rows, column)->pg;
    int row = (int)rows->row;

    if (PQgetisnull(pg, row, column))
        return STR_NONE;
    return str_range(PQgetvalue(pg, row, column), (size_t)PQgetlength(pg, row, column));
}

/* Numbers with a fraction (SUM of BIGINT is NUMERIC) are cut, as SQLite does. */
int64_t postgres_get_int(const struct db_rows *rows, int column)
{
    struct str text = text_of(rows, column);
    int64_t value = 0;

    if (str_is_none(text))
        return 0;
    if (PQftype(row_of(rows, column)->pg, column) == OID_BOOL)
        return str_eq(text, STR("t"));
    if (str_to_i64(str_first(text, str_find_char(text, '.')), &value))
        return 0;
    return value;
}

double postgres_get_double(const struct db_rows *rows, int column)
{
    struct str text = text_of(rows, column);
    double value = 0;

    if (str_is_none(text) || str_to_double(text, &value))
        return 0;
    return value;
}

static unsigned digit_of(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static struct str decode_hex(struct arena *arena, struct str text)
{
    struct str hex = str_from(text, sizeof("\\x") - 1);
    char *bytes;

    REQUIRE(str_starts(text, STR("\\x")) && hex.len % 2 == 0);
    bytes = arena_alloc(arena, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len / 2; i++)
        bytes[i] = (char)(digit_of(hex.data[2 * i]) << 4 | digit_of(hex.data[2 * i + 1]));
    return str_range(bytes, hex.len / 2);
}

struct str postgres_get_str(const struct db_rows *rows, int column)
{
    struct result *result = row_of(rows, column);
    struct str text = text_of(rows, column);

    if (!str_is_none(text) && PQftype(result->pg, column) == OID_BYTEA)
        return decode_hex(&result->arena, text);
    return text;
}

void postgres_rows_end(struct db_rows *rows)
{
    struct result *result = rows->handle;

    PQclear(result->pg);
    arena_release(&result->arena);
    mem_free(result);
}
