/* span_usage.h -- the tokens and costs of one span: what clients say of them, layer by layer, and
 * what that comes to. Pure; the column `usage` of spans holds all of it as JSON.
 *
 * What a value tells of usage (facts) is taken from it when it comes, so that no value is read
 * again: usage in outputs and in extra.metadata, and the names that prices go by. Facts follow the
 * law of their value: the patch's word, else the post's; those in extra one by one. So what a span
 * used is the same whatever the order. An llm span counts its tokens, and costs what the client
 * says, else what the price table says; any other span counts only costs that the client says. */
#ifndef STORE_SPAN_USAGE_H
#define STORE_SPAN_USAGE_H

#include "base/arena.h"
#include "store/span.h"

/* Tokens and costs that can be added up. Never beyond SPAN_TOTAL_MAX. */
#define SPAN_TOTAL_MAX INT64_C(4000000000000000000)
#define SPAN_OWN_TOKENS_MAX INT64_C(1000000000000)
#define SPAN_OWN_COST_MAX INT64_C(100000000000000000) /* $100,000 */

struct span_totals {
    int64_t prompt_tokens, completion_tokens, total_tokens;
    bool has_cost;
    int64_t prompt_cost, completion_cost, total_cost; /* picodollars */
};

/* What one span used itself. */
struct span_usage {
    struct span_totals totals;
    /* JSON objects, kind → tokens or picodollars; STR_NONE. */
    struct str prompt_token_details, completion_token_details;
    struct str prompt_cost_details, completion_cost_details;
    struct str price_id; /* whose prices they are; STR_NONE */
};

/* What prices are looked up by. */
struct span_model {
    struct str name, provider; /* STR_NONE: not said */
    int64_t start_us;
};

/* Prices that apply; false: none is known. Fills costs, their details and price_id from the tokens
 * and their details. */
typedef bool (*span_price_fn)(void *context, const struct span_model *model,
                              struct span_usage *usage);

/* The facts of `row` (before the change is merged in) with the change's. In the arena. */
struct str span_usage_merge(const struct span_row *row, const struct span_change *change,
                            struct arena *arena);
/* The facts, with what they come to for a span of this type. STR_NONE of STR_NONE. */
struct str span_usage_reckon(struct str facts, const struct span_row *row, span_price_fn price,
                             void *context, struct arena *arena);
/* What it came to; all zero of STR_NONE. Borrows from the arena. */
void span_usage_read(struct str usage, struct arena *arena, struct span_usage *own);

void span_totals_add(struct span_totals *to, const struct span_totals *more);
/* `to` without `less`, where has_cost once said stays. */
void span_totals_take(struct span_totals *to, const struct span_totals *less);
/* What the row says, and to let it say so. */
struct span_totals span_row_totals(const struct span_row *row);
void span_row_set_totals(struct span_row *row, const struct span_totals *totals);
bool span_totals_are_zero(const struct span_totals *totals);

#endif
