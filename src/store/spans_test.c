/* spans_test.c -- the table spans: merging, places in the tree, values, on both databases. */
#include "store/spans.h"

#include "base/json.h"
#include "store/blobs.h"
#include "store/span_pack.h"
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
        {STR("b"), STR("image/png"), {.blob_key = STR("key"), .size = 100}},
        {STR("a"), STR("text/plain"), {.bytes = STR("x\0y"), .size = 3}},
    };
    struct span_attachment *out;
    struct span_change post = post_of(1, "a");
    struct span_row span;
    size_t count;

    post.attachments = in;
    post.attachment_count = 2;
    assert_int_equal(blobs_reserve(t->tx, STR("key")), OK);
    apply(t, &post);
    span = get(t, 1);
    assert_int_equal(span_attachments_get(t->tx, &span, true, &t->arena, &out, &count), OK);
    assert_int_equal(count, 2);
    ASSERT_STR(out[0].name, "a");
    assert_int_equal(out[0].value.bytes.len, 3);
    assert_memory_equal(out[0].value.bytes.data, "x\0y", 3);
    ASSERT_STR(out[1].value.blob_key, "key");
    assert_int_equal(out[1].value.size, 100);
}

/* ---- blobs ---- */

static void give_blob(struct span_change *change, enum span_field field, const char *key)
{
    change->given |= SPAN_HAS_FIELD(field);
    change->values[field] = (struct span_value){.blob_key = str_of(key), .size = 1000};
}

static struct str due(struct table *t)
{
    struct str *keys, text = STR("");
    size_t count;

    assert_int_equal(blobs_list_due(t->tx, 10, &t->arena, &keys, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &text, keys[i]);
    return text;
}

static void blobs_are_claimed(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, "a"), patch = {.layer = SPAN_PATCH, .span_id = id_of(1)};
    struct span_value values[SPAN_FIELD_COUNT];
    struct span_row span;

    assert_int_equal(blobs_reserve(t->tx, STR("k1")), OK);
    assert_int_equal(blobs_reserve(t->tx, STR("k2")), OK);
    assert_int_equal(blobs_reserve(t->tx, STR("k3")), OK);
    ASSERT_STR(due(t), "");
    give_blob(&post, SPAN_INPUTS, "k1");
    apply(t, &post);
    give_blob(&patch, SPAN_OUTPUTS, "k2");
    apply(t, &patch);
    span = get(t, 1);
    assert_int_equal(span_values_get(t->tx, &span, ~0u, &t->arena, values), OK);
    ASSERT_STR(values[SPAN_INPUTS].blob_key, "k1");
    ASSERT_STR(values[SPAN_OUTPUTS].blob_key, "k2");
    assert_int_equal(values[SPAN_OUTPUTS].size, 1000);
    give(&patch, SPAN_OUTPUTS, "{}"); /* another value takes its place */
    apply(t, &patch);
    ASSERT_STR(due(t), "k2");
    t->tx->now_us += BLOBS_UNCLAIMED_US; /* nobody has claimed k3 */
    ASSERT_STR(due(t), "k2,k3");
    assert_int_equal(span_values_delete(t->tx, &span), OK);
    ASSERT_STR(due(t), "k2,k1,k3");
    assert_int_equal(blobs_forget(t->tx, STR("k3")), OK);
    ASSERT_STR(due(t), "k2,k1");
}

static void a_blob_that_is_gone(void **state)
{
    struct table *t = *state;
    struct span_change post = post_of(1, "a");

    give_blob(&post, SPAN_INPUTS, "never");
    table_try(t);
    assert_int_equal(spans_apply(t->tx, TENANT, &post, 1), ERR_NOT_FOUND);
    table_undo(t);
}

/* ---- the order of changes ---- */

#define PIECES 10

/* One span in pieces; no two of one layer say the same field. */
static void make_pieces(uint8_t id, struct span_change pieces[PIECES])
{
    for (size_t i = 0; i < PIECES; i++)
        pieces[i] =
            (struct span_change){.layer = i < 5 ? SPAN_POST : SPAN_PATCH, .span_id = id_of(id)};
    pieces[0] = post_of(id, "posted");
    give(&pieces[1], SPAN_INPUTS, "{\"in\":1}");
    give(&pieces[2], SPAN_OUTPUTS, "{}");
    give(&pieces[3], SPAN_EXTRA, "{\"metadata\":{\"a\":1,\"b\":1},\"r\":1}");
    pieces[4].given = SPAN_HAS_TAGS | SPAN_HAS_THREAD_ID;
    pieces[4].tags = STR("[\"posted\"]");
    pieces[4].thread_id = STR("posted");
    pieces[5].given = SPAN_HAS_END | SPAN_HAS_NAME | SPAN_HAS_START;
    pieces[5].name = STR("patched");
    pieces[5].start_us = START_US + id;
    pieces[5].end_us = START_US + 100;
    give(&pieces[6], SPAN_OUTPUTS, "{\"out\":1}");
    give(&pieces[7], SPAN_EXTRA, "{\"metadata\":{\"b\":2}}");
    pieces[8].given = SPAN_HAS_SESSION_ID | SPAN_HAS_PROJECT;
    pieces[8].thread_id = STR("patched");
    pieces[8].project_no = 1;
    give(&pieces[9], SPAN_ERROR_TEXT, "\"no\"");
    pieces[9].error_preview = STR("no");
}

