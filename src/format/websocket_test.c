/* websocket_test.c -- frames of RFC 6455: its own examples, fragments with control frames between
 * them, every length form, and a table of what must be refused with which code. */
#include "base/test.h"

#include "format/websocket.h"

#define MESSAGE_MAX 70000

/* Reads `bytes` in pieces; returns what came as text: "1:Hello 9:x !1002". */
static struct str read_in(struct str bytes, size_t piece)
{
    static char out[1024];
    struct websocket_reader r;
    struct websocket_item item;
    size_t len = 0;
    int code = 0;
    enum err err = ERR_AGAIN;

    websocket_reader_init(&r, MESSAGE_MAX);
    out[0] = '\0';
    while (bytes.len && err != ERR_INVALID) {
        struct str input = str_first(bytes, piece);

        bytes = str_from(bytes, input.len);
        while ((err = websocket_reader_next(&r, &input, &item, &code)) == OK)
            len += (size_t)snprintf(out + len, sizeof(out) - len, "%d:%.*s%s", (int)item.opcode,
                                    STR_ARG(str_first(item.payload, 40)),
                                    item.code == WEBSOCKET_NO_CODE ? "none " : " ");
    }
    if (err == ERR_INVALID)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "!%d", code);
    websocket_reader_release(&r);
    return str_range(out, len);
}

static void check(struct str bytes, const char *expected)
{
    ASSERT_STR(read_in(bytes, bytes.len ? bytes.len : 1), expected);
    ASSERT_STR(read_in(bytes, 1), expected);
}

/* With the mask 00 00 00 00 the payload stands as it is. */
#define M "\0\0\0\0"

static void the_examples_of_the_rfc(void **state)
{
    (void)state;
    check(STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "1:Hello ");
    check(STR("\x01\x83" M "Hel\x80\x82" M "lo"), "1:Hello ");
    check(STR("\x89\x85" M "Hello"), "9:Hello ");
    check(STR("\x82\x80" M "\x8a\x80" M), "2: 10: ");
}

static void control_frames_stand_between_fragments(void **state)
{
    (void)state;
    check(STR("\x01\x81" M "a\x89\x81" M "p\x00\x81" M "b\x8a\x80" M "\x80\x81" M "c"),
          "9:p 10: 1:abc ");
}

static void closes(void **state)
{
    (void)state;
    check(STR("\x88\x80" M), "8:none ");
    check(STR("\x88\x85" M "\x03\xe8"
              "bye"),
          "8:bye ");
    check(STR("\x88\x82" M "\x0f\xa0"), "8: "); /* 4000 */
}

struct refused {
    struct str bytes;
    const char *expected;
};

static void what_is_refused(void **state)
{
    static const struct refused table[] = {
        {{"\x81\x05Hello", 7}, "!1002"},                     /* not masked */
        {{"\xc1\x80" M, 6}, "!1002"},                        /* a reserved bit */
        {{"\x83\x80" M, 6}, "!1002"},                        /* an unknown opcode */
        {{"\x8b\x80" M, 6}, "!1002"},                        /* an unknown control opcode */
        {{"\x80\x80" M, 6}, "!1002"},                        /* a continuation of nothing */
        {{"\x01\x80" M "\x81\x80" M, 12}, "!1002"},          /* a message within a message */
        {{"\x09\x80" M, 6}, "!1002"},                        /* a fragmented ping */
        {{"\x89\xfe\0\x7e" M, 8}, "!1002"},                  /* a ping of 126 bytes */
        {{"\x81\xfe\0\x05" M "Hello", 13}, "!1002"},         /* not the shortest length */
        {{"\x81\xff\0\0\0\0\0\0\xff\xff" M, 14}, "!1002"},   /* not the shortest length */
        {{"\x81\xff\x80\0\0\0\0\0\xff\xff" M, 14}, "!1002"}, /* the highest bit */
        {{"\x81\xff\0\0\0\0\0\x02\0\0" M, 14}, "!1009"},     /* above the limit */
        {{"\x81\x82" M "\xc3\x28", 8}, "!1007"},             /* not UTF-8 */
        {{"\x88\x81" M "\x03", 7}, "!1002"},                 /* half a code */
        {{"\x88\x82" M "\x03\xed", 8}, "!1002"},             /* 1005 is never sent */
        {{"\x88\x82" M "\x03\xe7", 8}, "!1002"},             /* 999 */
        {{"\x88\x83" M "\x03\xe8\xff", 9}, "!1007"},         /* a reason that is not UTF-8 */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        check(table[i].bytes, table[i].expected);
}

static void fragments_count_together(void **state)
{
    static char bytes[2 * 40008];
    static const unsigned char head[] = {0xfe, 0x9c, 0x40, 0, 0, 0, 0}; /* 40000 bytes, no mask */

    (void)state;
    bytes[0] = 0x01;
    memcpy(bytes + 1, head, sizeof(head));
    memset(bytes + 8, 'x', 40000);
    bytes[40008] = (char)0x80;
    memcpy(bytes + 40009, head, sizeof(head));
    ASSERT_STR(read_in(str_range(bytes, sizeof(bytes)), sizeof(bytes)), "!1009");
}

static void heads_we_write(void **state)
{
    unsigned char head[WEBSOCKET_HEAD_MAX];

    (void)state;
    assert_int_equal(websocket_head_write(head, WEBSOCKET_TEXT, 5), 2);
    assert_memory_equal(head, "\x81\x05", 2);
    assert_int_equal(websocket_head_write(head, WEBSOCKET_PING, 125), 2);
    assert_memory_equal(head, "\x89\x7d", 2);
    assert_int_equal(websocket_head_write(head, WEBSOCKET_BINARY, 126), 4);
    assert_memory_equal(head, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(websocket_head_write(head, WEBSOCKET_TEXT, 0xffff), 4);
    assert_int_equal(websocket_head_write(head, WEBSOCKET_TEXT, 0x10000), 10);
    assert_memory_equal(head, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
}

static const struct CMUnitTest tests[] = {
    TEST("the RFC's examples are read, whole and byte by byte", the_examples_of_the_rfc),
    TEST("control frames stand between fragments", control_frames_stand_between_fragments),
    TEST("a close may have a code and a reason", closes),
    TEST("what breaks the protocol is refused with its code", what_is_refused),
    TEST("the limit is of the message, not of the frame", fragments_count_together),
    TEST("our heads have the shortest length", heads_we_write),
};

int main(void)
{
    return RUN_TESTS(tests);
}
