/* Tests of how deliveries look in the API: masked, with null for what is not there. */
#include "base/test.h"

#include "delivery/delivery_json.h"

static const struct delivery_view all = {true, true};
static const struct delivery_row row = {
    .delivery_id = 7,
    .tenant = {"t", 1},
    .endpoint_id = {"e", 1},
    .url = {"https://h.example/in?token=s3cret", 33},
    .origin = {"https://h.example:443", 21},
    .webhook_id = {"msg_1", 5},
    .kind = {"run", 3},
    .object_id = {"run-1", 5},
    .policy = {"durable", 7},
    .state = DELIVERY_DUE,
    .attempts = 1,
    .next_us = 1000000,
    .created_us = 1,
    .updated_us = 1,
    .content_type = {"application/json", 16},
    .body_bytes = 12,
};

static struct str text_of(struct buf *out, const struct attempt_row *attempts, size_t count)
{
    struct json_writer w;

    buf_init(out, MIB);
    json_writer_init(&w, out);
    delivery_json_out_with_attempts(&w, all, &row, attempts, count);
    return buf_str(out);
}

static void a_delivery_is_masked(void **state)
{
    const struct json *root = NULL;
    struct arena arena;
    struct str text;
    struct buf out;

    (void)state;
    arena_init(&arena);
    text = text_of(&out, NULL, 0);
    assert_false(str_contains(text, STR("s3cret")));
    assert_int_equal(json_parse(&arena, text, &root, NULL), OK);
    assert_int_equal(json_i64(json_get(root, "delivery_id"), 0), 7);
    ASSERT_STR(json_string(json_get(root, "url")), "https://h.example/in?token=***");
    ASSERT_STR(json_string(json_get(root, "state")), "due");
    ASSERT_STR(json_string(json_get(root, "next_attempt_at")), "1970-01-01T00:00:01.000000+00:00");
    assert_true(json_is_null(json_get(root, "ended_at")));
    assert_true(json_is_null(json_get(root, "state_reason")));
    assert_true(json_is_null(json_get(root, "resend_of")));
    assert_int_equal(json_count(json_get(root, "attempt_log")), 0);
    buf_release(&out);
    arena_release(&arena);
}

static void an_attempt_says_it_in_words(void **state)
{
    static const struct attempt_row attempts[] = {
        {.attempt_id = 1,
         .number = 1,
         .started_us = 1,
         .ended_us = 2,
         .result = {"rejected", 8},
         .status = 404,
         .dns_us = 0,
         .connect_us = 5,
         .tls_us = -1,
         .first_byte_us = 9,
         .total_us = 10,
         .excerpt = {"\xff"
                     "no",
                     3}},
        {.attempt_id = 2,
         .number = 2,
         .started_us = 3,
         .dns_us = -1,
         .connect_us = -1,
         .tls_us = -1,
         .first_byte_us = -1,
         .total_us = -1},
    };
    const struct json *root = NULL, *log, *first, *second;
    struct arena arena;
    struct buf out;

    (void)state;
    arena_init(&arena);
    assert_int_equal(json_parse(&arena, text_of(&out, attempts, 2), &root, NULL), OK);
    log = json_get(root, "attempt_log");
    first = json_item(log, 0);
    second = json_item(log, 1);
    ASSERT_STR(json_string(json_get(first, "message")),
               "the receiver refused the message (HTTP 404)");
    assert_int_equal(json_i64(json_get(json_get(first, "phases_us"), "connect"), 0), 5);
    assert_true(json_is_null(json_get(json_get(first, "phases_us"), "tls")));
    ASSERT_STR(json_string(json_get(first, "response_excerpt")), "\xef\xbf\xbd"
                                                                 "no");
    assert_true(json_is_null(json_get(second, "result")));
    assert_true(json_is_null(json_get(second, "message")));
    assert_true(json_is_null(json_get(second, "status")));
    buf_release(&out);
    arena_release(&arena);
}

