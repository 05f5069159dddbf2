/* letters.c -- the delivery engine's ledger. */
#include "app/sim/letters.h"

#include "base/json.h"

/* A request on a connection that the receiver closed meanwhile is sent once more (http/client.h).
 */
#define COPIES_OF_ATTEMPT_MAX 2
/* What was under way when its delivery was cancelled may still arrive: its budget, and a stall. */
#define LAST_ATTEMPT_US (180 * US_PER_SECOND)
#define DURABLE_ATTEMPTS 11
#define ORDERING_KEYS 2

struct str letters_url(struct arena *arena, size_t endpoint)
{
    return arena_printf(arena, "http://10.0.1.%zu/%zu", endpoint, endpoint);
}

void letters_init(struct letters *letters, struct trial *trial)
{
    *letters = (struct letters){.trial = trial};
}

struct letter *letters_write(struct letters *letters, size_t endpoint, struct str policy)
{
    struct letter *letter = &letters->list[letters->count];
    struct arena *arena = &letters->trial->arena;

    REQUIRE(letters->count < LETTERS_MAX);
    *letter = (struct letter){
        .number = letters->count++,
        .endpoint = endpoint,
        .policy = policy,
    };
    letter->ordering_key =
        arena_printf(arena, "key-%d", (int)rng_below(&letters->trial->rng, ORDERING_KEYS));
    letter->object_id = arena_printf(arena, "object-%zu", letter->number);
    letter->body = arena_printf(arena, "{\"letter\":%zu}", letter->number);
    return letter;
}

/* ---- what the receivers get ---- */

static void note_instants(struct letter *letter, const struct copy *copy, int64_t now_us)
{
    letter->first_us = letter->first_us ? letter->first_us : now_us;
    /* One that is older than what has come already was on its way when its sender was killed. */
    if (copy->attempt >= letter->newest_attempt) {
        letter->newest_attempt = copy->attempt;
        letter->last_us = now_us;
    }
    if (copy->attempt < 1 || copy->attempt > LETTER_ATTEMPTS_MAX)
        return;
    letter->copies[copy->attempt]++;
    letter->retry_after_s[copy->attempt] = copy->retry_after_s;
    if (!letter->came_us[copy->attempt])
        letter->came_us[copy->attempt] = now_us;
}

static struct letter *letter_of(struct letters *letters, const struct copy *copy)
{
    const struct json *body = NULL;
    int64_t number = -1;

    if (!json_parse(&letters->trial->arena, copy->body, &body, NULL))
        number = json_i64(json_get(body, "letter"), -1);
    if (number >= 0 && (size_t)number < letters->count)
        return &letters->list[number];
    trial_complain(letters->trial, "a receiver got what nobody sent: %.*s", STR_ARG(copy->body));
    return NULL;
}

static void copy_judge(struct letters *letters, const struct letter *letter,
                       const struct copy *copy)
{
    struct trial *trial = letters->trial;
    int64_t place = copy->target.len > 0 ? copy->target.data[copy->target.len - 1] - '0' : -1;

    if (!str_eq(copy->body, letter->body) || place != (int64_t)letter->endpoint)
        trial_complain(trial, "letter %zu came to %.*s as %.*s", letter->number,
                       STR_ARG(copy->target), STR_ARG(copy->body));
    if (!str_is_none(letter->webhook_id) && !str_eq(letter->webhook_id, copy->webhook_id))
        trial_complain(trial, "letter %zu has two ids: %.*s, %.*s", letter->number,
                       STR_ARG(letter->webhook_id), STR_ARG(copy->webhook_id));
    if (copy->attempt < 1 || copy->attempt > LETTER_ATTEMPTS_MAX)
        trial_complain(trial, "letter %zu: attempt %lld", letter->number, (long long)copy->attempt);
    else if (letter->copies[copy->attempt] >= COPIES_OF_ATTEMPT_MAX)
        trial_complain(trial, "letter %zu: attempt %lld came more than twice", letter->number,
                       (long long)copy->attempt);
    if (letter->cancelled_us && sim_now_us(trial->sim) > letter->cancelled_us + LAST_ATTEMPT_US)
        trial_complain(trial, "letter %zu was sent long after it was cancelled", letter->number);
}

