/* spool.c -- each step is a message that is delivered on the spools' thread, where it may block,
 * and then once more on the loop of whoever asked. */
#include "blob/spool.h"

#include "base/mem.h"
#include "io/disk.h"

#define PATH_BYTES_MAX 4096

struct spools {
    struct disk *disk;
    struct actor *actor; /* NULL: stopped */
    char *dir;
    struct message clearing;
    /* The thread's. */
    bool is_taken[SPOOLS_MAX];
    bool has_dir;
};

enum step_kind { STEP_WRITE, STEP_END, STEP_READ, STEP_REWIND, STEP_FREE };

struct step {
    struct message message;
    struct spool *spool;
    enum step_kind kind;
    size_t len;
    char bytes[];
};

struct spool {
    struct spools *spools;
    struct loop *loop;
    const struct spool_events *events;
    void *context;
    size_t pending, steps_open;
    bool is_freed;
    /* The thread's, while a step is under way. */
    int slot; /* -1: none yet */
    int writing, reading;
    enum err err;
    struct buf piece;
};

/* ---- on the thread ---- */

static void path_of(const struct spools *spools, int slot, char path[PATH_BYTES_MAX])
{
    int len = snprintf(path, PATH_BYTES_MAX, "%s/%d", spools->dir, slot);

    REQUIRE(len > 0 && len < PATH_BYTES_MAX);
}

/* What a crash has left. */
static void clear(struct message *message)
{
    struct spools *spools = CONTAINER_OF(message, struct spools, clearing);
    char path[PATH_BYTES_MAX];

    for (int slot = 0; slot < SPOOLS_MAX; slot++) {
        path_of(spools, slot, path);
        if (spools->disk->exists(spools->disk, path))
            (void)spools->disk->remove(spools->disk, path);
    }
}

static enum err slot_take(struct spool *spool)
{
    struct spools *spools = spool->spools;
    enum err err = OK;

    if (!spools->has_dir && (err = spools->disk->open_dir(spools->disk, spools->dir)))
        return err;
    spools->has_dir = true;
    for (int slot = 0; slot < SPOOLS_MAX; slot++)
        if (!spools->is_taken[slot]) {
            spools->is_taken[slot] = true;
            spool->slot = slot;
            return OK;
        }
    return ERR_AGAIN;
}

static enum err write_open(struct spool *spool)
{
    struct disk *disk = spool->spools->disk;
    char path[PATH_BYTES_MAX];
    enum err err;

    if (spool->writing >= 0)
        return OK;
    if ((err = slot_take(spool)))
        return err;
    path_of(spool->spools, spool->slot, path);
    spool->writing = disk->create(disk, path, false);
    return spool->writing >= 0 ? OK : ERR_IO;
}

static enum err read_piece(struct spool *spool)
{
    struct disk *disk = spool->spools->disk;
    char path[PATH_BYTES_MAX];

    buf_clear(&spool->piece);
    if (spool->reading < 0) {
        path_of(spool->spools, spool->slot, path);
        spool->reading = disk->open(disk, path);
    }
    return spool->reading < 0 ? ERR_IO
                              : disk->read(disk, spool->reading, &spool->piece, SPOOL_PIECE_BYTES);
}

static void file_close(struct spool *spool, int *fd)
{
    if (*fd >= 0)
        spool->spools->disk->close(spool->spools->disk, *fd);
    *fd = -1;
}

static void slot_give(struct spool *spool)
{
    struct disk *disk = spool->spools->disk;
    char path[PATH_BYTES_MAX];

    file_close(spool, &spool->reading);
    file_close(spool, &spool->writing);
    if (spool->slot < 0)
        return;
    path_of(spool->spools, spool->slot, path);
    (void)disk->remove(disk, path);
    spool->spools->is_taken[spool->slot] = false;
}

static enum err step_do(struct step *step)
{
    struct spool *spool = step->spool;
    struct disk *disk = spool->spools->disk;
    enum err err;

    switch (step->kind) {
    case STEP_WRITE:
        err = write_open(spool);
        return err ? err : disk->write(disk, spool->writing, str_range(step->bytes, step->len));
    case STEP_END:
        err = write_open(spool); /* an empty one has had no bytes */
        file_close(spool, &spool->writing);
        return err;
    case STEP_READ:
        return read_piece(spool);
    case STEP_REWIND:
        file_close(spool, &spool->reading);
        return OK;
    case STEP_FREE:
        slot_give(spool);
        return OK;
    }
    return OK;
}

