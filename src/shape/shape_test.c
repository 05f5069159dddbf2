/* shape_test.c -- our objects on the wire, key by key: the golden files in shape_test/. */
#include "base/golden.h"

#include "shape/shape.h"

#define CREATED_US INT64_C(1795237957533121) /* 2026-11-21T05:12:37.533121 */

static struct buf out;
static struct json_writer json;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

static void expect(const char *name)
{
    ASSERT_GOLDEN(buf_str(&out), GOLDEN, name);
    buf_clear(&out);
    json_writer_init(&json, &out);
}

static struct run run_of(struct str status)
{
    return (struct run){
        .tenant = STR("secret tenant"),
        .run_id = STR("019aa501-0000-7000-8000-000000000001"),
        .thread_id = STR("019aa501-0000-7000-8000-000000000002"),
        .assistant_id = STR("fe096781-5601-53d2-b2f6-0d3403f7e9ca"),
        .graph_id = STR("agent"),
        .status = status,
        .metadata = STR("{\"b\":1, \"a\":1.50}"), /* as the client wrote it */
        .kwargs = STR("{\"input\":{\"messages\":[]},\"config\":{}}"),
        .multitask_strategy = STR("enqueue"),
        .webhook = STR("https://example.com/?token=t"),
        .created_us = CREATED_US,
        .updated_us = CREATED_US + 2 * US_PER_SECOND,
        .attempt = 2,
    };
}

static void assistants(void **state)
{
    struct assistant assistant = {
        .tenant = STR("secret tenant"),
        .assistant_id = STR("fe096781-5601-53d2-b2f6-0d3403f7e9ca"),
        .graph_id = STR("agent"),
        .name = STR("A \"name\""),
        .config = STR("{\"tags\":[\"x\"]}"),
        .context = STR("{}"),
        .metadata = STR("{\"created_by\":\"system\"}"),
        .version = 3,
        .created_us = CREATED_US,
        .updated_us = CREATED_US + 1,
    };

    (void)state;
    shape_assistant(&json, &assistant);
    expect("assistant");
    assistant.description = STR("what it is for");
    shape_assistant(&json, &assistant);
    expect("assistant_described");
}

static void threads(void **state)
{
    struct thread thread = {
        .tenant = STR("secret tenant"),
        .thread_id = STR("019aa501-0000-7000-8000-000000000002"),
        .status = THREAD_IDLE,
        .metadata = STR("{}"),
        .config = STR("{}"),
        .interrupts = STR("{}"),
        .created_us = CREATED_US,
        .updated_us = CREATED_US,
    };

    (void)state;
    shape_thread(&json, &thread, NULL);
    expect("thread_new");
    thread.status = THREAD_INTERRUPTED;
    thread.head_values = STR("{\"messages\":[{\"role\":\"user\",\"content\":\"\\u00e9\"}]}");
    thread.interrupts = STR("{\"t\":[{\"id\":\"i\",\"value\":\"?\"}]}");
    thread.head_state = STR("{\"values\":{}}"); /* its own question's answer, not part of this */
    thread.state_updated_us = CREATED_US + US_PER_SECOND;
    thread.error = STR("{\"error\":\"ValueError\",\"message\":\"Boo!\"}");
    shape_thread(&json, &thread, NULL);
    expect("thread_interrupted");
}

static void runs(void **state)
{
    struct run run = run_of(RUN_PENDING);

    (void)state;
    shape_run(&json, &run);
    expect("run");
}

static void webhooks(void **state)
{
    struct run run = run_of(RUN_SUCCESS);
    struct webhook_payload payload = {.run = &run, .sent_us = CREATED_US + 3 * US_PER_SECOND};

    (void)state;
    shape_webhook(&json, &payload); /* cancelled before it began, and stateless: the least */
    expect("webhook_least");
    run.started_us = CREATED_US + 1 * US_PER_SECOND;
    run.ended_us = CREATED_US + 2 * US_PER_SECOND;
    run.error = STR("{\"error\":\"TimeoutError\",\"message\":\"Run exceeded\"}");
    payload.values = STR("{\"messages\":[]}");
    payload.thread_status = THREAD_INTERRUPTED;
    payload.next = STR("[\"ask\"]");
    payload.interrupts = STR("{\"t\":[]}");
    shape_webhook(&json, &payload);
    expect("webhook_most");
}

static void small_ones(void **state)
{
    (void)state;
    shape_empty_state(&json);
    expect("empty_state");
    shape_error(&json, STR("ValueError"), STR("line\n\"quoted\""));
    expect("error");
}

static void values_stand_in_lists(void **state)
{
    (void)state;
    json_begin_array(&json);
    shape_error(&json, STR("a"), STR_NONE);
    shape_error(&json, STR("b"), STR(""));
    json_end_array(&json);
    ASSERT_STR(buf_str(&out),
               "[{\"error\":\"a\",\"message\":null},{\"error\":\"b\",\"message\":\"\"}]");
}

#define CASE(sentence, function)                                                                   \
    {                                                                                              \
        (sentence), (function), setup, teardown, NULL                                              \
    }

static const struct CMUnitTest tests[] = {
    CASE("assistants", assistants),
    CASE("threads show their head, not their tenant", threads),
    CASE("runs", runs),
    CASE("a webhook's payload has every documented field (C9, C10)", webhooks),
    CASE("the empty state and an error", small_ones),
    CASE("values stand in lists", values_stand_in_lists),
};

int main(void)
{
    return RUN_TESTS(tests);
}
