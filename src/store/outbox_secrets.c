/* The secrets of what is claimed: read in the claim's own transaction, so that a change counts from
 * the next attempt on. */
#include "store/endpoint_lock.h"
#include "store/outbox_claim.h"
#include "store/outbox_priv.h"

static bool same_endpoint(const struct outbox_claimed *a, const struct outbox_claimed *b)
{
    return str_eq(a->endpoint_id, b->endpoint_id) && str_eq(a->tenant, b->tenant);
}

/* Of one endpoint many deliveries may be claimed at once: they share what was opened. */
static bool share(struct outbox_claimed *rows, size_t at)
{
    for (size_t i = at; i > 0; i--) {
        if (!same_endpoint(&rows[i - 1], &rows[at]))
            continue;
        rows[at].secrets = rows[i - 1].secrets;
        rows[at].secrets_why = rows[i - 1].secrets_why;
        return true;
    }
    return false;
}

enum err claimed_open_secrets(struct tx *tx, struct arena *arena, struct outbox_claimed *rows,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct secret_owner owner = {rows[i].tenant, rows[i].endpoint_id};
        enum err err;

        if (rows[i].secrets_version == 0 || share(rows, i))
            continue;
        err = secrets_open(tx, &owner, arena, &rows[i].secrets, &rows[i].secrets_why);
        if (err && err != ERR_DENIED)
            return err;
    }
    return OK;
}

enum err lock_endpoints(struct tx *tx, const struct outbox_outcome *outcomes, size_t count)
{
    enum err err = OK;

    /* The second of one endpoint finds it locked already. */
    for (size_t i = 0; !err && i < count; i++)
        if (outcomes[i].is_locked)
            err = endpoint_lock(
                tx, &(struct secret_owner){outcomes[i].row->tenant, outcomes[i].row->endpoint_id});
    return err;
}

void outbox_claimed_own_secrets(struct outbox_claimed *row, struct arena *arena)
{
    if (row->secrets_version == 0)
        return;
    row->secrets = secrets_copy(&row->secrets, arena);
    row->secrets_why = arena_str(arena, row->secrets_why);
}

void outbox_claimed_wipe(struct outbox_claimed *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        secrets_wipe(&rows[i].secrets);
}
