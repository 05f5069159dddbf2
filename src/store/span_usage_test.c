/* span_usage_test.c -- tokens and costs: prices, and sums that are the same whatever came first. */
#include "store/span_usage.h"

#include "base/json.h"
#include "store/prices.h"
#include "store/spans.h"
#include "store/table_rig.h"

#define START_US INT64_C(1795237957000000)
#define SPANS 24

static struct uuid id_of(size_t number)
{
    struct uuid id = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static struct span_change post_of(size_t number, enum span_type type)
{
    return (struct span_change){.layer = SPAN_POST,
                                .span_id = id_of(number),
                                .given = SPAN_HAS_NAME | SPAN_HAS_START | SPAN_HAS_TYPE,
                                .name = STR("n"),
                                .type = type,
                                .start_us = START_US + (int64_t)number,
                                .project_no = 1};
}

static void below(struct span_change *change, size_t parent)
{
    change->given |= SPAN_HAS_PARENT;
    change->parent_id = id_of(parent);
}

static void says_usage(struct span_change *change, const char *usage, const char *model)
{
    change->given |= SPAN_HAS_FIELD(SPAN_OUTPUTS) | SPAN_HAS_FIELD(SPAN_EXTRA);
    change->values[SPAN_OUTPUTS] = (struct span_value){.bytes = STR("{}"), .size = 2};
    change->values[SPAN_EXTRA] = (struct span_value){.bytes = STR("{}"), .size = 2};
    change->says.outputs_usage = str_of(usage);
    if (model)
        change->says.metadata_model = str_of(model);
}

static void apply(struct table *t, const struct span_change *changes, size_t count)
{
    assert_int_equal(spans_apply(t->tx, TENANT, changes, count), OK);
}

static struct span_row get(struct table *t, size_t number)
{
    struct span_row span;

    assert_int_equal(spans_get(t->tx, TENANT, id_of(number), &t->arena, &span), OK);
    return span;
}

static struct span_usage own_of(struct table *t, size_t number)
{
    struct span_usage own;

    span_usage_read(get(t, number).usage, &t->arena, &own);
    return own;
}

static void built_in_prices(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, SPAN_LLM);
    struct span_row span;

    says_usage(&post, "{\"pt\":1000,\"ct\":10,\"pd\":{\"cache_read\":400,\"audio\":1}}",
               "openai/gpt-4o-2024-08-06");
    apply(t, &post, 1);
    span = get(t, 1);
    assert_int_equal(span.total_tokens, 1010);
    assert_true(span.has_cost);
    assert_int_equal(span.prompt_cost, 400 * INT64_C(1250000) + 600 * INT64_C(2500000));
    assert_int_equal(span.completion_cost, INT64_C(100000000));
    assert_int_equal(span.total_cost, span.prompt_cost + span.completion_cost);
    ASSERT_STR(own_of(t, 1).prompt_cost_details, "{\"cache_read\":500000000}");
    ASSERT_STR(own_of(t, 1).prompt_token_details, "{\"cache_read\":400,\"audio\":1}");
}

static void names_of_models(void **state)
{
    static const struct {
        const char *name;
        const char *known; /* NULL: none */
    } cases[] = {
        {"gpt-4o", "gpt-4o"},
        {"gpt-4o-mini-2024-07-18", "gpt-4o-mini"},
        {"gpt-4o-latest", "gpt-4o"},
        {"gpt-4o-audio-preview", NULL},
        {"us.anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet"},
        {"claude-sonnet-4@20250514", "claude-sonnet-4"},
        {"claude-sonnet-4-5-20250929", "claude-sonnet-4-5"},
        {"models/gemini-2.5-flash", "gemini-2.5-flash"},
        {"gpt-4.1-mini", "gpt-4.1-mini"},
        {"llama-3", NULL},
        {"", NULL},
        {"gpt-4oh", NULL},
    };
    struct price_row price;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct span_model model = {.name = str_of(cases[i].name)};
        bool is_known = price_built_in_find(&model, &price);

        assert_int_equal(is_known, cases[i].known != NULL);
        if (is_known)
            ASSERT_STR(price.name, cases[i].known);
    }
}

static void price_add(struct table *t, const char *id, const char *pattern, const char *provider,
                      int64_t rate, int64_t start_us)
{
    const struct price_row price = {
        .price_id = str_of(id),
        .name = str_of(id),
        .pattern = str_of(pattern),
        .provider = provider ? str_of(provider) : STR_NONE,
        .start_us = start_us,
        .prompt_cost = rate,
        .completion_cost = rate,
    };

    assert_int_equal(prices_insert(t->tx, TENANT, &price), OK);
}

static void own_prices(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, SPAN_LLM), later = post_of(2, SPAN_LLM);

    price_add(t, "any", "^gpt-4o$", NULL, 1, 0);
    price_add(t, "azure", "gpt-\\d", "azure", 2, 0);
    price_add(t, "new", "^gpt-4o$", NULL, 3, START_US + 100);
    says_usage(&post, "{\"pt\":10}", "gpt-4o");
    apply(t, &post, 1);
    ASSERT_STR(own_of(t, 1).price_id, "azure"); /* the span says no provider */
    later.start_us = START_US + 200;
    says_usage(&later, "{\"pt\":10}", "gpt-4o");
    later.says.provider = STR("openai");
    apply(t, &later, 1);
    ASSERT_STR(own_of(t, 2).price_id, "new");
    assert_int_equal(get(t, 2).total_cost, 30);
}

static void costs_of_clients_win(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, SPAN_LLM), tool = post_of(2, SPAN_TOOL);

    says_usage(&post, "{\"pt\":10,\"ct\":1,\"tc\":7}", "gpt-4o");
    apply(t, &post, 1);
    assert_int_equal(get(t, 1).total_cost, 7);
    says_usage(&tool, "{\"pt\":10,\"tc\":5}", NULL);
    apply(t, &tool, 1);
    assert_int_equal(get(t, 2).total_cost, 5);
    assert_int_equal(get(t, 2).total_tokens, 0);
}

