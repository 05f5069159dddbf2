/* Tests of what the sender makes of an endpoint: its secrets, its order and places, that it is
 * gone, and that it shares its origin with others. */
#include "base/mem.h"
#include "crypto/webhook_signature.h"
#include "delivery/delivery_metrics.h"
#include "delivery/sender_priv.h"
#include "delivery/sender_scene.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define IN_A_ROW 12

static const struct secret key_of_its_own = {
    .kind = SECRET_SIGNING_KEY,
    .secret_id = {"k1", 2},
    .name = {"hmac", 4},
    .value = {SECRET, sizeof(SECRET) - 1},
};

/* Nothing but hints and timers: no survey finds what they forgot. */
static void start_without_surveys(struct scene *scene)
{
    scene->rig.config.tuning.survey_ms = 3600 * MS_PER_SECOND;
    sender_rig_start(&scene->rig);
}

/* ---- secrets ---- */

static void assert_signed(struct scene *scene, size_t index)
{
    struct webhook_message message = {.id = scene->inbox.kept[index]->webhook_id,
                                      .body = scene->inbox.kept[index]->body};
    struct webhook_key key;
    const char *why = "";

    assert_int_equal(webhook_key_init(&key, STR(SECRET), &why), OK);
    assert_int_equal(
        str_to_i64(inbox_header(&scene->inbox, index, "webhook-timestamp"), &message.timestamp_s),
        OK);
    assert_true(webhook_signature_verifies(inbox_header(&scene->inbox, index, "webhook-signature"),
                                           &key, 1, &message));
    webhook_key_release(&key);
}

static void its_own_key_signs(void **state)
{
    struct scene *scene = *state;

    scene_put_secret(scene, &key_of_its_own);
    sender_rig_start(&scene->rig);
    (void)sender_rig_wait(&scene->rig, scene_add(scene, (struct outbox_event){0}), DELIVERY_DONE);
    assert_signed(scene, 0);
}

static void change_keys(struct keyring *keyring)
{
    struct keyring_keys others = {.count = 0};

    assert_int_equal(keyring_keys_add(&others), OK);
    assert_true(keyring_replace(keyring, &others));
}

static void without_its_secrets_nothing_is_sent(void **state)
{
    struct scene *scene = *state;
    struct endpoint_row endpoint;
    int64_t id;

    scene_put_secret(scene, &key_of_its_own);
    change_keys(scene->rig.keyring);
    start_without_surveys(scene);
    id = scene_add(scene, (struct outbox_event){0});
    for (int i = 0; i < 1000 && scene_endpoint_of(scene, id).state == ENDPOINT_ACTIVE; i++)
        sender_rig_sleep(10);
    endpoint = scene_endpoint_of(scene, id);
    assert_int_equal(endpoint.state, ENDPOINT_UNREADABLE);
    assert_int_equal(sender_rig_get(&scene->rig, id).attempts, 0);
    assert_int_equal(inbox_count(&scene->inbox), 0);
}

/* Where the secret of the attempt under way lies in memory. */
static void find_secret(struct delivery *d, void *context)
{
    const struct attempt *a;

    REQUIRE(!list_is_empty(&d->sending));
    a = LIST_ITEM(d->sending.next, struct attempt, node);
    *(struct str *)context = secrets_find(&a->row.secrets, SECRET_SIGNING_KEY, STR("k1"))->value;
}

/* The memory is still the attempt's, for the next one. */
static void look_at_what_is_left(struct delivery *d, void *context)
{
    struct str *secret = context;

    REQUIRE(d->spare_count == 1);
    assert_null(LIST_ITEM(d->spare.next, struct attempt, node)->keys);
    assert_false(str_contains(*secret, STR("MfKQ9r8GKYqrTwjU")));
    *secret = STR_NONE;
}

