/* log.c -- lines made on the stack and written at once. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/time.h"

#define MESSAGE_BYTES_MAX 4096
#define LINE_BYTES_MAX (2 * MESSAGE_BYTES_MAX)

static atomic_int level_min = LOG_INFO;
static void (*sink_call)(void *context, struct str line);
static void *sink_context;

static const struct str level_names[] = {{"debug", 5}, {"info", 4}, {"warn", 4}, {"error", 5}};

struct line {
    char text[LINE_BYTES_MAX];
    size_t len;
};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_min, (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return (int)level >= atomic_load_explicit(&level_min, memory_order_relaxed);
}

enum err log_level_parse(struct str text, enum log_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_eq_nocase(text, level_names[i])) {
            *level = (enum log_level)i;
            return OK;
        }
    }
    return ERR_INVALID;
}

void log_set_sink(void (*sink)(void *context, struct str line), void *context)
{
    sink_call = sink;
    sink_context = context;
}

/* Room for a closing quote and a line end is always kept. */
static bool put(struct line *line, struct str text)
{
    if (text.len > sizeof(line->text) - 2 - line->len)
        return false;
    memcpy(line->text + line->len, text.data, text.len);
    line->len += text.len;
    return true;
}

/* One message is one line whatever is in it: control characters and bytes that are not UTF-8 are
 * written as escapes, so that nobody can forge a line or trouble a terminal. */
static void put_quoted(struct line *line, struct str text)
{
    put(line, STR("\""));
    while (text.len) {
        size_t len = str_utf8_len(text);
        unsigned char c = (unsigned char)text.data[0];
        char escape[5];
        struct str piece = str_first(text, len ? len : 1);

        if (c == '"' || c == '\\')
            piece = str_range(escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", c));
        else if (c == '\n')
            piece = STR("\\n");
        else if (len == 0 || c < 0x20 || c == 0x7f)
            piece = str_range(escape, (size_t)snprintf(escape, sizeof(escape), "\\x%02x", c));
        if (!put(line, piece))
            break;
        text = str_from(text, len ? len : 1);
    }
    line->text[line->len++] = '"';
}

static void put_time(struct line *line)
{
    struct timespec now;
    struct time_text text;
    struct str iso;

    clock_gettime(CLOCK_REALTIME, &now);
    iso = time_write_iso((int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000, &text);
    put(line, STR("ts="));
    put(line, str_first(iso, sizeof("2026-11-21T05:12:37.533") - 1));
    put(line, STR("Z "));
}

/* A line is one write(2), so lines of several threads do not mix. What cannot be written is lost:
 * there is nobody left to tell. */
static void send(struct line *line)
{
    ssize_t written;

    line->text[line->len++] = '\n';
    written = write(STDERR_FILENO, line->text, line->len);
    (void)written;
}

static void log_line(enum log_level level, const char *at, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

static void log_line(enum log_level level, const char *at, const char *format, va_list args)
{
    char message[MESSAGE_BYTES_MAX];
    struct line line;
    int len;

    if (!log_is_on(level))
        return;
    len = vsnprintf(message, sizeof(message), format, args);
    if (len < 0)
        return;
    line.len = 0;
    if (!sink_call)
        put_time(&line);
    put(&line, STR("level="));
    put(&line, level_names[level]);
    put(&line, STR(" at="));
    put(&line, str_first(str_of(at), 64));
    put(&line, STR(" msg="));
    put_quoted(&line, str_first(str_range(message, (size_t)len), sizeof(message) - 1));
    if (sink_call)
        sink_call(sink_context, str_range(line.text, line.len));
    else
        send(&line);
}

void log_debug(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(LOG_DEBUG, at, format, args);
    va_end(args);
}

void log_info(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(LOG_INFO, at, format, args);
    va_end(args);
}

void log_warn(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(LOG_WARN, at, format, args);
    va_end(args);
}

void log_error(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line(LOG_ERROR, at, format, args);
    va_end(args);
}