static struct str seen_by(struct buf *out, struct delivery_view view, struct str result,
                          int64_t ended_us)
{
    struct attempt_row attempt = {.attempt_id = 1,
                                  .number = 1,
                                  .started_us = ended_us / 2,
                                  .ended_us = ended_us,
                                  .result = result,
                                  .detail = STR("10.0.0.7 refused"),
                                  .address = STR("10.0.0.7:22"),
                                  .dns_us = 1,
                                  .connect_us = ended_us,
                                  .tls_us = -1,
                                  .first_byte_us = -1,
                                  .total_us = ended_us,
                                  .excerpt = STR("SSH-2.0")};
    struct delivery_row delivery = row;
    struct json_writer w;

    delivery.last_result = result;
    delivery.state_reason = result;
    delivery.updated_us = ended_us;
    delivery.next_us = 0;
    buf_init(out, MIB);
    json_writer_init(&w, out);
    delivery_json_out_with_attempts(&w, view, &delivery, &attempt, 1);
    return buf_str(out);
}

static void no_answer_is_one_word(void **state)
{
    static const char *const ends[] = {"unreachable", "tls", "timeout", "refused", "server_error"};
    static const struct delivery_view tenant = {true, false};
    struct str first;
    struct buf out, other;

    (void)state;
    first = seen_by(&out, tenant, STR("unreachable"), 2000);
    assert_false(str_contains(first, STR("10.0.0.7")) || str_contains(first, STR("SSH")));
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct str text = seen_by(&other, tenant, str_of(ends[i]), 2000 + 1000000 * (int64_t)i);

        assert_true(str_eq(text, first));
        buf_release(&other);
        text = seen_by(&other, all, str_of(ends[i]), 2000);
        assert_true(str_contains(text, str_of(ends[i])) && str_contains(text, STR("10.0.0.7")));
        buf_release(&other);
    }
    /* What answered is told as ever. */
    assert_false(delivery_view_hides(tenant, STR("rejected"), 404));
    assert_false(delivery_view_hides(tenant, STR("server_error"), 500));
    assert_false(delivery_view_hides(tenant, STR_NONE, 0));
    buf_release(&out);
}

static void answers_are_for_who_may_see_them(void **state)
{
    static const struct delivery_view viewer = {false, true};
    struct buf out;

    (void)state;
    assert_false(str_contains(seen_by(&out, viewer, STR("rejected"), 2), STR("SSH")));
    buf_release(&out);
    assert_true(str_contains(seen_by(&out, all, STR("rejected"), 2), STR("SSH")));
    buf_release(&out);
}

static void a_full_page_has_a_next_one(void **state)
{
    struct delivery_row rows[2] = {row, row};
    const struct json *root = NULL;
    struct json_writer w;
    struct arena arena;
    struct buf out;

    (void)state;
    rows[1].delivery_id = 5;
    for (int64_t next = 0; next <= 5; next += 5) {
        const struct delivery_page page = {.found = rows, .count = 2, .next = next};

        arena_init(&arena);
        buf_init(&out, MIB);
        json_writer_init(&w, &out);
        delivery_json_out_page(&w, all, &page);
        assert_int_equal(json_parse(&arena, buf_str(&out), &root, NULL), OK);
        assert_int_equal(json_count(json_get(root, "deliveries")), 2);
        assert_int_equal(json_i64(json_get(root, "next_before"), 0), next);
        buf_release(&out);
        arena_release(&arena);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("a delivery is shown with its secrets masked", a_delivery_is_masked),
    TEST("an attempt says in words what happened", an_attempt_says_it_in_words),
    TEST("no answer is one word to who is not told of the network", no_answer_is_one_word),
    TEST("answers are for who may see them", answers_are_for_who_may_see_them),
    TEST("a page names where the next one begins", a_full_page_has_a_next_one),
};

int main(void)
{
    return RUN_TESTS(tests);
}
