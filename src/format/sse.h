/* sse.h -- Server-Sent Events: writing one event, and reading a stream piece by piece.
 *
 *   event: values\n  data: {…}\n  id: 3\n  \n
 *
 * Written in this order, data on one line: clients join several data lines with nothing between
 * them. A line ends at \n, \r or \r\n and nowhere else (not at U+2028). No I/O. */
#ifndef FORMAT_SSE_H
#define FORMAT_SSE_H

#include "base/buf.h"

struct sse_event {
    struct str event; /* STR_NONE: no such line */
    struct str data;
    struct str id;
};

/* CR, LF and NUL are left out of event and id. `data` is JSON, where raw line ends are only
 * white space: each becomes a blank. */
void sse_write(struct buf *out, const struct sse_event *event);
/* A comment line. No blank line behind it: a client whose last id is set would take that for an
 * event without data. */
void sse_write_heartbeat(struct buf *out);

struct sse_reader {
    struct buf line; /* not ended yet */
    struct buf event;
    struct buf data;
    struct buf id;
    bool has_data;
    bool is_done;         /* the last event has been given out: forget it first */
    bool after_cr;        /* an \n now belongs to the line end before it */
    bool after_start;     /* a byte order mark may stand only at the very start */
    size_t comment_count; /* heartbeats */
    int64_t retry_ms;     /* when to come back, as the stream says; -1: it does not */
};

/* An event (and a line) may have up to `event_bytes_max`. */
void sse_reader_init(struct sse_reader *r, size_t event_bytes_max);
void sse_reader_release(struct sse_reader *r);
/* Takes bytes off the front of *input. OK: *event is the next event, valid until the next call;
 * ERR_AGAIN: the input is used up; ERR_LIMIT: too large, the reader is of no more use. The id is
 * sticky; event is "" where none was named; data lines are joined with \n as the standard says. */
enum err sse_reader_next(struct sse_reader *r, struct str *input, struct sse_event *event) MUST_USE;

#endif
