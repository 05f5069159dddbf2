/* postgres_priv.h -- what the files of the PostgreSQL driver share. */
#ifndef DB_POSTGRES_PRIV_H
#define DB_POSTGRES_PRIV_H

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/map.h"
#include "db/db_priv.h"

#define STATEMENT_NAME_MAX 64
/* Of all rows of one db_run_rows. */
#define POSTGRES_ARRAYS_BYTES_MAX (256 * MIB)

struct prepared {
    const struct db_statement *key;
    char name[STATEMENT_NAME_MAX]; /* in the session */
    Oid types[DB_PARAMS_MAX];      /* 0: only NULL has been given so far */
    bool takes_arrays;             /* db_run_rows: its types are the server's */
    size_t param_count;
    int result_format; /* 1: its rows come in binary */
};

/* A call's arguments as libpq takes them. All are binary: no escaping, and no NUL that ends a text.
 */
struct bound {
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    int formats[DB_PARAMS_MAX];
    uint64_t numbers[DB_PARAMS_MAX]; /* in network order */
};

struct postgres {
    struct db db;
    PGconn *conn; /* NULL: not connected */
    char *url;
    char transaction[24];    /* its name, of a write that has begun */
    char marks[40];          /* whose row of commit_marks is ours; "": commits are not marked */
    struct map prepared;     /* by the statement's name; emptied with the connection */
    unsigned prepared_count; /* makes names unique in the session */
    bool seeks;              /* db_postgres_seek */
    bool was_open;           /* a connection that fails from now on is a server that went away */
};

struct postgres *postgres_of(struct db *db);

/* postgres_open.c */
PGconn *postgres_connect(const char *url);
/* ERR_AGAIN with the reason noted; forgets the old connection and its statements. */
enum err postgres_reconnect(struct postgres *postgres) MUST_USE;
void postgres_disconnect(struct postgres *postgres);
/* Maps and logs what the server or the connection says. `result` may be NULL; it is cleared. */
enum err postgres_failed(struct postgres *postgres, PGresult *result, const char *statement);

/* postgres_args.c */
Oid postgres_type(const struct db_value *value); /* 0: NULL, let the server infer it */
/* ERR_INVALID: a text with a NUL. */
enum err postgres_bind(struct postgres *postgres, const struct db_call *call,
                       const struct db_value *args, struct bound *bound) MUST_USE;
enum err postgres_prepare(struct postgres *postgres, const struct db_call *call,
                          const struct db_value *args, struct prepared **prepared) MUST_USE;

/* Of db_run_rows. */
enum err postgres_prepare_arrays(struct postgres *postgres, const struct db_call *call,
                                 struct prepared **prepared) MUST_USE;

/* postgres_arrays.c */
/* One array for each parameter, in `out`, which `bound` points into. */
enum err postgres_bind_rows(struct postgres *postgres, const struct db_call *call,
                            const struct prepared *prepared, size_t row_count, struct buf *out,
                            struct bound *bound) MUST_USE;

/* postgres_rows.c */
/* 1 if every column of what it answers can be read in binary, else 0: as text. */
int postgres_format_of(const PGresult *description);
void postgres_rows_start(struct db_rows *rows, PGresult *result);
bool postgres_rows_next(struct db_rows *rows);
bool postgres_is_null(const struct db_rows *rows, int column);
int64_t postgres_get_int(const struct db_rows *rows, int column);
double postgres_get_double(const struct db_rows *rows, int column);
struct str postgres_get_str(const struct db_rows *rows, int column);
void postgres_rows_end(struct db_rows *rows);

extern const struct db_ops postgres_ops;

#endif
