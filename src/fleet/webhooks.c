/* webhooks.c -- a webhook's row and its endpoint, kept together. */
#include "fleet/webhooks.h"

#include "store/endpoints.h"
#include "store/secrets.h"

bool webhook_is_seen_by(const struct fleet_webhook *webhook, const struct person *person)
{
    return person->is_admin || str_eq(webhook->creator_id, person->user_id);
}

/* `before`: the one whose place it takes; NULL: none. */
static enum err endpoint_make(struct tx *tx, struct fleet_webhook *webhook,
                              const struct endpoint_row *before)
{
    struct endpoint_row row = {.tenant = webhook->tenant,
                               .kind = STR("fleet"),
                               .url = webhook->url,
                               .owner = webhook->webhook_id,
                               .name = webhook->name};
    enum err err;

    if (before)
        endpoint_tell_alike(&row, before);
    err = endpoint_add(tx, &row);
    if (!err)
        webhook->endpoint_id = row.endpoint_id;
    return err;
}

/* One that somebody has deleted by hand already is as good. */
static enum err endpoint_drop(struct tx *tx, const struct fleet_webhook *webhook)
{
    enum err err = endpoint_delete(tx, webhook->tenant, webhook->endpoint_id, true);

    return err == ERR_NOT_FOUND ? OK : err;
}

enum err webhook_create(struct tx *tx, struct fleet_webhook *webhook)
{
    enum err err = endpoint_make(tx, webhook, NULL);

    webhook->created_us = webhook->updated_us = tx->now_us;
    return err ? err : fleet_webhook_insert(tx, webhook);
}

/* ---- to another URL ---- */

/* To the endpoint of the new URL, which is told what the old one was. */
static enum err endpoint_follow(struct tx *tx, struct fleet_webhook *webhook, bool *is_same_origin)
{
    struct endpoint_row first = {0}, second = {0};
    enum err err = endpoint_get(tx, webhook->tenant, webhook->endpoint_id, tx->arena, &first);

    if (!err)
        err = endpoint_make(tx, webhook, &first);
    if (!err)
        err = endpoint_get(tx, webhook->tenant, webhook->endpoint_id, tx->arena, &second);
    if (!err)
        *is_same_origin = str_eq(first.origin, second.origin);
    return err;
}

static enum err put_all(struct tx *tx, const struct secret_owner *owner,
                        const struct secrets *secrets)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < secrets->count; i++)
        err = secret_put(tx, owner, &secrets->list[i]);
    return err;
}

static enum err move(struct tx *tx, struct fleet_webhook *webhook, bool *has_lost)
{
    const struct secret_owner from = {webhook->tenant, webhook->endpoint_id};
    struct fleet_webhook before = *webhook;
    struct secrets secrets = {0};
    struct secret_owner to;
    bool is_same = false;
    struct str why;
    enum err err = endpoint_follow(tx, webhook, &is_same);

    if (!err)
        err = secrets_open(tx, &from, tx->arena, &secrets, &why);
    to = (struct secret_owner){webhook->tenant, webhook->endpoint_id};
    if (!err && is_same)
        err = put_all(tx, &to, &secrets);
    *has_lost = !is_same && secrets.count > 0;
    secrets_wipe(&secrets);
    return err ? err : endpoint_drop(tx, &before);
}

enum err webhook_change(struct tx *tx, struct fleet_webhook *webhook, struct str old_url,
                        bool *has_lost)
{
    enum err err = OK;

    *has_lost = false;
    if (!str_eq(webhook->url, old_url))
        err = move(tx, webhook, has_lost);
    webhook->updated_us = tx->now_us;
    return err ? err : fleet_webhook_update(tx, webhook);
}

enum err webhook_remove(struct tx *tx, const struct fleet_webhook *webhook)
{
    enum err err = fleet_webhook_delete(tx, webhook->tenant, webhook->webhook_id);

    return err ? err : endpoint_drop(tx, webhook);
}
