/* state.h -- what whoever owns a connection asks it between statements: the store's writer and
 * readers.
 *
 * A transaction is open, failed (a statement's error: only a rollback is possible, to a savepoint
 * or of all) or lost (the database has given it up: only the rollback of all). db_priv.h has the
 * drawing. */
#ifndef DB_STATE_H
#define DB_STATE_H

#include "db/db.h"

/* What is the matter with the whole transaction, whatever its statements' callers made of it. OK:
 * nothing that a rollback to a savepoint does not heal. ERR_AGAIN: roll back and repeat. ERR_LIMIT:
 * the disk is full; roll back. ERR_IO: the database gave it up. */
enum err db_failure(const struct db *db);

/* OK, or the error of the statement after which only a rollback is possible. */
enum err db_transaction_error(const struct db *db);
bool db_in_transaction(const struct db *db);
/* Rises with each statement that is not a mere SELECT: as long as it stands still there is nothing
 * to undo. */
uint64_t db_writes(const struct db *db);

/* Work that can wait until the answers are sent (SQLite's checkpoint). ERR_IO as in db_commit. */
enum err db_tidy(struct db *db) MUST_USE;
/* PostgreSQL's clock at the last db_begin, the same for all nodes; 0 in SQLite. */
int64_t db_clock_us(const struct db *db);
/* PostgreSQL's: from now on its statements are planned to go by an index wherever there is one, for
 * who changes rows by their keys. A plan is kept, and the table may have been small when it was
 * made. */
enum err db_postgres_seek(struct db *db) MUST_USE;
/* PostgreSQL's: from now on each commit writes its transaction's name into this session's row of
 * the table commit_marks. When the connection is lost in a commit, that row tells for certain
 * whether it was done: a server that crashed may give the name of what it has lost to another
 * transaction. */
enum err db_postgres_mark_commits(struct db *db) MUST_USE;
/* PostgreSQL's process id of this session, 0 in SQLite. */
int db_session_id(struct db *db);
/* Of the SQLite that is linked: "3.54.1". */
const char *db_sqlite_version(void);

#endif
