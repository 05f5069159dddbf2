/* hub_priv.h -- what hub.c (serving), hub_reader.c (readers' messages) and hub_store.c (lookups)
 * share. */
#ifndef AGENT_HUB_PRIV_H
#define AGENT_HUB_PRIV_H

#include "agent/hub.h"
#include "agent/run_log.h"
#include "base/list.h"
#include "base/map.h"

#define UNSTORED_MAX 256

/*  LOADING ──lookup──▶ WATCHED ──hub_begin──▶ RUNNING ──hub_end──▶ ENDED ──timer──▶ freed
 *     └──lookup: it has ended──────────────────────────────────────▲
 *  RUNNING ──hub_pause (executor lost)──▶ WATCHED                                          */
enum channel_state { CHANNEL_LOADING, CHANNEL_WATCHED, CHANNEL_RUNNING, CHANNEL_ENDED };

struct hub {
    struct loop *loop;
    struct store *store;
    bool is_stopped;
    struct map channels; /* run id → struct channel */
    struct list ended;   /* channels that have ended, the longest ended first */
    size_t ended_count;
    uint64_t readers_opened;
};

struct channel {
    struct hub *hub;
    struct arena arena;
    struct str tenant, run_id;
    enum channel_state state;
    struct list ended_node; /* in hub->ended; alone while it has not ended */
    bool is_stored;         /* events go to run_events */
    bool is_dropped;        /* freed as soon as no work is open */
    bool is_loading;
    unsigned works_open;
    struct run_log log;
    struct run_event *result; /* name: status, data: what wait answers */
    struct list readers;
    struct timer timer; /* ended: until freed; watched: the next lookup */
    struct run_event *unstored[UNSTORED_MAX];
    size_t unstored_count;
};

/* There are thousands of idle ones: small, in one piece. */
struct run_reader {
    struct run_reader_config config;
    struct hub *hub;
    /* the reader's loop */
    bool is_closed;
    struct message open_message, more_message, close_message;
    /* the hub's loop */
    uint64_t number; /* its own, for ever */
    struct list node;
    struct channel *channel; /* NULL: none any more */
    int64_t cursor;
    bool wants, is_ended;
    char texts[]; /* of config */
};

struct reader_batch {
    struct message message;
    struct run_reader *reader;
    bool is_end;
    enum err err;
    struct run_event *result;
    size_t count;
    struct run_event *events[];
};

struct channel *channel_find(struct hub *hub, struct str run_id);
struct channel *channel_new(struct hub *hub, struct str tenant, struct str run_id, bool is_stored);
void channel_free(struct channel *channel);
void channel_serve(struct channel *channel);
void channel_end(struct channel *channel, struct str status, struct str result);
void channel_watch(struct channel *channel);
void reader_serve(struct run_reader *reader);
void reader_end(struct run_reader *reader, enum err err);
void reader_give_rows(struct run_reader *reader, const struct run_event_row *rows, size_t count);

/* hub_store.c */
void channel_load(struct channel *channel);
void channel_load_events(struct channel *channel, struct run_reader *reader);
void channel_store(struct channel *channel,
                   struct run_event *event); /* takes a reference of its own */
void channel_store_flush(struct channel *channel);

#endif
