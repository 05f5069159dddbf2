/* postgres_rows.c -- the rows of a result. They come in binary where each column has one of the
 * usual types; else as text, which is the same for every type: BYTEA is in hex then. */
#include <endian.h>

#include "base/mem.h"
#include "db/postgres_priv.h"

/* pg_type.oid; they never change. */
#define OID_BOOL 16
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_INT4 23
#define OID_TEXT 25

#define NUMBER_BYTES_MAX 24

static bool is_number(Oid type)
{
    return type == OID_BOOL || type == OID_INT4 || type == OID_INT8;
}

int postgres_format_of(const PGresult *description)
{
    for (int i = 0; i < PQnfields(description); i++) {
        Oid type = PQftype(description, i);

        if (!is_number(type) && type != OID_TEXT && type != OID_BYTEA)
            return 0;
    }
    return 1;
}

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

/* A number that has come in binary. */
static bool number_read(const struct db_rows *rows, int column, struct str bytes, int64_t *number)
{
    PGresult *pg = row_of(rows, column)->pg;
    Oid type = PQftype(pg, column);
    uint64_t wide = 0;
    uint32_t narrow = 0;

    if (PQfformat(pg, column) == 0 || !is_number(type))
        return false;
    if (type == OID_BOOL) {
        *number = bytes.data[0] != 0;
    } else if (type == OID_INT4) {
        memcpy(&narrow, bytes.data, sizeof(narrow));
        *number = (int32_t)be32toh(narrow);
    } else {
        memcpy(&wide, bytes.data, sizeof(wide));
        *number = (int64_t)be64toh(wide);
    }
    return true;
}

/* Numbers with a fraction (SUM of BIGINT is NUMERIC) are cut, as SQLite does. */
int64_t postgres_get_int(const struct db_rows *rows, int column)
{
    struct str text = text_of(rows, column);
    int64_t value = 0;

    if (str_is_none(text))
        return 0;
    if (number_read(rows, column, text, &value))
        return value;
    if (PQftype(row_of(rows, column)->pg, column) == OID_BOOL)
        return str_eq(text, STR("t"));
    if (str_to_i64(str_first(text, str_find_char(text, '.')), &value))
        return 0;
    return value;
}

double postgres_get_double(const struct db_rows *rows, int column)
{
    struct str text = text_of(rows, column);
    int64_t number = 0;
    double value = 0;

    if (str_is_none(text))
        return 0;
    if (number_read(rows, column, text, &number))
        return (double)number;
    return str_to_double(text, &value) ? 0 : value;
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

static struct str write_number(struct arena *arena, int64_t number)
{
    char text[NUMBER_BYTES_MAX];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    return arena_str(arena, str_of(text));
}

struct str postgres_get_str(const struct db_rows *rows, int column)
{
    struct result *result = row_of(rows, column);
    struct str text = text_of(rows, column);
    int64_t number = 0;

    if (str_is_none(text))
        return text;
    if (number_read(rows, column, text, &number))
        return write_number(&result->arena, number);
    if (PQfformat(result->pg, column) == 0 && PQftype(result->pg, column) == OID_BYTEA)
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
