/* filter_text.c -- like and search on text.
 *
 * like: '%' stands for any text, "\%" for itself; everything else must be there, letter case of
 * ASCII aside. search: every word must begin somewhere; a word is letters, digits and whatever is
 * not ASCII, and the latter may begin anywhere (languages that write without blanks). One-letter
 * words and very common ones are left out, unless nothing else is asked. */
#include "format/filter_text_priv.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static struct str lowered(struct arena *arena, struct str text)
{
    char *copy = arena_alloc(arena, text.len + 1);

    for (size_t i = 0; i < text.len; i++)
        copy[i] = lower(text.data[i]);
    return str_range(copy, text.len);
}

/* `part` is in lower case. */
static bool equals_at(struct str text, size_t at, struct str part)
{
    if (part.len > text.len - at)
        return false;
    for (size_t i = 0; i < part.len; i++)
        if (lower(text.data[at + i]) != part.data[i])
            return false;
    return true;
}

/* From `at` on; text.len + 1 if it is not there. */
static size_t find_from(struct str text, size_t at, struct str part)
{
    char first, upper;

    if (part.len == 0)
        return at;
    first = part.data[0];
    upper = first >= 'a' && first <= 'z' ? (char)(first & ~0x20) : first;
    for (; at + part.len <= text.len; at++) {
        if (text.data[at] != first && text.data[at] != upper)
            continue;
        if (equals_at(text, at, part))
            return at;
    }
    return text.len + 1;
}

/* ---- like ---- */

void filter_pattern_compile(struct arena *arena, struct str text, struct filter_pattern *pattern)
{
    struct str *pieces;
    char *copy = arena_alloc(arena, text.len + 1), *piece = copy;
    size_t count = 1;

    for (size_t i = 0; i < text.len; i++)
        count += text.data[i] == '%';
    pieces = ARENA_ARRAY(arena, struct str, count);
    *pattern = (struct filter_pattern){pieces, 1};
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '%') {
            pieces[pattern->count - 1] = str_range(piece, (size_t)(copy - piece));
            pattern->count++;
            piece = copy;
            continue;
        }
        if (text.data[i] == '\\' && i + 1 < text.len && text.data[i + 1] == '%')
            i++;
        *copy++ = lower(text.data[i]);
    }
    pieces[pattern->count - 1] = str_range(piece, (size_t)(copy - piece));
}

bool filter_pattern_matches(const struct filter_pattern *pattern, struct str text)
{
    struct str first = pattern->pieces[0], last = pattern->pieces[pattern->count - 1];
    size_t at = first.len;

    if (!equals_at(text, 0, first))
        return false;
    if (pattern->count == 1)
        return text.len == first.len;
    for (size_t i = 1; i + 1 < pattern->count; i++) {
        at = find_from(text, at, pattern->pieces[i]);
        if (at > text.len)
            return false;
        at += pattern->pieces[i].len;
    }
    return text.len - at >= last.len && equals_at(text, text.len - last.len, last);
}

/* ---- search ---- */

static bool is_ascii_word(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_word(char c)
{
    return is_ascii_word(c) || (unsigned char)c >= 0x80;
}

static bool is_common(struct str word)
{
    static const char *const common[] = {
        "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",   "in",
        "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that", "the",
        "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with", NULL};

    return str_is_one_of(word, common) || word.len < 2;
}

/* The next word off the front of *rest. */
static bool next_word(struct str *rest, struct str *word)
{
    size_t start = 0, end;

    while (start < rest->len && !is_word(rest->data[start]))
        start++;
    for (end = start; end < rest->len && is_word(rest->data[end]); end++)
        ;
    *word = str_range(rest->data + start, end - start);
    *rest = str_from(*rest, end);
    return word->len > 0;
}

static size_t words_collect(struct str text, bool with_common, struct str *list)
{
    struct str word;
    size_t count = 0;

    while (count < FILTER_WORDS_MAX && next_word(&text, &word))
        if (with_common || !is_common(word))
            list[count++] = word;
    return count;
}

bool filter_words_compile(struct arena *arena, struct str text, struct filter_words *words)
{
    struct str lower_text = lowered(arena, str_trim(text));
    struct str *list = ARENA_ARRAY(arena, struct str, FILTER_WORDS_MAX);
    size_t count = words_collect(lower_text, false, list);

    if (count == 0)
        count = words_collect(lower_text, true, list);
    if (count == 0) /* punctuation alone is looked for as it is */
        list[count++] = lower_text;
    *words = (struct filter_words){list, count};
    return lower_text.len > 0;
}

static bool has_word(struct str text, struct str word)
{
    bool must_begin = is_ascii_word(word.data[0]);
    size_t at = find_from(text, 0, word);

    while (must_begin && at <= text.len && at > 0 && is_ascii_word(text.data[at - 1]))
        at = find_from(text, at + 1, word);
    return at <= text.len;
}

uint64_t filter_words_find(const struct filter_words *words, uint64_t found, struct str text)
{
    for (size_t i = 0; i < words->count; i++)
        if (!(found >> i & 1) && has_word(text, words->list[i]))
            found |= UINT64_C(1) << i;
    return found;
}
