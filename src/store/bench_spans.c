/* bench_spans.c -- see bench_spans.h. */
#include "store/bench_spans.h"

#include <time.h>

#include "store/migrations.h"

#define AT_ONCE 100

double bench_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void bench_spans_open(struct bench_spans *b, const char *path)
{
    const struct db_sqlite_options options = {.path = path};
    const char *why = "";

    *b = (struct bench_spans){0};
    arena_init(&b->arena);
    arena_init(&b->tx_arena);
    rng_seed(&b->rng, 7);
    REQUIRE(!db_sqlite_open(&options, &b->db, &why) && !migrations_apply(b->db, NULL, &why));
    REQUIRE(!db_begin(b->db));
    b->tx = (struct tx){.db = b->db,
                        .arena = &b->tx_arena,
                        .now_us = BENCH_NOW_US,
                        .rng = &b->rng,
                        .is_write = true};
    REQUIRE(!projects_ensure(&b->tx, BENCH_TENANT, STR("bench"), &b->arena, &b->project));
}

static void give(struct span_change *change, enum span_field field, struct str text)
{
    change->given |= SPAN_HAS_FIELD(field);
    change->values[field] = (struct span_value){.bytes = text, .size = (int64_t)text.len};
}

static struct span_change change_of(struct bench_spans *b)
{
    struct span_change change = {
        .layer = SPAN_POST,
        .span_id = uuid_v7(&b->rng, BENCH_NOW_US),
        .given = SPAN_HAS_NAME | SPAN_HAS_TYPE | SPAN_HAS_START | SPAN_HAS_END,
        .name = STR("ChatOpenAI"),
        .type = b->made % 3 ? SPAN_CHAIN : SPAN_LLM,
        .start_us = BENCH_NOW_US - (int64_t)(b->made % 20) * US_PER_SECOND,
        .end_us = BENCH_NOW_US,
        .project_no = b->project.project_no,
    };

    give(&change, SPAN_INPUTS, STR("{\"question\":\"What is an image?\"}"));
    if (b->made++ % 10 == 0) {
        give(&change, SPAN_ERROR_TEXT, STR("\"ValueError\""));
        change.error_preview = STR("ValueError");
    }
    return change;
}

void bench_spans_add(struct bench_spans *b, size_t count)
{
    for (size_t done = 0; done < count; done += AT_ONCE) {
        struct span_change changes[AT_ONCE];
        size_t n = count - done < AT_ONCE ? count - done : AT_ONCE;

        for (size_t i = 0; i < n; i++)
            changes[i] = change_of(b);
        REQUIRE(!spans_apply(&b->tx, BENCH_TENANT, changes, n));
        arena_reset(&b->tx_arena);
    }
}

void bench_spans_close(struct bench_spans *b)
{
    db_rollback(b->db);
    db_close(b->db);
    arena_release(&b->tx_arena);
    arena_release(&b->arena);
}
