/* spans_test.c -- the table spans: merging, places in the tree, values, on both databases. */
#include "store/spans.h"
#include "store/table_rig.h"

#define START_US INT64_C(1795237957000000)

static struct uuid id_of(uint8_t last)
{
    struct uuid id = {{0x01, 0x93, 0, 0, 0, 0, 0x70, 0, 0x80}};

    id.bytes[15] = last;
    return id;
}

static struct span_change post_of(uint8_t id, const char *name)
{
    return (struct span_change){.layer = SPAN_POST,
                                .span_id = id_of(id),
                                .given = SPAN_HAS_NAME | SPAN_HAS_START,
                                .name = str_of(name),
                                .start_us = START_US + id,
                                .project_no = 1};
}

static struct span_change child_of(uint8_t id, const char *name, uint8_t parent)
{
    struct span_change change = post_of(id, name);

    change.given |= SPAN_HAS_PARENT;
    change.parent_id = id_of(parent);
    return change;
}

static void give(struct span_change *change, enum span_field field, const char *text)
{
    change->given |= SPAN_HAS_FIELD(field);
    change->values[field] =
        (struct span_value){.bytes = str_of(text), .size = (int64_t)strlen(text)};
}

static void apply(struct table *t, const struct span_change *change)
{
    assert_int_equal(spans_apply(t->tx, TENANT, change, 1), OK);
}

static struct span_row get(struct table *t, uint8_t id)
{
    struct span_row span;

    assert_int_equal(spans_get(t->tx, TENANT, id_of(id), &t->arena, &span), OK);
    return span;
}

static struct str value_of(struct table *t, uint8_t id, enum span_field field)
{
    struct span_value values[SPAN_FIELD_COUNT];
    struct span_row span = get(t, id);

    assert_int_equal(span_values_get(t->tx, &span, 1u << field, &t->arena, values), OK);
    return values[field].bytes;
}

static void a_span(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, "a"), patch = {.layer = SPAN_PATCH, .span_id = id_of(1)};
    struct span_row span;

    give(&post, SPAN_INPUTS, "{\"x\":1}");
    give(&post, SPAN_OUTPUTS, "{}");
    apply(t, &post);
    span = get(t, 1);
    assert_int_equal(span.status, SPAN_PENDING);
    assert_true(span.is_root && uuid_eq(span.trace_id, id_of(1)));
    ASSERT_STR(span.dotted_order, "20261121T051237000001Z01930000-0000-7000-8000-000000000001");
    patch.given = SPAN_HAS_END;
    patch.end_us = START_US + 9;
    give(&patch, SPAN_OUTPUTS, "{\"y\":2}");
    apply(t, &patch);
    assert_int_equal(get(t, 1).status, SPAN_SUCCESS);
    assert_true(get(t, 1).change_seq > span.change_seq);
    ASSERT_STR(value_of(t, 1, SPAN_INPUTS), "{\"x\":1}");
    ASSERT_STR(value_of(t, 1, SPAN_OUTPUTS), "{\"y\":2}");
    give(&post, SPAN_OUTPUTS, "{\"late\":1}");
    apply(t, &post);
    ASSERT_STR(value_of(t, 1, SPAN_OUTPUTS), "{\"y\":2}");
}

static void unplaced(void **state)
{
    struct table *t = *state;
    struct span_change patch = {
        .layer = SPAN_PATCH, .span_id = id_of(1), .given = SPAN_HAS_END, .end_us = START_US + 5};
    struct span_change post = post_of(1, "a");
    struct span_row span;

    apply(t, &patch);
    assert_int_equal(spans_get(t->tx, TENANT, id_of(1), &t->arena, &span), ERR_NOT_FOUND);
    apply(t, &post);
    span = get(t, 1);
    assert_int_equal(span.status, SPAN_SUCCESS);
    assert_int_equal(span.start_us, START_US + 1);
}

static void extra_is_merged(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, "a"), patch = {.layer = SPAN_PATCH, .span_id = id_of(1)};

    give(&patch, SPAN_EXTRA, "{\"metadata\":{\"b\":2,\"c\":3}}");
    apply(t, &patch);
    give(&post, SPAN_EXTRA, "{\"metadata\":{\"a\":1,\"b\":1},\"runtime\":{}}");
    apply(t, &post);
    give(&patch, SPAN_EXTRA, "{\"metadata\":{\"c\":4}}");
    apply(t, &patch);
    ASSERT_STR(value_of(t, 1, SPAN_EXTRA),
               "{\"metadata\":{\"a\":1,\"b\":2,\"c\":4},\"runtime\":{}}");
}

#define DOT(n) "20261121T05123700000" #n "Z01930000-0000-7000-8000-00000000000" #n

static void children_find_their_parent(void **state)
{
    struct table *t = *state;
    struct span_change root = post_of(1, "root"), child = child_of(2, "child", 1);
    struct span_change grandchild = child_of(3, "grandchild", 2);

    apply(t, &grandchild);
    assert_false(get(t, 3).is_root);
    assert_int_equal(get(t, 3).depth, 0);
    apply(t, &child);
    ASSERT_STR(get(t, 3).dotted_order, DOT(2) "." DOT(3));
    apply(t, &root);
    ASSERT_STR(get(t, 2).dotted_order, DOT(1) "." DOT(2));
    ASSERT_STR(get(t, 3).dotted_order, DOT(1) "." DOT(2) "." DOT(3));
    assert_int_equal(get(t, 3).depth, 2);
    assert_true(uuid_eq(get(t, 3).trace_id, id_of(1)));
}

static void attachments(void **state)
{
    struct table *t = *state;
    struct span_attachment in[] = {
        {STR("a"), STR("text/plain"), {.bytes = STR("x\0y"), .size = 3}},
        {STR("b"), STR("image/png"), {.blob_key = STR("key"), .size = 100}},
    };
    struct span_attachment *out;
    struct span_change post = post_of(1, "a");
    size_t count;

    post.attachments = in;
    post.attachment_count = 2;
    apply(t, &post);
    assert_int_equal(span_attachments_get(t->tx, get(t, 1).span_no, true, &t->arena, &out, &count),
                     OK);
    assert_int_equal(count, 2);
    ASSERT_STR(out[0].name, "a");
    assert_int_equal(out[0].value.bytes.len, 3);
    assert_memory_equal(out[0].value.bytes.data, "x\0y", 3);
    ASSERT_STR(out[1].value.blob_key, "key");
    assert_int_equal(out[1].value.size, 100);
}

static const struct CMUnitTest tests[] = {
    TEST("a span is posted, then patched; a late post does not undo a patch", a_span),
    TEST("a patch that names no project waits for its post", unplaced),
    TEST("extra and its metadata are merged key by key, patch over post", extra_is_merged),
    TEST("children that come before their parent find their place", children_find_their_parent),
    TEST("attachments come out as they went in", attachments),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
