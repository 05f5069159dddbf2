/* thread_search_test.c -- what leads a search changes its cost and nothing else, on both databases:
 * random metadata, searched by every narrowing and compared with a look at each thread. */
#include "base/json.h"
#include "base/rng.h"
#include "store/table_rig.h"
#include "store/thread_totals.h"
#include "store/threads.h"

#define THREADS 60
#define MANY 1200 /* more than a label that leads may have */

/* Names and texts that could be taken for one another, or do not become labels. */
static const char *const names[] = {"user", "a", "a\\u001fb", "us\\u0065r", "", "graph_id"};
static const char *const texts[] = {"\"ada\"", "\"\"",          "\"b\\u001fc\"", "\"c\"",
                                    "7",       "\"7\"",         "true",          "[\"ada\"]",
                                    "null",    "{\"x\":\"y\"}", "1.0",           "\"d\\u00e4\""};

static struct str pick(struct rng *rng, const char *const *list, size_t count)
{
    return str_of(list[rng_below(rng, count)]);
}

static struct str long_text(struct table *t, size_t len)
{
    char *text = arena_alloc(&t->arena, len + 2);

    memset(text, 'x', len + 2);
    text[0] = text[len + 1] = '"';
    return str_range(text, len + 2);
}

static struct str object(struct table *t, struct rng *rng, size_t members)
{
    struct buf out;
    struct str text;

