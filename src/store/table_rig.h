/* table_rig.h -- for tests of the table files: one open transaction on a database of its own, with
 * a clock that the test turns (table->tx->now_us). */
#ifndef STORE_TABLE_RIG_H
#define STORE_TABLE_RIG_H

#include "store/outbox_fixture.h"

#define TENANT STR("t")

struct table {
    struct outbox_rig rig;
    struct tx *tx;
    struct arena arena; /* of what is looked at: as long as the test */
};

/* Around something that the database refuses: what happened between is undone, and the transaction
 * goes on. */
void table_try(struct table *table);
void table_undo(struct table *table);

/* What a question without arguments is answered with: one number. */
int64_t table_ask(struct table *table, const struct db_statement *question);

/* Joins ids with ",": start with an empty text. */
void table_join(struct table *table, struct str *text, struct str id);

/* Runs the tests on SQLite and, where RUNBELL_TEST_POSTGRES holds a URL, on PostgreSQL. `state` of
 * each is a struct table. */
int table_run_tests(const struct CMUnitTest *tests, size_t count);
#define TABLE_RUN_TESTS(tests) table_run_tests((tests), ARRAY_LEN(tests))

#endif
