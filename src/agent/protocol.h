/* protocol.h -- the event streaming protocol (protocol v2): what its events look like, and which a
 * subscription gets.
 *
 * Pure. A run's events come from the worker under names "@CHANNEL|segment|segment" with the params
 * of the protocol's event as data (docs/worker-protocol.md). Here they get their number and their
 * envelope. The number says which run and which of its events it is, so that it rises over all runs
 * of a thread, is the same for every reader and on every node, and survives a restart:
 *
 *   seq = the run's position · 2^24 + the event's id       (below 2^53, as JavaScript needs)
 *
 * The last PROTOCOL_TAIL ids of a run are the server's: what it says at the run's end. */
#ifndef AGENT_PROTOCOL_H
#define AGENT_PROTOCOL_H

#include "base/json.h"

#define PROTOCOL_RUN_EVENTS 16777216
#define PROTOCOL_TAIL 4096

int64_t protocol_seq(int64_t position, int64_t event_id);
int64_t protocol_seq_position(int64_t seq);
int64_t protocol_seq_event(int64_t seq);
/* The seq of the root's last lifecycle event of a run, and of the `index`-th before it. */
int64_t protocol_seq_end(int64_t position);
int64_t protocol_seq_tail(int64_t position, int64_t index);

/* Which events a subscription is for. Borrowed from the JSON it was read from. */
struct protocol_filter {
    const struct json *channels;   /* array of strings, at least one */
    const struct json *namespaces; /* array of arrays of strings; NULL: all */
    int64_t depth;                 /* levels below such a namespace; -1: all */
    int64_t since;                 /* only events behind it; -1: what there is */
};

/* ERR_INVALID: *why names the field and the mend (static). */
enum err protocol_filter_read(const struct json *params, struct protocol_filter *filter,
                              const char **why) MUST_USE;
/* `name` as the worker gave it, with its '@'. */
bool protocol_filter_admits(const struct protocol_filter *filter, struct str name);

/* The protocol's `method` of such a name. */
struct str protocol_method(struct str name);
/* {"type":"event",…} on one line. `params` is JSON. */
void protocol_event_write(struct buf *out, int64_t seq, struct str name, struct str params);

struct protocol_lifecycle {
    const char *event; /* running, completed, failed, interrupted */
    struct str graph_name;
    struct str error; /* STR_NONE: none */
    int64_t now_ms;
};

/* The params of the root's lifecycle event, whose name is PROTOCOL_LIFECYCLE. */
#define PROTOCOL_LIFECYCLE STR("@lifecycle")
#define PROTOCOL_INPUT STR("@input")
void protocol_lifecycle_write(struct buf *out, const struct protocol_lifecycle *lifecycle);
/* The params of an event that carries this JSON. */
void protocol_params_write(struct buf *out, int64_t now_ms, struct str data);
/* The params of input.requested for an interrupt {id, value} of the thread. */
void protocol_input_write(struct buf *out, int64_t now_ms, struct str interrupt);

#endif
