/* traceparent.c -- read strictly, written as version 00. */
#include "format/traceparent.h"

#include "base/hex.h"

#define FLAG_SAMPLED 1
#define SPAN_BYTES 8

/* No way out of the loop before its end: so the compiler looks at sixteen digits at a time. */
static bool is_hex(struct str text)
{
    unsigned char bad = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool is_digit = (unsigned char)(text.data[i] - '0') < 10;
        bool is_letter = (unsigned char)(text.data[i] - 'a') < 6;

        bad |= (unsigned char)!(is_digit | is_letter);
    }
    return !bad;
}

static bool is_id(struct str text, size_t chars)
{
    size_t zeroes = 0;

    while (zeroes < text.len && text.data[zeroes] == '0')
        zeroes++;
    return text.len == chars && zeroes < chars && is_hex(text);
}

bool trace_id_is_valid(struct str text)
{
    return is_id(text, TRACE_ID_CHARS);
}

enum err traceparent_parse(struct str text, struct traceparent *parent)
{
    struct str version = str_first(text, 2), flags = str_first(str_from(text, 53), 2);
    struct str trace_id = str_first(str_from(text, 3), TRACE_ID_CHARS);
    char low;

    if (text.len < TRACEPARENT_CHARS || !is_hex(version) || str_eq(version, STR("ff")))
        return ERR_INVALID;
    if (text.len > TRACEPARENT_CHARS &&
        (str_eq(version, STR("00")) || text.data[TRACEPARENT_CHARS] != '-'))
        return ERR_INVALID;
    if (text.data[2] != '-' || text.data[35] != '-' || text.data[52] != '-')
        return ERR_INVALID;
    if (!trace_id_is_valid(trace_id) || !is_id(str_first(str_from(text, 36), 16), 16) ||
        !is_hex(flags))
        return ERR_INVALID;
    low = flags.data[1];
    parent->trace_id = trace_id;
    parent->is_sampled = ((low <= '9' ? low - '0' : low - 'a' + 10) & FLAG_SAMPLED) != 0;
    return OK;
}

struct str traceparent_write(const struct traceparent *parent, uint64_t span,
                             struct traceparent_text *text)
{
    uint8_t bytes[SPAN_BYTES];
    char *at = text->text;

    REQUIRE(trace_id_is_valid(parent->trace_id) && span != 0);
    for (size_t i = 0; i < SPAN_BYTES; i++)
        bytes[i] = (uint8_t)(span >> 8 * (SPAN_BYTES - 1 - i));
    str_put(&at, STR("00-"));
    str_put(&at, parent->trace_id);
    str_put(&at, STR("-"));
    hex_write(at, bytes, SPAN_BYTES);
    at += 2 * SPAN_BYTES;
    str_put(&at, parent->is_sampled ? STR("-01") : STR("-00"));
    return str_range(text->text, TRACEPARENT_CHARS);
}
