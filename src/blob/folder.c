/* folder.c -- each step is a message that is delivered on the folder's thread, where it may block,
 * and then once more on the loop of whoever asked. */
#include "blob/folder.h"

#include "base/mem.h"
#include "io/disk.h"

#define PATH_BYTES_MAX 4096
#define SHARD_COUNT 256

struct folder {
    struct blob_store base;
    struct disk *disk;
    struct actor *actor;        /* NULL: stopped */
    bool is_known[SHARD_COUNT]; /* the folders that are there, durably */
    char *dir;
};

/* Where a blob stands. On the folder's thread. */
struct place {
    char dir[PATH_BYTES_MAX], part[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
};

enum step { STEP_WRITE, STEP_END, STEP_CANCEL };

/* One step of a put. */
struct put_step {
    struct message message;
    struct folder_put *put;
    enum step step;
    size_t len;
    char bytes[];
};

struct folder_put {
    struct blob_put base;
    struct folder *folder;
    struct loop *loop;
    struct blob_put_events events;
    char key[BLOB_KEY_BYTES + 1];
    size_t pending, steps_open;
    bool is_over; /* ended or cancelled: no further step comes */
    /* The folder's thread. */
    int fd; /* -1: no file yet, or none any more */
    bool has_file;
    enum err err;
};

struct folder_get {
    struct blob_get base;
    struct message message;
    struct folder *folder;
    struct loop *loop;
    struct blob_get_events events;
    char key[BLOB_KEY_BYTES + 1];
    bool is_asked, is_freed;
    /* The folder's thread while a piece is asked for. */
    int fd;
    bool is_open;
    enum err err;
    struct buf piece;
};

struct removal {
    struct message message;
    struct folder *folder;
    struct loop *loop;
    void (*on_done)(void *context, const bool *gone);
    void *context;
    size_t count;
    bool *gone;
    struct blob_key keys[];
};

/* There and back: `run` on the folder's thread, `done` on the loop. */
static void post(struct folder *folder, struct message *message,
                 void (*run)(struct message *message))
{
    message->deliver = run;
    if (folder->actor)
        actor_post(folder->actor, message);
    else
        run(message);
}

static void post_back(struct folder *folder, struct loop *loop, struct message *message,
                      void (*done)(struct message *message))
{
    message->deliver = done;
    if (folder->actor)
        loop_post(loop, message);
    else
        done(message);
}

static void place_find(const struct folder *folder, const char *key, struct place *place)
{
    int len = snprintf(place->dir, sizeof(place->dir), "%s/%.2s", folder->dir, key);

    REQUIRE(len > 0 && (size_t)len + BLOB_KEY_BYTES + 8 < sizeof(place->dir));
    snprintf(place->path, sizeof(place->path), "%.*s/%s", len, place->dir, key);
    snprintf(place->part, sizeof(place->part), "%.*s/%s.part", len, place->dir, key);
}

/* ---- put, on the folder's thread ---- */

/* The folder of a key comes to be, durably, before the first file in it. */
static enum err shard_open(struct folder *folder, const char *key, const char *dir)
{
    struct disk *disk = folder->disk;
    int64_t shard = 0;
    enum err err;

    for (size_t i = 0; i < 2; i++)
        shard = shard * 16 + (key[i] <= '9' ? key[i] - '0' : key[i] - 'a' + 10);
    REQUIRE(shard >= 0 && shard < SHARD_COUNT);
    if (folder->is_known[shard])
        return OK;
    if ((err = disk->open_dir(disk, dir)) || (err = disk->sync_dir(disk, folder->dir)))
        return err;
    folder->is_known[shard] = true;
    return OK;
}

static enum err put_open(struct folder_put *put)
{
    struct disk *disk = put->folder->disk;
    struct place place;
    enum err err;

    if (put->has_file)
        return OK;
    place_find(put->folder, put->key, &place);
    if ((err = shard_open(put->folder, put->key, place.dir)))
        return err;
    put->fd = disk->create(disk, place.part, false);
    put->has_file = put->fd >= 0;
    return put->has_file ? OK : ERR_IO;
}

static void put_close(struct folder_put *put)
{
    if (put->fd >= 0)
        put->folder->disk->close(put->folder->disk, put->fd);
    put->fd = -1;
}

static void put_drop(struct folder_put *put)
{
    struct place place;

    put_close(put);
    if (!put->has_file)
        return;
    place_find(put->folder, put->key, &place);
    (void)put->folder->disk->remove(put->folder->disk, place.part);
}

/* The bytes first, then the name: a name never stands for half a blob. */
static enum err put_finish(struct folder_put *put)
{
    struct disk *disk = put->folder->disk;
    struct place place;
    enum err err = put_open(put); /* an empty blob has had no bytes */

