/* alert_tell.h -- the write: what was counted goes in, each alert takes its step, and what is to be
 * told stands in the outbox, all in one transaction. */
#ifndef ALERT_ALERT_TELL_H
#define ALERT_ALERT_TELL_H

#include "alert/alert_action.h"
#include "alert/alert_count.h"

struct alert_setup {
    struct str base_url; /* where people find this server, for links; no slash at its end */
    struct str policy;   /* of deliveries */
};

/* Counts, and if nothing more is to be counted, steps. ERR_CONFLICT: another node was faster. */
enum err alert_count_write(struct tx *tx, const struct alert_setup *setup,
                           const struct alert_count *count) MUST_USE;

/* One webhook for each of its actions, to the endpoints they have. `what` is the event's name. */
enum err alert_tell(struct tx *tx, const struct alert_setup *setup, const struct alert_row *alert,
                    const struct alert_rule *rule, struct str what) MUST_USE;

struct alert_letter {
    struct str endpoint_id;
    struct str url; /* as given */
    struct str body;
};
struct alert_letters {
    struct alert_letter list[ALERT_ACTIONS_MAX];
    size_t count;
};
/* What alert_tell would send; in tx->arena. */
enum err alert_letters_make(struct tx *tx, const struct alert_setup *setup,
                            const struct alert_row *alert, const struct alert_rule *rule,
                            struct str what, struct alert_letters *letters) MUST_USE;

#endif
