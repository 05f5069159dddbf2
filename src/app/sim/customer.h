/* customer.h -- a client of the server: asks for runs, waits for them, follows them, cancels and
 * deletes them, goes away in the middle, and asks again under the same key when no answer came. */
#ifndef APP_SIM_CUSTOMER_H
#define APP_SIM_CUSTOMER_H

#include "app/sim/ledger.h"

#define CUSTOMER_GRAPHS_MAX 4

struct customer {
    struct trial *trial;
    struct ledger *ledger;
    struct address server;
    struct str graphs[CUSTOMER_GRAPHS_MAX]; /* which it asks for; one may stand there twice */
    size_t graph_count;
    int64_t until_us;    /* then it orders nothing more, and only repeats what has no answer */
    struct order *order; /* the one it waits to be told of */
    struct str target, text, key_line; /* of its creation: a repetition is the same to the byte */
    bool is_waiting;                   /* for a run's result, so the answer is that */
    bool is_idle;                      /* its time is over, and nothing is open */
};

void customer_start(struct customer *customer);

#endif
