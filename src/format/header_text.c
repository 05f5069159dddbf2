/* header_text.c -- see header_text.h. */
#include "format/header_text.h"

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] > 0x7f)
            return false;
    return true;
}

struct str header_text_of(struct arena *arena, struct str value)
{
    char *text, *at;

    if (is_ascii(value))
        return value;
    text = at = arena_alloc(arena, 2 * value.len);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char byte = (unsigned char)value.data[i];

        if (byte > 0x7f)
            *at++ = (char)(0xc0 | byte >> 6);
        *at++ = (char)(byte > 0x7f ? 0x80 | (byte & 0x3f) : byte);
    }
    return str_range(text, (size_t)(at - text));
}

/* One character off the front of UTF-8 text; -1: beyond U+00FF. */
static int take_byte(struct str *text)
{
    unsigned char first = (unsigned char)text->data[0];

    if (first < 0x80) {
        *text = str_from(*text, 1);
        return first;
    }
    if (first < 0xc2 || first > 0xc3 || text->len < 2)
        return -1;
    unsigned char second = (unsigned char)text->data[1];

    *text = str_from(*text, 2);
    return (first & 0x03) << 6 | (second & 0x3f);
}

enum err header_text_read(struct arena *arena, struct str text, struct str *value)
{
    char *bytes = arena_alloc(arena, text.len + 1);
    size_t count = 0;

    while (text.len > 0) {
        int byte = take_byte(&text);

        if (byte < 0 || byte == 0x7f || (byte < 0x20 && byte != '\t'))
            return ERR_INVALID;
        bytes[count++] = (char)byte;
    }
    *value = str_trim(str_range(bytes, count));
    return OK;
}
