/* office.h -- the machine of the engine's scenario: a store and the delivery engine on it, no API
 * and no agents, so that a life of it costs little. */
#ifndef APP_SIM_OFFICE_H
#define APP_SIM_OFFICE_H

#include "app/sim/trial.h"
#include "delivery/sender.h"

/* An endpoint rests after so many failures in a row, at least so long (store/outbox_settle.c). */
#define OFFICE_REST_AFTER 2
#define OFFICE_REST_US_MIN (5 * US_PER_SECOND)

struct office {
    struct trial *trial;
    struct egress_policy egress;
    struct webhook_config webhooks;
    struct store *store; /* NULL: off */
    struct delivery *delivery;
    struct loop *main; /* where answers of works arrive */
    bool has_failed, has_stopped;
};

void office_init(struct office *office, struct trial *trial);
void office_boot(struct office *office);
/* In some way: an orderly stop, a kill, a power cut. */
void office_end(struct office *office);

/* A work that lives in the trial's arena; `on_done` may be NULL and is not called when the machine
 * dies before the answer. Nothing happens while the machine is off. */
void office_do(struct office *office, bool is_write,
               enum err (*apply)(struct tx *tx, void *context),
               void (*on_done)(void *context, enum err err), void *context);

#endif