    buf_init(&out, MIB);
    buf_add_char(&out, '{');
    for (size_t i = 0; i < members; i++) {
        struct str name = pick(rng, names, ARRAY_LEN(names));
        struct str value = rng_below(rng, 12) ? pick(rng, texts, ARRAY_LEN(texts))
                                              : long_text(t, 150 + rng_below(rng, 100));

        buf_addf(&out, "%s\"%.*s%zu\":%.*s", i ? "," : "", STR_ARG(name), i % 2, STR_ARG(value));
    }
    buf_add_char(&out, '}');
    text = arena_str(&t->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static bool contains(struct table *t, struct str metadata, struct str filter)
{
    const struct json *value, *wanted;

    assert_int_equal(json_parse(&t->arena, metadata, &value, NULL), OK);
    assert_int_equal(json_parse(&t->arena, filter, &wanted, NULL), OK);
    return json_contains(value, wanted);
}

static struct thread thread_made(struct table *t, size_t number, struct str metadata)
{
    return (struct thread){.tenant = TENANT,
                           .thread_id = arena_printf(&t->arena, "t%04zu", number),
                           .status = number % 3 ? THREAD_IDLE : THREAD_INTERRUPTED,
                           .metadata = metadata,
                           .config = STR("{}"),
                           .interrupts = STR("{}"),
                           .temporary = number % 11 == 5,
                           .created_us = 100,
                           .updated_us = 1000 - (int64_t)(number % 7)};
}

/* Searched by id, so that the order is known. */
static void compare(struct table *t, const struct thread *threads, struct thread_filter filter)
{
    struct thread *found;
    size_t count, seen = 0;
    int64_t counted;

    filter.tenant = TENANT;
    filter.sort_by = STR("thread_id");
    filter.ascending = true;
    filter.limit = THREADS;
    assert_int_equal(thread_search(t->tx, &filter, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < THREADS; i++) {
        const struct thread *one = &threads[i];
        struct str admitted = filter.admitted; /* "[object]" */

        if (str_is_none(one->thread_id) || one->temporary ||
            (!str_is_none(filter.status) && !str_eq(filter.status, one->status)) ||
            (!str_is_none(filter.metadata) && !contains(t, one->metadata, filter.metadata)) ||
            (!str_is_none(admitted) &&
             !contains(t, one->metadata, str_range(admitted.data + 1, admitted.len - 2))))
            continue;
        assert_true(seen < count);
        ASSERT_STR(found[seen++].thread_id, arena_cstr(&t->arena, one->thread_id));
    }
    assert_int_equal(seen, count);
    assert_int_equal(thread_count(t->tx, &filter, &counted), OK);
    assert_int_equal(counted, count);
}

static void compare_all(struct table *t, const struct thread *threads, struct rng *rng)
{
    for (size_t round = 0; round < 60; round++) {
        struct thread_filter filter = {.metadata = object(t, rng, rng_below(rng, 3))};
        struct str admitted = object(t, rng, 1);

        if (rng_below(rng, 3) == 0)
            filter.status = THREAD_INTERRUPTED;
        if (rng_below(rng, 3) == 0)
            filter.admitted = arena_printf(&t->arena, "[%.*s]", STR_ARG(admitted));
        if (rng_below(rng, 4) == 0)
            filter.metadata = STR_NONE;
        compare(t, threads, filter);
    }
}

static void what_leads_changes_nothing(void **state)
{
    struct table *t = *state;
    struct thread threads[THREADS];
    struct rng rng;

    rng_seed(&rng, 7);
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = thread_made(t, i, object(t, &rng, rng_below(&rng, 5)));
        assert_int_equal(thread_insert(t->tx, &threads[i]), OK);
    }
    compare_all(t, threads, &rng);
    for (size_t i = 0; i < THREADS; i += 2) {
        threads[i].metadata = object(t, &rng, rng_below(&rng, 5));
        assert_int_equal(thread_update(t->tx, &threads[i]), OK);
    }
    compare_all(t, threads, &rng);
    for (size_t i = 1; i < THREADS; i += 4) {
        assert_int_equal(thread_delete(t->tx, TENANT, threads[i].thread_id), OK);
        threads[i].thread_id = STR_NONE;
    }
    compare_all(t, threads, &rng);
}

/* What many have does not lead; the rare one beside it does. */
static void frequent_labels_are_counted_and_found(void **state)
{
    struct table *t = *state;
    struct thread_filter filter = {
        .tenant = TENANT, .metadata = STR("{\"graph_id\":\"agent\"}"), .limit = 10};
    struct thread *found;
    size_t count;
    int64_t counted;

    for (size_t i = 0; i < MANY; i++) {
        struct thread thread = thread_made(
            t, i,
            i % 600 == 1 ? STR("{\"graph_id\":\"agent\",\"user\":\"ada\"}") : filter.metadata);

        thread.temporary = false;
        assert_int_equal(thread_insert(t->tx, &thread), OK);
    }
    assert_int_equal(thread_search(t->tx, &filter, &t->arena, &found, &count), OK);
    assert_int_equal(count, 10);
    assert_int_equal(thread_count(t->tx, &filter, &counted), OK);
    assert_int_equal(counted, MANY);
    filter.metadata = STR("{\"graph_id\":\"agent\",\"user\":\"ada\"}");
    assert_int_equal(thread_search(t->tx, &filter, &t->arena, &found, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(thread_count(t->tx, &filter, &counted), OK);
    assert_int_equal(counted, 2);
}

/* Those without a state stand as if it were older than any. */
static void sorted_by_when_the_state_changed(void **state)
{
    struct table *t = *state;
    struct thread_filter filter = {
        .tenant = TENANT, .sort_by = STR("state_updated_at"), .limit = THREADS};
    struct thread *found;
    int64_t last_us = INT64_MAX;
    size_t count;

    for (size_t i = 0; i < THREADS; i++) {
        struct thread thread = thread_made(t, i, STR("{}"));

        thread.temporary = false;
        thread.state_updated_us = i % 3 ? 1 + (int64_t)((i * 37) % THREADS) : 0;
        assert_int_equal(thread_insert(t->tx, &thread), OK);
    }
    assert_int_equal(thread_search(t->tx, &filter, &t->arena, &found, &count), OK);
    assert_int_equal(count, THREADS);
    for (size_t i = 0; i < count; i++) {
        assert_true(found[i].state_updated_us <= last_us);
        last_us = found[i].state_updated_us;
    }
    filter.ascending = true;
    filter.limit = 1;
    filter.offset = THREADS - 1;
    assert_int_equal(thread_search(t->tx, &filter, &t->arena, &found, &count), OK);
    assert_int_equal(found[0].state_updated_us, THREADS);
}

static void statuses_insert(struct table *t, int64_t idle, int64_t others)
{
    static const struct db_statement insert = {
        "test_many_threads",
        "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < "
        "$1)"
        " INSERT INTO threads (tenant, thread_id, status, metadata, config, interrupts, temporary,"
        " created_us, updated_us) SELECT 'many', 'm' || i,"
        " CASE WHEN i > CAST($2 AS BIGINT) THEN 'idle' WHEN i % 2 = 0 THEN 'error' ELSE 'busy' END,"
        " '{}', '{}', '{}', 0, i, i FROM n",
        NULL};

    assert_int_equal(
        db_run(t->tx->db, &insert, DB_ARGS(db_int(idle + others), db_int(others)), NULL), OK);
    thread_total_grow(t->tx, STR("many"), idle + others);
}

/* So many that the others are counted instead. */
static void many_of_a_status_are_counted_right(void **state)
{
    struct table *t = *state;
    struct thread_filter filter = {.tenant = STR("many"), .limit = 10, .status = THREAD_IDLE};
    struct thread_list page;
    int64_t total;

    statuses_insert(t, 100001, 90);
    assert_int_equal(thread_count(t->tx, &filter, &total), OK);
    assert_int_equal(total, 100001);
    assert_int_equal(thread_page(t->tx, &filter, &t->arena, &page, &total), OK);
    assert_int_equal(page.count, 10);
    assert_int_equal(total, 100001);
    filter.sort_by = STR("created_at");
    filter.ascending = true;
    assert_int_equal(thread_page(t->tx, &filter, &t->arena, &page, &total), OK);
    ASSERT_STR(page.list[0].thread_id, "m91");
    assert_int_equal(total, 100001);
    filter.status = STR("error");
    assert_int_equal(thread_page(t->tx, &filter, &t->arena, &page, &total), OK);
    ASSERT_STR(page.list[0].thread_id, "m2");
    assert_int_equal(total, 45);
    filter.status = STR_NONE;
    assert_int_equal(thread_count(t->tx, &filter, &total), OK);
    assert_int_equal(total, 100091);
}

static const struct CMUnitTest tests[] = {
    TEST("those without a state come last, or first", sorted_by_when_the_state_changed),
    TEST("many of a status are counted by the others", many_of_a_status_are_counted_right),
    TEST("what leads a search changes nothing in what it finds", what_leads_changes_nothing),
    TEST("frequent labels are counted and found", frequent_labels_are_counted_and_found),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
