/* output.h -- what commands print: JSON as it came, colour only for people who look at a terminal.
 */
#ifndef APP_CLI_OUTPUT_H
#define APP_CLI_OUTPUT_H

#include "base/arena.h"
#include "base/json.h"

enum output_colour { OUTPUT_PLAIN, OUTPUT_GOOD, OUTPUT_BAD, OUTPUT_WARN, OUTPUT_FAINT };

/* Begins and ends the colour on standard output: "" unless it is a terminal, NO_COLOR is unset and
 * TERM is not dumb. */
const char *output_begin(enum output_colour colour);
const char *output_end(void);

/* On one line, with a line end. */
void output_line(struct str text);
/* What was printed goes out. False: nobody reads it any more, or the disk is full, which has been
 * said; a command that follows something ends then, with CLI_FAILED. */
bool output_flush(void);
/* Text of others on a terminal: controls become "?", so that it cannot move the cursor. */
void output_safe(struct str text, size_t bytes_max);
/* The string member of an object, or "". */
struct str output_text(const struct json *object, const char *key);
/* A line of it: its label, then the string member; nothing where that is empty. */
void output_member(const struct json *object, const char *label, const char *key);
/* "2026-11-28 15:04:05" of an ISO text. */
struct str output_time(const struct json *object, const char *key, char text[20]);
/* The whole body as JSON; false: it is none, and that has been said. */
bool output_parse(struct arena *arena, const struct buf *body, const struct json **root);

#endif
