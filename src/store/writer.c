/* writer.c -- the one thread that writes: takes what waits, applies it, commits once, answers,
 * nudges.
 *
 *            store_write                  group_take                    commit
 *   caller ──────────────▶ queue of its ─────────────▶ in the group ───────────▶ answered
 *                          class   ▲                       │  │
 *                                  └── (order kept) ───────┘  └─▶ ERR_AGAIN: the group once more,
 *                                                                 then each work alone
 *
 * Laws: no answer before the commit of its group; no nudge of a work that failed; after a commit
 * whose fate is unknown nothing is answered. */
#include "base/log.h"
#include "base/mem.h"
#include "db/state.h"
#include "store/clock.h"
#include "store/log_size.h"
#include "store/sequence.h"
#include "store/store_metrics.h"
#include "store/store_priv.h"
#include "store/thread_totals.h"

#define GROUP_MAX 256
/* Of a full group, the places that each waiting class gets whatever waits above it. */
#define CLASS_PLACES_MIN 8
#define ARENA_KEPT_BYTES MIB
#define REPEATS_MAX 8
#define PAUSE_FIRST_MS 5
/* Two looks at clocks that are further apart say nothing about a jump. */
#define LOOK_US_MAX US_PER_SECOND
/* After a group that needed savepoints, so many have them from the start. */
#define SAVEPOINT_GROUPS 8

struct queue {
    struct store_work *first, *last;
};

struct writer {
    struct store *store;
    struct db *db;
    struct actor *actor;
    struct queue queues[STORE_CLASS_COUNT];
    size_t queued;
    struct store_work *group[GROUP_MAX];
    struct arena arena; /* of one attempt at a group */
    struct rng rng;
    struct sequences *sequences;
    struct clock_watch clock;
    unsigned savepoint_groups; /* still to come */
    struct tx_note notes[TX_NOTES_MAX + TOPIC_COUNT];
    struct tx_tally tallies[TX_TALLIES_MAX];
    atomic_int session_id;
};

/* ---- the queues ---- */

static void queue_push(struct queue *queue, struct store_work *work)
{
    work->next = NULL;
    if (queue->last)
        queue->last->next = work;
    else
        queue->first = work;
    queue->last = work;
}

static struct store_work *queue_pop(struct queue *queue)
{
    struct store_work *work = queue->first;

    queue->first = work->next;
    if (!queue->first)
        queue->last = NULL;
    work->next = NULL;
    return work;
}

static void take_in(struct writer *writer, struct message *batch)
{
    while (batch) {
        struct store_work *work = store_work_of(batch);

        batch = batch->next;
        for (; work; work = work->with) {
            queue_push(&writer->queues[work->class], work);
            writer->queued++;
        }
    }
}

/* In order of class, then of arrival. A class leaves CLASS_PLACES_MIN to each waiting class below
 * it. */
static size_t group_take(struct writer *writer)
{
    size_t count = 0, reserved = 0;

    for (size_t i = 1; i < STORE_CLASS_COUNT; i++)
        reserved += writer->queues[i].first ? CLASS_PLACES_MIN : 0;
    for (size_t i = 0; i < STORE_CLASS_COUNT; i++) {
        struct queue *queue = &writer->queues[i];

        if (i > 0 && queue->first)
            reserved -= CLASS_PLACES_MIN;
        while (queue->first && count < GROUP_MAX - reserved)
            writer->group[count++] = queue_pop(queue);
    }
    writer->queued -= count;
    return count;
}

/* ---- one group ---- */

struct group {
    struct store_work **works;
    size_t count;
    struct tx tx;
    bool has_begun; /* the last time the database let us begin */
    /* Savepoints cost, on PostgreSQL two round trips each, and few works fail after they have
     * written. So a group goes without at first, and once more with them when it needs one. */
    bool has_savepoints, needs_savepoints;
    bool is_committed;
};

/* Ends a work that failed. What it returns is about the transaction: OK when nothing of the work is
 * left in it. */
static enum err undo_one(struct group *group, bool has_written)
{
    struct db *db = group->tx.db;
    enum err err = db_failure(db);

    if (err)
        return err;
    if (group->has_savepoints)
        return db_savepoint_rollback(db);
    /* Of a group of one nothing will be committed. Most works that fail have only looked. */
    if (group->count == 1 || (!has_written && !db_transaction_error(db)))
        return OK;
    group->needs_savepoints = true;
    return ERR_AGAIN;
}

