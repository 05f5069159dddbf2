/* otlp_test.c -- both encodings say the same, and what is too much is refused. */
#include "trace/otlp.h"

#include "base/test.h"
#include "format/protobuf.h"

static struct arena arena;
static struct span_batch batch;
static struct otlp_reader reader;

static void on_span(void *context, const struct otlp_span *span)
{
    otlp_run_add(context, span, STR("p"));
}

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    span_batch_init(&batch);
    reader = (struct otlp_reader){.arena = &arena, .on_span = on_span, .context = &batch};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    span_batch_release(&batch);
    arena_release(&arena);
    return 0;
}

static const struct span_change *only_span(void)
{
    assert_int_equal(batch.problem_count, 0);
    assert_int_equal(batch.entry_count, 1);
    return &batch.first->drafts[SPAN_POST].change;
}

/* A message inside a message. */
static struct str inside(uint32_t number, struct str bytes)
{
    struct buf out;
    struct str text;

    buf_init(&out, 64 * MIB);
    protobuf_put_bytes(&out, number, bytes);
    text = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static struct str joined(struct str a, struct str b)
{
    return arena_concat(&arena, (struct str[]){a, b}, 2);
}

#define TRACE_ID "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10"
#define SPAN_ID "\x11\x12\x13\x14\x15\x16\x17\x18"

static struct str protobuf_span(struct str more)
{
    struct str span = joined(inside(1, STR(TRACE_ID)), inside(2, STR(SPAN_ID)));

    span = joined(span, inside(5, STR("name")));
    return inside(1, inside(2, inside(2, joined(span, more))));
}

static void check_span(void)
{
    const struct span_change *c = only_span();

    assert_int_equal(c->span_id.bytes[0], 1);
    assert_int_equal(c->span_id.bytes[15], 0x10);
    assert_true(c->given & SPAN_HAS_ALIAS);
    assert_int_equal(c->alias_id.bytes[7], 0);
    assert_int_equal(c->alias_id.bytes[15], 0x18);
    ASSERT_STR(c->name, "name");
    ASSERT_STR(c->values[SPAN_INPUTS].bytes, "{\"input\":\"Hi\"}");
}

static void both_encodings(void **state)
{
    struct str pair = joined(inside(1, STR("input.value")), inside(2, inside(1, STR("Hi"))));

    assert_int_equal(otlp_read_protobuf(&reader, protobuf_span(inside(9, pair))), OK);
    check_span();
    tear_down(state);
    set_up(state);
    assert_int_equal(
        otlp_read_json(&reader,
                       STR("{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":"
                           "\"0102030405060708090A0b0c0d0e0f10\",\"spanId\":\"1112131415161718\","
                           "\"name\":\"name\",\"attributes\":[{\"key\":\"input.value\",\"value\":"
                           "{\"stringValue\":\"Hi\"}}]}]}]}]}")),
        OK);
    check_span();
}

static void too_deep(void **state)
{
    struct str value = inside(1, STR("x"));

    (void)state;
    for (int i = 0; i < OTLP_DEPTH_MAX; i++)
        value = inside(5, inside(1, value));
    assert_int_equal(otlp_read_protobuf(&reader, protobuf_span(inside(9, inside(2, value)))), OK);
    value = inside(5, inside(1, value));
    assert_int_equal(otlp_read_protobuf(&reader, protobuf_span(inside(9, inside(2, value)))),
                     ERR_LIMIT);
    assert_true(str_contains(reader.why, STR("32 deep")));
}

static void too_many(void **state)
{
    struct str pairs = inside(9, STR(""));

    (void)state;
    while (pairs.len < 2 * OTLP_ATTRIBUTES_MAX)
        pairs = joined(pairs, pairs);
    assert_int_equal(otlp_read_protobuf(&reader, protobuf_span(pairs)), OK);
    assert_int_equal(otlp_read_protobuf(&reader, protobuf_span(joined(pairs, inside(9, STR(""))))),
                     ERR_LIMIT);
    assert_true(str_contains(reader.why, STR("4,096")));
}

static void broken(void **state)
{
    struct str whole = protobuf_span(STR(""));

    (void)state;
    for (size_t len = 1; len < whole.len; len++)
        assert_int_equal(otlp_read_protobuf(&reader, str_first(whole, len)), ERR_INVALID);
    assert_int_equal(batch.entry_count, 0);
}

static void bad_ids(void **state)
{
    struct str span = joined(inside(1, STR("short")), inside(2, STR(SPAN_ID)));

    (void)state;
    assert_int_equal(otlp_read_protobuf(&reader, inside(1, inside(2, inside(2, span)))), OK);
    assert_int_equal(batch.problem_count, 1);
    assert_int_equal(batch.entry_count, 0);
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), set_up, tear_down, NULL                                            \
    }

static const struct CMUnitTest tests[] = {
    CASE("protobuf and JSON give the same span", both_encodings),
    CASE("values inside values have a limit", too_deep),
    CASE("attributes of a span have a limit", too_many),
    CASE("half a body is refused", broken),
    CASE("a span without its ids is a problem", bad_ids),
};

int main(void)
{
    return RUN_TESTS(tests);
}
