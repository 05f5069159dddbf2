/* id_list.h -- many numbers as one argument of a statement: a JSON list. */
#ifndef STORE_ID_LIST_H
#define STORE_ID_LIST_H

#include "base/buf.h"
#include "db/db.h"

/* "delivery_id " ID_IN("$1"), and PostgreSQL's words for it. */
#define ID_IN(param) "IN (SELECT value FROM json_each(" param "))"
#define ID_IN_POSTGRES(param) "= ANY (" ID_ARRAY_POSTGRES(param) ")"
#define ID_ARRAY_POSTGRES(param) "CAST(TRANSLATE(" param ", '[]', '{}') AS BIGINT[])"

void id_list_begin(struct buf *ids);
void id_list_add(struct buf *ids, int64_t id);
/* The argument, in the arena; releases the buffer. */
struct db_value id_list_end(struct buf *ids, struct arena *arena);

#endif