static enum err apply_one(struct group *group, struct store_work *work)
{
    struct tx *tx = &group->tx;
    size_t notes_before = tx->note_count, tallies_before = tx->tally_count;
    int64_t log_bytes_before = tx->log_bytes;
    struct thread_growth *threads_before = tx->thread_growth;
    uint64_t writes_before = db_writes(tx->db);
    enum err err = group->has_savepoints ? db_savepoint(tx->db) : OK;

    if (err)
        return err;
    work->result = work->apply(tx, work);
    if (!work->result)
        work->result =
            group->has_savepoints ? db_savepoint_release(tx->db) : db_transaction_error(tx->db);
    if (work->result) {
        tx->note_count = notes_before;
        tx->tally_count = tallies_before;
        tx->log_bytes = log_bytes_before;
        tx->thread_growth = threads_before;
        err = undo_one(group, db_writes(tx->db) != writes_before);
    }
    sequences_end_work(tx->sequences, !work->result);
    return err;
}

static enum err apply_all(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        enum err err = apply_one(group, group->works[i]);

        if (err)
            return err;
    }
    return OK;
}

/* A group of one has no savepoint: when its work failed, its transaction is not committed. */
static bool is_worth_committing(const struct group *group)
{
    return group->count > 1 || !group->works[0]->result;
}

static enum err commit(struct writer *writer)
{
    struct store *store = writer->store;
    int64_t started_us = loop_mono_us(store->clock);
    enum err err = db_commit(writer->db);

    metric_observe(&store_commit_seconds, 0, loop_mono_us(store->clock) - started_us);
    return err;
}

/* Reads the clock, and moves what waits along if it has jumped. */
static enum err look_at_clock(struct writer *writer, struct tx *tx)
{
    struct store *store = writer->store;
    int64_t mono_us = loop_mono_us(store->clock);
    enum err err;

    tx->now_us = store_clock_read(store, writer->db);
    if (store->postgres_url || loop_mono_us(store->clock) - mono_us > LOOK_US_MAX)
        return OK;
    err = clock_follow(tx, &writer->clock, mono_us);
    if (err && db_failure(writer->db))
        err = db_failure(writer->db);
    return err;
}

/* What goes along with the works. That it could not says nothing about any of them: all of it once
 * more. */
static enum err close_books(struct group *group)
{
    if (!log_size_write(&group->tx) && !thread_totals_write(&group->tx) && !notes_send(&group->tx))
        return OK;
    return db_failure(group->tx.db) ? db_failure(group->tx.db) : ERR_AGAIN;
}

/* OK: committed, or nothing to commit. ERR_AGAIN: nothing happened, repeat. ERR_LIMIT: nothing
 * happened, no room. ERR_IO: fatal. */
static enum err group_try(struct writer *writer, struct group *group)
{
    enum err err;

    arena_reset(&writer->arena);
    group->tx.note_count = group->tx.tally_count = 0;
    group->tx.log_bytes = 0;
    group->tx.thread_growth = NULL;
    group->is_committed = false;
    group->has_begun = false;
    err = db_begin(writer->db);
    if (err)
        return err;
    group->has_begun = true;
    atomic_store_explicit(&writer->session_id, db_session_id(writer->db), memory_order_relaxed);
    err = look_at_clock(writer, &group->tx);
    if (!err)
        err = apply_all(group);
    if (!err && is_worth_committing(group)) {
        err = close_books(group);
        if (!err)
            err = commit(writer);
        group->is_committed = !err;
        if (!err)
            clock_committed(&writer->clock);
    }
    if (db_in_transaction(writer->db))
        db_rollback(writer->db);
    sequences_end_group(writer->sequences, group->is_committed);
    return err;
}

static void pause_ms(int64_t ms)
{
    struct timespec rest = {.tv_sec = ms / MS_PER_SECOND,
                            .tv_nsec = (ms % MS_PER_SECOND) * US_PER_MS * 1000};

    (void)nanosleep(&rest, NULL);
}

static enum err group_repeat(struct writer *writer, struct group *group)
{
    enum err err = group_try(writer, group);
    int64_t ms = PAUSE_FIRST_MS;

    for (int repeat = 0; err == ERR_AGAIN && repeat < REPEATS_MAX; repeat++) {
        if (group->needs_savepoints && !group->has_savepoints) {
            writer->savepoint_groups = SAVEPOINT_GROUPS;
            group->has_savepoints = true;
        } else {
            pause_ms(rng_jitter(&writer->rng, ms, 0.5));
            ms *= 2;
        }
        err = group_try(writer, group);
    }
    return err;
}

static void count_committed(const struct writer *writer, const struct group *group)
{
    int64_t now_us = loop_mono_us(writer->store->clock);

    tallies_add_up(group->tx.tallies, group->tx.tally_count);
    metric_observe(&store_batch_records, 0, (int64_t)group->count);
    for (size_t i = 0; i < group->count; i++)
        if (group->works[i]->class == STORE_REPLY)
            metric_observe(&store_ingest_seconds, 0, now_us - group->works[i]->queued_us);
}

