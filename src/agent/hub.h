/* hub.h -- where a run's events are, and who reads them.
 *
 * The hub lives on the main loop. The dispatcher feeds it (hub_begin, hub_event, hub_end); readers
 * on any loop pull from it: they get one batch, and the next only after run_reader_more. So a slow
 * client holds back nothing but its own cursor.
 *
 * A run that the hub does not know is looked up in the store: one that has ended gives its result
 * (and its stored events); one that is live is watched until it ends here or elsewhere; one that
 * another node executes is followed through the store (hub_follow.c). */
#ifndef AGENT_HUB_H
#define AGENT_HUB_H

#include "agent/run_event.h"
#include "store/run_events.h"

struct hub;

/* `node` is borrowed: the name of this node among those that share the store. */
struct hub *hub_new(struct loop *loop, struct store *store, struct str node);
/* Asks the store nothing any more: before it is closed. */
void hub_leave_store(struct hub *hub);
void hub_free(struct hub *hub); /* all readers must have been closed */

/* ---- the dispatcher's side: the hub's loop only ---- */

/* An attempt starts: its events get ids from first_id on, the first is `metadata`. */
void hub_begin(struct hub *hub, const struct run *run, int64_t first_id);
void hub_event(struct hub *hub, struct str run_id, struct str name, struct str data);
/* What has to be written in the commit that ends the run, so that who sees the end finds all
 * events: the rows are borrowed until hub_end. An event behind them gets next_id. */
struct run_tail {
    bool is_stored; /* its events go to the store at all */
    int64_t next_id;
    struct run_event_row *rows;
    size_t count;
};
void hub_tail(struct hub *hub, struct str run_id, struct arena *arena, struct run_tail *tail);
/* Committed: readers get what is left, then the end. `result` is what wait answers. */
void hub_end(struct hub *hub, const struct run *run, struct str result);
/* The attempt is over but the run is not: it will begin again. */
void hub_pause(struct hub *hub, struct str run_id);

/* ---- readers: any loop ---- */

enum reader_start {
    READER_ALL,  /* from the first event there is */
    READER_LIVE, /* as READER_ALL while the run is live; nothing if it has ended */
    READER_AFTER /* from the event behind after_id */
};

struct run_reader_end {
    enum err err;      /* ERR_NOT_FOUND: no such run of this tenant */
    struct str status; /* of the run */
    struct str result; /* JSON: what wait answers */
};

struct run_reader_events {
    /* Borrowed until it returns. Nothing more comes until run_reader_more. */
    void (*on_events)(void *context, struct run_event *const *events, size_t count);
    /* Last call. */
    void (*on_end)(void *context, const struct run_reader_end *end);
};

struct run_reader_config {
    struct loop *loop; /* callbacks run here; all calls come from here */
    struct str tenant;
    struct str run_id;
    enum reader_start start;
    int64_t after_id;
    bool only_end; /* no events: wait and join */
    const struct run_reader_events *events;
    void *context;
};

struct run_reader;

/* The texts are copied. */
struct run_reader *run_reader_open(struct hub *hub, const struct run_reader_config *config);
/* Until it is closed. */
struct str run_reader_tenant(const struct run_reader *reader);
struct str run_reader_run_id(const struct run_reader *reader);
/* Once for each batch that came. */
void run_reader_more(struct run_reader *reader);
/* No callback any more. Must be called, also after on_end. */
void run_reader_close(struct run_reader *reader);

#endif
