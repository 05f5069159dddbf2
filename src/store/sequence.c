/* sequence.c -- blocks of numbers, and what becomes of a block when its transaction does not
 * commit. */
#include "store/sequence.h"

#include "base/map.h"
#include "base/mem.h"

#define BLOCK 1000
/* So long a node may hand out values below those that another one reserved since. */
#define BEHIND_US_MAX (10 * US_PER_SECOND)

struct sequence {
    int64_t next, end; /* [next, end) may be handed out */
    int64_t looked_us; /* when no other node's block was known to be above */
    /* Where the row was moved for this block: rolled back with it, it is no longer ours. */
    bool in_work, in_group;
};

struct sequences {
    struct map by_name;
};

static const struct db_statement advance = {
    "sequences_advance",
    "INSERT INTO sequences (name, next_value) VALUES ($1, 1 + CAST($2 AS BIGINT))"
    " ON CONFLICT (name) DO UPDATE SET next_value = sequences.next_value + CAST($2 AS BIGINT)"
    " RETURNING next_value",
    NULL};

static const struct db_statement highest = {
    "sequences_highest", "SELECT next_value FROM sequences WHERE name = $1", NULL};

static enum err reserve(struct db *db, struct str name, int64_t count, int64_t *first)
{
    struct db_rows rows = {0};
    enum err err = db_query_one(db, &advance, DB_ARGS(db_text(name), db_int(count)), &rows);

    if (err)
        return err;
    *first = db_get_int(&rows, 0) - count;
    return db_rows_end(&rows);
}

static struct sequence *sequence_of(struct sequences *sequences, struct str name)
{
    struct sequence *sequence = map_find(&sequences->by_name, name);

    if (!sequence) {
        sequence = MEM_NEW(struct sequence);
        map_put(&sequences->by_name, name, sequence);
    }
    return sequence;
}

/* An emptied block makes the next use reserve anew. */
static void forget_block(struct sequence *sequence)
{
    sequence->next = sequence->end = 0;
}

/* With several nodes a block that lasts long would have what is made now stand among what others
 * made long ago: who looks at the newest would not see it. Looking takes no lock, and a node that
 * is alone keeps its block. */
static enum err keep_up(struct tx *tx, struct str name, struct sequence *sequence)
{
    int64_t age_us = tx->now_us - sequence->looked_us;
    struct db_rows rows = {0};
    enum err err;

    if (db_dialect(tx->db) == DB_SQLITE || sequence->next == sequence->end ||
        (age_us >= 0 && age_us <= BEHIND_US_MAX))
        return OK;
    err = db_query_one(tx->db, &highest, DB_ARGS(db_text(name)), &rows);
    if (err)
        return err;
    if (db_get_int(&rows, 0) != sequence->end)
        forget_block(sequence);
    sequence->looked_us = tx->now_us;
    return db_rows_end(&rows);
}

enum err sequence_next(struct tx *tx, struct str name, int64_t count, int64_t *first)
{
    struct sequence *sequence;
    enum err err;

    REQUIRE(tx->is_write && count >= 1);
    if (!tx->sequences)
        return reserve(tx->db, name, count, first);
    sequence = sequence_of(tx->sequences, name);
    if ((err = keep_up(tx, name, sequence)))
        return err;
    if (sequence->end - sequence->next < count) {
        int64_t size = count > BLOCK ? count : BLOCK;
        int64_t start = 0;

        err = reserve(tx->db, name, size, &start);
        if (err)
            return err;
        sequence->next = start;
        sequence->end = start + size;
        sequence->looked_us = tx->now_us;
        sequence->in_work = true;
    }
    *first = sequence->next;
    sequence->next += count;
    return OK;
}

enum err sequence_next_serial(struct tx *tx, struct str name, int64_t count, int64_t *first)
{
    REQUIRE(tx->is_write && count >= 1);
    if (db_dialect(tx->db) == DB_SQLITE)
        return sequence_next(tx, name, count, first);
    return reserve(tx->db, name, count, first);
}

struct sequences *sequences_new(void)
{
    struct sequences *sequences = MEM_NEW(struct sequences);

    map_init(&sequences->by_name);
    return sequences;
}

void sequences_free(struct sequences *sequences)
{
    size_t position = 0;
    struct str name;
    void *value;

    while (map_next(&sequences->by_name, &position, &name, &value))
        mem_free(value);
    map_release(&sequences->by_name);
    mem_free(sequences);
}

void sequences_end_work(struct sequences *sequences, bool kept)
{
    size_t position = 0;
    struct str name;
    void *value;

    while (map_next(&sequences->by_name, &position, &name, &value)) {
        struct sequence *sequence = value;

        if (sequence->in_work && !kept)
            forget_block(sequence);
        if (sequence->in_work && kept)
            sequence->in_group = true;
        sequence->in_work = false;
    }
}

void sequences_end_group(struct sequences *sequences, bool committed)
{
    size_t position = 0;
    struct str name;
    void *value;

    sequences_end_work(sequences, committed);
    while (map_next(&sequences->by_name, &position, &name, &value)) {
        struct sequence *sequence = value;

        if (sequence->in_group && !committed)
            forget_block(sequence);
        sequence->in_group = false;
    }
}
