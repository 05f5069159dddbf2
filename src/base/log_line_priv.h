/* log_line_priv.h -- a line of the log while it is written, in either format.
 *
 * It has a fixed size: what does not fit is left out, a value in the middle of its text, and the
 * line is well-formed all the same. */
#ifndef BASE_LOG_LINE_PRIV_H
#define BASE_LOG_LINE_PRIV_H

#include "base/log.h"

#define LOG_LINE_BYTES_MAX 8192

struct log_line {
    char text[LOG_LINE_BYTES_MAX];
    size_t len;
    bool is_json;
};

void log_line_begin(struct log_line *line, bool is_json);
/* A word of ours: nothing in it needs escaping. */
void log_line_put_word(struct log_line *line, const char *name, struct str word);
/* Anybody's text. */
void log_line_put_text(struct log_line *line, const char *name, struct str text);
void log_line_put_number(struct log_line *line, const char *name, int64_t number);
struct str log_line_end(struct log_line *line, bool has_newline);

#endif
