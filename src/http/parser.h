/* parser.h -- messages of HTTP/1.1, pulled out of bytes step by step. The only user of llhttp,
 * strict.
 *
 *   parser_begin ──▶ feed … PARSER_HEAD ──▶ feed … (on_body …) PARSER_END ──▶ parser_begin …
 *                      └──────────── PARSER_MORE: give it more bytes; PARSER_BAD: close
 *
 * A step takes what it needs off the front of the input, and stops behind a head and behind a
 * message, so that the caller decides between them. The head is collected in a `struct head`, which
 * the caller lends from parser_begin to PARSER_HEAD. Every dimension has a limit: bytes of a head,
 * number of fields, and in chunked bodies the bytes that are not body (extensions, trailers).
 *
 * This header stands apart from server.h, because llhttp has the same words for its own constants.
 */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include <stdalign.h>

#include "base/buf.h"

#define HEAD_FIELDS_MAX 100

struct head_field {
    uint32_t name_at, name_len, value_at, value_len; /* in head.text */
};

struct head {
    struct head *next_free; /* owned by the head_pool it lies in */
    struct buf text;
    uint32_t method_len; /* at 0 */
    uint32_t target_at, target_len;
    uint32_t count;
    struct head_field fields[HEAD_FIELDS_MAX];
};

/* Heads are large and needed only while one is being read: each server and client keeps a few. */
struct head_pool {
    struct head *free;
    size_t text_bytes_max;
};

struct head *head_take(struct head_pool *pool); /* empty */
void head_give(struct head_pool *pool, struct head *head);
void head_pool_release(struct head_pool *pool);

enum parser_step {
    PARSER_MORE, /* the input is used up */
    PARSER_HEAD, /* a head is complete: ask for its facts */
    PARSER_END,  /* the message is complete */
    PARSER_BAD   /* see parser_fault; nothing more can be read */
};

enum parser_fault {
    FAULT_NONE,
    FAULT_SYNTAX,
    FAULT_LINE_LONG,   /* the limit was reached within the first line */
    FAULT_HEAD_LONG,   /* … within the fields, or there are too many */
    FAULT_CHUNK_EXCESS /* extensions or trailers out of proportion */
};

struct parser_limits {
    size_t head_bytes_max;
    size_t chunk_excess_max;
};

struct parser {
    alignas(void *) unsigned char machine[96];
    void (*on_body)(struct parser *parser, struct str piece); /* static; the piece is borrowed */
    const struct parser_limits *limits;
    struct head *head; /* NULL once it is complete */
    size_t head_bytes;
    size_t piece_bytes;  /* body bytes within this step */
    size_t excess;       /* bytes of a chunked body that are not body, beyond what chunks need */
    size_t excess_grant; /* earned by chunks within this step */
    const char *reason;  /* llhttp's words, static */
    uint8_t stopped_at;  /* enum parser_step */
    uint8_t fault;       /* enum parser_fault */
    bool line_done;
    bool is_response;
    bool no_body; /* the caller knows that no body follows: a reply to HEAD */
};

/* For a new message. `head` is lent until PARSER_HEAD. */
void parser_begin(struct parser *p, bool is_response, struct head *head);
/* After PARSER_HEAD it must be called again even with empty input. */
enum parser_step parser_feed(struct parser *p, struct str *input);
/* The connection has ended: PARSER_END if that is how this message ends, else PARSER_BAD. */
enum parser_step parser_finish(struct parser *p);

struct parser_facts {
    uint64_t content_length;
    int status; /* of a response */
    uint8_t major, minor;
    bool has_length;
    bool has_coding; /* Transfer-Encoding is present */
    bool is_chunked; /* … and ends with chunked */
    bool is_connect;
    bool keep_alive; /* by version and Connection */
};

/* Valid from PARSER_HEAD on. */
struct parser_facts parser_facts(const struct parser *p);

#endif
