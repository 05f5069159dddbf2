/* traceparent.c -- read strictly, written as version 00. */
#include "format/traceparent.h"

#define FLAG_SAMPLED 1

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!((text.data[i] >= '0' && text.data[i] <= '9') ||
              (text.data[i] >= 'a' && text.data[i] <= 'f')))
            return false;
    return true;
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

void traceparent_write(struct buf *out, const struct traceparent *parent, uint64_t span)
{
    REQUIRE(trace_id_is_valid(parent->trace_id) && span != 0);
    buf_addf(out, "00-%.*s-%016llx-%s", STR_ARG(parent->trace_id), (unsigned long long)span,
             parent->is_sampled ? "01" : "00");
}
