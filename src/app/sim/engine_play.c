/* engine_play.c -- the delivery engine under crashes, a bad network, jumps of the clock and hostile
 * receivers, many thousand times: the laws of its table of states (src/delivery/README.md).
 *
 * Events of all policies are put into the outbox, some are cancelled; the office loses its power in
 * the middle of commits. When all is calm, every event that was acknowledged has exactly one row in
 * a final state, for a reason that its receiver gave; what came was written down before. */
#include "app/sim/image.h"
#include "app/sim/pace.h"
#include "app/sim/scenario.h"
#include "store/outbox.h"

#define LIVES_MAX 5
#define LIFE_US_MAX (4 * US_PER_SECOND)
#define WRITING_US (8 * US_PER_SECOND)
#define DISK_CALLS_MAX 60                             /* until the power fails */
#define LAST_WORD_US (2 * WRITING_US + US_PER_SECOND) /* of who writes and cancels */
#define SLICE_US (600 * US_PER_SECOND)
#define SLICES_MAX (5 * 24 * 6) /* five days: longer than a durable delivery is tried */
#define ANSWER_US_MAX (60 * US_PER_SECOND)
#define PAUSE_US_MAX (3 * 3600 * US_PER_SECOND) /* once all is calm */
#define TENANT STR("default")

struct play {
    struct trial *trial;
    struct office office;
    struct letters letters;
    struct pace pace;
    bool has_pace; /* what is said of instants is asked: pace.h */
    struct receiver receivers[LETTER_ENDPOINTS_MAX];
    size_t endpoint_count;
    size_t open; /* rows that are not final */
    bool is_answered;
    bool is_calm; /* nothing fails any more, and nobody cuts a wait short */
};

/* A letter on its way into the outbox, or out of it. */
struct errand_of {
    struct play *play;
    struct letter *letter;
};

/* ---- writing and cancelling ---- */

static enum err letter_add(struct tx *tx, void *context)
{
    const struct errand_of *of = context;
    const struct letter *letter = of->letter;
    const struct outbox_event event = {
        .tenant = TENANT,
        .kind = STR("run"),
        .object_id = letter->object_id,
        .url = letters_url(tx->arena, letter->endpoint),
        .content_type = STR("application/json"),
        .body = letter->body,
        .policy = letter->policy,
        .ordering_key = letter->ordering_key,
    };

    return outbox_add(tx, &event, NULL);
}

static void on_added(void *context, enum err err)
{
    struct errand_of *of = context;

    if (err)
        return;
    of->letter->is_acknowledged = true;
    /* The worst moment for the power to fail is often right after an answer. */
    if (trial_once_in(of->play->trial, 12) && !of->play->is_calm)
        sim_break(of->play->trial->sim);
}

static enum err letter_cancel(struct tx *tx, void *context)
{
    const struct errand_of *of = context;
    const struct delivery_filter filter = {
        .tenant = TENANT, .object_id = of->letter->object_id, .limit = 1};
    struct delivery_page page;
    enum err err = delivery_search(tx, &filter, tx->arena, &page);

    if (err)
        return err;
    return page.count ? outbox_cancel(tx, TENANT, page.found[0].delivery_id) : ERR_NOT_FOUND;
}

static void on_cancelled(void *context, enum err err)
{
    struct errand_of *of = context;

    if (!err)
        of->letter->cancelled_us = sim_now_us(of->play->trial->sim);
}

static void cancel(void *context)
{
    struct errand_of *of = context;

    of->letter->cancel_asked = true;
    office_do(&of->play->office, true, letter_cancel, on_cancelled, of);
}

static void write_one(void *context)
{
    static const struct str policies[] = {
        {"durable", 7}, {"durable", 7}, {"documented", 10}, {"once", 4}};
    struct play *play = context;
    struct trial *trial = play->trial;
    struct errand_of *of = ARENA_NEW(&trial->arena, struct errand_of);
    size_t endpoint = rng_below(&trial->rng, play->endpoint_count);

    of->play = play;
    of->letter = letters_write(&play->letters, endpoint,
                               policies[rng_below(&trial->rng, ARRAY_LEN(policies))]);
    office_do(&play->office, true, letter_add, on_added, of);
    if (trial_once_in(trial, 6))
        sim_at(trial->sim, sim_now_us(trial->sim) + (int64_t)rng_below(&trial->rng, WRITING_US),
               true, cancel, of);
}

/* ---- the players ---- */

static void receivers_set(struct play *play)
{
    struct trial *trial = play->trial;

    play->endpoint_count = 1 + rng_below(&trial->rng, LETTER_ENDPOINTS_MAX);
    for (size_t i = 0; i < play->endpoint_count; i++) {
        struct receiver *receiver = &play->receivers[i];

        *receiver = (struct receiver){
            .trial = trial,
            .moods = trial_once_in(trial, 4) ? 0
                     : trial_once_in(trial, 4)
                         ? MOODS_PASSING | 1u << MOOD_GONE | 1u << MOOD_REJECTS
                         : MOODS_PASSING,
            .good_of = (unsigned)rng_below(&trial->rng, 10),
            .on_copy = letters_on_copy,
            .context = &play->letters,
        };
        receiver_open(receiver, (struct address){ADDRESS_IPV4, {10, 0, 1, (uint8_t)i}, 80});
    }
}