static void shuffle(struct rng *rng, struct span_change pieces[PIECES])
{
    for (size_t i = PIECES; i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i);
        struct span_change held = pieces[i - 1];

        pieces[i - 1] = pieces[j];
        pieces[j] = held;
    }
}

static void assert_member(struct table *t, struct str object, const char *key, const char *value)
{
    const struct json *root;

    assert_int_equal(json_parse(&t->arena, object, &root, NULL), OK);
    ASSERT_STR(json_raw(object, str_of(key)), value);
}

static void any_order(void **state)
{
    struct table *t = *state;
    struct rng rng;

    rng_seed(&rng, 7);
    for (uint8_t id = 1; id <= 60; id++) {
        struct span_change pieces[PIECES];
        struct span_row span;
        struct str extra;
        size_t split;

        make_pieces(id, pieces);
        shuffle(&rng, pieces);
        split = (size_t)rng_below(&rng, PIECES + 1);
        assert_int_equal(spans_apply(t->tx, TENANT, pieces, split), OK);
        assert_int_equal(spans_apply(t->tx, TENANT, pieces + split, PIECES - split), OK);
        span = get(t, id);
        ASSERT_STR(span.name, "patched");
        ASSERT_STR(span.tags, "[\"posted\"]");
        ASSERT_STR(span.thread_id, "patched");
        assert_int_equal(span.status, SPAN_ERROR);
        assert_int_equal(span.start_us, START_US + id);
        assert_int_equal(span.end_us, START_US + 100);
        ASSERT_STR(value_of(t, id, SPAN_INPUTS), "{\"in\":1}");
        ASSERT_STR(value_of(t, id, SPAN_OUTPUTS), "{\"out\":1}");
        ASSERT_STR(value_of(t, id, SPAN_ERROR_TEXT), "\"no\"");
        extra = value_of(t, id, SPAN_EXTRA);
        assert_member(t, extra, "r", "1");
        assert_member(t, json_raw(extra, STR("metadata")), "a", "1");
        assert_member(t, json_raw(extra, STR("metadata")), "b", "2");
    }
}

/* As programs wrote them before there were words. */
static void older_packs_are_read(void **state)
{
    struct table *t = *state;
    struct squeezer *squeezer = squeezer_new();
    struct span_value values[SPAN_FIELD_COUNT] = {0}, read[SPAN_FIELD_COUNT] = {0};
    char text[500];
    struct buf pack, older;
    struct str plain;

    memset(text, 'a', sizeof(text));
    values[SPAN_OUTPUTS] = (struct span_value){.bytes = str_range(text, sizeof(text)), .size = 500};
    buf_init(&pack, 1 * KIB);
    buf_init(&older, 1 * KIB);
    span_pack_write(squeezer, &pack, values);
    assert_int_equal(pack.data[0], 2);
    assert_int_equal(span_pack_read(buf_str(&pack), &t->arena, read), OK);
    assert_true(str_eq(read[SPAN_OUTPUTS].bytes, values[SPAN_OUTPUTS].bytes));

    plain = arena_concat(&t->arena, (struct str[]){STR("\1\364\1\0\0"), str_range(text, 500)}, 2);
    buf_add_char(&older, 1);
    assert_true(squeeze_write(squeezer, NULL, &older, plain));
    read[SPAN_OUTPUTS] = (struct span_value){0};
    assert_int_equal(span_pack_read(buf_str(&older), &t->arena, read), OK);
    assert_true(str_eq(read[SPAN_OUTPUTS].bytes, values[SPAN_OUTPUTS].bytes));
    older.data[0] = 3;
    assert_int_equal(span_pack_read(buf_str(&older), &t->arena, read), ERR_INVALID);
    buf_release(&older);
    buf_release(&pack);
    squeezer_free(squeezer);
}

static void the_words_never_change(void **state)
{
    uint64_t sum = 0;

    (void)state;
    for (size_t i = 0; i < span_words.len; i++)
        sum = sum * 31 + (unsigned char)span_words.data[i];
    assert_true(sum == UINT64_C(5516345866118069284));
}

static const struct CMUnitTest tests[] = {
    TEST("a span is posted, then patched; a late post does not undo a patch", a_span),
    TEST("a patch that names no project waits for its post", unplaced),
    TEST("extra and its metadata are merged key by key, patch over post", extra_is_merged),
    TEST("children that come before their parent find their place", children_find_their_parent),
    TEST("attachments come out as they went in", attachments),
    TEST("a blob is claimed with its row, and discarded when nothing refers to it",
         blobs_are_claimed),
    TEST("a blob whose reservation has run out is not referred to", a_blob_that_is_gone),
    TEST("packs of older programs are read", older_packs_are_read),
    TEST("the words that packs are squeezed with never change", the_words_never_change),
    TEST("whatever the order and the split of changes, the span is the same", any_order),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
