/* multipart_test.c -- bodies as the SDKs send them, hostile ones, and all of them in pieces. */
#include "format/multipart.h"

#include "base/buf.h"
#include "base/test.h"

#define TEXT_BYTES_MAX 4096

/* What was read, as one text: "name|type|length:data;" for each part. */
struct seen {
    struct buf text;
    enum err refuses;
};

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct seen *seen = context;

    buf_addf(&seen->text, "%.*s|%.*s|%lld:", STR_ARG(part->name), STR_ARG(part->content_type),
             (long long)part->length);
    return seen->refuses;
}

static enum err on_data(void *context, struct str piece)
{
    struct seen *seen = context;

    assert_true(piece.len > 0);
    buf_add(&seen->text, piece);
    return OK;
}

static enum err on_part_end(void *context)
{
    struct seen *seen = context;

    buf_add_char(&seen->text, ';');
    return OK;
}

static enum err read_in_pieces(struct seen *seen, struct str body, size_t step)
{
    struct multipart m;
    struct multipart_handler handler = {on_part, on_data, on_part_end, seen};
    enum err err = multipart_init(&m, STR("B"), &handler);

    buf_clear(&seen->text);
    for (size_t at = 0; !err && at < body.len; at += step)
        err = multipart_feed(&m, str_first(str_from(body, at), step));
    if (!err)
        err = multipart_end(&m);
    assert_true(err != ERR_INVALID || m.why);
    return err;
}

/* Whatever the pieces, the same comes out. */
static void check(struct str body, enum err expected, const char *text)
{
    struct seen seen = {.refuses = OK};

    buf_init(&seen.text, TEXT_BYTES_MAX);
    for (size_t step = 1; step <= body.len + 1; step++) {
        assert_int_equal(read_in_pieces(&seen, body, step), expected);
        if (text)
            ASSERT_STR(str_range(buf_cstr(&seen.text), seen.text.len), text);
    }
    buf_release(&seen.text);
}

static void python_parts(void **state)
{
    (void)state;
    check(STR("--B\r\nContent-Disposition: form-data; name=\"post.1\"\r\n"
              "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\r\n"
              "--B\r\nContent-Disposition: form-data; name=\"attachment.1.a\"\r\n"
              "Content-Type: text/plain; length=7\r\n\r\n\r\n--B\r\n\r\n--B--\r\n"),
          OK, "post.1|application/json|2:{};attachment.1.a|text/plain|7:\r\n--B\r\n;");
}

static void without_length(void **state)
{
    (void)state;
    check(STR("a preamble\r\n--B \t\r\ncontent-disposition:form-data;name=x\r\n\r\n"
              "one\r\n--\r\n--C\r\r\n-two\r\n--B\r\nContent-Disposition: form-data; name=\"y\"; "
              "filename=\"f\"\r\n\r\n\r\n--B--an epilogue\r\n--B\r\n"),
          OK, "x||-1:one\r\n--\r\n--C\r\r\n-two;y||-1:;");
    check(STR("--B--"), OK, "");
}

static void empty_part(void **state)
{
    (void)state;
    check(STR("--B\r\nContent-Disposition: form-data; name=\"x\"\r\nContent-Length: 0\r\n\r\n"
              "\r\n--B--"),
          OK, "x||0:;");
}

#define NAMED "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n"

static void hostile(void **state)
{
    static const char *const bad[] = {
        "",
        "--B",
        "--B\r\n",
        "--Bx\r\n",
        NAMED "Content-Length: 3\r\n\r\n{}\r\n--B--", /* too long */
        NAMED "Content-Length: 1\r\n\r\n{}\r\n--B--", /* too short */
        NAMED "Content-Length: -1\r\n\r\n{}\r\n--B--",
        NAMED "Content-Length: 99999999999999999999\r\n\r\n{}\r\n--B--",
        NAMED "Content-Length: 2\r\nContent-Type: a/b; length=3\r\n\r\n{}\r\n--B--",
        NAMED "Content-Encoding: gzip\r\n\r\n{}\r\n--B--",
        NAMED "no colon\r\n\r\n{}\r\n--B--",
        NAMED "\r\n{}\r\n--C--",
        "--B\r\nContent-Type: a/b\r\n\r\n{}\r\n--B--", /* no name */
        "--B\r\n\r\n{}\r\n--B--",
        "--B\r\nContent-Disposition: attachment; name=x\r\n\r\n{}\r\n--B--",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        check(str_of(bad[i]), ERR_INVALID, NULL);
}

static void long_head(void **state)
{
    static char body[MULTIPART_HEAD_BYTES_MAX + 100];
    struct seen seen = {.refuses = OK};

    (void)state;
    buf_init(&seen.text, TEXT_BYTES_MAX);
    memset(body, 'a', sizeof(body));
    memcpy(body, "--B\r\n", 5);
    assert_int_equal(read_in_pieces(&seen, str_range(body, sizeof(body)), 100), ERR_LIMIT);
    buf_release(&seen.text);
}

static void a_callback_refuses(void **state)
{
    struct seen seen = {.refuses = ERR_CONFLICT};

    (void)state;
    buf_init(&seen.text, TEXT_BYTES_MAX);
    assert_int_equal(read_in_pieces(&seen, STR(NAMED "\r\n{}\r\n--B--"), 10), ERR_CONFLICT);
    ASSERT_STR(buf_str(&seen.text), "x||-1:");
    buf_release(&seen.text);
}

static void boundaries(void **state)
{
    struct str boundary;
    struct multipart m;
    struct multipart_handler handler = {on_part, on_data, on_part_end, NULL};
    char text[MULTIPART_BOUNDARY_BYTES_MAX + 1];

    (void)state;
    assert_int_equal(multipart_boundary(STR("multipart/form-data; boundary=abc"), &boundary), OK);
    ASSERT_STR(boundary, "abc");
    assert_int_equal(
        multipart_boundary(STR("Multipart/Form-Data;charset=x; BOUNDARY=\"a b\""), &boundary), OK);
    ASSERT_STR(boundary, "a b");
    assert_int_equal(multipart_boundary(STR("multipart/mixed; boundary=a"), &boundary),
                     ERR_INVALID);
    assert_int_equal(multipart_boundary(STR("multipart/form-data"), &boundary), ERR_INVALID);
    assert_int_equal(multipart_boundary(STR_NONE, &boundary), ERR_INVALID);
    memset(text, 'b', sizeof(text));
    assert_int_equal(multipart_init(&m, str_range(text, sizeof(text)), &handler), ERR_INVALID);
    assert_int_equal(multipart_init(&m, STR("a\rb"), &handler), ERR_INVALID);
    assert_int_equal(multipart_init(&m, STR(""), &handler), ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    TEST("parts with a length are so many bytes, also bytes of a boundary", python_parts),
    TEST("parts without a length go to the next boundary", without_length),
    TEST("a part may be empty", empty_part),
    TEST("what is not well-formed is refused, with words", hostile),
    TEST("the head of a part is bounded", long_head),
    TEST("what a callback refuses ends the reading", a_callback_refuses),
    TEST("the boundary is read from the Content-Type, and bounded", boundaries),
};

int main(void)
{
    return RUN_TESTS(tests);
}
