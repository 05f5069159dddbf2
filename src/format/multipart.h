/* multipart.h -- reads multipart/form-data (RFC 7578) as it comes, in pieces of any size.
 *
 * A part's length is read from its Content-Length, or from `length=` in its Content-Type: then
 * exactly so many bytes are the part, whatever they are, and the boundary must follow. Without a
 * length the part goes to the next line that begins with the boundary.
 *
 *   PREAMBLE ── boundary ──▶ LINE_END ── CRLF ──▶ HEAD ── empty line ──▶ COUNTED or SCANNED
 *                               │ "--"             ▲                            │ boundary
 *                               ▼                  └──────── LINE_END ◀─────────┘
 *                            EPILOGUE (ignored)
 *
 * No allocation: what is kept between pieces is a part's head, at most MULTIPART_HEAD_BYTES_MAX. */
#ifndef FORMAT_MULTIPART_H
#define FORMAT_MULTIPART_H

#include "base/str.h"

#define MULTIPART_BOUNDARY_BYTES_MAX 70
#define MULTIPART_HEAD_BYTES_MAX 8192

/* Borrowed until on_part returns. */
struct multipart_part {
    struct str name;
    struct str file_name;    /* of a file that a form sends; STR_NONE */
    struct str content_type; /* without parameters; STR_NONE */
    int64_t length;          /* -1: not said */
};

/* An error that a callback returns ends the reading and comes back from multipart_feed. */
struct multipart_handler {
    enum err (*on_part)(void *context, const struct multipart_part *part);
    enum err (*on_data)(void *context, struct str piece); /* never empty */
    enum err (*on_part_end)(void *context);
    void *context;
};

enum multipart_state {
    MULTIPART_PREAMBLE,
    MULTIPART_LINE_END,
    MULTIPART_HEAD,
    MULTIPART_COUNTED,
    MULTIPART_BOUNDARY,
    MULTIPART_SCANNED,
    MULTIPART_EPILOGUE
};

struct multipart {
    struct multipart_handler handler;
    enum multipart_state state;
    char delimiter[4 + MULTIPART_BOUNDARY_BYTES_MAX]; /* CR LF - - boundary */
    size_t delimiter_len;
    size_t matched; /* bytes of it that stood at the end of the last piece */
    char line_end[2];
    size_t line_end_len;
    char head[MULTIPART_HEAD_BYTES_MAX];
    size_t head_len;
    int64_t left;    /* of a counted part */
    size_t parts;    /* begun so far */
    const char *why; /* of ERR_INVALID; static text */
};

/* The boundary of a Content-Type header; ERR_INVALID: not multipart/form-data, or none. */
enum err multipart_boundary(struct str content_type, struct str *boundary) MUST_USE;
/* ERR_INVALID: not 1 to 70 bytes, or a line break in it. */
enum err multipart_init(struct multipart *m, struct str boundary,
                        const struct multipart_handler *handler) MUST_USE;
/* ERR_INVALID: m->why says what is wrong; ERR_LIMIT: a head is too long; or a callback's. Nothing
 * may be fed after an error. */
enum err multipart_feed(struct multipart *m, struct str bytes) MUST_USE;
/* At the end of the body: ERR_INVALID if the last boundary has not come. */
enum err multipart_end(struct multipart *m) MUST_USE;

#endif
