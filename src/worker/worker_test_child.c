/* worker_test_child.c -- the child of worker_test: does what its arguments say, one after the
 * other, on descriptor 3.
 *
 *   hello, ready       the greeting           send=HEADER   a frame without blobs
 *   twice=HEADER       the same frame twice, in one write     rest=MS
 *   wait=TYPE          reads until one comes  reply, fail=CODE   answers the last question
 *   tell               sends the last frame's header as blob of "told"
 *   serve              answers everything; ends after "shutdown"
 *   sleep              does not even read
 *   bytes=TEXT         raw bytes              line=TEXT     to standard output
 *   close              closes its channel     exit=CODE, abort
 *
 * After the last step it reads on without a word, until the end of file. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "worker/frame.h"

#define CHANNEL 3
#define NOBODY_THERE 9

static struct frame_reader reader;
static struct buf last; /* the header that came last */
static int64_t last_id;
static struct str last_type;
static char last_type_text[64];

static void write_all(struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(CHANNEL, bytes.data, bytes.len);

        if (n <= 0)
            exit(NOBODY_THERE);
        bytes = str_from(bytes, (size_t)n);
    }
}

static void send_frame(struct frame_writer *writer)
{
    struct arena arena;
    struct str *parts;
    size_t count;

    arena_init(&arena);
    REQUIRE(frame_writer_end(writer, &arena, &parts, &count) == OK);
    for (size_t i = 0; i < count; i++)
        write_all(parts[i]);
    frame_writer_release(writer);
    arena_release(&arena);
}

static void send_header(struct str header)
{
    unsigned total = 4 + (unsigned)header.len, len = (unsigned)header.len;

    write_all(str_range((const char *)&total, 4));
    write_all(str_range((const char *)&len, 4));
    write_all(header);
}

static void send_twice(struct str header)
{
    unsigned total = 4 + (unsigned)header.len, len = (unsigned)header.len;
    struct buf both;

    buf_init(&both, MIB);
    for (int i = 0; i < 2; i++) {
        buf_add(&both, str_range((const char *)&total, 4));
        buf_add(&both, str_range((const char *)&len, 4));
        buf_add(&both, header);
    }
    write_all(buf_str(&both));
    buf_release(&both);
}

static bool on_frame(void *context, const struct frame *frame)
{
    (void)context;
    buf_clear(&last);
    buf_add(&last, frame->header_text);
    last_id = frame->id;
    snprintf(last_type_text, sizeof(last_type_text), "%.*s", STR_ARG(frame->type));
    last_type = str_of(last_type_text);
    return true;
}

/* One byte at a time: what is behind a frame stays in the channel. */
static void read_frame(void)
{
    const char *why;
    char byte;

    last_type = STR_NONE;
    while (str_is_none(last_type)) {
        if (read(CHANNEL, &byte, 1) != 1)
            exit(NOBODY_THERE);
        REQUIRE(frame_reader_feed(&reader, str_range(&byte, 1), on_frame, NULL, &why) == OK);
    }
}

static void reply(const char *error_code)
{
    struct frame_writer writer;

    frame_writer_begin(&writer, "reply");
    json_put_i64(&writer.json, "re", last_id);
    json_put_bool(&writer.json, "ok", !error_code);
    if (error_code) {
        json_key(&writer.json, "error");
        json_begin_object(&writer.json);
        json_put_str(&writer.json, "code", str_of(error_code));
        json_put_str(&writer.json, "message", STR("as told"));
        json_end_object(&writer.json);
    }
    frame_writer_blob(&writer, last_type);
    send_frame(&writer);
}

static void tell(void)
{
    struct frame_writer writer;

    frame_writer_begin(&writer, "told");
    frame_writer_blob(&writer, buf_str(&last));
    send_frame(&writer);
}

static void serve(void)
{
    for (;;) {
        read_frame();
        if (last_id > 0)
            reply(NULL);
        if (str_eq(last_type, STR("shutdown")))
            exit(0);
    }
}

static bool is_value(struct str step, const char *word, struct str *value)
{
    struct str key = step;

    *value = str_from(step, str_find_char(step, '=') + 1);
    return str_split(&step, '=', &key) && str_eq(key, str_of(word));
}

static int64_t number_of(struct str text)
{
    int64_t number = 0;

    REQUIRE(str_to_i64(text, &number) == OK);
    return number;
}

static void do_with_value(struct str step)
{
    struct str value;

    if (is_value(step, "send", &value))
        send_header(value);
    else if (is_value(step, "twice", &value))
        send_twice(value);
    else if (is_value(step, "fail", &value))
        reply(value.data);
    else if (is_value(step, "bytes", &value))
        write_all(value);
    else if (is_value(step, "line", &value))
        puts(value.data);
    else if (is_value(step, "exit", &value))
        exit((int)number_of(value));
    else if (is_value(step, "rest", &value))
        usleep((unsigned)(number_of(value) * US_PER_MS));
    else if (is_value(step, "wait", &value))
        do
            read_frame();
        while (!str_eq(last_type, value));
    else
        require_failed("a step that is known", __FILE__, __LINE__);
}

static void do_step(struct str step)
{
    if (str_eq(step, STR("hello")))
        send_header(STR("{\"t\":\"hello\",\"proto\":1,\"lang\":\"test\"}"));
    else if (str_eq(step, STR("ready")))
        send_header(STR("{\"t\":\"ready\",\"graphs\":[{\"id\":\"g\"}]}"));
    else if (str_eq(step, STR("reply")))
        reply(NULL);
    else if (str_eq(step, STR("tell")))
        tell();
    else if (str_eq(step, STR("serve")))
        serve();
    else if (str_eq(step, STR("close")))
        close(CHANNEL);
    else if (str_eq(step, STR("sleep")))
        pause();
    else if (str_eq(step, STR("abort")))
        raise(SIGKILL);
    else
        do_with_value(step);
}

int main(int argc, char **argv)
{
    frame_reader_init(&reader);
    buf_init(&last, FRAME_BYTES_MAX);
    for (int i = 1; i < argc; i++)
        do_step(str_of(argv[i]));
    for (;;)
        read_frame();
}