static void answer_all(struct group *group, enum err err)
{
    for (size_t i = 0; i < group->count; i++)
        store_answer(group->works[i], err ? err : group->works[i]->result);
}

/* Said once when it begins and once when it is over: the log may lie on the same disk. */
static void note_room(struct store *store, bool is_full)
{
    int64_t before_us = atomic_load_explicit(&store->full_us, memory_order_relaxed);

    if (is_full) {
        atomic_store_explicit(&store->full_us, loop_mono_us(store->clock), memory_order_relaxed);
        if (!before_us)
            log_error("store", "the disk is full: nothing can be stored until there is room");
    } else if (before_us && !store_is_full(store)) {
        atomic_store_explicit(&store->full_us, 0, memory_order_relaxed);
        log_warn("store", "there is room on the disk again");
    }
}

static void group_run(struct writer *writer, struct store_work **works, size_t count);

/* Answers go out before nudges: a client's own answer is never behind what the nudge makes of it.
 */
static void group_end(struct writer *writer, struct group *group, enum err err)
{
    struct store *store = writer->store;

    if (err == ERR_IO) {
        store_die(store, db_error(writer->db));
        return;
    }
    if (err == ERR_AGAIN && group->has_begun && group->count > 1) {
        for (size_t i = 0; i < group->count; i++)
            group_run(writer, &group->works[i], 1);
        return;
    }
    atomic_fetch_add(&store->groups, 1);
    atomic_fetch_add(&store->works, group->count);
    atomic_fetch_sub(&store->queue_length, group->count);
    if (group->is_committed)
        count_committed(writer, group);
    if (group->is_committed || err == ERR_LIMIT)
        note_room(store, err == ERR_LIMIT);
    answer_all(group, err == ERR_LIMIT ? ERR_AGAIN : err);
    if (group->is_committed)
        notes_deliver(store, group->tx.notes, group->tx.note_count);
}

static void group_run(struct writer *writer, struct store_work **works, size_t count)
{
    struct group group = {
        .works = works,
        .count = count,
        .tx = {.db = writer->db,
               .arena = &writer->arena,
               .rng = &writer->rng,
               .notes = writer->notes,
               .tallies = writer->tallies,
               .sequences = writer->sequences,
               .keyring = writer->store->keyring,
               .is_write = true},
    };

    if (count > 1 && writer->savepoint_groups > 0) {
        writer->savepoint_groups--;
        group.has_savepoints = true;
    }
    if (!atomic_load(&writer->store->dead))
        group_end(writer, &group, group_repeat(writer, &group));
}

/* ---- the actor ---- */

static bool writer_step(void *context, struct message *batch)
{
    struct writer *writer = context;
    struct store *store = writer->store;
    size_t count;

    take_in(writer, batch);
    count = group_take(writer);
    if (count)
        group_run(writer, writer->group, count);
    if (atomic_load(&store->dead))
        return false;
    if (count && db_tidy(writer->db))
        store_die(store, db_error(writer->db));
    return writer->queued > 0;
}

static void writer_on_stop(void *context)
{
    struct writer *writer = context;

    while (writer->queued > 0 && writer_step(writer, NULL))
        continue;
}

struct writer *writer_new(struct store *store, struct db *db)
{
    struct writer *writer = MEM_NEW(struct writer);
    struct actor_config config = {
        .name = "writer", .step = writer_step, .on_stop = writer_on_stop, .context = writer};

    writer->store = store;
    writer->db = db;
    arena_init_keeping(&writer->arena, ARENA_KEPT_BYTES);
    rng_seed(&writer->rng, rng_next(loop_rng(store->clock)));
    writer->sequences = sequences_new();
    writer->actor = world_actor_new(store->world, &config);
    return writer;
}

void writer_post(struct writer *writer, struct store_work *work)
{
    int64_t now_us = loop_mono_us(writer->store->clock);

    for (struct store_work *each = work; each; each = each->with) {
        REQUIRE(each->class < STORE_CLASS_COUNT);
        each->queued_us = now_us;
        atomic_fetch_add(&writer->store->queue_length, 1);
    }
    actor_post(writer->actor, &work->message);
}

int writer_session_id(struct writer *writer)
{
    return atomic_load_explicit(&writer->session_id, memory_order_relaxed);
}

void writer_stop(struct writer *writer)
{
    actor_stop(writer->actor);
    sequences_free(writer->sequences);
    arena_release(&writer->arena);
    mem_free(writer);
}
