/* Tests of the sender with real sockets and a real store: what arrives, and what becomes of it. */
#include "crypto/webhook_signature.h"
#include "delivery/delivery_metrics.h"
#include "delivery/sender_scene.h"
#include "store/store_metrics.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

/* ---- what arrives ---- */

static void a_delivery_arrives(void **state)
{
    static const struct http_header headers[] = {{{"X-Environment", 13}, {"production", 10}}};
    static const struct str secrets[] = {{SECRET, sizeof(SECRET) - 1}};
    struct scene *scene = *state;
    struct webhook_message message;
    struct webhook_key key;
    struct attempt_row attempt;
    const char *why = "";
    int64_t id, timestamp_s = 0;

    inbox_set_reply(&scene->inbox, (struct inbox_reply){.bytes = "\"success!\""});
    scene->rig.webhooks.headers = headers;
    scene->rig.webhooks.header_count = 1;
    scene->rig.config.signing_secrets = secrets;
    scene->rig.config.secret_count = 1;
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{\"n\":1.0}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(inbox_count(&scene->inbox), 1);
    assert_true(str_starts(scene->inbox.kept[0]->head, STR("POST /hook?token=1 HTTP/1.1\r\n")));
    ASSERT_STR(scene->inbox.kept[0]->body, "{\"n\":1.0}");
    ASSERT_STR(inbox_header(&scene->inbox, 0, "Content-Type"), "application/json");
    ASSERT_STR(inbox_header(&scene->inbox, 0, "User-Agent"), "Runbell/" RUNBELL_VERSION);
    ASSERT_STR(inbox_header(&scene->inbox, 0, "X-Environment"), "production");
    ASSERT_STR(inbox_header(&scene->inbox, 0, "webhook-attempt"), "1");
    assert_int_equal(str_to_i64(inbox_header(&scene->inbox, 0, "webhook-timestamp"), &timestamp_s),
                     OK);
    assert_int_equal(webhook_key_init(&key, secrets[0], &why), OK);
    message = (struct webhook_message){.id = scene->inbox.kept[0]->webhook_id,
                                       .timestamp_s = timestamp_s,
                                       .body = STR("{\"n\":1.0}")};
    assert_true(webhook_signature_verifies(inbox_header(&scene->inbox, 0, "webhook-signature"),
                                           &key, 1, &message));
    webhook_key_release(&key);
    attempt = sender_rig_attempt(&scene->rig, id, 0, NULL);
    ASSERT_STR(attempt.result, "delivered");
    assert_int_equal(attempt.status, 200);
    ASSERT_STR(attempt.excerpt, "\"success!\"");
    assert_true(attempt.total_us > 0 && attempt.first_byte_us > 0);
    assert_true(str_starts(attempt.address, STR("127.0.0.1:")));
}

static struct str answer_to(struct scene *scene, const char *kind)
{
    int64_t id = sender_rig_add_kind(&scene->rig, kind, scene->url, "{}");

    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    return sender_rig_attempt(&scene->rig, id, 0, NULL).excerpt;
}

/* Requirements 1.6, conflict 7: 4 KB of the answer, for the log only, and not if it is switched
 * off.
 */
static void of_answers_4_kb_are_kept_or_nothing(void **state)
{
    static char much[20001];
    struct scene *scene = *state;

    memset(much, 'a', sizeof(much) - 1);
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.bytes = much});
    sender_rig_start(&scene->rig);
    assert_int_equal(answer_to(scene, "run").len, 4096);
    scene_retire(scene);
    scene->rig.config.drops_answers = true;
    sender_rig_start(&scene->rig);
    assert_int_equal(answer_to(scene, "run").len, 0);
}

