/* rounds.h -- work that comes in rounds: a read finds what is to be done, then one write does each
 * part of it.
 *
 *   timer, nudge ──▶ read ──▶ write part 0 ──▶ write part 1 … ──▶ rest (or at once, if there is
 * more)
 *
 * A crash between read and write repeats the read. With several nodes each makes its rounds; a
 * write that says ERR_CONFLICT or ERR_NOT_FOUND came too late, and the next round knows. Lives on
 * the loop. */
#ifndef STORE_ROUNDS_H
#define STORE_ROUNDS_H

#include "store/store.h"

struct rounds;

struct rounds_found {
    size_t parts;
    bool has_more; /* that was not looked at: the next round begins after pause_ms */
    int64_t pause_ms;
};

struct rounds_config {
    struct loop *loop;
    struct store *store;
    enum topic topic;    /* whose nudges begin a round */
    int64_t tick_ms;     /* between two rounds */
    const char *room;    /* static, for the log; so is the next */
    const char *failure; /* "alerts could not be looked at" */
    /* What is found lives in the arena until the round is over. */
    enum err (*read)(void *context, struct tx *tx, struct arena *arena, struct rounds_found *found);
    enum err (*write)(void *context, struct tx *tx, size_t part);
    /* On the loop, after a read that went well; may be NULL. */
    void (*looked)(void *context);
    void *context;
};

/* Begins the first round. */
struct rounds *rounds_new(const struct rounds_config *config);
/* Writes nothing more: before the store is closed. */
void rounds_close(struct rounds *rounds);
void rounds_free(struct rounds *rounds);

#endif
