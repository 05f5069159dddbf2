/* hub_priv.h -- what the files of the hub share: hub.c (serving), hub_reader.c (readers' messages),
 * hub_store.c (lookups), hub_follow.c and hub_lend.c (runs that another node executes). */
#ifndef AGENT_HUB_PRIV_H
#define AGENT_HUB_PRIV_H

#include "agent/hub.h"
#include "agent/run_log.h"
#include "base/list.h"
#include "base/map.h"

#define UNSTORED_MAX 256
#define WATCH_MS 2000 /* how often a live run that does not run here is looked up */

/*  LOADING ──lookup──▶ WATCHED ──hub_begin──▶ RUNNING ──hub_end──▶ ENDED ──timer──▶ freed
 *     └──lookup: it has ended──────────────────────────────────────▲
 *  RUNNING ──hub_pause (executor lost)──▶ WATCHED                                          */
enum channel_state { CHANNEL_LOADING, CHANNEL_WATCHED, CHANNEL_RUNNING, CHANNEL_ENDED };

struct hub {
    struct loop *loop;
    struct store *store;
    struct str node; /* this one's name; borrowed */
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
    bool is_lent;           /* only for readers on other nodes */
    bool is_ending;         /* the final write is under way: too late to be lent before it */
    bool is_elsewhere;      /* another node executes it: events come from run_events */
    bool is_following;      /* they are being read, */
    bool is_poked;          /* and once more behind that */
    bool was_live;          /* a lookup has found it live */
    bool has_asked;         /* another node for its events after its end */
    int64_t followed_until_ms;
    bool is_dropped; /* freed as soon as no work is open */
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
    struct hub *hub;
    struct loop *loop; /* the reader's */
    const struct run_reader_events *events;
    void *context;
    struct message message;       /* opens it; then asks for more, which is never before that */
    struct message close_message; /* may be on its way behind it */
    /* the hub's loop */
    uint64_t number; /* its own, for ever */
    struct list node;
    struct channel *channel; /* NULL: none any more */
    int64_t cursor;
    uint16_t tenant_len, run_id_len;
    uint8_t start; /* enum reader_start */
    bool only_end;
    bool wants, is_ended;
    bool is_closed; /* the reader's loop */
    char texts[];   /* the tenant, the run's id */
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
void channel_watch(struct channel *channel, int64_t again_ms);
void reader_serve(struct run_reader *reader);
void reader_end(struct run_reader *reader, enum err err);
void reader_give_rows(struct run_reader *reader, const struct run_event_row *rows, size_t count);

/* hub_follow.c */
void hub_note(struct hub *hub, enum topic topic, const struct str *words, size_t count);
void hub_on_run_events(void *context, struct str run_id);
/* It is live and not executed here. When to look again. */
int64_t channel_watch_live(struct channel *channel, const struct run *run);
/* Reads the rows behind the events it has. */
void channel_follow(struct channel *channel);
bool channel_needs_look(const struct channel *channel, const struct run_reader *reader);
/* Who comes too late for a run that was over in no time gets its events all the same, if the node
 * that executed it still has them. False: there is nothing to wait for. */
bool channel_ask_ended(struct channel *channel, const struct run *run, int64_t now_us);
/* Its row is gone while clients followed it: it was rolled back, or deleted. */
void channel_end_removed(struct channel *channel);

/* hub_lend.c */
void hub_lend_init(struct hub *hub);
bool channel_is_followed(const struct channel *channel);
/* Puts all its events into the store. */
void channel_lend(struct channel *channel);
/* Removes the rows that were only lent. */
void channel_take_back(struct channel *channel);

/* hub_store.c */
void channel_load(struct channel *channel);
/* The end of a work that was counted in works_open; may free the channel. */
void channel_work_close(struct channel *channel);
void channel_load_events(struct channel *channel, struct run_reader *reader);
void channel_store(struct channel *channel,
                   struct run_event *event); /* takes a reference of its own */
void channel_store_flush(struct channel *channel);
/* All in one write; takes the references. */
void channel_store_events(struct channel *channel, struct run_event *const *events, size_t count);

#endif
