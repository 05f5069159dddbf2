/* names.c -- answers of DNS, kept for some seconds so that a busy receiver costs no lookup per
 * request. */
#include "base/mem.h"
#include "http/client_priv.h"

#define NAMES_MAX 1024

static int64_t keep_ms(const struct http_client *client)
{
    return client->config.name_keep_ms ? client->config.name_keep_ms : NAME_KEEP_MS;
}

const struct name_entry *names_find(struct http_client *client, struct str host)
{
    const struct name_entry *entry = map_find(&client->names, host);

    if (!entry || loop_mono_ms(client->config.loop) < entry->until_ms)
        return entry;
    names_drop(client, host);
    return NULL;
}

void names_keep(struct http_client *client, struct str host, const struct address *addresses,
                size_t count)
{
    struct name_entry *entry;

    if (keep_ms(client) < 0)
        return;
    if (client->names.count >= NAMES_MAX)
        names_release(client);
    entry = mem_alloc(sizeof(*entry) + count * sizeof(*addresses));
    entry->until_ms = loop_mono_ms(client->config.loop) + keep_ms(client);
    entry->count = count;
    memcpy(entry->addresses, addresses, count * sizeof(*addresses));
    mem_free(map_put(&client->names, host, entry));
}

void names_drop(struct http_client *client, struct str host)
{
    mem_free(map_remove(&client->names, host));
}

void names_release(struct http_client *client)
{
    size_t position = 0;
    struct str host;
    void *entry;

    while (map_next(&client->names, &position, &host, &entry))
        mem_free(entry);
    map_release(&client->names);
    map_init(&client->names);
}
