/* bench_fill.c -- a store with very many spans, for measuring questions: the bodies of a file that
 * bench/recorder.py wrote go into a store again and again, each copy other spans, an hour later
 * than the one before. The way in is a request's (span_batch, span_write), without HTTP and with
 * one commit for a copy; no server may have the store open.
 *
 *   bench_fill STORE FILE FIRST LAST     STORE: a SQLite file or postgres://…; copies FIRST to
 * LAST, 1 to 1,440; prints the spans of one copy
 *
 * A copy has its number in all ids (the first eight digits), behind "T- (so that conversations are
 * its own) and in the metadata's revision (so that a value is in one copy only); copy 1,440 has the
 * times of the recording. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/time.h"
#include "db/state.h"
#include "store/migrations.h"
#include "trace/bench_bodies.h"
#include "trace/span_write.h"

#define TENANT STR("default") /* whose a server's requests are without keys */
#define COPIES_MAX 1440
#define PART_BYTES_MAX (16 * MIB)
#define ISO_BYTES 19     /* 2026-11-21T05:12:37 */
#define COMPACT_BYTES 15 /* 20261121T051237 */
#define REVISION STR("4f2a1")

enum hole_kind { HOLE_ID, HOLE_ISO, HOLE_COMPACT, HOLE_THREAD, HOLE_REVISION, HOLE_NONE };

static const size_t hole_bytes[] = {8, ISO_BYTES, COMPACT_BYTES, 3, 5};

/* What is another in each copy. */
struct hole {
    enum hole_kind kind;
    size_t at;
    int64_t time_us; /* that stands there */
};

struct holes {
    struct hole *list;
    size_t count, cap;
};

struct text {
    struct str text;
    struct holes holes;
};

struct part {
    struct text name, text;
    size_t body; /* number of the body it is in */
    struct part *next;
};

struct fill {
    struct arena arena;
    struct part *first, **last;
    size_t body;
    struct db *db;
    struct arena tx_arena;
    struct rng rng;
    struct buf scratch;
};

/* ---- what is another in each copy ---- */

static bool has_digits(struct str text, size_t from, size_t count)
{
    if (text.len < from + count)
        return false;
    for (size_t i = from; i < from + count; i++)
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    return true;
}

static bool is_id(struct str text)
{
    struct uuid id;

    return text.len >= UUID_TEXT_BYTES && text.data[8] == '-' && text.data[23] == '-' &&
           !uuid_parse(str_first(text, UUID_TEXT_BYTES), &id);
}

static bool is_iso(struct str text, int64_t *time_us)
{
    return has_digits(text, 0, 4) && text.len >= ISO_BYTES && text.data[10] == 'T' &&
           !time_parse_iso(str_first(text, ISO_BYTES), time_us);
}

static bool is_compact(struct str text, int64_t *time_us)
{
    char iso[ISO_BYTES + 1];
    const char *t = text.data;

    if (!has_digits(text, 0, 8) || text.len < COMPACT_BYTES || t[8] != 'T' ||
        !has_digits(text, 9, 6))
        return false;
    snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s", t, t + 4, t + 6, t + 9, t + 11,
             t + 13);
    return !time_parse_iso(str_of(iso), time_us);
}

static enum hole_kind hole_at(struct str text, int64_t *time_us)
{
    if (is_id(text))
        return HOLE_ID;
    if (is_iso(text, time_us))
        return HOLE_ISO;
    if (is_compact(text, time_us))
        return HOLE_COMPACT;
    if (str_starts(text, STR("\"T-")))
        return HOLE_THREAD;
    return str_starts(text, REVISION) ? HOLE_REVISION : HOLE_NONE;
}

static void hole_add(struct holes *holes, struct arena *arena, struct hole hole)
{
    if (holes->count == holes->cap) {
        struct hole *more = ARENA_ARRAY(arena, struct hole, holes->cap = 2 * holes->cap + 8);

        if (holes->count)
            memcpy(more, holes->list, holes->count * sizeof(*more));
        holes->list = more;
    }
    holes->list[holes->count++] = hole;
}

static struct text text_of(struct str text, struct arena *arena)
{
    struct text t = {.text = arena_str(arena, text)};

    for (size_t at = 0; at < text.len;) {
        struct hole hole = {.at = at};

        hole.kind = hole_at(str_from(text, at), &hole.time_us);
        if (hole.kind != HOLE_NONE)
            hole_add(&t.holes, arena, hole);
        at += hole.kind == HOLE_NONE ? 1 : hole_bytes[hole.kind];
    }
    return t;
}

static void time_put(struct buf *out, enum hole_kind kind, int64_t time_us)
{
    struct time_text text;
    const char *t = time_write_iso(time_us, &text).data;

    if (kind == HOLE_ISO)
        buf_add(out, str_range(t, ISO_BYTES));
    else
        buf_addf(out, "%.4s%.2s%.2sT%.2s%.2s%.2s", t, t + 5, t + 8, t + 11, t + 14, t + 17);
}

