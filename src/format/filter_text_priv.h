/* filter_text_priv.h -- what like and search look for in a text. */
#ifndef FORMAT_FILTER_TEXT_PRIV_H
#define FORMAT_FILTER_TEXT_PRIV_H

#include "base/arena.h"

/* A like: pieces between '%'. */
struct filter_pattern {
    const struct str *pieces; /* ASCII letters in lower case */
    size_t count;             /* ≥ 1; one piece: no '%' at all */
};

#define FILTER_WORDS_MAX 63

/* A search: all words, in any order. */
struct filter_words {
    const struct str *list; /* ASCII letters in lower case */
    size_t count;           /* 1 … FILTER_WORDS_MAX */
};

void filter_pattern_compile(struct arena *arena, struct str text, struct filter_pattern *pattern);
bool filter_pattern_matches(const struct filter_pattern *pattern, struct str text);
/* False: there is nothing to search for. */
bool filter_words_compile(struct arena *arena, struct str text, struct filter_words *words);
/* Bit n: word n is in the text. `found`: those that need not be looked for. */
uint64_t filter_words_find(const struct filter_words *words, uint64_t found, struct str text);
static inline uint64_t filter_words_all(const struct filter_words *words)
{
    return (UINT64_C(1) << words->count) - 1;
}

#endif
