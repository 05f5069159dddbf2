/* From a request's webhook-id to the keys of the endpoint that was sent it. */
#include "api/inspected_keys.h"

#include "store/outbox_query.h"

#define WEBHOOK_ID_BYTES_MAX 256

static void add(struct inspected_keys *keys, struct str name, struct str text)
{
    if (keys->count < ARRAY_LEN(keys->list))
        keys->list[keys->count++] = (struct webhook_secret){name, text};
}

static void add_servers(struct call *call, struct inspected_keys *keys)
{
    const struct api_setup *setup = call->setup;

    for (size_t i = 0; i < setup->secret_count; i++)
        add(keys, arena_printf(call->arena, "the server's signing secret %zu", i + 1),
            setup->signing_secrets[i]);
}

/* Keys that cannot be opened are left out: the answer is about the others. */
static enum err add_endpoints(struct tx *tx, struct call *call, struct str endpoint_id,
                              struct inspected_keys *keys)
{
    const struct secret_owner owner = {call->principal.tenant, endpoint_id};
    struct secrets *opened = &keys->opened[keys->opened_count];
    struct str why;
    enum err err = secrets_open(tx, &owner, call->arena, opened, &why);

    if (err)
        return err == ERR_DENIED ? OK : err;
    keys->opened_count++;
    for (size_t i = 0; i < opened->count; i++)
        if (opened->list[i].kind == SECRET_SIGNING_KEY)
            add(keys,
                arena_printf(call->arena, "the key %.*s of the endpoint %.*s",
                             STR_ARG(opened->list[i].secret_id), STR_ARG(endpoint_id)),
                opened->list[i].value);
    return OK;
}

static bool is_among(const struct delivery_row *rows, size_t count, struct str endpoint_id)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].endpoint_id, endpoint_id))
            return true;
    return false;
}

enum err inspected_keys_find(struct tx *tx, struct call *call, struct str webhook_id,
                             struct inspected_keys *keys)
{
    const struct delivery_filter filter = {.tenant = call->principal.tenant,
                                           .webhook_id = webhook_id,
                                           .limit = INSPECTED_ENDPOINTS_MAX};
    struct delivery_page page = {0};
    enum err err = OK;

    keys->count = keys->opened_count = 0;
    add_servers(call, keys);
    if (webhook_id.len > 0 && webhook_id.len <= WEBHOOK_ID_BYTES_MAX)
        err = delivery_search(tx, &filter, call->arena, &page);
    for (size_t i = 0; !err && i < page.count; i++)
        if (!is_among(page.found, i, page.found[i].endpoint_id))
            err = add_endpoints(tx, call, page.found[i].endpoint_id, keys);
    if (err)
        inspected_keys_wipe(keys);
    return err;
}

void inspected_keys_wipe(struct inspected_keys *keys)
{
    for (size_t i = 0; i < keys->opened_count; i++)
        secrets_wipe(&keys->opened[i]);
    keys->count = keys->opened_count = 0;
}
