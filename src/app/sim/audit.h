/* audit.h -- asks the server, once everything is calm, whether it says what the ledger says. */
#ifndef APP_SIM_AUDIT_H
#define APP_SIM_AUDIT_H

#include "app/sim/ledger.h"
#include "app/sim/machine.h"

struct audit {
    struct machine *machine;
    struct ledger *ledger;
    size_t open;    /* questions without an answer */
    size_t waiting; /* deliveries that are not done */
};

void audit_init(struct audit *audit, struct machine *machine, struct ledger *ledger);
/* Is nothing due and nothing being sent? */
bool audit_is_quiet(struct audit *audit);
/* One question for each order and some for all; complains of what does not agree. */
void audit_run(struct audit *audit);

#endif