static void other_kinds_have_no_run_headers(void **state)
{
    static const struct http_header headers[] = {{{"X-Environment", 13}, {"production", 10}}};
    struct scene *scene = *state;
    int64_t id;

    scene->rig.webhooks.headers = headers;
    scene->rig.webhooks.header_count = 1;
    sender_rig_start(&scene->rig);
    id = sender_rig_add_kind(&scene->rig, "alert", scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_true(str_is_none(inbox_header(&scene->inbox, 0, "X-Environment")));
    assert_true(str_is_none(inbox_header(&scene->inbox, 0, "webhook-signature")));
}

static void relative_urls_go_to_ourselves(void **state)
{
    struct scene *scene = *state;
    char self[64];
    int64_t id;

    inbox_url(&scene->inbox, "", self, sizeof(self));
    scene->rig.egress.dev = false; /* even where loopback is closed */
    scene->rig.webhooks.rules.allows_relative = true;
    scene->rig.config.self_url = str_of(self);
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, "/hooks/own", "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_true(str_starts(scene->inbox.kept[0]->head, STR("POST /hooks/own HTTP/1.1\r\n")));
    assert_true(str_is_none(inbox_header(&scene->inbox, 0, "Authorization")));
    /* Other kinds never. */
    id = sender_rig_add_kind(&scene->rig, "rule", "/hooks/own", "{}");
    ASSERT_STR(sender_rig_wait(&scene->rig, id, DELIVERY_DEAD).state_reason, "refused");
}

/* ---- what becomes of it ---- */

static void every_answer_has_its_end(void **state)
{
    static const struct {
        const char *name;
        struct inbox_reply reply;
        enum delivery_state state;
        const char *reason, *result;
        size_t attempts;
    } cases[] = {
        {"204", {.status = 204}, DELIVERY_DONE, NULL, "delivered", 1},
        {"404", {.status = 404}, DELIVERY_DEAD, "rejected", "rejected", 1},
        {"302",
         {.status = 302, .headers = "Location: /elsewhere\r\n"},
         DELIVERY_DEAD,
         "rejected",
         "rejected",
         1},
        {"410", {.status = 410}, DELIVERY_DEAD, "gone", "gone", 1},
        {"429", {.status = 429}, DELIVERY_DEAD, "exhausted", "busy", 3},
        {"500", {.status = 500}, DELIVERY_DEAD, "exhausted", "server_error", 3},
        {"hang", {.act = INBOX_HANG}, DELIVERY_DEAD, "exhausted", "timeout", 3},
        {"slow", {.delay_ms = 600}, DELIVERY_DEAD, "exhausted", "timeout", 3},
        {"reset", {.act = INBOX_RESET}, DELIVERY_DEAD, "exhausted", "unreachable", 3},
        {"close", {.act = INBOX_CLOSE}, DELIVERY_DEAD, "exhausted", "unreachable", 3},
        {"garbage",
         {.act = INBOX_SEND, .bytes = "220 mail.example ESMTP\r\n"},
         DELIVERY_DEAD,
         "exhausted",
         "server_error",
         3},
    };
    struct scene *scene = *state;

    sender_rig_start(&scene->rig);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct inbox inbox = {.reply = cases[i].reply};
        size_t attempts = 0;
        char url[64];
        int64_t id;

        inbox_open(&inbox, scene->rig.world);
        id = sender_rig_add(&scene->rig, inbox_url(&inbox, "/", url, sizeof(url)), "{}");
        print_message("%s\n", cases[i].name);
        ASSERT_STR(sender_rig_wait(&scene->rig, id, cases[i].state).state_reason, cases[i].reason);
        ASSERT_STR(sender_rig_attempt(&scene->rig, id, cases[i].attempts - 1, &attempts).result,
                   cases[i].result);
        assert_int_equal(attempts, cases[i].attempts);
        assert_int_equal(inbox_count(&inbox), attempts);
        for (size_t j = 0; j < attempts; j++) {
            assert_int_equal(inbox.kept[j]->attempt, j + 1);
            assert_true(str_eq(inbox.kept[j]->webhook_id, inbox.kept[0]->webhook_id));
        }
        inbox_close(&inbox);
    }
}

static void what_the_rules_forbid_is_not_sent(void **state)
{
    struct scene *scene = *state;
    struct attempt_row attempt;
    int64_t id;

    scene->rig.egress.dev = false;
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    ASSERT_STR(sender_rig_wait(&scene->rig, id, DELIVERY_DEAD).state_reason, "refused");
    attempt = sender_rig_attempt(&scene->rig, id, 0, NULL);
    ASSERT_STR(attempt.result, "refused");
    assert_true(str_contains(attempt.detail, STR("loopback")));
    assert_int_equal(inbox_count(&scene->inbox), 0);
}

static struct inbox_reply fail_twice(struct inbox *inbox, const struct inbox_request *request)
{
    (void)inbox;
    return (struct inbox_reply){.status = request->attempt < 3 ? 500 : 200};
}

static void a_receiver_gets_well(void **state)
{
    struct scene *scene = *state;
    int64_t id;

    scene->inbox.decide = fail_twice;
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    assert_int_equal(sender_rig_wait(&scene->rig, id, DELIVERY_DONE).attempts, 3);
}

static struct inbox_reply busy_once(struct inbox *inbox, const struct inbox_request *request)
{
    (void)inbox;
    if (request->attempt > 1)
        return (struct inbox_reply){.status = 200};
    return (struct inbox_reply){.status = 429, .headers = "Retry-After: 1\r\n"};
}

static void retry_after_is_kept(void **state)
{
    struct scene *scene = *state;
    int64_t id;

    scene->inbox.decide = busy_once;
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_in_range(scene->inbox.kept[1]->at_us - scene->inbox.kept[0]->at_us, 990000, 1500000);
}

