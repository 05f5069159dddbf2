/* pace.h -- what the engine's endpoints are told (order, rate, pauses), and the laws about when
 * something may be sent. They compare instants, so they are asked only where the weather leaves
 * these as they are: no stalls, no jumps of the clock.
 *
 *   order    a letter never comes after a later one of its ordering key has come
 *   pause    no attempt begins between the answer to a pause and the asking for its end
 *   rate     of no stretch of time are there more attempts, or copies, than burst + rate · length
 *   wait     after an answer with Retry-After the letter's next attempt begins that much later,
 *            unless its endpoint was paused and goes on
 *   rest     an endpoint that failed so often in a row is left alone for seconds after a failure */
#ifndef APP_SIM_PACE_H
#define APP_SIM_PACE_H

#include "app/sim/letters.h"
#include "app/sim/office.h"

#define PACE_ATTEMPTS_MAX (LETTERS_MAX * LETTER_ATTEMPTS_MAX)

struct pace_endpoint {
    bool is_fifo;
    double rate; /* 0: no limit */
    int64_t burst;
    struct str endpoint_id;
    bool is_pause_asked;
    int64_t paused_us, resumed_us; /* the answer to the one, the asking for the other; 0: none */
};

/* One of the engine's rows, on the simulator's clock. */
struct pace_attempt {
    const struct letter *letter;
    int64_t number, started_us, ended_us;
    struct str result;
};

struct pace {
    struct trial *trial;
    struct office *office;
    struct letters *letters;
    struct pace_endpoint endpoints[LETTER_ENDPOINTS_MAX];
    size_t endpoint_count;
    int64_t wall_us;           /* of the wall clock at the simulation's start */
    bool is_set_up, is_ending; /* no pause begins any more */
    size_t pauses_left;        /* endpoints whose pause has not ended */
    struct pace_attempt attempts[PACE_ATTEMPTS_MAX];
    size_t attempt_count;
};

void pace_init(struct pace *pace, struct trial *trial, struct office *office,
               struct letters *letters);
/* A first life of the office, in calm weather, in which the endpoints are made. */
void pace_set_up(struct pace *pace, size_t endpoint_count);
/* Some endpoints are paused within this time, and all of those go on within `later_us` of
 * pace_resume. */
void pace_pause(struct pace *pace, int64_t within_us);
void pace_resume(struct pace *pace, int64_t later_us);

void pace_note(struct pace *pace, const struct letter *letter, const struct attempt_row *rows,
               size_t count);
void pace_judge(struct pace *pace);

#endif
