/* Reads and writes dotted orders. */
#include "format/dotted_order.h"

#include "base/time.h"

#define STAMP_BYTES 22 /* 20261121T051237533121Z */

/* The same instant as ISO 8601, for the one reader of times. */
static enum err stamp_parse(struct str stamp, int64_t *wall_us)
{
    static const char shape[] = "####-##-##T##:##:##.######Z";
    char iso[sizeof(shape) - 1];
    size_t from = 0;

    for (size_t i = 0; i < sizeof(iso); i++) {
        bool is_copied = shape[i] == '#' || shape[i] == 'T' || shape[i] == 'Z';

        iso[i] = is_copied ? stamp.data[from++] : shape[i];
        if (is_copied && shape[i] != '#' && iso[i] != shape[i])
            return ERR_INVALID;
    }
    return time_parse_iso(str_range(iso, sizeof(iso)), wall_us);
}

static enum err segment_parse(struct str segment, struct uuid *id, int64_t *start_us)
{
    if (segment.len < STAMP_BYTES || uuid_parse_loose(str_from(segment, STAMP_BYTES), id))
        return ERR_INVALID;
    return stamp_parse(str_first(segment, STAMP_BYTES), start_us);
}

enum err dotted_order_parse(struct str text, struct dotted_order *order)
{
    struct dotted_order parsed = {0};
    struct str segment;
    size_t count = 0;

    while (str_split(&text, '.', &segment)) {
        struct uuid above = parsed.span_id;

        if (count == DOTTED_ORDER_DEPTH_MAX)
            return ERR_LIMIT;
        if (segment_parse(segment, &parsed.span_id, &parsed.start_us))
            return ERR_INVALID;
        if (count++ == 0)
            parsed.trace_id = parsed.span_id;
        else
            parsed.parent_id = above;
    }
    if (count == 0)
        return ERR_INVALID;
    parsed.depth = count - 1;
    *order = parsed;
    return OK;
}

/* "2026-11-21T05:12:37.533121+00:00" without its marks. */
struct str dotted_segment_write(int64_t start_us, struct uuid span_id,
                                struct dotted_segment *segment)
{
    struct time_text iso;
    struct uuid_text id;
    struct str time = str_first(time_write_iso(start_us, &iso), 26);
    size_t at = 0;

    for (size_t i = 0; i < time.len; i++)
        if (time.data[i] != '-' && time.data[i] != ':' && time.data[i] != '.')
            segment->text[at++] = time.data[i];
    segment->text[at++] = 'Z';
    memcpy(segment->text + at, uuid_write(span_id, &id).data, UUID_TEXT_BYTES);
    at += UUID_TEXT_BYTES;
    segment->text[at] = '\0';
    return str_range(segment->text, at);
}