static void secrets_of_what_has_ended_are_overwritten(void **state)
{
    struct scene *scene = *state;
    struct str secret = STR_NONE;
    int64_t id;

    scene_put_secret(scene, &key_of_its_own);
    inbox_set_reply(&scene->inbox, (struct inbox_reply){.delay_ms = 200});
    sender_rig_start(&scene->rig);
    id = scene_add(scene, (struct outbox_event){0});
    while (inbox_count(&scene->inbox) == 0)
        sender_rig_sleep(1);
    scene_look(scene, find_secret, &secret);
    ASSERT_STR(secret, SECRET);
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    scene_look(scene, look_at_what_is_left, &secret);
    assert_true(str_is_none(secret));
}

/* ---- sent once more, somewhere else ---- */

static enum err apply_resend(struct tx *tx, void *context)
{
    struct outbox_again *again = context;

    return outbox_resend(tx, again, &again->delivery_id);
}

static void what_goes_elsewhere_takes_nothing_along(void **state)
{
    static const struct http_header headers[] = {{{"X-Environment", 13}, {"production", 10}}};
    struct scene *scene = *state;
    struct outbox_again again = {.tenant = STR("t"), .class = DELIVERY_REPLAY};
    char url[64];

    scene_put_secret(scene, &key_of_its_own);
    scene->rig.webhooks.headers = headers;
    scene->rig.webhooks.header_count = 1;
    sender_rig_start(&scene->rig);
    again.delivery_id = scene_add(scene, (struct outbox_event){0});
    again.url = str_of(inbox_url(&scene->inbox, "/elsewhere", url, sizeof(url)));
    (void)sender_rig_wait(&scene->rig, again.delivery_id, DELIVERY_DONE);
    assert_int_equal(sender_rig_write(&scene->rig, apply_resend, &again), OK);
    (void)sender_rig_wait(&scene->rig, again.delivery_id, DELIVERY_DONE);
    ASSERT_STR(inbox_header(&scene->inbox, 0, "X-Environment"), "production");
    assert_signed(scene, 0);
    assert_true(str_starts(scene->inbox.kept[1]->head, STR("POST /elsewhere ")));
    assert_true(str_is_none(inbox_header(&scene->inbox, 1, "X-Environment")));
    assert_true(str_is_none(inbox_header(&scene->inbox, 1, "webhook-signature")));
}

/* ---- order and places ---- */

static void add_in_a_row(struct scene *scene, struct str ordering_key, int64_t ids[IN_A_ROW])
{
    for (int i = 0; i < IN_A_ROW; i++)
        ids[i] = scene_add(scene, (struct outbox_event){.ordering_key = ordering_key});
}

static void the_next_of_a_key_does_not_wait_for_a_survey(void **state)
{
    struct scene *scene = *state;
    int64_t ids[IN_A_ROW];

    scene_make_endpoint(scene, (struct endpoint_row){.is_fifo = true});
    start_without_surveys(scene);
    add_in_a_row(scene, STR("key"), ids);
    for (int i = 0; i < IN_A_ROW; i++) {
        struct str id = sender_rig_wait(&scene->rig, ids[i], DELIVERY_DONE).webhook_id;

        assert_true(str_eq(scene->inbox.kept[i]->webhook_id, id));
    }
}

static void the_next_of_few_places_does_not_wait_for_a_survey(void **state)
{
    struct scene *scene = *state;
    int64_t ids[IN_A_ROW];

    scene_make_endpoint(scene, (struct endpoint_row){.in_flight_max = 1});
    start_without_surveys(scene);
    add_in_a_row(scene, STR_NONE, ids);
    for (int i = 0; i < IN_A_ROW; i++)
        (void)sender_rig_wait(&scene->rig, ids[i], DELIVERY_DONE);
}

