/* sse.c -- one event or heartbeat as text. */
#include "format/sse.h"

static bool ends_line(char c)
{
    return c == '\r' || c == '\n';
}

/* `text` up to the next character that must not stand on one line. */
static size_t find_break(struct str text)
{
    size_t at = 0;

    while (at < text.len && !ends_line(text.data[at]) && text.data[at] != '\0')
        at++;
    return at;
}

static void put_line(struct buf *out, struct str name, struct str value, struct str instead)
{
    buf_add(out, name);
    for (size_t at; value.len; value = str_from(value, at + 1)) {
        at = find_break(value);
        buf_add(out, str_first(value, at));
        if (at < value.len)
            buf_add(out, instead);
    }
    buf_add_char(out, '\n');
}

void sse_write(struct buf *out, const struct sse_event *event)
{
    if (!str_is_none(event->event))
        put_line(out, STR("event: "), event->event, STR(""));
    put_line(out, STR("data: "), event->data, STR(" "));
    if (!str_is_none(event->id))
        put_line(out, STR("id: "), event->id, STR(""));
    buf_add_char(out, '\n');
}

void sse_write_heartbeat(struct buf *out)
{
    buf_add(out, STR(": heartbeat\n"));
}
