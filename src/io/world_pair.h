/* world_pair.h -- for tests: a client and a server connected on the fixture's loop. */
#ifndef IO_WORLD_PAIR_H
#define IO_WORLD_PAIR_H

#include "io/stream.h"
#include "io/world_fixture.h"

struct end {
    struct pair *pair;
    struct stream *stream;
    size_t received; /* bytes */
    uint32_t hash;   /* of what was received, whatever its pieces */
    int ends;
    enum stream_end end;
    int drains;
};

/* A client and a server on the fixture's loop. */
struct pair {
    struct fixture *fixture;
    struct listen_socket *socket;
    struct address bound;
    struct listener *listener;
    struct end client, server;
    struct timer timer;
    enum err err; /* of connecting */
    const char *why;
    int accepted;
    void (*on_ready)(struct pair *pair); /* both ends are there */
    void (*on_bytes)(struct end *end, struct str bytes);
    void (*on_ended)(struct end *end);
    void (*on_drained)(struct end *end);
    size_t goal;
};

/* Listens on a free port. */
void pair_listen(struct pair *pair, struct fixture *fixture);
/* Listens and connects; on_ready is called when both ends are there, paused. */
void pair_open(struct pair *pair, struct fixture *fixture);
void pair_close(struct pair *pair);
/* Fills the pair's client; ends the case on an error. */
void pair_on_connected(void *context, enum err err, const char *why, struct stream *stream);
void pair_start_both(struct pair *pair);
void end_close(struct end *end, bool reset);
void end_send(struct end *end, struct str text);

#endif
