/* blob_rig.h -- one who puts, gets and removes one blob, on a loop, and waits for the answers; with
 * any form of blob store. */
#ifndef BLOB_BLOB_RIG_H
#define BLOB_BLOB_RIG_H

#include <semaphore.h>
#include <stdatomic.h>

#include "blob/blob.h"
#include "io/real_world.h"
#include "io/sim_world.h"

#define BLOB_RIG_KEY STR("0123456789abcdef0123456789abcdef")

/* In the real world the loop has its own thread: what is asked of it is a message, and what it
 * answers is waited for. */
struct blob_rig {
    struct world *world;
    struct sim *sim; /* NULL: the real world */
    struct loop *loop;
    struct blob_store *store;
    char dir[64];
    struct message message;
    void (*command)(struct blob_rig *rig);
    sem_t is_answered;
    /* Where two things are asked for at once the loop may still be answering. */
    atomic_bool has_answer;
    _Atomic(enum err) err;
    struct blob_get *get;
    struct buf got;
    size_t piece_len;
    struct str bytes; /* of a put, in pieces of */
    size_t step;
};

/* world, sim and store are set before; `bytes_max` is what is ever got. */
void blob_rig_open(struct blob_rig *rig, size_t bytes_max);
void blob_rig_close(struct blob_rig *rig); /* stops and frees the store */

/* Runs it on the loop until it is answered; in the dark it never is. */
enum err blob_rig_ask(struct blob_rig *rig, void (*command)(struct blob_rig *rig));
void blob_rig_answer(struct blob_rig *rig, enum err err);

/* For commands. */
struct blob_put *blob_rig_put_begin(struct blob_rig *rig);
void blob_rig_get_next(struct blob_rig *rig);
void blob_rig_drop_begin(struct blob_rig *rig);

enum err blob_rig_put(struct blob_rig *rig, struct str bytes, size_t step);
enum err blob_rig_get(struct blob_rig *rig); /* all of it, into `got` */
enum err blob_rig_drop(struct blob_rig *rig);

#endif