static void weather_set(struct trial *trial, bool has_pace)
{
    struct sim_faults faults = {
        .connect_refused = 0.1 * rng_unit(&trial->rng),
        .reset = 0.05 * rng_unit(&trial->rng),
        .stall = 0.02 * rng_unit(&trial->rng),
        .short_write = 0.3 * rng_unit(&trial->rng),
        .half_open = rng_unit(&trial->rng),
        .clock_jump = trial_once_in(trial, 3) ? 0.3 : 0,
        .disk_error = trial_once_in(trial, 4) ? 0.002 * rng_unit(&trial->rng) : 0,
        .fsync_error = trial_once_in(trial, 4) ? 0.01 * rng_unit(&trial->rng) : 0,
    };

    if (has_pace)
        faults.stall = faults.clock_jump = 0;
    sim_set_faults(trial->sim, trial_once_in(trial, 4) ? NULL : &faults);
}

static void live_once(struct play *play)
{
    struct trial *trial = play->trial;
    int64_t until_us = sim_now_us(trial->sim) + (int64_t)rng_below(&trial->rng, LIFE_US_MAX);

    weather_set(trial, play->has_pace);
    if (trial_once_in(trial, 2))
        sim_power_fails_after(trial->sim, 1 + (size_t)rng_below(&trial->rng, DISK_CALLS_MAX));
    office_boot(&play->office);
    if (!play->office.has_failed)
        sim_run(trial->sim, until_us);
    office_end(&play->office);
    sim_power_fails_after(trial->sim, 0);
}

/* ---- the account ---- */

/* They go on soon after their endpoint does. */
static enum err count_paused(struct tx *tx, size_t *open)
{
    const struct delivery_filter filter = {
        .tenant = TENANT, .state = STR("held"), .limit = LETTERS_MAX};
    struct delivery_page page;
    enum err err = delivery_search(tx, &filter, tx->arena, &page);

    for (size_t i = 0; !err && i < page.count; i++)
        *open += str_eq(page.found[i].state_reason, STR("paused"));
    return err;
}

static enum err count_open(struct tx *tx, void *context)
{
    struct play *play = context;
    static const char *const states[] = {"due", "sending"};

    play->open = 0;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        const struct delivery_filter filter = {
            .tenant = TENANT, .state = str_of(states[i]), .limit = 1};
        struct delivery_page page;
        enum err err = delivery_search(tx, &filter, tx->arena, &page);

        if (err)
            return err;
        play->open += page.count;
    }
    return count_paused(tx, &play->open);
}

static void row_judge(struct play *play, const struct delivery_row *row,
                      const struct attempt_row *attempts, size_t count)
{
    const struct letter *letter = letters_judge_row(&play->letters, row, attempts, count);

    if (letter)
        pace_note(&play->pace, letter, attempts, count);
}

static enum err judge_rows(struct tx *tx, void *context)
{
    struct play *play = context;
    const struct delivery_filter filter = {.tenant = TENANT, .limit = OUTBOX_LIST_MAX};
    struct arena *arena = &play->trial->arena;
    struct delivery_page page;
    enum err err = delivery_search(tx, &filter, arena, &page);

    for (size_t i = 0; !err && i < page.count; i++) {
        struct attempt_row *attempts;
        size_t count;

        err = attempt_list(tx, TENANT, page.found[i].delivery_id, arena, &attempts, &count);
        if (!err)
            row_judge(play, &page.found[i], attempts, count);
    }
    return err;
}

static void on_answered(void *context, enum err err)
{
    struct play *play = context;

    play->is_answered = !err;
    sim_break(play->trial->sim);
}

static void ask(struct play *play, enum err (*apply)(struct tx *tx, void *context))
{
    struct sim *sim = play->trial->sim;

    play->is_answered = false;
    office_do(&play->office, false, apply, on_answered, play);
    sim_run(sim, sim_now_us(sim) + ANSWER_US_MAX);
    if (!play->is_answered)
        trial_complain(play->trial, "calm weather, and the store does not answer");
}

static void heal(struct play *play)
{
    struct sim *sim = play->trial->sim;

    trial_note(play->trial, "the weather calms");
    play->is_calm = true;
    sim_set_faults(sim, NULL);
    for (size_t i = 0; i < play->endpoint_count; i++)
        play->receivers[i].is_healed = true;
    office_boot(&play->office);
    pace_resume(&play->pace, PAUSE_US_MAX);
    play->open = 1;
    for (int i = 0; i < SLICES_MAX && (play->open > 0 || play->pace.pauses_left > 0) &&
                    !play->office.has_failed;
         i++) {
        sim_run(sim, sim_now_us(sim) + (i == 0 ? LAST_WORD_US : SLICE_US));
        ask(play, count_open);
    }
    if (play->office.has_failed)
        trial_complain(play->trial, "the engine failed in calm weather");
}

static void play_engine(struct trial *trial)
{
    struct play *play = ARENA_NEW(&trial->arena, struct play);
    uint64_t lives = 1 + rng_below(&trial->rng, LIVES_MAX);
    uint64_t letters = 1 + rng_below(&trial->rng, LETTERS_MAX);

    play->trial = trial;
    image_put(trial);
    letters_init(&play->letters, trial);
    office_init(&play->office, trial);
    pace_init(&play->pace, trial, &play->office, &play->letters);
    receivers_set(play);
    play->has_pace = trial_once_in(trial, 2);
    if (play->has_pace) {
        pace_set_up(&play->pace, play->endpoint_count);
        pace_pause(&play->pace, WRITING_US);
    }
    for (uint64_t i = 0; i < letters; i++)
        sim_at(trial->sim, sim_now_us(trial->sim) + (int64_t)rng_below(&trial->rng, WRITING_US),
               true, write_one, play);
    for (uint64_t i = 0; i < lives; i++)
        live_once(play);
    heal(play);
    ask(play, judge_rows);
    letters_judge_rest(&play->letters);
    if (play->has_pace)
        pace_judge(&play->pace);
}

const struct scenario scenario_engine = {"engine", play_engine};