/* The patch's word stands above the post's, in either order. */
static void late_posts(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, SPAN_LLM),
                       patch = {.layer = SPAN_PATCH, .span_id = id_of(1)};

    says_usage(&post, "{\"pt\":1}", NULL);
    says_usage(&patch, "{\"pt\":20}", NULL);
    apply(t, &patch, 1);
    apply(t, &post, 1);
    assert_int_equal(get(t, 1).prompt_tokens, 20);
}

/* ---- sums, against a second reckoning ---- */

struct tree {
    size_t parent[SPANS]; /* SPANS: a root */
    enum span_type type[SPANS];
    struct span_change changes[2 * SPANS];
};

static unsigned rand_below(unsigned *seed, unsigned bound)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % bound;
}

static void tree_make(struct table *t, struct tree *tree, unsigned *seed)
{
    for (size_t i = 0; i < SPANS; i++) {
        struct span_change *post = &tree->changes[2 * i], *patch = &tree->changes[2 * i + 1];
        unsigned tokens = rand_below(seed, 1000);

        tree->parent[i] =
            i == 0 || rand_below(seed, 8) == 0 ? SPANS : rand_below(seed, (unsigned)i);
        tree->type[i] = rand_below(seed, 2) ? SPAN_LLM : SPAN_CHAIN;
        *post = post_of(i, tree->type[i]);
        *patch = (struct span_change){.layer = SPAN_PATCH, .span_id = id_of(i)};
        if (tree->parent[i] < SPANS)
            below(rand_below(seed, 2) ? post : patch, tree->parent[i]);
        says_usage(patch,
                   arena_cstr(&t->arena, arena_printf(&t->arena, "{\"pt\":%u,\"ct\":3,\"tc\":%u}",
                                                      tokens, tokens * 7)),
                   NULL);
        if (rand_below(seed, 2))
            says_usage(post, "{\"pt\":999999}", NULL); /* the patch says otherwise */
    }
}

static void shuffle(struct tree *tree, unsigned *seed)
{
    for (size_t i = 2 * SPANS - 1; i > 0; i--) {
        size_t other = rand_below(seed, (unsigned)i + 1);
        struct span_change kept = tree->changes[i];

        tree->changes[i] = tree->changes[other];
        tree->changes[other] = kept;
    }
}

static void expect(const struct tree *tree, struct table *t)
{
    struct span_totals expected[SPANS] = {{0}};

    for (size_t i = SPANS; i-- > 0;) { /* children have larger numbers than their parents */
        struct span_totals own = own_of(t, i).totals;
        struct span_row row = get(t, i);

        assert_int_equal(own.total_tokens > 0, tree->type[i] == SPAN_LLM);
        span_totals_add(&expected[i], &own);
        assert_int_equal(row.prompt_tokens, expected[i].prompt_tokens);
        assert_int_equal(row.completion_tokens, expected[i].completion_tokens);
        assert_int_equal(row.total_tokens, expected[i].total_tokens);
        assert_int_equal(row.total_cost, expected[i].total_cost);
        if (tree->parent[i] < SPANS)
            span_totals_add(&expected[tree->parent[i]], &expected[i]);
    }
}

static void clear(struct table *t)
{
    static const struct db_statement all = {"test_spans_clear", "DELETE FROM spans", NULL};

    assert_int_equal(db_run(t->tx->db, &all, DB_NO_ARGS, NULL), OK);
}

static void sums_do_not_mind_the_order(void **state)
{
    struct table *t = *state;
    unsigned seed = 7;

    for (size_t round = 0; round < 25; round++) {
        struct tree *tree = ARENA_NEW(&t->arena, struct tree);

        tree_make(t, tree, &seed);
        shuffle(tree, &seed);
        for (size_t at = 0, count; at < 2 * SPANS; at += count) {
            count = 1 + rand_below(&seed, 9);
            if (count > 2 * SPANS - at)
                count = 2 * SPANS - at;
            apply(t, &tree->changes[at], count);
        }
        expect(tree, t);
        apply(t, tree->changes, 2 * SPANS); /* all of it once more */
        expect(tree, t);
        clear(t);
    }
}

static void a_circle_ends(void **state)
{
    struct table *t = *state;
    struct span_change posts[2] = {post_of(1, SPAN_LLM), post_of(2, SPAN_LLM)};

    for (size_t i = 0; i < 2; i++) {
        below(&posts[i], 2 - i);
        says_usage(&posts[i], "{\"pt\":1}", NULL);
    }
    apply(t, posts, 2);
    assert_true(get(t, 1).total_tokens > 0);
}

static void sums_end_somewhere(void **state)
{
    struct span_totals a = {.total_cost = SPAN_TOTAL_MAX, .has_cost = true}, b = a;

    (void)state;
    span_totals_add(&a, &b);
    assert_true(a.total_cost == SPAN_TOTAL_MAX);
}

static const struct CMUnitTest tests[] = {
    TEST("a model that is built in has its price, kinds of tokens theirs", built_in_prices),
    TEST("names with vendors, dates and versions are known", names_of_models),
    TEST("one's own prices stand above, by provider and start", own_prices),
    TEST("costs that the client says are taken as they are", costs_of_clients_win),
    TEST("a post that comes late does not undo what a patch used", late_posts),
    TEST("sums upwards are those of a second reckoning, whatever the order",
         sums_do_not_mind_the_order),
    TEST("parents in a circle end", a_circle_ends),
    TEST("sums end at their bound", sums_end_somewhere),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
