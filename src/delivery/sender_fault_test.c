/* Tests of the sender when things go wrong: crashes, lost leases, outcomes that cannot be written,
 * origins that hang or fail, stops in the middle, and random receivers. */
#include <stdlib.h>

#include "delivery/sender_rig.h"
#include "store/outbox_claim.h"

#define MANY 40

static const char *postgres_url;

struct scene {
    struct sender_rig rig;
    struct inbox inbox;
    char url[128];
};

static int setup(void **state)
{
    struct scene *scene = test_calloc(1, sizeof(*scene));

    sender_rig_open(&scene->rig, postgres_url);
    inbox_open(&scene->inbox, scene->rig.world);
    inbox_url(&scene->inbox, "/hook", scene->url, sizeof(scene->url));
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    inbox_close(&scene->inbox);
    sender_rig_close(&scene->rig);
    test_free(scene);
    return 0;
}

/* ---- crashes ---- */

struct claiming {
    struct arena *arena;
    struct str node, lane;
    int64_t lease_us;
    size_t count;
};

static enum err apply_claim(struct tx *tx, void *context)
{
    struct claiming *c = context;
    struct outbox_claim_lane rooms[] = {{.lane = c->lane, .room = 10}};
    struct outbox_claim claim = {.node = c->node,
                                 .lease_us = c->lease_us,
                                 .bytes_max = MIB,
                                 .lanes = rooms,
                                 .lane_count = 1};
    struct outbox_claimed *claimed;

    return outbox_claim(tx, &claim, c->arena, &claimed, &c->count);
}

/* As a process does that ends before it settles. */
static void claim_and_die(struct scene *scene, const char *node, int64_t lease_us)
{
    char origin[64], lane[80];
    struct arena arena;
    struct claiming c = {.arena = &arena, .node = str_of(node), .lease_us = lease_us};

    arena_init(&arena);
    inbox_url(&scene->inbox, "", origin, sizeof(origin));
    snprintf(lane, sizeof(lane), "%s t", origin);
    c.lane = str_of(lane);
    assert_int_equal(sender_rig_write(&scene->rig, apply_claim, &c), OK);
    assert_int_equal(c.count, 1);
    arena_release(&arena);
}

static void a_crash_after_the_claim(void **state)
{
    struct scene *scene = *state;
    int64_t id = sender_rig_add(&scene->rig, scene->url, "{}");
    struct delivery_row row;

    claim_and_die(scene, "node-1", 3600 * US_PER_SECOND);
    sender_rig_start(&scene->rig);
    row = sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(row.attempts, 2);
    ASSERT_STR(sender_rig_attempt(&scene->rig, id, 0, NULL).result, "unknown");
    assert_int_equal(inbox_count_of(&scene->inbox, row.webhook_id), 1);
}

static void another_node_dies(void **state)
{
    struct scene *scene = *state;
    int64_t id = sender_rig_add(&scene->rig, scene->url, "{}");

    claim_and_die(scene, "node-2", 400000);
    scene->rig.config.tuning.survey_ms = 100;
    sender_rig_start(&scene->rig);
    sender_rig_sleep(200);
    assert_int_equal(sender_rig_get(&scene->rig, id).state,
                     DELIVERY_SENDING); /* its lease still runs */
    assert_int_equal(sender_rig_wait(&scene->rig, id, DELIVERY_DONE).attempts, 2);
}

static void what_was_there_before(void **state)
{
    struct scene *scene = *state;
    int64_t ids[MANY];

    for (int i = 0; i < MANY; i++)
        ids[i] = sender_rig_add(&scene->rig, scene->url, "{}");
    sender_rig_start(&scene->rig);
    for (int i = 0; i < MANY; i++)
        (void)sender_rig_wait(&scene->rig, ids[i], DELIVERY_DONE);
    assert_int_equal(inbox_count(&scene->inbox), MANY);
}

/* ---- outcomes that cannot be written ---- */

static enum err apply_script(struct tx *tx, void *context)
{
    return db_script(tx->db, context);
}

static void script(struct scene *scene, const char *text)
{
    char copy[256];

    snprintf(copy, sizeof(copy), "%s", text);
    assert_int_equal(sender_rig_write(&scene->rig, apply_script, copy), OK);
}

