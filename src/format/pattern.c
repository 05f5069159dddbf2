/* Patterns into POSIX' words. */
#include "format/pattern.h"

#include "base/buf.h"

/* \d and \D, which POSIX does not know; within brackets it knows them by another name. */
static void add_escape(struct buf *out, char c, bool in_brackets)
{
    if (c == 'd')
        buf_add_cstr(out, in_brackets ? "0-9" : "[0-9]");
    else if (c == 'D' && !in_brackets)
        buf_add_cstr(out, "[^0-9]");
    else if (in_brackets)
        buf_add_char(out, c);
    else
        buf_addf(out, "\\%c", c);
}

/* Within brackets POSIX takes a '-' for itself only at their end. */
static bool translate(struct buf *out, struct str text, bool is_whole)
{
    bool in_brackets = false, has_dash = false;

    buf_add_cstr(out, is_whole ? "^(" : "(");
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '\\' && in_brackets && i + 1 < text.len && text.data[i + 1] == '-') {
            has_dash = true;
            i++;
            continue;
        }
        if (c == '\\' && i + 1 < text.len) {
            add_escape(out, text.data[++i], in_brackets);
            continue;
        }
        if (c == '(' && !in_brackets && i + 1 < text.len && text.data[i + 1] == '?') {
            if (i + 2 >= text.len || text.data[i + 2] != ':')
                return false;
            i += 2;
        }
        if (c == '[')
            in_brackets = true;
        if (c == ']' && has_dash)
            buf_add_char(out, '-');
        if (c == ']')
            in_brackets = has_dash = false;
        buf_add_char(out, c);
    }
    buf_add_cstr(out, is_whole ? ")$" : ")");
    return !out->failed;
}

/* Repetitions multiply, and back references try everything. */
static bool is_modest(struct str text)
{
    size_t intervals = 0;

    if (text.len > PATTERN_MODEST_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned number = 0;

        if (text.data[i] == '\\' && i + 1 < text.len) {
            if (text.data[i + 1] >= '1' && text.data[i + 1] <= '9')
                return false;
            i++;
            continue;
        }
        if (text.data[i] != '{')
            continue;
        if (++intervals > 2)
            return false;
        for (size_t at = i + 1; at < text.len && text.data[at] != '}'; at++) {
            bool is_digit = text.data[at] >= '0' && text.data[at] <= '9';

            number = is_digit ? number * 10 + (unsigned)(text.data[at] - '0') : 0;
            if (number > PATTERN_REPEAT_MAX)
                return false;
        }
    }
    return true;
}

enum err pattern_compile(regex_t *regex, struct str text, unsigned kind, struct arena *arena,
                         struct str *why)
{
    enum err err = ERR_INVALID;
    char words[128];
    struct buf out;
    int result;

    if (kind & PATTERN_MODEST && !is_modest(text)) {
        *why = STR("it has more than 256 bytes, a back reference, more than two {m,n}, or a number "
                   "above 99 in one");
        return ERR_INVALID;
    }
    buf_init(&out, PATTERN_BYTES_MAX);
    if (!translate(&out, text, kind & PATTERN_WHOLE)) {
        *why = STR("it is too long, or has a group that begins with \"(?\" and is not \"(?:\"");
    } else if ((result = regcomp(regex, buf_cstr(&out), REG_EXTENDED | REG_NOSUB))) {
        regerror(result, regex, words, sizeof(words));
        *why = arena_str(arena, str_of(words));
    } else {
        err = OK;
    }
    buf_release(&out);
    return err;
}
