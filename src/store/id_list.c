/* Lists of numbers as JSON. */
#include "store/id_list.h"

#define IDS_BYTES_MAX MIB

void id_list_begin(struct buf *ids)
{
    buf_init(ids, IDS_BYTES_MAX);
    buf_add_char(ids, '[');
}

void id_list_add(struct buf *ids, int64_t id)
{
    if (ids->len > 1)
        buf_add_char(ids, ',');
    buf_add_i64(ids, id);
}

struct db_value id_list_end(struct buf *ids, struct arena *arena)
{
    struct str text;

    buf_add_char(ids, ']');
    REQUIRE(!ids->failed);
    text = arena_str(arena, buf_str(ids));
    buf_release(ids);
    return db_text(text);
}
