/* Tests of the sender's origins: how much is under way to one, and what one that hangs, fails or is
 * slow does to the others. */
#include "delivery/sender_scene.h"

#define MANY 40

/* ---- places ---- */

static void hanging_ones_hold_up_nobody(void **state)
{
    struct scene *scene = *state;
    struct inbox *hanging = test_calloc(6, sizeof(*hanging));
    char url[64];

    sender_rig_be_patient(&scene->rig, 60000); /* so that none of them gives up */
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
    scene_retire(scene);
    for (size_t i = 0; i < 6; i++)
        inbox_close(&hanging[i]);
    test_free(hanging);
}

/* Sixteen may be under way to this origin, and all of them would fit in but for their size. */
static void bodies_have_room_for_so_many(void **state)
{
    static char body[60 * KIB];
    struct scene *scene = *state;

    memset(body, ' ', sizeof(body) - 1);
    memcpy(body, "{}", 2);
    sender_rig_be_patient(&scene->rig, 60000);
    scene->rig.config.tuning.grace_ms = 50;
    scene->rig.config.tuning.bytes_max = 100 * KIB;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.act = INBOX_HANG});
    for (int i = 0; i < 10; i++)
        (void)sender_rig_add(&scene->rig, scene->url, body);
    sender_rig_start(&scene->rig);
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(5);
    sender_rig_sleep(200);
    assert_in_range(sender_rig_count(&scene->rig, DELIVERY_SENDING), 1, 2);
    scene_retire(scene);
}

/* It has answered well, but not so fast that what waits for it here would not wait better there. */
static void a_slow_origin_is_not_claimed_ahead_for(void **state)
{
    static const struct window_limits limits = {
        .width_start = 2, .width_max = 2, .dead_after = 2, .closed_ms = 700, .closed_ms_max = 700};
    struct scene *scene = *state;
    size_t most = 0;

    scene->rig.config.tuning.window = &limits;
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.delay_ms = 150});
    sender_rig_start(&scene->rig);
    (void)sender_rig_wait(&scene->rig, sender_rig_add(&scene->rig, scene->url, "{}"),
                          DELIVERY_DONE);
    for (int i = 0; i < 12; i++)
        (void)sender_rig_add(&scene->rig, scene->url, "{}");
    while (!sender_rig_is_done(&scene->rig)) {
        size_t now = sender_rig_count(&scene->rig, DELIVERY_SENDING);

        most = now > most ? now : most;
        sender_rig_sleep(20);
    }
    /* Two, and two whose outcome is just being written. */
    assert_in_range(most, 1, 4);
}

static struct inbox_reply answer_six(struct inbox *inbox, const struct inbox_request *request)
{
    (void)request;
    return (struct inbox_reply){.status = atomic_load(&inbox->count) < 6 ? 200 : 500,
                                .delay_ms = 5};
}

static void what_was_claimed_ahead_is_given_back(void **state)
{
    static const struct window_limits limits = {.width_start = 2,
                                                .width_max = 2,
                                                .dead_after = 1,
                                                .closed_ms = 60000,
                                                .closed_ms_max = 60000};
    struct scene *scene = *state;

    scene->rig.config.tuning.window = &limits;
    scene->inbox.decide = answer_six;
    for (int i = 0; i < MANY; i++)
        (void)sender_rig_add(&scene->rig, scene->url, "{}");
    sender_rig_start(&scene->rig);
    while (inbox_count(&scene->inbox) <= 6)
        sender_rig_sleep(1);
    for (int i = 0; sender_rig_count(&scene->rig, DELIVERY_SENDING) > 0; i++) {
        assert_true(i < 500);
        sender_rig_sleep(10);
    }
    assert_in_range(sender_rig_count(&scene->rig, DELIVERY_DUE), MANY - 10, MANY - 6);
}

/* However many URLs, deliveries and tenants name one victim: it meets one window. */
static void a_host_meets_one_window(void **state)
{
    static const struct window_limits limits = {
        .width_start = 4, .width_max = 4, .dead_after = 2, .closed_ms = 700, .closed_ms_max = 700};
    struct scene *scene = *state;
    char path[32], url[128];

    sender_rig_be_patient(&scene->rig, 60000);
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
    scene_retire(scene);
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

/* Tenants of one origin, which is well: it has answered, and is asked again in an hour. */
static void lanes_that_wait_long_leave_room(void **state)
{
    static struct policy patient;
    struct scene *scene = *state;
    char tenant[8];

    patient = sender_rig_policy;
    patient.retries |= SCHEDULE_RETRIES(RESULT_REJECTED);
    patient.delays_ms[0] = 3600 * MS_PER_SECOND;
    scene->rig.config.tuning = (struct delivery_tuning){
        .policy = &patient, .lanes_max = 4, .active_max = 2, .survey_ms = 50};
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 404});
    sender_rig_start(&scene->rig);
    for (size_t i = 1; i <= 12; i++) {
        snprintf(tenant, sizeof(tenant), "t%zu", i);
        (void)scene_add(scene, (struct outbox_event){.tenant = str_of(tenant)});
        for (int waited = 0; inbox_count(&scene->inbox) < i; waited++) {
            assert_true(waited < 500);
            sender_rig_sleep(10);
        }
    }
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

static const struct CMUnitTest tests[] = {
    TEST("origins that hang hold up nobody else", hanging_ones_hold_up_nobody),
    TEST("no more bodies are in memory than there is room for", bodies_have_room_for_so_many),
    TEST("a slow origin is not claimed ahead for", a_slow_origin_is_not_claimed_ahead_for),
    TEST("what was claimed ahead for an origin that fails is given back",
         what_was_claimed_ahead_is_given_back),
    TEST("many endpoints of one host share its window", a_host_meets_one_window),
    TEST("more destinations that wait long than are remembered keep out nobody",
         those_that_wait_long_leave_room),
    TEST("more tenants of one origin that wait long than are remembered keep out nobody",
         lanes_that_wait_long_leave_room),
    TEST("more failing origins than are remembered keep out nobody",
         those_that_are_closed_leave_room),
    TEST("an origin that fails is left alone, and its deliveries wait untried",
         a_dead_one_is_left_alone),
};

int main(void)
{
    return SCENE_RUN(tests);
}