static void hole_fill(struct buf *out, const struct hole *hole, int64_t copy)
{
    switch (hole->kind) {
    case HOLE_ID:
        buf_addf(out, "%08llx", (unsigned long long)copy);
        return;
    case HOLE_ISO:
    case HOLE_COMPACT:
        time_put(out, hole->kind, hole->time_us - (COPIES_MAX - copy) * 3600 * US_PER_SECOND);
        return;
    case HOLE_THREAD:
        buf_addf(out, "\"T-%lld-", (long long)copy);
        return;
    case HOLE_REVISION:
        buf_addf(out, "r%lld", (long long)copy);
        return;
    case HOLE_NONE:
        return;
    }
}

static struct str text_make(struct fill *f, const struct text *text, int64_t copy,
                            struct arena *arena)
{
    struct buf *out = &f->scratch;
    size_t at = 0;

    buf_clear(out);
    for (size_t i = 0; i < text->holes.count; i++) {
        const struct hole *hole = &text->holes.list[i];

        buf_add(out, str_range(text->text.data + at, hole->at - at));
        hole_fill(out, hole, copy);
        at = hole->at + hole_bytes[hole->kind];
    }
    buf_add(out, str_from(text->text, at));
    REQUIRE(!out->failed);
    return arena_str(arena, buf_str(out));
}

/* ---- a copy ---- */

static void on_part(void *context, struct str name, struct str text)
{
    struct fill *f = context;
    struct part *part = ARENA_NEW(&f->arena, struct part);

    part->name = text_of(name, &f->arena);
    part->text = text_of(text, &f->arena);
    part->body = f->body;
    *f->last = part;
    f->last = &part->next;
}

static void part_add(struct fill *f, const struct part *part, int64_t copy,
                     struct span_batch *batch)
{
    struct str name = text_make(f, &part->name, copy, &batch->arena);
    struct str text = text_make(f, &part->text, copy, &batch->arena);
    const struct span_value value = {.bytes = text, .size = (int64_t)text.len};
    struct span_part parsed;

    REQUIRE(!span_part_parse(name, &parsed));
    span_batch_add_part(batch, name, &parsed, STR("application/json"), value);
}

/* One body from `part` on: what follows it. */
static const struct part *body_write(struct fill *f, struct tx *tx, const struct part *part,
                                     int64_t copy)
{
    size_t body = part->body;
    struct span_batch batch;

    span_batch_init(&batch);
    for (; part && part->body == body; part = part->next)
        part_add(f, part, copy, &batch);
    REQUIRE(!span_write(tx, TENANT, &batch) && batch.problem_count == 0);
    span_batch_release(&batch);
    return part;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

static void copy_write(struct fill *f, int64_t copy)
{
    struct tx tx = {.db = f->db, .arena = &f->tx_arena, .rng = &f->rng, .is_write = true};
    const struct part *part = f->first;

    tx.now_us = now_us();
    REQUIRE(!db_begin(f->db));
    while (part) {
        part = body_write(f, &tx, part, copy);
        arena_reset(&f->tx_arena);
    }
    REQUIRE(!db_commit(f->db) && !db_tidy(f->db));
}

static void connect_to(struct fill *f, const char *store)
{
    const struct db_sqlite_options options = {.path = store};
    const char *why = "";
    bool is_postgres = str_starts(str_of(store), STR("postgres"));
    enum err err = is_postgres ? db_postgres_open(store, &f->db, &why)
                               : db_sqlite_open(&options, &f->db, &why);

    if (err || migrations_apply(f->db, NULL, &why)) {
        fprintf(stderr, "bench_fill: %s\n", why);
        exit(1);
    }
}

/* Once for all copies. Returns how many spans one has. */
static size_t parts_gather(struct fill *f, const char *path)
{
    struct bench_bodies bodies;
    struct span_batch batch;
    size_t spans;

    bench_bodies_read(&bodies, path);
    for (f->body = 0; f->body < bodies.count; f->body++)
        bench_body_parts(&bodies.list[f->body], &f->arena, on_part, f);
    bench_bodies_release(&bodies);
    span_batch_init(&batch);
    for (const struct part *part = f->first; part; part = part->next)
        part_add(f, part, 0, &batch);
    spans = batch.entry_count;
    span_batch_release(&batch);
    return spans;
}

int main(int argc, char **argv)
{
    struct fill f = {.last = &f.first};
    int64_t first, last;
    size_t spans;

    REQUIRE(argc == 5 && !str_to_i64(str_of(argv[3]), &first) &&
            !str_to_i64(str_of(argv[4]), &last) && first >= 1 && last <= COPIES_MAX);
    arena_init(&f.arena);
    arena_init(&f.tx_arena);
    rng_seed_from_kernel(&f.rng);
    buf_init(&f.scratch, PART_BYTES_MAX);
    connect_to(&f, argv[1]);
    spans = parts_gather(&f, argv[2]);
    for (int64_t copy = first; copy <= last; copy++)
        copy_write(&f, copy);
    printf("%zu\n", spans);
    db_close(f.db);
    buf_release(&f.scratch);
    arena_release(&f.tx_arena);
    arena_release(&f.arena);
    return 0;
}
