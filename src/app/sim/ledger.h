/* ledger.h -- what the clients asked for and heard, what the receiver got, and whether the two
 * agree.
 *
 * An order is one run that a client wants. Its number stands in the run's metadata, so that the
 * webhook of a run whose creation was never answered finds its order too. */
#ifndef APP_SIM_LEDGER_H
#define APP_SIM_LEDGER_H

#include "app/sim/receiver.h"
#include "app/sim/trial.h"
#include "base/map.h"

#define ORDERS_MAX 64

struct order {
    size_t number;
    struct str thread_id; /* STR_NONE: a stateless run */
    struct str run_id;    /* STR_NONE: not known */
    bool is_acknowledged;
    bool is_refused;             /* the answer said no, for good: it must not exist */
    bool is_deleted;             /* somebody asked for its deletion, or its thread's */
    bool is_sent_once;           /* without a key: a lost answer stays lost */
    struct str webhook_id, body; /* of the first copy; STR_NONE: none came */
    struct str status;           /* in it */
    struct str waited;           /* the whole answer of wait; STR_NONE */
    struct map events;           /* id -> what was seen under it */
    int64_t last_event_id;
    size_t copies;
};

struct ledger {
    struct trial *trial;
    struct order orders[ORDERS_MAX];
    size_t count;
};

void ledger_init(struct ledger *ledger, struct trial *trial);
/* NULL when it is full. */
struct order *ledger_open(struct ledger *ledger, struct str thread_id);
struct order *ledger_find(struct ledger *ledger, struct str run_id); /* NULL: unknown */
/* The run that this order made. Another one than before is wrong: a key was used twice. */
void ledger_acknowledge(struct ledger *ledger, struct order *order, struct str run_id);
/* receiver.on_copy, with the ledger as context. */
void ledger_on_copy(void *context, const struct copy *copy, enum mood mood);
/* The text of a stream of events, as far as it came. */
void ledger_on_events(struct ledger *ledger, struct order *order, struct str text);
/* Orders that were acknowledged and whose webhook has not come. */
size_t ledger_missing(const struct ledger *ledger);
/* What can be said without asking the server. */
void ledger_judge(struct ledger *ledger);

#endif
