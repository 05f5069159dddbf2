/* spool.h -- what waits to be sent and is too large for memory: files that live no longer than the
 * process.
 *
 *   add … add ── end ──▶ whole ── read … read ──▶ read to its end ── rewind ──▶ whole
 *
 * The files are DIR/0, DIR/1, …, of which the first free one is taken, so that those which a crash
 * has left are taken again, and removed at the next start. One thread does all file work; pieces
 * travel to it and back as messages. Nothing is synced: what is in a spool is promised to nobody.
 *
 * A spool belongs to one loop at a time. */
#ifndef BLOB_SPOOL_H
#define BLOB_SPOOL_H

#include "base/buf.h"
#include "io/loop.h"

#define SPOOLS_MAX 256 /* at the same time; one more: ERR_AGAIN */
#define SPOOL_PIECE_BYTES (256 * KIB)

struct spools;
struct spool;

struct spool_events {
    void (*on_room)(void *context); /* bytes have gone to the file: less is pending */
    /* Once, after spool_end. */
    void (*on_end)(void *context, enum err err);
    /* After each spool_read, once. Empty: the end. Borrowed until it returns. */
    void (*on_piece)(void *context, enum err err, struct str bytes);
};

/* `dir` is copied; it comes to be at the first spool. */
struct spools *spools_new(struct world *world, const char *dir);
void spools_stop(struct spools *spools); /* what comes later is done at once, by the caller */
void spools_free(struct spools *spools);

/* Delivers a message on their thread, where it may block (once they are stopped: at once, by the
 * caller); and their disk. */
void spools_do(struct spools *spools, struct message *message);
struct disk *spools_disk(struct spools *spools);

/* `events` is static. */
struct spool *spool_new(struct spools *spools, struct loop *loop, const struct spool_events *events,
                        void *context);
void spool_add(struct spool *spool, struct str bytes); /* copied */
size_t spool_pending(const struct spool *spool);
void spool_end(struct spool *spool);
/* After the end, while nothing is asked: from now on it is another loop's. */
void spool_move(struct spool *spool, struct loop *loop, const struct spool_events *events,
                void *context);
void spool_read(struct spool *spool);   /* not before the last one was answered */
void spool_rewind(struct spool *spool); /* while nothing is asked */
void spool_free(struct spool *spool);   /* at any time; nothing is told any more */

#endif
