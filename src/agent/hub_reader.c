/* Readers: the messages between a reader's loop and the hub's. */
#include "agent/hub_priv.h"

#include "base/mem.h"

/* ---- on the hub's loop ---- */

static void attach(struct run_reader *reader)
{
    struct channel *channel = channel_find(reader->hub, reader->config.run_id);

    if (channel && !str_eq(channel->tenant, reader->config.tenant)) {
        reader_end(reader, ERR_NOT_FOUND);
        return;
    }
    if (!channel) {
        channel = channel_new(reader->hub, reader->config.tenant, reader->config.run_id, false);
        channel_load(channel);
    } else if (channel_needs_look(channel, &reader->config)) {
        channel->state = CHANNEL_LOADING;
        channel_load(channel);
    }
    reader->channel = channel;
    list_push(&channel->readers, &reader->node);
    if (reader->config.start == READER_LIVE && channel->state == CHANNEL_ENDED)
        reader->cursor = INT64_MAX;
    reader_serve(reader);
}

static void on_open(struct message *message)
{
    struct run_reader *reader = CONTAINER_OF(message, struct run_reader, open_message);

    list_init(&reader->node);
    reader->number = ++reader->hub->readers_opened;
    reader->wants = true;
    reader->cursor = reader->config.start == READER_AFTER ? reader->config.after_id : -1;
    attach(reader);
}

static void on_more(struct message *message)
{
    struct run_reader *reader = CONTAINER_OF(message, struct run_reader, more_message);

    reader->wants = true;
    if (reader->channel)
        reader_serve(reader);
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
    loop_post(reader->config.loop, message);
}

/* ---- on the reader's loop ---- */

struct run_reader *run_reader_open(struct hub *hub, const struct run_reader_config *config)
{
    struct run_reader *reader =
        mem_alloc_zero(sizeof(*reader) + config->tenant.len + config->run_id.len);
    char *at = reader->texts;

    reader->config = *config;
    reader->config.tenant = str_put(&at, config->tenant);
    reader->config.run_id = str_put(&at, config->run_id);
    reader->hub = hub;
    reader->open_message.deliver = on_open;
    reader->more_message.deliver = on_more;
    reader->close_message.deliver = on_close;
    loop_post(hub->loop, &reader->open_message);
    return reader;
}

void run_reader_more(struct run_reader *reader)
{
    loop_post(reader->hub->loop, &reader->more_message);
}

void run_reader_close(struct run_reader *reader)
{
    REQUIRE(!reader->is_closed);
    reader->is_closed = true;
    loop_post(reader->hub->loop, &reader->close_message);
}
