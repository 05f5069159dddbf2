/* pace_judge.c -- the laws about when something may be sent. */
#include "app/sim/pace.h"

#include <stdlib.h>

/* Between the claim of a row and its last byte at the receiver. */
#define ON_THE_WAY_US (5 * US_PER_SECOND)
/* Between the end of an attempt and the commit that says so. */
#define SETTLED_US (300 * US_PER_MS)

void pace_note(struct pace *pace, const struct letter *letter, const struct attempt_row *rows,
               size_t count)
{
    for (size_t i = 0; i < count && pace->attempt_count < PACE_ATTEMPTS_MAX; i++)
        pace->attempts[pace->attempt_count++] = (struct pace_attempt){
            .letter = letter,
            .number = rows[i].number,
            .started_us = rows[i].started_us - pace->wall_us,
            .ended_us = rows[i].ended_us - pace->wall_us,
            .result = rows[i].result,
        };
}

/* ---- order ---- */

static void order_judge(const struct pace *pace, const struct letter *a, const struct letter *b)
{
    bool is_one_line = a->endpoint == b->endpoint && str_eq(a->ordering_key, b->ordering_key) &&
                       pace->endpoints[a->endpoint].is_fifo;

    if (!is_one_line || a->delivery_id == 0 || a->delivery_id >= b->delivery_id)
        return;
    if (a->last_us > 0 && b->first_us > 0 && a->last_us > b->first_us)
        trial_complain(pace->trial, "letter %zu came at %.3f s, after letter %zu at %.3f s",
                       a->number, (double)a->last_us / 1e6, b->number, (double)b->first_us / 1e6);
}

/* ---- pause ---- */

static void pause_judge(const struct pace *pace, const struct pace_attempt *attempt)
{
    const struct pace_endpoint *endpoint = &pace->endpoints[attempt->letter->endpoint];

    if (endpoint->paused_us && attempt->started_us > endpoint->paused_us &&
        attempt->started_us < endpoint->resumed_us)
        trial_complain(pace->trial, "letter %zu, attempt %lld: begun while its endpoint is paused",
                       attempt->letter->number, (long long)attempt->number);
}

/* ---- rate ---- */

static int by_instant(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

    return (one > other) - (one < other);
}

static void rate_judge(const struct pace *pace, size_t number, int64_t *instants, size_t count,
                       int64_t slack_us)
{
    const struct pace_endpoint *endpoint = &pace->endpoints[number];

    if (endpoint->rate == 0 || count == 0)
        return;
    qsort(instants, count, sizeof(*instants), by_instant);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            double length_s = (double)(instants[j] - instants[i] + slack_us) / 1e6;
            double allowed = (double)endpoint->burst + endpoint->rate * length_s + 1e-3;

            if ((double)(j - i + 1) > allowed) {
                trial_complain(pace->trial, "endpoint %zu: %zu in %.3f s, allowed %.2f", number,
                               j - i + 1, length_s, allowed);
                return;
            }
        }
}

static void rates_judge(const struct pace *pace, size_t number)
{
    struct arena *arena = &pace->trial->arena;
    int64_t *instants = ARENA_ARRAY(arena, int64_t, PACE_ATTEMPTS_MAX);
    size_t count = 0;

    for (size_t i = 0; i < pace->attempt_count; i++)
        if (pace->attempts[i].letter->endpoint == number)
            instants[count++] = pace->attempts[i].started_us;
    rate_judge(pace, number, instants, count, 0);
    count = 0;
    for (size_t i = 0; i < pace->letters->count; i++)
        for (size_t n = 1; n <= LETTER_ATTEMPTS_MAX; n++)
            if (pace->letters->list[i].endpoint == number && pace->letters->list[i].came_us[n])
                instants[count++] = pace->letters->list[i].came_us[n];
    rate_judge(pace, number, instants, count, ON_THE_WAY_US);
}

/* ---- wait ---- */

