/* Readers: the messages between a reader's loop and the hub's. */
#include "agent/hub_priv.h"

#include "base/mem.h"

/* ---- on the hub's loop ---- */

static void attach(struct run_reader *reader)
{
    struct str tenant = run_reader_tenant(reader), run_id = run_reader_run_id(reader);
    struct channel *channel = channel_find(reader->hub, run_id);

    if (channel && !str_eq(channel->tenant, tenant)) {
        reader_end(reader, ERR_NOT_FOUND);
        return;
    }
    if (!channel) {
        channel = channel_new(reader->hub, tenant, run_id, false);
        channel_load(channel);
    } else if (channel_needs_look(channel, reader)) {
        channel->state = CHANNEL_LOADING;
        channel_load(channel);
    }
    reader->channel = channel;
    list_push(&channel->readers, &reader->node);
    if (reader->start == READER_LIVE && channel->state == CHANNEL_ENDED)
        reader->cursor = INT64_MAX;
    reader_serve(reader);
}

static void on_more(struct message *message)
{
    struct run_reader *reader = CONTAINER_OF(message, struct run_reader, message);

    reader->wants = true;
    if (reader->channel)
        reader_serve(reader);
}

static void on_open(struct message *message)
{
    struct run_reader *reader = CONTAINER_OF(message, struct run_reader, message);

    message->deliver = on_more;
    list_init(&reader->node);
    reader->number = ++reader->hub->readers_opened;
    reader->wants = true;
    attach(reader);
}

static void on_freed(struct message *message)
{
    struct run_reader *reader = CONTAINER_OF(message, struct run_reader, close_message);

    mem_free(reader);
}

static void on_close(struct message *message)
{
    struct run_reader *reader = CONTAINER_OF(message, struct run_reader, close_message);

    list_remove(&reader->node);
    reader->channel = NULL;
    /* Back to the reader's loop: no batch is on its way any more behind this message. */
    message->deliver = on_freed;
    loop_post(reader->loop, message);
}

/* ---- on the reader's loop ---- */

struct run_reader *run_reader_open(struct hub *hub, const struct run_reader_config *config)
{
    struct str tenant = config->tenant, run_id = config->run_id;
    struct run_reader *reader = mem_alloc_zero(sizeof(*reader) + tenant.len + run_id.len);
    char *at = reader->texts;

    REQUIRE(tenant.len <= UINT16_MAX && run_id.len <= UINT16_MAX);
    reader->tenant_len = (uint16_t)str_put(&at, tenant).len;
    reader->run_id_len = (uint16_t)str_put(&at, run_id).len;
    reader->hub = hub;
    reader->loop = config->loop;
    reader->events = config->events;
    reader->context = config->context;
    reader->start = (uint8_t)config->start;
    reader->only_end = config->only_end;
    reader->cursor = config->start == READER_AFTER ? config->after_id : -1;
    reader->message.deliver = on_open;
    reader->close_message.deliver = on_close;
    loop_post(hub->loop, &reader->message);
    return reader;
}

struct str run_reader_tenant(const struct run_reader *reader)
{
    return str_range(reader->texts, reader->tenant_len);
}

struct str run_reader_run_id(const struct run_reader *reader)
{
    return str_range(reader->texts + reader->tenant_len, reader->run_id_len);
}

void run_reader_more(struct run_reader *reader)
{
    loop_post(reader->hub->loop, &reader->message);
}

void run_reader_close(struct run_reader *reader)
{
    REQUIRE(!reader->is_closed);
    reader->is_closed = true;
    loop_post(reader->hub->loop, &reader->close_message);
}
