/* Bits of facts. */
#include "format/marks.h"

#include <endian.h>

#define WORD_BYTES 8
#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

/* ---- the hash ---- */

static uint64_t mixed(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * SPREAD;
    return hash ^ hash >> 32;
}

/* Up to eight bytes, the first one lowest. */
static uint64_t word_of(const char *data, size_t len)
{
    uint64_t word = 0;

    if (len > 0)
        memcpy(&word, data, len);
    return le64toh(word);
}

static uint64_t text_mixed(uint64_t hash, struct str text)
{
    size_t at = 0;

    for (; at + WORD_BYTES <= text.len; at += WORD_BYTES)
        hash = mixed(hash, word_of(text.data + at, WORD_BYTES));
    return mixed(mixed(hash, word_of(text.data + at, text.len - at)), text.len);
}

static uint64_t kind_mixed(enum marks_kind kind)
{
    return mixed(SPREAD, (uint64_t)kind + 1);
}

/* Seven bits of the hash for each mark. */
static struct marks marks_at(uint64_t hash)
{
    struct marks marks = MARKS_NONE;

    hash = mixed(mixed(hash, SPREAD), SPREAD);
    for (size_t i = 0; i < MARKS_PER_FACT; i++, hash >>= 7) {
        unsigned bit = hash & 127;

        if (bit < 64)
            marks.low |= UINT64_C(1) << bit;
        else
            marks.high |= UINT64_C(1) << (bit - 64);
    }
    return marks;
}

/* ---- facts ---- */

struct marks marks_of(enum marks_kind kind, struct str text)
{
    return marks_at(text_mixed(kind_mixed(kind), text));
}

struct marks marks_of_example(struct uuid id)
{
    return marks_of(MARKS_EXAMPLE, str_range((const char *)id.bytes, sizeof(id.bytes)));
}

bool marks_leave_out(struct str key)
{
    if (key.len == 0)
        return false;
    if (key.data[0] == 'L')
        return str_starts(key, STR("LANGSMITH_")) || str_starts(key, STR("LANGCHAIN_"));
    return key.data[0] == 'u' && str_starts(key, STR("usage_metadata"));
}

static struct marks number_marks(struct str key, double number)
{
    double positive = number == 0 ? 0 : number; /* -0 is 0 */
    uint64_t bits;

    memcpy(&bits, &positive, sizeof(bits));
    return marks_at(mixed(text_mixed(kind_mixed(MARKS_NUMBER), key), bits));
}

struct marks marks_of_number(struct str key, double number)
{
    return marks_leave_out(key) ? MARKS_NONE : number_marks(key, number);
}

static struct marks text_marks(struct str key, struct str text)
{
    return marks_at(text_mixed(text_mixed(kind_mixed(MARKS_TEXT), key), text));
}

/* Is it certainly neither a number nor a bool? This is asked of every value that comes in. */
static bool is_plain(struct str text)
{
    char first = text.len > 0 ? text.data[0] : ' ';

    return first != '-' && (first < '0' || first > '9') && (first | 0x20) != 't' &&
           (first | 0x20) != 'f';
}

struct marks marks_of_text(struct str key, struct str text)
{
    double number;

    if (marks_leave_out(key))
        return MARKS_NONE;
    if (is_plain(text))
        return text_marks(key, text);
    if (str_eq_nocase(text, STR("true")))
        return number_marks(key, 1);
    if (str_eq_nocase(text, STR("false")))
        return number_marks(key, 0);
    if (!str_to_double(text, &number))
        return number_marks(key, number);
    return text_marks(key, text);
}