static void one_that_is_down_comes_up(void **state)
{
    struct scene *scene = *state;
    static struct policy patient;
    struct inbox late = {0};
    char url[64];
    int64_t id;

    patient = sender_rig_policy;
    patient.delay_count = 8;
    for (size_t i = 0; i < patient.delay_count; i++)
        patient.delays_ms[i] = 100;
    scene->rig.config.tuning.policy = &patient;
    inbox_open(&late, scene->rig.world);
    inbox_url(&late, "/", url, sizeof(url));
    inbox_close(&late); /* its port is now closed */
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, url, "{}");
    for (int i = 0; i < 100 && sender_rig_get(&scene->rig, id).attempts < 2; i++)
        sender_rig_sleep(50);
    assert_true(sender_rig_get(&scene->rig, id).attempts >= 2);
    atomic_store(&late.count, 0);
    inbox_open(&late, scene->rig.world);
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    ASSERT_STR(sender_rig_attempt(&scene->rig, id, 0, NULL).result, "unreachable");
    assert_int_equal(inbox_count(&late), 1);
    inbox_close(&late);
}

/* ---- what is counted ---- */

static void a_breaker_is_counted_at_each_move(void **state)
{
    static const struct window_limits limits = {
        .width_start = 1, .width_max = 4, .dead_after = 2, .closed_ms = 50, .closed_ms_max = 50};
    const int64_t before[] = {metric_read(&delivery_breaker_moves, WINDOW_OPEN),
                              metric_read(&delivery_breaker_moves, WINDOW_CLOSED),
                              metric_read(&delivery_breaker_moves, WINDOW_PROBING)};
    struct scene *scene = *state;

    scene->inbox.decide = fail_twice;
    scene->rig.config.tuning.window = &limits;
    sender_rig_start(&scene->rig);
    (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                          DELIVERY_DONE);
    /* Two failures close the window, the probe opens it. */
    assert_int_equal(metric_read(&delivery_breaker_moves, WINDOW_CLOSED) - before[1], 1);
    assert_int_equal(metric_read(&delivery_breaker_moves, WINDOW_PROBING) - before[2], 1);
    assert_int_equal(metric_read(&delivery_breaker_moves, WINDOW_OPEN) - before[0], 1);
}

/* The second request on a connection finds it closed. */
static struct inbox_reply close_the_second(struct inbox *inbox, const struct inbox_request *request)
{
    (void)request;
    return (struct inbox_reply){.act = atomic_load(&inbox->count) == 1 ? INBOX_CLOSE : INBOX_ANSWER,
                                .status = 200};
}

static void what_goes_out_twice_is_counted(void **state)
{
    int64_t before = metric_read(&store_duplicates, DUPLICATE_CONNECTION);
    struct scene *scene = *state;

    scene->inbox.decide = close_the_second;
    sender_rig_start(&scene->rig);
    for (int i = 0; i < 2; i++)
        (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                              DELIVERY_DONE);
    assert_int_equal(inbox_count(&scene->inbox), 3);
    assert_int_equal(metric_read(&store_duplicates, DUPLICATE_CONNECTION) - before, 1);
}

static void looking_up_a_name_is_timed(void **state)
{
    uint64_t before = metric_read_histogram(&delivery_attempt_seconds, 0).count;
    struct scene *scene = *state;
    char url[64];

    snprintf(url, sizeof(url), "http://localhost:%u/", scene->inbox.port);
    sender_rig_start(&scene->rig);
    for (int i = 0; i < 2; i++)
        (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, url, "{}"), DELIVERY_DONE);
    /* Once: the second finds the name and the connection. */
    assert_int_equal(metric_read_histogram(&delivery_attempt_seconds, 0).count - before, 1);
}

static const struct CMUnitTest tests[] = {
    TEST("a delivery arrives with its headers, signed, and is written down", a_delivery_arrives),
    TEST("configured headers belong to run webhooks only", other_kinds_have_no_run_headers),
    TEST("a relative URL goes to our own listener without credentials, for runs only",
         relative_urls_go_to_ourselves),
    TEST("each answer leads to its end", every_answer_has_its_end),
    TEST("what the rules forbid is not sent", what_the_rules_forbid_is_not_sent),
    TEST("a receiver that gets well gets its delivery", a_receiver_gets_well),
    TEST("a Retry-After is waited for", retry_after_is_kept),
    TEST("a receiver that was down gets its delivery when it is up", one_that_is_down_comes_up),
    TEST("4 KB of an answer are kept, or nothing", of_answers_4_kb_are_kept_or_nothing),
    TEST("each move of a breaker is counted", a_breaker_is_counted_at_each_move),
    TEST("what goes out twice on stale connections is counted", what_goes_out_twice_is_counted),
    TEST("looking up a name is timed", looking_up_a_name_is_timed),
};

int main(void)
{
    return SCENE_RUN(tests);
}