static void the_log_does_not_stop_the_delivery(void **state)
{
    struct scene *scene = *state;
    struct attempt_row attempt;
    int64_t id;

    script(scene, "CREATE UNIQUE INDEX t ON attempts (response_excerpt)");
    inbox_set_reply(&scene->inbox,
                    (struct inbox_reply){.bytes = "an excerpt that may stand there only once"});
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    attempt = sender_rig_attempt(&scene->rig, id, 0, NULL);
    ASSERT_STR(attempt.result, "delivered");
    assert_true(str_is_none(attempt.excerpt));
    assert_int_equal(inbox_count(&scene->inbox), 2); /* none is sent twice for that */
}

static void outcomes_wait_for_the_store(void **state)
{
    struct scene *scene = *state;
    int64_t id;

    script(scene, "CREATE UNIQUE INDEX t ON attempts (result)");
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    sender_rig_sleep(1500);
    assert_int_equal(sender_rig_get(&scene->rig, id).state, DELIVERY_SENDING);
    script(scene, "DROP INDEX t");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(inbox_count(&scene->inbox), 2);
}

/* ---- origins ---- */

static struct inbox_reply fail_first(struct inbox *inbox, const struct inbox_request *request)
{
    (void)inbox;
    return (struct inbox_reply){.status = request->attempt == 1 ? 500 : 200};
}

static void hanging_ones_hold_up_nobody(void **state)
{
    static struct policy patient;
    struct scene *scene = *state;
    struct inbox *hanging = test_calloc(6, sizeof(*hanging));
    char url[64];

    patient = sender_rig_policy;
    patient.budget.first_byte_ms = patient.budget.total_ms =
        60000; /* so that none of them gives up */
    scene->rig.config.tuning.policy = &patient;
    scene->rig.config.tuning.grace_ms = 50;
    scene->rig.config.tuning.active_max = 32; /* six times eight want in */
    sender_rig_start(&scene->rig);
    (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                          DELIVERY_DONE);
    for (size_t i = 0; i < 6; i++) {
        hanging[i].reply.act = INBOX_HANG;
        inbox_open(&hanging[i], scene->rig.world);
        for (int j = 0; j < MANY; j++)
            (void)sender_rig_add(&scene->rig, inbox_url(&hanging[i], "/", url, sizeof(url)), "{}");
    }
    for (size_t i = 0; i < 6; i++) /* none is kept out */
        while (inbox_count(&hanging[i]) == 0)
            sender_rig_sleep(5);
    /* Half of the places, and one more for each that had none of these. */
    assert_in_range(sender_rig_count(&scene->rig, DELIVERY_SENDING), 16, 16 + 5);
    for (int i = 0; i < MANY; i++)
        (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                              DELIVERY_DONE);
    assert_in_range(sender_rig_count(&scene->rig, DELIVERY_SENDING), 16, 16 + 5);
    sender_rig_stop(&scene->rig);
    sender_rig_retire(&scene->rig, scene->rig.delivery);
    scene->rig.delivery = NULL;
    for (size_t i = 0; i < 6; i++)
        inbox_close(&hanging[i]);
    test_free(hanging);
}

/* However many URLs, deliveries and tenants name one victim: it meets one window. */
static void a_host_meets_one_window(void **state)
{
    static const struct window_limits limits = {
        .width_start = 4, .width_max = 4, .dead_after = 2, .closed_ms = 700, .closed_ms_max = 700};
    static struct policy patient;
    struct scene *scene = *state;
    char path[32], url[128];

    patient = sender_rig_policy;
    patient.budget.first_byte_ms = patient.budget.total_ms = 60000;
    scene->rig.config.tuning.policy = &patient;
    scene->rig.config.tuning.grace_ms = 50;
    scene->rig.config.tuning.window = &limits;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.act = INBOX_HANG});
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof(path), "/hook-%d", i);
        (void)sender_rig_add(&scene->rig, inbox_url(&scene->inbox, path, url, sizeof(url)), "{}");
    }
    sender_rig_start(&scene->rig);
    while (inbox_count(&scene->inbox) < limits.width_max)
        sender_rig_sleep(5);
    sender_rig_sleep(300);
    assert_int_equal(inbox_count(&scene->inbox), limits.width_max);
    sender_rig_stop(&scene->rig);
    sender_rig_retire(&scene->rig, scene->rig.delivery);
    scene->rig.delivery = NULL;
}

