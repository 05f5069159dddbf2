/* ask.h -- one HTTP request of a client outside, on a connection of its own, and what came back.
 *
 * Written by hand and simply: it shares no code with the server that it tests. */
#ifndef APP_SIM_ASK_H
#define APP_SIM_ASK_H

#include "app/sim/trial.h"

/* Everything is borrowed until on_answer has returned. */
struct answer {
    int status;      /* 0: no whole head came */
    struct str head; /* with the first line, without the last empty one */
    struct str body; /* what came of it, without the chunks' frames */
    bool is_whole;
};

struct ask {
    struct trial *trial;
    struct address to;
    struct str method, target;
    struct str headers; /* whole lines, each with its end; "" */
    struct str body;
    int64_t patience_ms; /* then the client goes away and takes what it has */
    bool leaves_rudely;  /* with a reset */
    /* Exactly once, also when nobody was there. */
    void (*on_answer)(void *context, const struct answer *answer);
    void *context;
};

/* The value of a field of a head in the answer; STR_NONE. */
struct str answer_header(const struct answer *answer, struct str name);

/* Copied; what it points to must live until the answer. */
void ask_send(const struct ask *ask);

#endif
