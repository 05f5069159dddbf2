/* output.c -- see output.h. */
#include "app/cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool has_colour(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_color && no_color[0]) &&
           !(term && strcmp(term, "dumb") == 0);
}

const char *output_begin(enum output_colour colour)
{
    if (!has_colour())
        return "";
    switch (colour) {
    case OUTPUT_GOOD:
        return "\033[32m";
    case OUTPUT_BAD:
        return "\033[31m";
    case OUTPUT_WARN:
        return "\033[33m";
    case OUTPUT_FAINT:
        return "\033[2m";
    case OUTPUT_PLAIN:
        break;
    }
    return "";
}

const char *output_end(void)
{
    return has_colour() ? "\033[0m" : "";
}

void output_line(struct str text)
{
    printf("%.*s\n", STR_ARG(text));
}

bool output_flush(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (errno != EPIPE) /* who closed the pipe knows */
        perror("runbell: the output could not be written");
    return false;
}

void output_safe(struct str text, size_t bytes_max)
{
    bool is_cut = text.len > bytes_max;

    text = str_first(text, bytes_max);
    while (text.len > 0) {
        size_t len = str_utf8_len(text);
        bool is_control =
            len == 0 || (unsigned char)text.data[0] < 0x20 || text.data[0] == 0x7f ||
            (len == 2 && (unsigned char)text.data[0] == 0xc2 && (unsigned char)text.data[1] < 0xa0);

        if (is_control)
            putchar(text.data[0] == '\n' || text.data[0] == '\t' ? ' ' : '?');
        else
            fwrite(text.data, 1, len, stdout);
        text = str_from(text, len ? len : 1);
    }
    if (is_cut)
        fputs("…", stdout);
}

struct str output_text(const struct json *object, const char *key)
{
    struct str text = json_string(json_get(object, key));

    return str_is_none(text) ? STR("") : text;
}

void output_member(const struct json *object, const char *label, const char *key)
{
    struct str text = output_text(object, key);

    if (text.len == 0)
        return;
    printf("%-14s ", label);
    output_safe(text, 400);
    putchar('\n');
}

struct str output_time(const struct json *object, const char *key, char text[20])
{
    struct str iso = output_text(object, key);

    if (iso.len < 19)
        return STR("-");
    memcpy(text, iso.data, 19);
    text[10] = ' ';
    text[19] = '\0';
    return str_range(text, 19);
}

bool output_parse(struct arena *arena, const struct buf *body, const struct json **root)
{
    struct json_error error;

    if (!json_parse(arena, buf_str(body), root, &error))
        return true;
    fprintf(stderr, "The answer is not JSON: %s at byte %zu. Is this a Runbell server?\n",
            error.reason, error.position);
    return false;
}