    if (err || (err = disk->sync(disk, put->fd)))
        return err;
    put_close(put);
    place_find(put->folder, put->key, &place);
    if ((err = disk->rename(disk, place.part, place.path)))
        return err;
    return disk->sync_dir(disk, place.dir);
}

static void put_step_done(struct message *message);

static void put_step_run(struct message *message)
{
    struct put_step *step = CONTAINER_OF(message, struct put_step, message);
    struct folder_put *put = step->put;

    if (step->step == STEP_WRITE && !put->err && !(put->err = put_open(put)))
        put->err =
            put->folder->disk->write(put->folder->disk, put->fd, str_range(step->bytes, step->len));
    if (step->step == STEP_END && !put->err)
        put->err = put_finish(put);
    if (step->step == STEP_CANCEL || (step->step == STEP_END && put->err))
        put_drop(put);
    if (put->err == ERR_AGAIN || (step->step == STEP_END && !put->err))
        atomic_store_explicit(&put->folder->base.is_full, put->err == ERR_AGAIN,
                              memory_order_relaxed);
    post_back(put->folder, put->loop, message, put_step_done);
}

/* ---- put, on the loop ---- */

static void put_step_done(struct message *message)
{
    struct put_step *step = CONTAINER_OF(message, struct put_step, message);
    struct folder_put *put = step->put;
    enum step kind = step->step;

    put->pending -= step->len;
    mem_free(step);
    if (kind == STEP_WRITE && put->events.on_room && !put->is_over)
        put->events.on_room(put->events.context);
    if (kind == STEP_END)
        put->events.on_done(put->events.context, put->err);
    if (--put->steps_open == 0 && put->is_over)
        mem_free(put);
}

static void put_step_post(struct folder_put *put, enum step kind, struct str bytes)
{
    struct put_step *step = mem_alloc(sizeof(*step) + bytes.len);

    *step = (struct put_step){.put = put, .step = kind, .len = bytes.len};
    if (bytes.len)
        memcpy(step->bytes, bytes.data, bytes.len);
    put->pending += bytes.len;
    put->is_over = kind != STEP_WRITE;
    put->steps_open++;
    post(put->folder, &step->message, put_step_run);
}

static struct folder_put *put_of(struct blob_put *put)
{
    return CONTAINER_OF(put, struct folder_put, base);
}

static void folder_put_add(struct blob_put *put, struct str bytes)
{
    put_step_post(put_of(put), STEP_WRITE, bytes);
}

static size_t folder_put_pending(const struct blob_put *put)
{
    return ((const struct folder_put *)put)->pending;
}

static void folder_put_end(struct blob_put *put)
{
    put_step_post(put_of(put), STEP_END, STR(""));
}

static void folder_put_cancel(struct blob_put *put)
{
    put_step_post(put_of(put), STEP_CANCEL, STR(""));
}

static struct blob_put *folder_put_new(struct blob_store *store, struct loop *loop, struct str key,
                                       const struct blob_put_events *events)
{
    struct folder_put *put = MEM_NEW(struct folder_put);

    put->base.ops = store->ops;
    put->folder = CONTAINER_OF(store, struct folder, base);
    put->loop = loop;
    put->events = *events;
    put->fd = -1;
    memcpy(put->key, key.data, key.len);
    return &put->base;
}

/* ---- get ---- */

static void get_release(struct folder_get *get)
{
    if (get->is_open)
        get->folder->disk->close(get->folder->disk, get->fd);
    buf_release(&get->piece);
    mem_free(get);
}

static void get_done(struct message *message)
{
    struct folder_get *get = CONTAINER_OF(message, struct folder_get, message);

    get->is_asked = false;
    if (get->is_freed)
        get_release(get);
    else
        get->events.on_piece(get->events.context, get->err, buf_str(&get->piece));
}

static void get_run(struct message *message)
{
    struct folder_get *get = CONTAINER_OF(message, struct folder_get, message);
    struct disk *disk = get->folder->disk;
    struct place place;

    buf_clear(&get->piece);
    if (!get->is_open) {
        place_find(get->folder, get->key, &place);
        get->fd = disk->open(disk, place.path);
        get->is_open = get->fd >= 0;
    }
    get->err =
        get->is_open ? disk->read(disk, get->fd, &get->piece, BLOB_PIECE_BYTES) : ERR_NOT_FOUND;
    post_back(get->folder, get->loop, message, get_done);
}

static struct folder_get *get_of(struct blob_get *get)
{
    return CONTAINER_OF(get, struct folder_get, base);
}

static void folder_get_next(struct blob_get *base)
{
    struct folder_get *get = get_of(base);

    REQUIRE(!get->is_asked);
    get->is_asked = true;
    post(get->folder, &get->message, get_run);
}

static void folder_get_free(struct blob_get *base)
{
    struct folder_get *get = get_of(base);

    get->is_freed = true;
    if (!get->is_asked)
        get_release(get);
}

static struct blob_get *folder_get_new(struct blob_store *store, struct loop *loop, struct str key,
                                       const struct blob_get_events *events)
{
    struct folder_get *get = MEM_NEW(struct folder_get);

    get->base.ops = store->ops;
    get->folder = CONTAINER_OF(store, struct folder, base);
    get->loop = loop;
    get->events = *events;
    buf_init(&get->piece, BLOB_PIECE_BYTES);
    memcpy(get->key, key.data, key.len);
    return &get->base;
}

/* ---- remove ---- */

static void removal_done(struct message *message)
{
    struct removal *removal = CONTAINER_OF(message, struct removal, message);

    removal->on_done(removal->context, removal->gone);
    mem_free(removal->gone);
    mem_free(removal);
}

static bool remove_one(struct folder *folder, const char *key)
{
    struct place place;
    enum err of_blob, of_part;

    place_find(folder, key, &place);
    of_blob = folder->disk->remove(folder->disk, place.path);
    of_part = folder->disk->remove(folder->disk, place.part);
    return (!of_blob || of_blob == ERR_NOT_FOUND) && (!of_part || of_part == ERR_NOT_FOUND);
}

static void removal_run(struct message *message)
{
    struct removal *removal = CONTAINER_OF(message, struct removal, message);

    for (size_t i = 0; i < removal->count; i++)
        removal->gone[i] = remove_one(removal->folder, removal->keys[i].text);
    post_back(removal->folder, removal->loop, message, removal_done);
}

static void folder_remove(struct blob_store *store, struct loop *loop, const struct str *keys,
                          size_t count, void (*on_done)(void *context, const bool *gone),
                          void *context)
{
    struct removal *removal = mem_alloc_zero(sizeof(*removal) + count * sizeof(removal->keys[0]));

    removal->folder = CONTAINER_OF(store, struct folder, base);
    removal->loop = loop;
    removal->on_done = on_done;
    removal->context = context;
    removal->count = count;
    removal->gone = mem_alloc_zero(count * sizeof(bool));
    for (size_t i = 0; i < count; i++)
        memcpy(removal->keys[i].text, keys[i].data, BLOB_KEY_BYTES);
    post(removal->folder, &removal->message, removal_run);
}

/* ---- life ---- */

/* `actor` stays while the thread ends: what it still does goes back as messages. */
static void folder_stop(struct blob_store *store)
{
    struct folder *folder = CONTAINER_OF(store, struct folder, base);

    if (folder->actor)
        actor_stop(folder->actor);
    folder->actor = NULL;
}

static void folder_free(struct blob_store *store)
{
    struct folder *folder = CONTAINER_OF(store, struct folder, base);

    folder_stop(store);
    mem_free(folder->dir);
    mem_free(folder);
}

static const struct blob_ops ops = {
    .put_new = folder_put_new,
    .put_add = folder_put_add,
    .put_pending = folder_put_pending,
    .put_end = folder_put_end,
    .put_cancel = folder_put_cancel,
    .get_new = folder_get_new,
    .get_next = folder_get_next,
    .get_free = folder_get_free,
    .remove = folder_remove,
    .stop = folder_stop,
    .free = folder_free,
};

struct blob_store *blob_folder_new(struct world *world, const char *dir)
{
    struct folder *folder = MEM_NEW(struct folder);
    size_t bytes = strlen(dir) + 1;

    REQUIRE(bytes < PATH_BYTES_MAX / 2);
    folder->base.ops = &ops;
    folder->disk = world->disk;
    folder->dir = mem_alloc(bytes);
    memcpy(folder->dir, dir, bytes);
    folder->actor =
        world_actor_new(world, &(struct actor_config){.name = "blob", .step = actor_deliver});
    return &folder->base;
}
