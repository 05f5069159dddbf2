/* erasures_priv.h -- the pieces in which an erasure goes. */
#ifndef STORE_ERASURES_PRIV_H
#define STORE_ERASURES_PRIV_H

#include "store/erasures.h"

/* What one piece came to. */
struct erasing {
    struct tx *tx;
    struct erasure_row *erasure;
    bool is_waiting; /* something is under way; look again later */
    bool is_over;    /* nothing is left */
};

/* ---- erase_log.c ---- */

/* Of the log of deliveries: matches behind the cursor; moves it. */
enum err erase_log(struct erasing *e) MUST_USE;

/* ---- erase_named.c: what names an object or a thread besides the log, in pieces ---- */
enum err erase_traces(struct erasing *e) MUST_USE;
enum err erase_inspected(struct erasing *e) MUST_USE;
enum err erase_replies(struct erasing *e) MUST_USE;

/* ---- erase_workspace.c ---- */

enum err erase_workspace(struct erasing *e) MUST_USE;

#endif
