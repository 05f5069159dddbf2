/* json_write.c -- commas, quotes and escapes of the JSON we make. */
#include <math.h>

#include "base/json_priv.h"
#include "base/mem.h"
#include "base/time.h"

void json_writer_init(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

/* Every value and every key begins with this. */
static void put_comma(struct json_writer *w)
{
    if (w->comma_due)
        buf_add_char(w->out, ',');
    w->comma_due = true;
}

static void put_value(struct json_writer *w, struct str text)
{
    put_comma(w);
    buf_add(w->out, text);
}

static void begin(struct json_writer *w, char bracket)
{
    put_comma(w);
    buf_add_char(w->out, bracket);
    w->comma_due = false;
}

static void end(struct json_writer *w, char bracket)
{
    buf_add_char(w->out, bracket);
    w->comma_due = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

static void put_escape(struct buf *out, char c)
{
    static const char from[] = "\"\\\n\r\t\b\f";
    static const char to[] = "\"\\nrtbf";
    const char *at = c ? strchr(from, c) : NULL;

    if (at)
        buf_addf(out, "\\%c", to[at - from]);
    else
        buf_addf(out, "\\u%04x", (unsigned)(unsigned char)c);
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* Runs of ordinary characters are copied whole. */
static void put_quoted(struct buf *out, struct str text)
{
    size_t run = 0;

    buf_add_char(out, '"');
    while (run < text.len) {
        size_t len = is_plain(text.data[run]) ? 1 : str_utf8_len(str_from(text, run));
        if (len > 1 || (len == 1 && is_plain(text.data[run]))) {
            run += len;
            continue;
        }
        buf_add(out, str_first(text, run));
        if (len == 1)
            put_escape(out, text.data[run]);
        else
            buf_add(out, STR("\xef\xbf\xbd"));
        text = str_from(text, run + 1);
        run = 0;
    }
    buf_add(out, text);
    buf_add_char(out, '"');
}

void json_key_str(struct json_writer *w, struct str key)
{
    put_comma(w);
    put_quoted(w->out, key);
    buf_add_char(w->out, ':');
    w->comma_due = false;
}

void json_key_raw(struct json_writer *w, struct str escaped)
{
    put_comma(w);
    buf_add_char(w->out, '"');
    buf_add(w->out, escaped);
    buf_add(w->out, STR("\":"));
    w->comma_due = false;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_of(key));
}

void json_str_out(struct json_writer *w, struct str value)
{
    if (str_is_none(value)) {
        json_null_out(w);
        return;
    }
    put_comma(w);
    put_quoted(w->out, value);
}

void json_i64_out(struct json_writer *w, int64_t value)
{
    put_comma(w);
    buf_add_i64(w->out, value);
}

/* The shortest of 15 to 17 digits that reads back as the same number; JSON has no infinity and no
 * NaN: null. */
void json_double_out(struct json_writer *w, double value)
{
    char text[40];
    int len = 0;

    if (!isfinite(value)) {
        json_null_out(w);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(text, sizeof(text), "%.*g", digits, value);
        double back = strtod(text, NULL);
        if (!(back < value) && !(back > value))
            break;
    }
    put_value(w, str_range(text, (size_t)len));
    if (strspn(text, "-0123456789") == (size_t)len)
        buf_add(w->out, STR(".0"));
}

void json_bool_out(struct json_writer *w, bool value)
{
    put_value(w, value ? STR("true") : STR("false"));
}

void json_null_out(struct json_writer *w)
{
    put_value(w, STR("null"));
}

void json_raw_out(struct json_writer *w, struct str json_text)
{
    put_value(w, str_is_empty(json_text) ? STR("null") : json_text);
}

void json_time_out(struct json_writer *w, int64_t wall_us)
{
    struct time_text text;

    if (wall_us == 0)
        json_null_out(w);
    else
        json_str_out(w, time_write_iso(wall_us, &text));
}

static void *alc_malloc(void *context, size_t bytes)
{
    (void)context;
    return mem_alloc(bytes);
}

static void *alc_realloc(void *context, void *memory, size_t old_bytes, size_t bytes)
{
    (void)context;
    (void)old_bytes;
    return mem_realloc(memory, bytes);
}

static void alc_free(void *context, void *memory)
{
    (void)context;
    mem_free(memory);
}

void json_value_out(struct json_writer *w, const struct json *value)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, NULL};
    yyjson_write_err error;
    size_t len = 0;
    char *text;

    if (!value) {
        json_null_out(w);
        return;
    }
    text = yyjson_val_write_opts(json_val(value), YYJSON_WRITE_NOFLAG, &alc, &len, &error);
    REQUIRE(text); /* what json_parse took can be written */
    put_value(w, str_range(text, len));
    mem_free(text);
}

void json_put_str(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_str_out(w, value);
}

void json_put_i64(struct json_writer *w, const char *key, int64_t value)
{
    json_key(w, key);
    json_i64_out(w, value);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
    json_key(w, key);
    json_bool_out(w, value);
}

void json_put_raw(struct json_writer *w, const char *key, struct str json_text)
{
    json_key(w, key);
    json_raw_out(w, json_text);
}

void json_put_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    json_key(w, key);
    json_time_out(w, wall_us);
}

void json_put_null(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_null_out(w);
}