void letters_on_copy(void *context, const struct copy *copy, enum mood mood)
{
    struct letters *letters = context;
    struct letter *letter = letter_of(letters, copy);

    if (!letter)
        return;
    copy_judge(letters, letter, copy);
    letter->webhook_id = copy->webhook_id;
    note_instants(letter, copy, sim_now_us(letters->trial->sim));
    letter->good += mood == MOOD_GOOD || mood == MOOD_SLOW;
    letter->refusals += mood == MOOD_GONE || mood == MOOD_REJECTS;
}

/* ---- what the store says ---- */

static bool death_is_right(const struct letter *letter, const struct delivery_row *row)
{
    struct str reason = row->state_reason;

    if (str_eq(reason, STR("cancelled")))
        return letter->cancel_asked;
    if (str_eq(reason, STR("rejected")) || str_eq(reason, STR("gone")))
        return letter->refusals > 0;
    if (str_eq(letter->policy, STR("durable")))
        return str_eq(reason, STR("exhausted")) && row->attempts >= DURABLE_ATTEMPTS;
    return true; /* the other policies give up soon, for many reasons */
}

/* A receiver that says 410 disables its endpoint: what is behind it is held. */
static bool hold_is_right(const struct letters *letters, struct str reason)
{
    bool was_refused = false;

    for (size_t i = 0; i < letters->count; i++)
        was_refused = was_refused || letters->list[i].refusals > 0;
    return was_refused && (str_eq(reason, STR("disabled")) || str_eq(reason, STR("order")));
}

static void state_judge(struct letters *letters, const struct letter *letter,
                        const struct delivery_row *row)
{
    struct str state = delivery_state_name(row->state), reason = row->state_reason;

    if (row->state == DELIVERY_DONE && letter->good == 0)
        trial_complain(letters->trial, "letter %zu is done, and no receiver said so",
                       letter->number);
    else if (row->state == DELIVERY_DEAD && !death_is_right(letter, row))
        trial_complain(letters->trial, "letter %zu is dead after %lld attempts: %.*s",
                       letter->number, (long long)row->attempts, STR_ARG(reason));
    else if (row->state == DELIVERY_HELD && !hold_is_right(letters, reason))
        trial_complain(letters->trial, "letter %zu is held: %.*s", letter->number, STR_ARG(reason));
    else if (row->state == DELIVERY_DUE || row->state == DELIVERY_SENDING)
        trial_complain(letters->trial, "letter %zu is still %.*s", letter->number, STR_ARG(state));
}

/* Law 3: what came was written down first. */
static void attempts_judge(struct letters *letters, const struct letter *letter,
                           const struct attempt_row *attempts, size_t count)
{
    for (int64_t number = 1; number <= LETTER_ATTEMPTS_MAX; number++) {
        bool is_known = false;

        for (size_t i = 0; i < count; i++)
            is_known = is_known || attempts[i].number == number;
        if (letter->copies[number] > 0 && !is_known)
            trial_complain(letters->trial, "letter %zu: attempt %lld came, and no row tells of it",
                           letter->number, (long long)number);
    }
    for (size_t i = 0; i < count; i++)
        if (attempts[i].ended_us == 0)
            trial_complain(letters->trial, "letter %zu: attempt %lld has no end", letter->number,
                           (long long)attempts[i].number);
}

const struct letter *letters_judge_row(struct letters *letters, const struct delivery_row *row,
                                       const struct attempt_row *attempts, size_t count)
{
    struct letter *letter = NULL;

    for (size_t i = 0; i < letters->count; i++)
        if (str_eq(letters->list[i].object_id, row->object_id))
            letter = &letters->list[i];
    if (!letter || letter->is_judged) {
        trial_complain(letters->trial, "the outbox has a row too many: %.*s",
                       STR_ARG(row->object_id));
        return NULL;
    }
    letter->is_judged = true;
    letter->delivery_id = row->delivery_id;
    if (!str_is_none(letter->webhook_id) && !str_eq(letter->webhook_id, row->webhook_id))
        trial_complain(letters->trial, "letter %zu: its row has another id", letter->number);
    state_judge(letters, letter, row);
    attempts_judge(letters, letter, attempts, count);
    return letter;
}

void letters_judge_rest(struct letters *letters)
{
    for (size_t i = 0; i < letters->count; i++) {
        const struct letter *letter = &letters->list[i];

        if (letter->is_judged)
            continue;
        if (letter->is_acknowledged)
            trial_complain(letters->trial, "letter %zu was acknowledged and is lost", i);
        if (!str_is_none(letter->webhook_id))
            trial_complain(letters->trial, "letter %zu was sent and has no row", i);
    }
}
