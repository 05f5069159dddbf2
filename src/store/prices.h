/* prices.h -- what tokens of which model cost: the table prices, one list for each tenant, and the
 * common models that are built in.
 *
 * A price applies to a span whose model's name matches its pattern, that has not begun before the
 * price does, and whose provider is the price's if both say one. Of those that apply: the tenant's
 * own before built-in ones, then one that names the provider, then the latest start, then the
 * newest. Kinds of tokens with a rate of their own (cache_read …) are taken at it, the rest of the
 * prompt or completion at the base rate. All in picodollars a token. */
#ifndef STORE_PRICES_H
#define STORE_PRICES_H

#include "store/span_usage.h"
#include "store/store.h"

#define PRICES_MAX 500                        /* of a tenant */
#define PRICE_RATE_MAX INT64_C(1000000000000) /* $1 a token */

struct price_row {
    struct str price_id; /* UUID text */
    struct str name, pattern;
    struct str provider;   /* STR_NONE: any */
    struct str match_path; /* JSON array, kept for whoever asks; STR_NONE */
    int64_t start_us;      /* 0: always */
    int64_t prompt_cost, completion_cost;
    struct str prompt_details, completion_details; /* JSON, kind → picodollars; STR_NONE */
    int64_t created_us, modified_us;
    bool is_built_in;
};

struct price_rows {
    struct price_row *list;
    size_t count;
};

/* The tenant's own, the newest first. */
enum err prices_list(struct tx *tx, struct str tenant, struct arena *arena,
                     struct price_rows *found) MUST_USE;
/* ERR_LIMIT: there are PRICES_MAX. */
enum err prices_insert(struct tx *tx, struct str tenant, const struct price_row *price) MUST_USE;
enum err prices_update(struct tx *tx, struct str tenant, const struct price_row *price) MUST_USE;
enum err prices_delete(struct tx *tx, struct str tenant, struct str price_id) MUST_USE;

/* The common models: list and count in the arena. */
struct price_rows prices_built_in(struct arena *arena);

/* A look at prices for one transaction: the tenant's are read and compiled when the first span
 * needs one. */
struct price_book {
    struct tx *tx;
    struct str tenant;
    struct price_rows own;
    void *patterns; /* regex_t of each, in the arena */
    bool is_read;
    enum err err; /* of the reading: to be looked at in the end */
};
/* A span_price_fn whose context is a struct price_book. */
bool prices_apply(void *book, const struct span_model *model, struct span_usage *usage);
void price_book_release(struct price_book *book);

/* Costs by these rates. */
void price_reckon(const struct price_row *price, struct span_usage *usage, struct arena *arena);
/* Of the built-in ones; false: none. */
bool price_built_in_find(const struct span_model *model, struct price_row *price);

#endif