/* ---- there and back ---- */

static void step_done(struct message *message)
{
    struct step *step = CONTAINER_OF(message, struct step, message);
    struct spool *spool = step->spool;
    enum step_kind kind = step->kind;

    spool->pending -= step->len;
    spool->steps_open--;
    mem_free(step);
    if (spool->is_freed) {
        if (spool->steps_open > 0)
            return;
        buf_release(&spool->piece);
        mem_free(spool);
    } else if (kind == STEP_WRITE) {
        spool->events->on_room(spool->context);
    } else if (kind == STEP_END) {
        spool->events->on_end(spool->context, spool->err);
    } else if (kind == STEP_READ) {
        spool->events->on_piece(spool->context, spool->err, buf_str(&spool->piece));
    }
}

static void step_run(struct message *message)
{
    struct step *step = CONTAINER_OF(message, struct step, message);
    struct spool *spool = step->spool;

    if (step->kind == STEP_FREE || !spool->err) {
        enum err err = step_do(step);

        spool->err = spool->err ? spool->err : err;
    }
    step->message.deliver = step_done;
    if (spool->spools->actor)
        loop_post(spool->loop, &step->message);
    else
        step_done(&step->message);
}

static void step_post(struct spool *spool, enum step_kind kind, struct str bytes)
{
    struct step *step = mem_alloc(sizeof(*step) + bytes.len);

    *step = (struct step){.spool = spool, .kind = kind, .len = bytes.len};
    if (bytes.len)
        memcpy(step->bytes, bytes.data, bytes.len);
    spool->pending += bytes.len;
    spool->steps_open++;
    step->message.deliver = step_run;
    if (spool->spools->actor)
        actor_post(spool->spools->actor, &step->message);
    else
        step_run(&step->message);
}

void spool_add(struct spool *spool, struct str bytes)
{
    step_post(spool, STEP_WRITE, bytes);
}

size_t spool_pending(const struct spool *spool)
{
    return spool->pending;
}

void spool_end(struct spool *spool)
{
    step_post(spool, STEP_END, STR(""));
}

void spool_read(struct spool *spool)
{
    step_post(spool, STEP_READ, STR(""));
}

void spool_rewind(struct spool *spool)
{
    step_post(spool, STEP_REWIND, STR(""));
}

void spool_free(struct spool *spool)
{
    spool->is_freed = true;
    step_post(spool, STEP_FREE, STR(""));
}

void spool_move(struct spool *spool, struct loop *loop, const struct spool_events *events,
                void *context)
{
    spool->loop = loop;
    spool->events = events;
    spool->context = context;
}

struct spool *spool_new(struct spools *spools, struct loop *loop, const struct spool_events *events,
                        void *context)
{
    struct spool *spool = MEM_NEW(struct spool);

    spool->spools = spools;
    spool->slot = spool->writing = spool->reading = -1;
    buf_init(&spool->piece, SPOOL_PIECE_BYTES);
    spool_move(spool, loop, events, context);
    return spool;
}

/* ---- life ---- */

struct spools *spools_new(struct world *world, const char *dir)
{
    struct spools *spools = MEM_NEW(struct spools);
    size_t bytes = strlen(dir) + 1;

    REQUIRE(bytes < PATH_BYTES_MAX / 2);
    spools->disk = world->disk;
    spools->dir = mem_alloc(bytes);
    memcpy(spools->dir, dir, bytes);
    spools->actor =
        world_actor_new(world, &(struct actor_config){.name = "spool", .step = actor_deliver});
    spools->clearing.deliver = clear;
    actor_post(spools->actor, &spools->clearing);
    return spools;
}

/* `actor` stays while the thread ends: what it still does goes back as messages. */
void spools_stop(struct spools *spools)
{
    if (spools->actor)
        actor_stop(spools->actor);
    spools->actor = NULL;
}

void spools_do(struct spools *spools, struct message *message)
{
    if (spools->actor)
        actor_post(spools->actor, message);
    else
        message->deliver(message);
}

struct disk *spools_disk(struct spools *spools)
{
    return spools->disk;
}

void spools_free(struct spools *spools)
{
    if (!spools)
        return;
    spools_stop(spools);
    mem_free(spools->dir);
    mem_free(spools);
}