/* Others are under way, so outcomes would wait for theirs, or for the next claim. */
static void an_ordered_outcome_waits_for_no_company(void **state)
{
    struct scene *scene = *state;
    struct inbox hanging = {.reply = {.act = INBOX_HANG}};
    int64_t ids[IN_A_ROW], least_us = INT64_MAX;
    char url[64];

    sender_rig_be_patient(&scene->rig, 60000);
    scene->rig.config.tuning.grace_ms = 50;
    scene->rig.config.tuning.share_ms = 4000;
    scene_make_endpoint(scene, (struct endpoint_row){.is_fifo = true});
    inbox_open(&hanging, scene->rig.world);
    start_without_surveys(scene);
    (void)sender_rig_add(&scene->rig, inbox_url(&hanging, "/", url, sizeof(url)), "{}");
    while (inbox_count(&hanging) == 0)
        sender_rig_sleep(1);
    add_in_a_row(scene, STR("key"), ids);
    (void)sender_rig_wait(&scene->rig, ids[IN_A_ROW - 1], DELIVERY_DONE);
    for (int i = 1; i < IN_A_ROW; i++) {
        int64_t gap_us = scene->inbox.kept[i]->at_us - scene->inbox.kept[i - 1]->at_us;

        least_us = gap_us < least_us ? gap_us : least_us;
    }
    assert_in_range(least_us, 0, 2000000);
    scene_retire(scene);
    inbox_close(&hanging);
}

/* ---- one among others ---- */

static void one_that_is_gone_is_disabled(void **state)
{
    struct scene *scene = *state;
    int64_t id;

    inbox_set_reply(&scene->inbox, (struct inbox_reply){.status = 410});
    sender_rig_start(&scene->rig);
    id = scene_add(scene, (struct outbox_event){0});
    ASSERT_STR(sender_rig_wait(&scene->rig, id, DELIVERY_DEAD).state_reason, "gone");
    assert_int_equal(scene_endpoint_of(scene, id).state, ENDPOINT_DISABLED);
    ASSERT_STR(scene_endpoint_of(scene, id).state_reason, "gone");
}

/* Of one origin: run webhooks must not go there, alerts may. */
static void what_is_refused_says_nothing_of_the_origin(void **state)
{
    static const struct window_limits limits = {.width_start = 1,
                                                .width_max = 1,
                                                .dead_after = 1,
                                                .closed_ms = 60000,
                                                .closed_ms_max = 60000};
    struct scene *scene = *state;
    int64_t id;

    scene->rig.webhooks.rules = (struct target_rules){.has_url_block = true, .require_https = true};
    scene->rig.config.tuning.window = &limits;
    sender_rig_start(&scene->rig);
    for (int i = 0; i < 3; i++) {
        id = scene_add(scene, (struct outbox_event){0});
        ASSERT_STR(sender_rig_wait(&scene->rig, id, DELIVERY_DEAD).state_reason, "refused");
    }
    id = scene_add(scene, (struct outbox_event){.kind = STR("alert")});
    (void)sender_rig_wait(&scene->rig, id, DELIVERY_DONE);
    assert_int_equal(inbox_count(&scene->inbox), 1);
}

static const struct CMUnitTest tests[] = {
    TEST("an endpoint's own key signs", its_own_key_signs),
    TEST("nothing is sent to an endpoint whose secrets cannot be opened",
         without_its_secrets_nothing_is_sent),
    TEST("the secrets of an attempt that has ended are overwritten",
         secrets_of_what_has_ended_are_overwritten),
    TEST("what is sent to another URL takes no headers and keys of the first along",
         what_goes_elsewhere_takes_nothing_along),
    TEST("the next of an ordering key does not wait for a survey",
         the_next_of_a_key_does_not_wait_for_a_survey),
    TEST("the next of an endpoint with one place does not wait for a survey",
         the_next_of_few_places_does_not_wait_for_a_survey),
    TEST("the outcome of an ordered one is written at once",
         an_ordered_outcome_waits_for_no_company),
    TEST("an endpoint that is gone is disabled", one_that_is_gone_is_disabled),
    TEST("what the rules refuse says nothing about its origin",
         what_is_refused_says_nothing_of_the_origin),
};

int main(void)
{
    return SCENE_RUN(tests);
}
