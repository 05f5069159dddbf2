/* letters.h -- the delivery engine's ledger: events that were put into the outbox, what the
 * receivers got of them, and the laws of src/delivery/README.md as far as both ends can see them.
 */
#ifndef APP_SIM_LETTERS_H
#define APP_SIM_LETTERS_H

#include "app/sim/receiver.h"
#include "store/outbox_query.h"

#define LETTERS_MAX 24
#define LETTER_ENDPOINTS_MAX 4
#define LETTER_ATTEMPTS_MAX 64

struct letter {
    size_t number;
    size_t endpoint;
    struct str policy;
    struct str object_id, body;
    struct str ordering_key;
    int64_t delivery_id;  /* of its row; rises in the order of commits; 0: not known */
    bool is_acknowledged; /* its commit was answered */
    bool cancel_asked;
    int64_t cancelled_us;  /* when the cancel's commit was answered; 0: it was not */
    struct str webhook_id; /* of the first copy; STR_NONE */
    unsigned copies[LETTER_ATTEMPTS_MAX + 1]; /* by number of the attempt */
    int64_t came_us[LETTER_ATTEMPTS_MAX + 1]; /* the first of these; 0: none */
    int64_t retry_after_s[LETTER_ATTEMPTS_MAX + 1];
    int64_t first_us, last_us; /* the first copy and the last; 0: none */
    int64_t newest_attempt;    /* of those that came */
    unsigned good, refusals;   /* copies that were answered 2xx; 404 or 410 */
    bool is_judged;
};

struct letters {
    struct trial *trial;
    struct letter list[LETTERS_MAX];
    size_t count;
};

/* Where the letters of this endpoint go. */
struct str letters_url(struct arena *arena, size_t endpoint);
void letters_init(struct letters *letters, struct trial *trial);
struct letter *letters_write(struct letters *letters, size_t endpoint, struct str policy);
/* receiver.on_copy, with the letters as context. */
void letters_on_copy(void *context, const struct copy *copy, enum mood mood);
/* A row of the outbox when all is over, with its attempts. The letter; NULL: there is none. */
const struct letter *letters_judge_row(struct letters *letters, const struct delivery_row *row,
                                       const struct attempt_row *attempts, size_t count);
/* What has no row. */
void letters_judge_rest(struct letters *letters);

#endif
