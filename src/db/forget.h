/* forget.h -- what has been deleted is to leave the files too, as far as the database can promise
 * it: SQLite empties its log at the next db_tidy that finds no reader in the way, PostgreSQL does
 * such things when it wants. Of one connection. */
#ifndef DB_FORGET_H
#define DB_FORGET_H

#include "db/db.h"

void db_forget(struct db *db);
/* Has that been done since db_forget? PostgreSQL: true at once. */
bool db_has_forgotten(const struct db *db);

#endif
