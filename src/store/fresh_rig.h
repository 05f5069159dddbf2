/* fresh_rig.h -- for tests: databases that have our tables and nothing else, one after another.
 *
 * The first one of a process is made by the migrations, as every user's is. From then on SQLite
 * gets a copy of that file, and PostgreSQL's tables are emptied, which takes a tenth of the time; a
 * test that leaves other tables behind costs the next one a whole new schema. */
#ifndef STORE_FRESH_RIG_H
#define STORE_FRESH_RIG_H

#include "base/test.h"
#include "db/db.h"

/* Makes the file. */
void fresh_sqlite(const char *path);
/* The one that a store in this folder finds. */
void fresh_sqlite_in(const char *folder);
/* All that is in the database's schema goes. Nobody may have a transaction open there. */
void fresh_postgres(const char *url);

/* Runs the tests on SQLite and, where RUNBELL_TEST_POSTGRES holds a URL, on PostgreSQL, each
 * between `setup` and `teardown` (NULL: none). Returns how many failed. */
int fresh_run_tests(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
                    CMFixtureFunction teardown);
/* What the group that runs is for; NULL: SQLite. */
const char *fresh_postgres_url(void);

#endif
