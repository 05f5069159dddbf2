/* csv.h -- reads and writes comma-separated values (RFC 4180), a record at a time.
 *
 *   record = field *("," field) line-end         field = plain | '"' *(any | '""') '"'
 *
 * A line ends with LF or CRLF; the last may end with the text. Empty lines are passed over, as is a
 * byte order mark. Pure; nothing is allocated but by the caller's arena. */
#ifndef FORMAT_CSV_H
#define FORMAT_CSV_H

#include "base/arena.h"
#include "base/buf.h"

struct csv {
    struct str rest;
    size_t line;     /* of the record that was read last, from 1 */
    size_t lines;    /* that have been passed */
    const char *why; /* of ERR_INVALID and ERR_LIMIT; static text */
};

void csv_init(struct csv *csv, struct str text);
/* The next record, in the arena. ERR_NOT_FOUND: there is none; ERR_LIMIT: it has more than `max`
 * fields. */
enum err csv_next(struct csv *csv, struct arena *arena, struct str *fields, size_t max,
                  size_t *count) MUST_USE;

/* A field, in quotes if it needs them; commas and line ends are the caller's. */
void csv_field_write(struct buf *out, struct str field);

#endif
