/* sse_reader.c -- lines collected from pieces, fields collected from lines. */
#include "format/sse.h"

void sse_reader_init(struct sse_reader *r, size_t event_bytes_max)
{
    *r = (struct sse_reader){.retry_ms = -1};
    buf_init(&r->line, event_bytes_max);
    buf_init(&r->event, event_bytes_max);
    buf_init(&r->data, event_bytes_max);
    buf_init(&r->id, event_bytes_max);
}

void sse_reader_release(struct sse_reader *r)
{
    buf_release(&r->line);
    buf_release(&r->event);
    buf_release(&r->data);
    buf_release(&r->id);
}

static void forget_event(struct sse_reader *r)
{
    buf_clear(&r->event);
    buf_clear(&r->data);
    r->has_data = false;
    r->is_done = false;
}

/* Digits and nothing else. */
static void take_retry(struct sse_reader *r, struct str value)
{
    int64_t ms;

    if (value.len && value.data[0] >= '0' && value.data[0] <= '9' && !str_to_i64(value, &ms))
        r->retry_ms = ms;
}

static void take_field(struct sse_reader *r, struct str name, struct str value)
{
    if (str_eq(name, STR("event"))) {
        buf_clear(&r->event);
        buf_add(&r->event, value);
    } else if (str_eq(name, STR("data"))) {
        if (r->has_data)
            buf_add_char(&r->data, '\n');
        buf_add(&r->data, value);
        r->has_data = true;
    } else if (str_eq(name, STR("id")) && str_find_char(value, '\0') == value.len) {
        buf_clear(&r->id);
        buf_add(&r->id, value);
    } else if (str_eq(name, STR("retry"))) {
        take_retry(r, value);
    }
}

/* True if the line ends an event. */
static bool take_line(struct sse_reader *r, struct str line)
{
    size_t colon = str_find_char(line, ':');
    struct str value = str_from(line, colon + 1);

    if (line.len == 0) {
        if (!r->has_data)
            forget_event(r);
        return r->has_data;
    }
    if (colon == 0)
        r->comment_count++;
    else
        take_field(r, str_first(line, colon),
                   str_starts(value, STR(" ")) ? str_from(value, 1) : value);
    return false;
}

static size_t find_line_end(struct str text)
{
    size_t at = 0;

    while (at < text.len && text.data[at] != '\r' && text.data[at] != '\n')
        at++;
    return at;
}

/* Moves a whole line from *input into r->line, without its end; false if the end is not there yet.
 */
static bool collect_line(struct sse_reader *r, struct str *input)
{
    size_t end;

    if (r->after_cr && input->len) {
        r->after_cr = false;
        if (input->data[0] == '\n')
            *input = str_from(*input, 1);
    }
    end = find_line_end(*input);
    buf_add(&r->line, str_first(*input, end));
    if (end == input->len) {
        *input = str_from(*input, end);
        return false;
    }
    r->after_cr = input->data[end] == '\r';
    *input = str_from(*input, end + 1);
    return true;
}

static struct str without_mark(struct sse_reader *r)
{
    struct str line = buf_str(&r->line);
    struct str mark = STR("\xef\xbb\xbf");
    bool has_mark = !r->after_start && str_starts(line, mark);

    r->after_start = true;
    return has_mark ? str_from(line, mark.len) : line;
}

enum err sse_reader_next(struct sse_reader *r, struct str *input, struct sse_event *event)
{
    if (r->is_done)
        forget_event(r);
    while (collect_line(r, input)) {
        bool is_event = take_line(r, without_mark(r));
        if (r->line.failed || r->event.failed || r->data.failed || r->id.failed)
            return ERR_LIMIT;
        buf_clear(&r->line);
        if (is_event) {
            r->is_done = true;
            *event = (struct sse_event){buf_str(&r->event), buf_str(&r->data), buf_str(&r->id)};
            return OK;
        }
    }
    return r->line.failed ? ERR_LIMIT : ERR_AGAIN;
}