/* More destinations than are remembered: all are tried, and a good one beside them too. */
static void crowd(struct scene *scene, const struct policy *policy,
                  const struct window_limits *window)
{
    int64_t ids[MANY];
    char url[64];

    scene->rig.config.tuning = (struct delivery_tuning){
        .policy = policy, .window = window, .lanes_max = 4, .active_max = 2, .survey_ms = 50};
    sender_rig_start(&scene->rig);
    for (int i = 0; i < MANY; i++) {
        snprintf(url, sizeof(url), "http://127.0.2.%d:1/", i + 1);
        ids[i] = sender_rig_add(&scene->rig, url, "{}");
    }
    for (int i = 0, looks = 0; i<MANY; i += sender_rig_get(&scene->rig, ids[i]).attempts> 0) {
        assert_true(looks++ < 4000);
        sender_rig_sleep(2);
    }
    (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                          DELIVERY_DONE);
}

static void those_that_wait_long_leave_room(void **state)
{
    static struct policy slow;

    slow = sender_rig_policy;
    slow.delays_ms[0] = 3600 * MS_PER_SECOND;
    crowd(*state, &slow, NULL);
}

static void those_that_are_closed_leave_room(void **state)
{
    static const struct window_limits limits = {.width_start = 1,
                                                .width_max = 1,
                                                .dead_after = 1,
                                                .closed_ms = 60000,
                                                .closed_ms_max = 60000};

    crowd(*state, &sender_rig_policy, &limits);
}

static void waiting_costs_nothing(void **state)
{
    static struct policy slow;
    struct scene *scene = *state;
    uint64_t works;

    slow = sender_rig_policy;
    slow.delays_ms[0] = 3600 * MS_PER_SECOND;
    scene->rig.config.tuning.policy = &slow;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 500});
    sender_rig_start(&scene->rig);
    (void)sender_rig_add(&scene->rig, scene->url, "{}");
    while (sender_rig_count(&scene->rig, DELIVERY_DUE) == 0 || inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(20);
    sender_rig_sleep(100);
    works = store_stats(scene->rig.store).works;
    sender_rig_sleep(600);
    assert_int_equal(store_stats(scene->rig.store).works, works);
}

static void a_retry_is_on_time(void **state)
{
    static struct policy exact;
    struct scene *scene = *state;
    int64_t id;

    exact = sender_rig_policy;
    exact.delays_ms[0] = 700;
    scene->rig.config.tuning.policy = &exact;
    scene->rig.config.tuning.survey_ms = 3600 * MS_PER_SECOND; /* nothing but its own timer */
    scene->inbox.decide = fail_first;
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_in_range(scene->inbox.kept[1]->at_us - scene->inbox.kept[0]->at_us, 699000, 900000);
}

static void a_dead_one_is_left_alone(void **state)
{
    static const struct window_limits limits = {
        .width_start = 4, .width_max = 4, .dead_after = 2, .closed_ms = 700, .closed_ms_max = 700};
    static struct policy patient;
    struct scene *scene = *state;
    size_t tried;

    patient = sender_rig_policy;
    patient.delay_count = 8;
    for (size_t i = 0; i < patient.delay_count; i++)
        patient.delays_ms[i] = 10;
    for (int i = 0; i < MANY; i++)
        (void)sender_rig_add(&scene->rig, scene->url, "{}");
    scene->rig.config.tuning.policy = &patient;
    scene->rig.config.tuning.window = &limits;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 500});
    sender_rig_start(&scene->rig);
    sender_rig_sleep(400);
    tried = inbox_count(&scene->inbox);
    assert_in_range(tried, 6,
                    12); /* two rounds, and what was under way: the others are put off untried */
    assert_true(sender_rig_count(&scene->rig, DELIVERY_DUE) >= MANY - 6);
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 200});
    sender_rig_wait_all(&scene->rig);
    assert_int_equal(sender_rig_count(&scene->rig, DELIVERY_DONE), MANY);
}

/* ---- stopping ---- */

static void a_stop_gives_back(void **state)
{
    static struct policy patient;
    struct scene *scene = *state;
    struct delivery_row row;
    struct delivery *first;
    int64_t id;

    patient = sender_rig_policy;
    patient.budget.first_byte_ms = patient.budget.total_ms = 60000;
    scene->rig.config.tuning.policy = &patient;
    scene->rig.config.tuning.grace_ms = 200;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.act = INBOX_HANG});
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(5);
    sender_rig_stop(&scene->rig);
    row = sender_rig_get(&scene->rig, id);
    assert_int_equal(row.state, DELIVERY_DUE);
    ASSERT_STR(sender_rig_attempt(&scene->rig, id, 0, NULL).result, "unknown");
    first = scene->rig.delivery;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 200});
    sender_rig_start(&scene->rig);
    row = sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(inbox_count_of(&scene->inbox, row.webhook_id), 2);
    sender_rig_retire(&scene->rig, first);
}

