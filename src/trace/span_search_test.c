/* span_search_test.c -- what a search finds is what a look at every span in memory finds: for
 * random spans, random filters, pages, steps that are run twice, with and without narrowing, on
 * both databases. */
#include "trace/span_search.h"

#include <stdlib.h>

#include "store/spans.h"
#include "store/table_rig.h"

#define SPANS 600
#define PROJECTS 3
#define ROUNDS 150
#define FILTER_BYTES 4000

struct seen {
    struct span span;
    struct span_match match;
    struct feedback_rows feedback;
};

struct ground {
    struct table *t;
    struct rng rng;
    struct project_row projects[PROJECTS];
    struct seen spans[SPANS];
};

static unsigned below(struct ground *w, unsigned n)
{
    return (unsigned)rng_below(&w->rng, n);
}

static struct uuid id_of(unsigned kind, unsigned n)
{
    struct uuid id = {{0x01, (uint8_t)kind, 0, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[14] = (uint8_t)(n >> 8);
    id.bytes[15] = (uint8_t)n;
    return id;
}

/* ---- random spans ---- */

static const char *const names[] = {"a", "b", "Chain of c"};
static const char *const tag_lists[] = {"[\"x\"]", "[\"x\",\"y\"]", "[]"};
static const char *const extras[] = {
    "{\"metadata\":{\"k\":\"v\",\"n\":1}}",
    "{\"metadata\":{\"k\":\"w\",\"deep\":{\"k\":true}}}",
    "{\"metadata\":{\"n\":\"1\",\"list\":[\"x\",7,{\"k\":\"007\"}],\"z\":-0.0}}",
    "{\"metadata\":{\"n\":\"1.0\",\"deep\":{\"k\":\"TRUE\"},\"z\":\"\"}}",
    "{\"runtime\":{}}",
};
static const char *const inputs[] = {
    "{\"question\":\"What is an image?\"}",
    "{\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]}",
    "{}",
};

static void give(struct span_change *change, enum span_field field, const char *text)
{
    change->given |= SPAN_HAS_FIELD(field);
    change->values[field] =
        (struct span_value){.bytes = str_of(text), .size = (int64_t)strlen(text)};
}

/* As span_parse does; one in ten spans comes from elsewhere, unmarked. */
static void marks_tell(struct ground *w, struct span_change *change)
{
    const struct json *value;

    if (below(w, 10) == 0)
        return;
    if (change->given & SPAN_HAS_TAGS && !json_parse(&w->t->arena, change->tags, &value, NULL))
        change->marks = marks_both(change->marks, filter_marks_of_tags(value));
    if (change->given & SPAN_HAS_FIELD(SPAN_EXTRA) &&
        !json_parse(&w->t->arena, change->values[SPAN_EXTRA].bytes, &value, NULL))
        change->marks =
            marks_both(change->marks, filter_marks_of_metadata(json_get(value, "metadata")));
    change->marked = SPAN_HAS_TAGS | SPAN_HAS_FIELD(SPAN_EXTRA);
}

/* Traces of up to six spans, each below the root or the one before; starts collide on purpose. */
static void span_add(struct ground *w, unsigned n)
{
    unsigned root = n - n % 6;
    struct span_change change = {
        .layer = SPAN_POST,
        .span_id = id_of(1, n),
        .given = SPAN_HAS_NAME | SPAN_HAS_START | SPAN_HAS_TYPE,
        .name = str_of(names[below(w, 3)]),
        .type = (enum span_type)(SPAN_CHAIN + below(w, 3)),
        .start_us = 1000000 + below(w, 50),
        .project_no = w->projects[(n / 6) % PROJECTS].project_no,
    };

    if (below(w, 5) == 0)
        change.given &= ~(unsigned)SPAN_HAS_TYPE;
    if (n != root) {
        change.given |= SPAN_HAS_PARENT;
        change.parent_id = id_of(1, below(w, 2) ? root : n - 1);
    }
    if (below(w, 3)) {
        change.given |= SPAN_HAS_END;
        change.end_us = change.start_us + below(w, 5) * 1000000;
    }
    if (below(w, 2)) {
        change.given |= SPAN_HAS_TAGS;
        change.tags = str_of(tag_lists[below(w, 3)]);
    }
    if (below(w, 2))
        give(&change, SPAN_EXTRA, extras[below(w, ARRAY_LEN(extras))]);
    if (below(w, 3))
        give(&change, SPAN_INPUTS, inputs[below(w, 3)]);
    if (below(w, 5) == 0) {
        give(&change, SPAN_ERROR_TEXT, "\"ValueError\"");
        change.error_preview = STR("ValueError");
    }
    if (below(w, 4) == 0) {
        change.given |= SPAN_HAS_THREAD_ID;
        change.thread_id = STR("t-1");
    }
    marks_tell(w, &change);
    assert_int_equal(spans_apply(w->t->tx, TENANT, &change, 1), OK);
}

static void feedback_add(struct ground *w, unsigned n)
{
    struct feedback_row row = {
        .feedback_id = id_of(2, n),
        .has_span = true,
        .span_id = id_of(1, below(w, SPANS)),
        .key = below(w, 2) ? STR("score") : STR("note"),
        .has_score = below(w, 2),
        .score = below(w, 3),
        .source_type = STR("api"),
    };

    assert_int_equal(feedback_put(w->t->tx, TENANT, &row), OK);
}

/* Everything of a span, in memory. */
static void span_see(struct ground *w, unsigned n)
{
    struct seen *seen = &w->spans[n];
    struct arena *arena = &w->t->arena;

    assert_int_equal(spans_get(w->t->tx, TENANT, id_of(1, n), arena, &seen->span.row), OK);
    seen->span.loaded = (1u << SPAN_FIELD_COUNT) - 1;
    assert_int_equal(
        span_values_get(w->t->tx, &seen->span.row, seen->span.loaded, arena, seen->span.values),
        OK);
    assert_int_equal(feedback_of_span(w->t->tx, TENANT, id_of(1, n), arena, &seen->feedback), OK);
    for (size_t i = 0; i < PROJECTS; i++)
        if (w->projects[i].project_no == seen->span.row.project_no)
            seen->span.project_id = w->projects[i].project_id;
    span_match_init(&seen->match, &seen->span, &seen->feedback, arena);
}

static void ground_make(struct ground *w, struct table *t)
{
    static const char *const ids[] = {"00000000-0000-4000-8000-000000000001",
                                      "00000000-0000-4000-8000-000000000002",
                                      "00000000-0000-4000-8000-000000000003"};

    *w = (struct ground){.t = t};
    rng_seed(&w->rng, 20261128);
    for (size_t i = 0; i < PROJECTS; i++) {
        w->projects[i] = (struct project_row){
            .tenant = TENANT, .project_id = str_of(ids[i]), .name = str_of(ids[i])};
        assert_int_equal(projects_insert(t->tx, &w->projects[i]), OK);
    }
    for (unsigned n = 0; n < SPANS; n++)
        span_add(w, n);
    for (unsigned n = 0; n < SPANS; n++)
        feedback_add(w, n);
    for (unsigned n = 0; n < SPANS; n++)
        span_see(w, n);
}

/* ---- random filters ---- */

static const char *const conditions[] = {
    "eq(name, 'a')",
    "in(name, ['a', 'b'])",
    "neq(name, 'b')",
    "like(name, '%of%')",
    "eq(run_type, 'llm')",
    "in(run_type, ['CHAIN', 'tool'])",
    "eq(status, 'success')",
    "neq(error, null)",
    "eq(error, null)",
    "like(error, 'value%')",
    "eq(is_root, true)",
    "neq(is_root, true)",
    "gt(start_time, '1970-01-01T00:00:01.000020Z')",
    "lte(start_time, '1970-01-01T00:00:01.000030Z')",
    "eq(start_time, '1970-01-01T00:00:01.000010Z')",
    "gt(latency, 1.5)",
    "lt(latency, '2s')",
    "gte(latency, 0)",
    "eq(latency, 2)",
    "lt(latency, -1)",
    "gte(end_time, '1970-01-01T00:00:03Z')",
    "lt(end_time, '1970-01-01T00:00:03Z')",
    "eq(end_time, null)",
    "gt(total_tokens, 0)",
    "lte(total_tokens, 0)",
    "gte(total_cost, 0)",
    "eq(total_cost, null)",
    "eq(name, '')",
    "has(tags, 'y')",
    "neq(tags, 'x')",
    "in(tags, ['y', 'z'])",
    "eq(tags, ['x', 'y'])",
    "eq(tags, null)",
    "eq(thread_id, 't-1')",
    "neq(thread_id, 't-1')",
    "eq(metadata_key, 'k')",
    "eq(metadata_value, 'v')",
    "neq(metadata_value, 'v')",
    "eq(metadata.n, 1)",
    "eq(metadata.n, '1')",
    "eq(metadata.n, 1.0)",
    "eq(metadata.n, true)",
    "in(metadata.n, [1, '1.0'])",
    "eq(metadata.deep.k, true)",
    "eq(metadata.deep.k, 'true')",
    "eq(metadata.deep.k, 1)",
    "eq(metadata.list, 'x')",
    "eq(metadata.list, '007')",
    "has(metadata.list, 7)",
    "eq(metadata.list.k, 7)",
    "eq(metadata.z, 0)",
    "eq(metadata.z, null)",
    "in(metadata.k, ['v', 'w', null])",
    "and(eq(metadata_key, 'k'), in(metadata_value, ['v', 'none']))",
    "and(eq(metadata_key, 'n'), eq(metadata_value, 1), neq(metadata_value, 2))",
    "and(neq(metadata_key, 'k'), eq(metadata_value, 1))",
    "has(metadata, '{\"deep\":{\"k\":true}}')",
    "has(metadata, '{\"n\":1.0,\"k\":\"v\"}')",
    "has(metadata, '{\"list\":[7]}')",
    "has(metadata, '{}')",
    "has(metadata, '{\"k\":\"w\"}')",
    "exists(metadata, 'deep.k')",
    "eq(input_key, 'messages.content')",
    "like(input_value, '%hello%')",
    "notlike(inputs, '%image%')",
    "search('image')",
    "search('valueerror')",
    "eq(feedback_key, 'score')",
    "gt(feedback_score, 0)",
    "neq(feedback_key, 'note')",
    "eq(feedback_score, null)",
    "eq(trace_id, '01010000-0000-7000-8000-000000000006')",
    "in(id, ['01010000-0000-7000-8000-000000000001', '01010000-0000-7000-8000-000000000007'])",
    "eq(parent_run_id, '01010000-0000-7000-8000-00000000000c')",
    "eq(session_id, '00000000-0000-4000-8000-000000000002')",
    "eq(parent_run_id, null)",
};

static void filter_write(struct ground *w, unsigned depth, struct buf *out)
{
    static const char *const words[] = {"and(", "and(", "or(", "not("};
    unsigned word = below(w, 4), count = word == 3 ? 1 : 1 + below(w, 3);

    if (depth == 0 || below(w, 3) == 0) {
        buf_add_cstr(out, conditions[below(w, ARRAY_LEN(conditions))]);
        return;
    }
    buf_add_cstr(out, words[word]);
    for (unsigned i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        filter_write(w, depth - 1, out);
    }
    buf_add_char(out, ')');
}

static const struct filter *random_filter(struct ground *w, struct arena *arena, struct str *text)
{
    struct filter *filter = ARENA_NEW(arena, struct filter);
    struct filter_error error;
    struct buf out;

    buf_init(&out, FILTER_BYTES);
    filter_write(w, 2, &out);
    *text = arena_str(arena, buf_str(&out));
    if (filter_parse(arena, *text, filter, &error))
        fail_msg("%.*s: %s", STR_ARG(*text), error.text);
    buf_release(&out);
    return filter;
}

/* ---- the oracle ---- */

static bool meets(struct seen *seen, const struct filter *filter)
{
    return !filter || span_match_test(&seen->match, filter) == FILTER_YES;
}

static bool is_meant(struct ground *w, const struct span_query *q, struct seen *seen)
{
    const struct span_row *row = &seen->span.row;
    bool in_project = q->project_count == 0, in_tree = !q->tree_filter, by_root = !q->trace_filter;

    for (size_t i = 0; i < q->project_count; i++)
        in_project = in_project || q->projects[i].project_no == row->project_no;
    for (unsigned i = 0; i < SPANS; i++) {
        struct seen *other = &w->spans[i];

        if (!uuid_eq(other->span.row.trace_id, row->trace_id))
            continue;
        in_tree = in_tree || meets(other, q->tree_filter);
        if (q->trace_filter && uuid_eq(other->span.row.span_id, row->trace_id))
            by_root = meets(other, q->trace_filter);
    }
    return in_project && in_tree && by_root && (!q->only_roots || row->is_root) &&
           (!q->types || q->types >> row->type & 1) && meets(seen, q->filter);
}

static bool ascending;

static int by_place(const void *a, const void *b)
{
    const struct span_row *x = &(*(struct seen *const *)a)->span.row;
    const struct span_row *y = &(*(struct seen *const *)b)->span.row;
    int order = x->start_us != y->start_us ? (x->start_us < y->start_us ? -1 : 1)
                                           : (x->span_no < y->span_no ? -1 : 1);

    return ascending ? order : -order;
}

static size_t oracle(struct ground *w, const struct span_query *q, struct seen **found)
{
    size_t count = 0;

    for (unsigned i = 0; i < SPANS; i++)
        if (is_meant(w, q, &w->spans[i]))
            found[count++] = &w->spans[i];
    ascending = q->ascending;
    qsort(found, count, sizeof(*found), by_place);
    return count;
}

/* ---- the search ---- */

struct page {
    struct span_place places[SPANS];
    size_t count, limit;
};

static void page_restart(void *context)
{
    ((struct page *)context)->count = 0;
}

static bool page_visit(void *context, struct tx *tx UNUSED, struct span_match *match)
{
    struct page *page = context;
    const struct span_row *row = &match->span->row;

    assert_true(page->count < page->limit);
    page->places[page->count++] = (struct span_place){row->start_us, row->span_no};
    return page->count < page->limit;
}

/* Some steps are run twice, as a transaction that had to be repeated would. */
static void search_page(struct ground *w, const struct span_query *q, struct page *page)
{
    const struct span_visitor visitor = {page_restart, page_visit, page};
    struct arena arena;
    struct span_search *search;
    bool is_over = false;

    arena_init(&arena);
    search = span_search_new(&arena, q, &visitor);
    for (size_t step = 0; !is_over; step++) {
        assert_int_equal(span_search_step(w->t->tx, search, step, &is_over), OK);
        if (below(w, 4) == 0)
            assert_int_equal(span_search_step(w->t->tx, search, step, &is_over), OK);
    }
    span_search_release(search);
    arena_release(&arena);
}

static void check(struct ground *w, struct span_query q, const char *words)
{
    struct seen *expected[SPANS];
    size_t count = oracle(w, &q, expected), at = 0;
    struct page page = {.limit = 1 + below(w, SPANS - 1)};

    do {
        search_page(w, &q, &page);
        for (size_t i = 0; i < page.count; i++, at++)
            if (at >= count || page.places[i].span_no != expected[at]->span.row.span_no)
                fail_msg("%s: differs at %zu of %zu", words, at, count);
        if (page.count > 0) {
            q.has_after = true;
            q.after = page.places[page.count - 1];
        }
    } while (page.count == page.limit);
    if (at != count)
        fail_msg("%s: %zu of %zu", words, at, count);
}

static void a_search_finds_what_memory_finds(void **state)
{
    struct ground *w = test_calloc(1, sizeof(*w));
    struct arena arena;

    ground_make(w, *state);
    arena_init(&arena);
    for (int round = 0; round < ROUNDS; round++) {
        struct str texts[3] = {STR(""), STR(""), STR("")};
        struct span_query q = {.tenant = TENANT,
                               .start_min_us = INT64_MIN,
                               .start_max_us = INT64_MAX,
                               .projects = w->projects,
                               .project_count = below(w, PROJECTS + 1),
                               .only_roots = below(w, 4) == 0,
                               .types = below(w, 4) ? 0 : 1u << SPAN_LLM | 1u << SPAN_TOOL,
                               .ascending = below(w, 2)};
        struct filter broad;
        struct str words;

        arena_reset(&arena);
        if (below(w, 8))
            q.filter = random_filter(w, &arena, &texts[0]);
        if (below(w, 4) == 0)
            q.trace_filter = random_filter(w, &arena, &texts[1]);
        if (below(w, 4) == 0)
            q.tree_filter = random_filter(w, &arena, &texts[2]);
        words = arena_printf(&arena, "%d: %.*s; trace %.*s; tree %.*s; roots %d, up %d", round,
                             STR_ARG(texts[0]), STR_ARG(texts[1]), STR_ARG(texts[2]), q.only_roots,
                             q.ascending);
        check(w, q, words.data);
        if (!q.filter)
            continue;
        broad = *q.filter;
        broad.bounds = (struct filter_bounds){
            .start_min_us = INT64_MIN, .start_max_us = INT64_MAX, .feedback_key = STR_NONE};
        q.filter = &broad;
        check(w, q, "without narrowing");
    }
    arena_release(&arena);
    test_free(w);
}

static void each_condition_alone(void **state)
{
    struct ground *w = test_calloc(1, sizeof(*w));

    ground_make(w, *state);
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        struct filter_error error;
        struct filter filter;
        struct span_query q = {.tenant = TENANT,
                               .start_min_us = INT64_MIN,
                               .start_max_us = INT64_MAX,
                               .only_roots = below(w, 4) == 0,
                               .filter = &filter};

        assert_int_equal(filter_parse(&w->t->arena, str_of(conditions[i]), &filter, &error), OK);
        check(w, q, conditions[i]);
    }
    test_free(w);
}

static void ids_win_over_everything_else(void **state)
{
    struct ground *w = test_calloc(1, sizeof(*w));
    struct uuid ids[] = {id_of(1, 7), id_of(1, 3), id_of(1, 7), id_of(9, 9)};
    struct filter_error error;
    struct filter none;
    struct page page = {.limit = 100};
    struct span_query q = {.tenant = TENANT, .ids = {ids, 4}, .only_roots = true};

    ground_make(w, *state);
    assert_int_equal(filter_parse(&w->t->arena, STR("eq(name, 'no such')"), &none, &error), OK);
    q.filter = &none;
    search_page(w, &q, &page);
    assert_int_equal(page.count, 2);
    q.tenant = STR("another");
    search_page(w, &q, &page);
    assert_int_equal(page.count, 0);
    test_free(w);
}

static const struct CMUnitTest tests[] = {
    TEST("a search finds what a look at every span in memory finds",
         a_search_finds_what_memory_finds),
    TEST("so it does for each condition alone", each_condition_alone),
    TEST("ids win over everything else but the tenant", ids_win_over_everything_else),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