static void wait_judge(const struct pace *pace, const struct pace_attempt *attempt)
{
    const struct letter *letter = attempt->letter;
    int64_t asked_s, next_us = INT64_MAX, resumed_us = pace->endpoints[letter->endpoint].resumed_us;

    /* Only what was answered once, was heard, and is listened to by its policy. */
    if (attempt->number > LETTER_ATTEMPTS_MAX || letter->copies[attempt->number] != 1 ||
        !str_eq(attempt->result, STR("busy")) || !str_eq(letter->policy, STR("durable")))
        return;
    asked_s = letter->retry_after_s[attempt->number];
    for (size_t i = 0; i < pace->attempt_count; i++)
        if (pace->attempts[i].letter == letter && pace->attempts[i].number > attempt->number &&
            pace->attempts[i].started_us < next_us)
            next_us = pace->attempts[i].started_us;
    /* Who has an endpoint go on has it go on at once. */
    if (resumed_us > letter->came_us[attempt->number] && resumed_us <= next_us)
        return;
    if (next_us < letter->came_us[attempt->number] + asked_s * US_PER_SECOND)
        trial_complain(pace->trial,
                       "letter %zu, attempt %lld: Retry-After %lld s, tried again %.3f s "
                       "later",
                       letter->number, (long long)attempt->number, (long long)asked_s,
                       (double)(next_us - letter->came_us[attempt->number]) / 1e6);
}

/* ---- rest ---- */

static bool is_failure(const struct pace_attempt *attempt)
{
    return str_eq(attempt->result, STR("server_error")) ||
           str_eq(attempt->result, STR("timeout")) || str_eq(attempt->result, STR("unreachable"));
}

/* So many failed in a row at this endpoint up to this one, and until `before_us` nothing else
 * ended. */
static bool was_resting(const struct pace *pace, const struct pace_attempt *last, int64_t before_us)
{
    size_t failures = 1;
    int64_t word_us = 0; /* the last that was no failure */

    for (size_t i = 0; i < pace->attempt_count; i++) {
        const struct pace_attempt *other = &pace->attempts[i];

        if (other->letter->endpoint == last->letter->endpoint && !is_failure(other) &&
            other->ended_us < before_us && other->ended_us > word_us)
            word_us = other->ended_us;
    }
    for (size_t i = 0; i < pace->attempt_count; i++) {
        const struct pace_attempt *other = &pace->attempts[i];

        failures += other != last && other->letter->endpoint == last->letter->endpoint &&
                    is_failure(other) && other->ended_us <= last->ended_us &&
                    other->ended_us > word_us + SETTLED_US;
    }
    return last->ended_us > word_us + SETTLED_US && failures >= OFFICE_REST_AFTER;
}

static void rest_judge(const struct pace *pace, const struct pace_attempt *attempt)
{
    const struct pace_endpoint *endpoint = &pace->endpoints[attempt->letter->endpoint];

    if (endpoint->is_pause_asked) /* going on ends a rest */
        return;
    for (size_t i = 0; i < pace->attempt_count; i++) {
        const struct pace_attempt *failed = &pace->attempts[i];

        if (failed->letter->endpoint == attempt->letter->endpoint && is_failure(failed) &&
            attempt->started_us > failed->ended_us + SETTLED_US &&
            attempt->started_us < failed->ended_us + OFFICE_REST_US_MIN &&
            was_resting(pace, failed, attempt->started_us))
            trial_complain(pace->trial,
                           "letter %zu, attempt %lld: begun %.3f s after a failure, "
                           "its endpoint had to rest",
                           attempt->letter->number, (long long)attempt->number,
                           (double)(attempt->started_us - failed->ended_us) / 1e6);
    }
}

void pace_judge(struct pace *pace)
{
    const struct letters *letters = pace->letters;

    for (size_t i = 0; i < letters->count; i++)
        for (size_t j = 0; j < letters->count; j++)
            order_judge(pace, &letters->list[i], &letters->list[j]);
    for (size_t i = 0; i < pace->endpoint_count; i++)
        rates_judge(pace, i);
    for (size_t i = 0; i < pace->attempt_count; i++) {
        pause_judge(pace, &pace->attempts[i]);
        wait_judge(pace, &pace->attempts[i]);
        rest_judge(pace, &pace->attempts[i]);
    }
}