static void a_stop_lets_finish(void **state)
{
    struct scene *scene = *state;
    int64_t id;

    inbox_set_reply(&scene->inbox, (struct inbox_reply){.delay_ms = 150});
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(5);
    sender_rig_stop(&scene->rig);
    assert_int_equal(sender_rig_get(&scene->rig, id).state, DELIVERY_DONE);
    sender_rig_retire(&scene->rig, scene->rig.delivery);
    scene->rig.delivery = NULL;
}

/* ---- anything ---- */

static struct inbox_reply any_reply(struct inbox *inbox, const struct inbox_request *request)
{
    static const struct inbox_reply replies[] = {
        {.status = 200},
        {.status = 200},
        {.status = 204},
        {.status = 500},
        {.status = 503, .headers = "Retry-After: 0\r\n"},
        {.status = 404},
        {.status = 302},
        {.act = INBOX_RESET},
        {.act = INBOX_CLOSE},
        {.act = INBOX_HANG},
        {.delay_ms = 20},
        {.act = INBOX_SEND, .bytes = "HTTP/1.1 200 OK\r\nContent-Len"},
    };

    (void)request;
    return replies[rng_below(loop_rng(inbox->loop), ARRAY_LEN(replies))];
}

static void whatever_receivers_do(void **state)
{
    static const struct window_limits limits = {
        .width_start = 8, .width_max = 16, .dead_after = 3, .closed_ms = 50, .closed_ms_max = 200};
    struct scene *scene = *state;
    struct inbox *inboxes = test_calloc(4, sizeof(*inboxes));
    size_t received = 0;
    char url[64];

    scene->rig.config.tuning.window = &limits;
    scene->rig.config.tuning.active_max = 16;
    sender_rig_start(&scene->rig);
    for (size_t i = 0; i < 4; i++) {
        inboxes[i].decide = any_reply;
        inbox_open(&inboxes[i], scene->rig.world);
    }
    for (int i = 0; i < 5 * MANY; i++)
        (void)sender_rig_add(&scene->rig, inbox_url(&inboxes[i % 4], "/", url, sizeof(url)), "{}");
    sender_rig_wait_all(&scene->rig);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < inbox_count(&inboxes[i]); j++)
            assert_in_range(inboxes[i].kept[j]->attempt, 1, 3);
        received += inbox_count(&inboxes[i]);
        inbox_close(&inboxes[i]);
    }
    test_free(inboxes);
    assert_int_equal(sender_rig_count(&scene->rig, DELIVERY_DONE) +
                         sender_rig_count(&scene->rig, DELIVERY_DEAD),
                     5 * MANY);
    assert_in_range(received, 5 * MANY, 15 * MANY);
}

static const struct CMUnitTest tests[] = {
    TEST("after a crash between claim and settle it is sent again under the same id",
         a_crash_after_the_claim),
    TEST("what a dead node was sending is sent when its lease has ended", another_node_dies),
    TEST("what was due before the start is found", what_was_there_before),
    TEST("what the log cannot hold does not stop the delivery", the_log_does_not_stop_the_delivery),
    TEST("an outcome that cannot be written waits, and nothing is sent twice",
         outcomes_wait_for_the_store),
    TEST("origins that hang hold up nobody else", hanging_ones_hold_up_nobody),
    TEST("many endpoints of one host share its window", a_host_meets_one_window),
    TEST("more destinations that wait long than are remembered keep out nobody",
         those_that_wait_long_leave_room),
    TEST("more failing origins than are remembered keep out nobody",
         those_that_are_closed_leave_room),
    TEST("a delivery that waits for its time costs nothing", waiting_costs_nothing),
    TEST("a retry is on time", a_retry_is_on_time),
    TEST("an origin that fails is left alone, and its deliveries wait untried",
         a_dead_one_is_left_alone),
    TEST("a stop makes due again what is under way too long", a_stop_gives_back),
    TEST("a stop lets what is under way finish", a_stop_lets_finish),
    TEST("whatever receivers do, every delivery comes to its end", whatever_receivers_do),
};

static int run(const char *name)
{
    struct CMUnitTest with_scene[ARRAY_LEN(tests)];

    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        with_scene[i] = tests[i];
        with_scene[i].setup_func = setup;
        with_scene[i].teardown_func = teardown;
    }
    return cmocka_run_group_tests_name(name, with_scene, NULL, NULL);
}

int main(void)
{
    int failed = run("sqlite");

    postgres_url = getenv("RUNBELL_TEST_POSTGRES");
    if (postgres_url)
        failed += run("postgres");
    return failed;
}
