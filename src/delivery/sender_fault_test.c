/* Tests of the sender when things go wrong: crashes, lost leases, outcomes that cannot be written,
 * stops in the middle, and random receivers. */
#include "delivery/sender_scene.h"
#include "store/outbox_claim.h"

#define MANY 40
#define PATIENT_MS 1500 /* where attempts are counted: a machine that is busy is no timeout */

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

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
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

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
    claim_and_die(scene, "node-2", 1500 * US_PER_MS);
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

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
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

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
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

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
    script(scene, "CREATE UNIQUE INDEX t ON attempts (result)");
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    while (inbox_count(&scene->inbox) < 2)
        sender_rig_sleep(5);
    sender_rig_sleep(1500);
    assert_int_equal(sender_rig_get(&scene->rig, id).state, DELIVERY_SENDING);
    script(scene, "DROP INDEX t");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(inbox_count(&scene->inbox), 2);
}

/* It can never be written, nor can what is written in one go with it. */
static void one_outcome_does_not_stop_the_others(void **state)
{
    struct scene *scene = *state;
    int64_t odd, other;

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
    script(scene, "CREATE UNIQUE INDEX t ON attempts (status)");
    scene->rig.config.tuning.lease_ms = 4000;
    scene->rig.config.tuning.survey_ms = 100;
    sender_rig_start(&scene->rig);
    (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                          DELIVERY_DONE);
    odd = sender_rig_add(&scene->rig, scene->url, "{}");
    while (inbox_count(&scene->inbox) < 2)
        sender_rig_sleep(5);
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 204});
    other = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, other, DELIVERY_DONE);
    assert_int_equal(sender_rig_get(&scene->rig, odd).state, DELIVERY_SENDING);
    script(scene, "DROP INDEX t");
    (void)sender_rig_wait(&scene->rig, odd, DELIVERY_DONE); /* when its lease has ended */
}

/* ---- stopping ---- */

static void a_stop_gives_back(void **state)
{
    struct scene *scene = *state;
    struct delivery_row row;
    int64_t id;

    sender_rig_be_patient(&scene->rig, 60000);
    scene->rig.config.tuning.grace_ms = 200;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.act = INBOX_HANG});
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(5);
    scene_retire(scene);
    row = sender_rig_get(&scene->rig, id);
    assert_int_equal(row.state, DELIVERY_DUE);
    ASSERT_STR(sender_rig_attempt(&scene->rig, id, 0, NULL).result, "unknown");
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 200});
    sender_rig_start(&scene->rig);
    row = sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(inbox_count_of(&scene->inbox, row.webhook_id), 2);
}

static void a_stop_lets_finish(void **state)
{
    struct scene *scene = *state;
    int64_t id;

    sender_rig_be_patient(&scene->rig, PATIENT_MS);
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.delay_ms = 150});
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(5);
    scene_retire(scene);
    assert_int_equal(sender_rig_get(&scene->rig, id).state, DELIVERY_DONE);
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
    TEST("an outcome that can never be written does not stop the others",
         one_outcome_does_not_stop_the_others),
    TEST("a stop makes due again what is under way too long", a_stop_gives_back),
    TEST("a stop lets what is under way finish", a_stop_lets_finish),
    TEST("whatever receivers do, every delivery comes to its end", whatever_receivers_do),
};

int main(void)
{
    return SCENE_RUN(tests);
}
