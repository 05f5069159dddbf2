/* Tests of the sender's time: leases, expiry, sleep, retries, and hints that come at the wrong
 * moment. */
#include "delivery/sender_priv.h"
#include "delivery/sender_scene.h"

#define LANE_SLEEP_MS_MAX 60000 /* as in sender_lane.c */

/* ---- leases ---- */

/* All commits take longer than the lease leaves, so each attempt would outlive it. What is told as
 * an attempt's start is its claim. */
static void an_attempt_ends_before_its_lease(void **state)
{
    const struct http_budget *budget = &sender_rig_policy.budget;
    const int64_t spare_ms = 100;
    struct scene *scene = *state;
    struct attempt_row attempt;
    struct jam *jam;
    int64_t id;

    scene->rig.config.tuning.lease_ms = budget->total_ms + budget->body_ms + SETTLE_MS + spare_ms;
    sender_rig_start(&scene->rig);
    id = scene_add(scene, (struct outbox_event){0}); /* once, so that all is connected */
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    jam = scene_jam(scene, 2 * spare_ms);
    id = scene_add(scene, (struct outbox_event){0});
    sender_rig_sleep(8 * spare_ms);
    assert_int_equal(inbox_count(&scene->inbox), 1);
    jam_end(jam);
    assert_int_equal(sender_rig_wait(&scene->rig, id, DELIVERY_DONE).attempts, 1);
    attempt = sender_rig_attempt(&scene->rig, id, 0, NULL);
    assert_in_range(attempt.ended_us - attempt.total_us - attempt.started_us, 0,
                    spare_ms * US_PER_MS);
}

/* ---- expiry ---- */

static void a_try_after_the_expiry_is_not_waited_for(void **state)
{
    static struct policy slow;
    struct scene *scene = *state;
    struct delivery_row row;

    slow = sender_rig_policy;
    slow.delays_ms[0] = 3600 * MS_PER_SECOND;
    scene->rig.config.tuning.policy = &slow;
    scene_make_endpoint(scene, (struct endpoint_row){.expires_after_s = 1800});
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 500});
    sender_rig_start(&scene->rig);
    row = sender_rig_wait(&scene->rig, scene_add(scene, (struct outbox_event){0}), DELIVERY_DEAD);
    ASSERT_STR(row.state_reason, "expired");
    assert_int_equal(row.attempts, 1);
}

/* ---- sleep ---- */

static void look_at_sleep(struct delivery *d, void *context)
{
    size_t position = 0;
    struct str name;
    void *value;

    while (map_next(&d->lanes, &position, &name, &value)) {
        const struct lane *lane = value;

        if (timer_is_running(&lane->timer))
            *(int64_t *)context = lane->timer.due_ms - loop_mono_ms(d->loop);
    }
}

/* It would be slept through if the wall clock jumped meanwhile. */
static void a_far_time_is_looked_at_again(void **state)
{
    static struct policy slow;
    struct scene *scene = *state;
    int64_t sleeps_ms = 0;

    slow = sender_rig_policy;
    slow.delays_ms[0] = 3600 * MS_PER_SECOND;
    scene->rig.config.tuning.policy = &slow;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 500});
    sender_rig_start(&scene->rig);
    (void)scene_add(scene, (struct outbox_event){0});
    for (int i = 0; i < 1000 && sleeps_ms < MS_PER_SECOND; i++) { /* it naps before */
        sender_rig_sleep(10);
        scene_look(scene, look_at_sleep, &sleeps_ms);
    }
    assert_in_range(sleeps_ms, LANE_SLEEP_MS_MAX / 2, LANE_SLEEP_MS_MAX);
}

/* ---- retries ---- */

static struct inbox_reply fail_the_first(struct inbox *inbox, const struct inbox_request *request)
{
    (void)request;
    return (struct inbox_reply){.status = atomic_load(&inbox->count) == 0 ? 500 : 200};
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
    scene->inbox.decide = fail_the_first;
    sender_rig_start(&scene->rig);
    id = sender_rig_add(&scene->rig, scene->url, "{}");
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_in_range(scene->inbox.kept[1]->at_us - scene->inbox.kept[0]->at_us, 699000, 900000);
}

/* ---- hints ---- */

/* With PostgreSQL another node may tell of a delivery that a claim under way has not seen. Here: a
 * work that takes long, and only hints; behind it the claim of a retry that has become due
 * meanwhile; and in one commit with the claim, after it, a delivery that nobody hints at. */
struct untimely {
    struct store_work hint, addition;
    struct store *store;
    struct scene *scene;
    atomic_llong delivery_id;
};

static enum err apply_addition(struct tx *tx, struct store_work *work)
{
    struct untimely *u = CONTAINER_OF(work, struct untimely, addition);
    struct outbox_event event = {.tenant = STR("t"),
                                 .kind = STR("run"),
                                 .object_id = STR("later"),
                                 .url = str_of(u->scene->url),
                                 .content_type = STR("a/b"),
                                 .body = STR("{}"),
                                 .policy = STR("durable")};
    struct tx_note *notes = tx->notes;
    int64_t id = 0;
    enum err err;

    tx->notes = NULL;
    err = outbox_add_one(tx, &event, &id);
    tx->notes = notes;
    atomic_store(&u->delivery_id, id);
    return err;
}

static enum err apply_hint(struct tx *tx, struct store_work *work)
{
    struct untimely *u = CONTAINER_OF(work, struct untimely, hint);
    char origin[64], lane[80];

    sender_rig_sleep(400);
    inbox_url(&u->scene->inbox, "", origin, sizeof(origin));
    snprintf(lane, sizeof(lane), "%s t", origin);
    tx_notify(tx, TOPIC_DELIVERY_DUE, str_of(lane));
    store_write(u->store, &u->addition);
    return OK;
}

static void ignore(struct store_work *work, enum err err)
{
    (void)work;
    REQUIRE(!err);
}

static void a_hint_during_a_claim_is_heard(void **state)
{
    static struct policy policy;
    struct scene *scene = *state;
    struct untimely u = {.hint = {.apply = apply_hint, .done = ignore},
                         .addition = {.apply = apply_addition, .done = ignore, .class = STORE_BULK},
                         .store = scene->rig.store,
                         .scene = scene};

    policy = sender_rig_policy;
    policy.delays_ms[0] = 400;
    scene->rig.config.tuning.policy = &policy;
    scene->rig.config.tuning.survey_ms = 3600 * MS_PER_SECOND;
    scene->inbox.decide = fail_the_first;
    sender_rig_start(&scene->rig);
    (void)scene_add(scene, (struct outbox_event){0});
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(1);
    sender_rig_sleep(200);
    store_write(u.store, &u.hint);
    while (atomic_load(&u.delivery_id) == 0)
        sender_rig_sleep(10);
    (void)sender_rig_wait(&scene->rig, atomic_load(&u.delivery_id), DELIVERY_DONE);
}

static const struct CMUnitTest tests[] = {
    TEST("an attempt that would outlive its lease is not begun", an_attempt_ends_before_its_lease),
    TEST("a delivery whose next try comes after its expiry is given up at once",
         a_try_after_the_expiry_is_not_waited_for),
    TEST("a far time is looked at again each minute", a_far_time_is_looked_at_again),
    TEST("a delivery that waits for its time costs nothing", waiting_costs_nothing),
    TEST("a retry is on time", a_retry_is_on_time),
    TEST("a hint during a claim is heard", a_hint_during_a_claim_is_heard),
};

int main(void)
{
    return SCENE_RUN(tests);
}
