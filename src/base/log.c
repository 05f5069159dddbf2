/* log.c -- lines made on the stack and written at once. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/log_line_priv.h"
#include "base/time.h"

#define MESSAGE_BYTES_MAX 4096
#define AT_BYTES_MAX 64

static atomic_int level_min = LOG_INFO;
static atomic_int format_now = LOG_LOGFMT;
static _Thread_local struct str request_now;
static void (*sink_call)(void *context, struct str line);
static void *sink_context;

static const struct str level_names[] = {{"debug", 5}, {"info", 4}, {"warn", 4}, {"error", 5}};
static const struct str format_names[] = {{"logfmt", 6}, {"json", 4}};

/* ---- settings ---- */

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

void log_set_format(enum log_format format)
{
    atomic_store_explicit(&format_now, (int)format, memory_order_relaxed);
}

enum err log_format_parse(struct str text, enum log_format *format)
{
    for (size_t i = 0; i < ARRAY_LEN(format_names); i++) {
        if (str_eq_nocase(text, format_names[i])) {
            *format = (enum log_format)i;
            return OK;
        }
    }
    return ERR_INVALID;
}

struct str log_format_name(enum log_format format)
{
    REQUIRE(format < ARRAY_LEN(format_names));
    return format_names[format];
}

void log_set_request(struct str request_id)
{
    request_now = request_id;
}

void log_set_sink(void (*sink)(void *context, struct str line), void *context)
{
    sink_call = sink;
    sink_context = context;
}

/* ---- a line ---- */

static void put_time(struct log_line *line)
{
    struct timespec now;
    struct time_text text;
    char shown[sizeof("2026-11-21T05:12:37.533Z")];
    struct str iso;

    clock_gettime(CLOCK_REALTIME, &now);
    iso = time_write_iso((int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000, &text);
    memcpy(shown, iso.data, sizeof(shown) - 2); /* to the millisecond */
    shown[sizeof(shown) - 2] = 'Z';
    log_line_put_word(line, "ts", str_range(shown, sizeof(shown) - 1));
}

/* A line is one write(2), so lines of several threads do not mix. What cannot be written is lost:
 * there is nobody left to tell. */
static void send(struct str line)
{
    ssize_t written = write(STDERR_FILENO, line.data, line.len);

    (void)written;
}

void log_fields(enum log_level level, const char *at, struct str message,
                const struct log_field *fields, size_t count)
{
    struct log_line line;

    if (!log_is_on(level))
        return;
    log_line_begin(&line, atomic_load_explicit(&format_now, memory_order_relaxed) == LOG_JSON);
    if (!sink_call)
        put_time(&line);
    log_line_put_word(&line, "level", level_names[level]);
    log_line_put_word(&line, "at", str_first(str_of(at), AT_BYTES_MAX));
    log_line_put_text(&line, "msg", message);
    for (size_t i = 0; i < count; i++) {
        if (str_is_none(fields[i].text))
            log_line_put_number(&line, fields[i].name, fields[i].number);
        else
            log_line_put_text(&line, fields[i].name, fields[i].text);
    }
    if (!str_is_none(request_now))
        log_line_put_word(&line, "request", request_now);
    if (sink_call)
        sink_call(sink_context, log_line_end(&line, false));
    else
        send(log_line_end(&line, true));
}

static void log_words(enum log_level level, const char *at, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

static void log_words(enum log_level level, const char *at, const char *format, va_list args)
{
    if (!log_is_on(level))
        return;
    char message[MESSAGE_BYTES_MAX]; /* only now: it is filled with zeros where it is declared */
    int len = vsnprintf(message, sizeof(message), format, args);
    if (len >= 0)
        log_fields(level, at, str_first(str_range(message, (size_t)len), sizeof(message) - 1), NULL,
                   0);
}

void log_debug(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_words(LOG_DEBUG, at, format, args);
    va_end(args);
}

void log_info(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_words(LOG_INFO, at, format, args);
    va_end(args);
}

void log_warn(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_words(LOG_WARN, at, format, args);
    va_end(args);
}

void log_error(const char *at, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_words(LOG_ERROR, at, format, args);
    va_end(args);
}
