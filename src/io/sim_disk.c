/* sim_disk.c -- names and calls of the simulated disk. */
#include "io/sim_disk_priv.h"

#include "base/mem.h"

/* A name that came (inode) or went (NULL). A rename is both in one. */
struct sim_name_change {
    struct list in_disk;
    struct sim_inode *inode; /* now under `to`; NULL: `from` is gone */
    char *from, *to;         /* `from` NULL: a new file */
};

struct sim_handle {
    struct sim_inode *inode; /* NULL: closed, or its machine is dead */
    size_t position;
};

static struct sim_disk *disk_of(struct disk *disk)
{
    return CONTAINER_OF(disk, struct sim_disk, base);
}

/* ---- faults ---- */

enum sim_gate sim_disk_gate(struct sim_disk *disk, bool changes)
{
    struct sim *sim = disk->sim;

    if (sim->dark)
        return GATE_FAILS;
    if (changes && disk->calls_left > 0 && --disk->calls_left == 0) {
        sim->dark = true;
        sim_break(sim);
        return GATE_CUTS;
    }
    return sim_chance(sim, sim->faults.disk_error) ? GATE_FAILS : GATE_OPEN;
}

void sim_power_fails_after(struct sim *sim, size_t disk_calls)
{
    sim->disk->calls_left = disk_calls;
}

/* ---- names ---- */

struct str sim_disk_dir_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return STR(".");
    return slash == path ? STR("/") : str_range(path, (size_t)(slash - path));
}

static struct str path_trim(const char *path)
{
    struct str trimmed = str_of(path);

    while (trimmed.len > 1 && trimmed.data[trimmed.len - 1] == '/')
        trimmed.len--;
    return trimmed;
}

static char *text_copy(const char *text)
{
    size_t bytes = text ? strlen(text) + 1 : 0;

    return text ? memcpy(mem_alloc(bytes), text, bytes) : NULL;
}

static void name_set(struct map *names, const char *path, struct sim_inode *inode)
{
    struct sim_inode *before;

    if (inode)
        inode->refs++;
    before = inode ? map_put(names, str_of(path), inode) : map_remove(names, str_of(path));
    if (before)
        sim_inode_unref(before);
}

static void change_apply(struct map *names, const struct sim_name_change *change)
{
    if (change->from)
        name_set(names, change->from, NULL);
    if (change->inode)
        name_set(names, change->to, change->inode);
}

static void change_free(struct sim_name_change *change)
{
    list_remove(&change->in_disk);
    if (change->inode)
        sim_inode_unref(change->inode);
    mem_free(change->from);
    mem_free(change->to);
    mem_free(change);
}

static void change_add(struct sim_disk *disk, struct sim_inode *inode, const char *from,
                       const char *to)
{
    struct sim_name_change *change = MEM_NEW(struct sim_name_change);

    if (inode)
        inode->refs++;
    change->inode = inode;
    change->from = text_copy(from);
    change->to = text_copy(to);
    list_push(&disk->names, &change->in_disk);
    change_apply(&disk->seen, change);
}

static struct str change_dir(const struct sim_name_change *change)
{
    return sim_disk_dir_of(change->to ? change->to : change->from);
}

static struct sim_name_change *change_after(struct sim_disk *disk, struct list *node)
{
    return node->next == &disk->names ? NULL
                                      : LIST_ITEM(node->next, struct sim_name_change, in_disk);
}

/* Makes the first `count` changes of the folder durable, and forgets the others. */
static void dir_settle(struct sim_disk *disk, struct str dir, size_t count)
{
    struct sim_name_change *change, *next;

    for (change = change_after(disk, &disk->names); change; change = next) {
        next = change_after(disk, &change->in_disk);
        if (!str_eq(change_dir(change), dir))
            continue;
        if (count > 0) {
            count--;
            change_apply(&disk->durable, change);
        }
        change_free(change);
    }
}

static size_t dir_changes(struct sim_disk *disk, struct str dir)
{
    size_t count = 0;

    for (struct sim_name_change *change = change_after(disk, &disk->names); change;
         change = change_after(disk, &change->in_disk))
        count += str_eq(change_dir(change), dir);
    return count;
}

static void names_clear(struct map *names)
{
    size_t position = 0;
    void *inode;
    struct str path;

    while (map_next(names, &position, &path, &inode))
        sim_inode_unref(inode);
    map_release(names);
    map_init(names);
}

static void names_crash(struct sim_disk *disk)
{
    size_t position = 0;
    void *inode;
    struct str path;

    while (!list_is_empty(&disk->names)) {
        struct sim_name_change *first = change_after(disk, &disk->names);
        char *text = text_copy(first->to ? first->to : first->from);
        struct str dir = sim_disk_dir_of(text);
        size_t count = dir_changes(disk, dir);

        dir_settle(disk, dir, rng_below(&disk->sim->rng, count + 1));
        mem_free(text);
    }
    names_clear(&disk->seen);
    while (map_next(&disk->durable, &position, &path, &inode)) {
        ((struct sim_inode *)inode)->refs++;
        map_put(&disk->seen, path, inode);
    }
}

/* ---- files ---- */

struct sim_inode *sim_disk_hold(struct sim_disk *disk, const char *path, bool create,
                                bool exclusive, bool *created)
{
    struct sim_inode *inode = map_find(&disk->seen, str_of(path));
    enum sim_gate gate = sim_disk_gate(disk, create && !inode);

    *created = false;
    if (gate == GATE_FAILS || (inode && exclusive) || (!inode && !create))
        return NULL;
    if (!inode) {
        if (!map_find(&disk->dirs, sim_disk_dir_of(path)))
            return NULL;
        inode = sim_inode_new(disk);
        change_add(disk, inode, NULL, path);
        *created = true;
    }
    if (gate == GATE_CUTS)
        return NULL;
    inode->refs++;
    inode->handles++;
    return inode;
}

void sim_disk_unhold(struct sim_inode *inode)
{
    inode->handles--;
    sim_inode_unref(inode);
}

enum err sim_disk_write(struct sim_disk *disk, struct sim_inode *inode, size_t offset,
                        struct str bytes)
{
    enum sim_gate gate = sim_disk_gate(disk, true);

    if (gate == GATE_FAILS && disk->sim->dark)
        return ERR_IO;
    if (gate == GATE_FAILS) /* a full disk, a bad one: some of it arrived */
        bytes.len = rng_below(&disk->sim->rng, bytes.len + 1);
    sim_inode_write(inode, offset, bytes);
    return gate == GATE_OPEN ? OK : ERR_IO;
}

enum err sim_disk_truncate(struct sim_disk *disk, struct sim_inode *inode, size_t len)
{
    enum sim_gate gate = sim_disk_gate(disk, true);

    if (gate != GATE_FAILS)
        sim_inode_truncate(inode, len);
    return gate == GATE_OPEN ? OK : ERR_IO;
}

enum err sim_disk_sync(struct sim_disk *disk, struct sim_inode *inode)
{
    if (sim_disk_gate(disk, true) != GATE_OPEN ||
        sim_chance(disk->sim, disk->sim->faults.fsync_error))
        return ERR_IO;
    sim_inode_sync(inode);
    return OK;
}

enum err sim_disk_remove(struct sim_disk *disk, const char *path)
{
    enum sim_gate gate = sim_disk_gate(disk, true);

    if (gate == GATE_FAILS)
        return ERR_IO;
    if (!map_find(&disk->seen, str_of(path)))
        return ERR_NOT_FOUND;
    change_add(disk, NULL, path, NULL);
    return gate == GATE_OPEN ? OK : ERR_IO;
}

enum err sim_disk_sync_dir(struct sim_disk *disk, struct str dir)
{
    if (sim_disk_gate(disk, true) != GATE_OPEN ||
        sim_chance(disk->sim, disk->sim->faults.fsync_error))
        return ERR_IO;
    dir_settle(disk, dir, SIZE_MAX);
    return OK;
}

/* ---- the disk's table ---- */

static enum err sim_open_dir(struct disk *base, const char *path)
{
    struct sim_disk *disk = disk_of(base);
    struct str whole = path_trim(path);

    if (str_is_empty(whole))
        return ERR_INVALID;
    if (sim_disk_gate(disk, true) != GATE_OPEN)
        return ERR_IO;
    for (size_t i = 1; i <= whole.len; i++)
        if (i == whole.len || whole.data[i] == '/')
            map_put(&disk->dirs, str_first(whole, i), disk);
    return OK;
}

static int handle_new(struct sim_disk *disk, struct sim_inode *inode)
{
    if (!inode)
        return -1;
    disk->handles = mem_realloc(disk->handles, (disk->handle_count + 1) * sizeof(*disk->handles));
    disk->handles[disk->handle_count] = (struct sim_handle){inode, 0};
    return (int)disk->handle_count++;
}

/* NULL for one of a dead machine. */
static struct sim_handle *handle_find(struct disk *base, int fd)
{
    struct sim_disk *disk = disk_of(base);

    REQUIRE(fd >= 0 && (size_t)fd < disk->handle_count);
    return disk->handles[fd].inode ? &disk->handles[fd] : NULL;
}

static int sim_create(struct disk *base, const char *path, bool exclusive)
{
    struct sim_disk *disk = disk_of(base);
    bool created;
    struct sim_inode *inode = sim_disk_hold(disk, path, true, exclusive, &created);

    if (inode && !created && inode->seen.len > 0)
        sim_inode_truncate(inode, 0);
    return handle_new(disk, inode);
}

static int sim_open(struct disk *base, const char *path)
{
    bool created;

    return handle_new(disk_of(base), sim_disk_hold(disk_of(base), path, false, false, &created));
}

static enum err sim_write(struct disk *base, int fd, struct str bytes)
{
    struct sim_handle *handle = handle_find(base, fd);
    enum err err;

    if (!handle)
        return ERR_IO;
    err = sim_disk_write(disk_of(base), handle->inode, handle->position, bytes);
    if (!err)
        handle->position += bytes.len;
    return err;
}

static enum err sim_read(struct disk *base, int fd, struct buf *out, size_t max)
{
    struct sim_handle *handle = handle_find(base, fd);
    struct str rest;

    if (!handle || sim_disk_gate(disk_of(base), false) != GATE_OPEN)
        return ERR_IO;
    rest = str_range(handle->inode->seen.bytes, handle->inode->seen.len);
    rest = str_first(str_from(rest, handle->position), max);
    if (rest.len > out->max - out->len)
        return ERR_LIMIT;
    buf_add(out, rest);
    handle->position += rest.len;
    return OK;
}

static enum err sim_read_all(struct disk *base, int fd, struct buf *out)
{
    return sim_read(base, fd, out, SIZE_MAX);
}

static enum err sim_sync(struct disk *base, int fd)
{
    struct sim_handle *handle = handle_find(base, fd);

    return handle ? sim_disk_sync(disk_of(base), handle->inode) : ERR_IO;
}

static void sim_close(struct disk *base, int fd)
{
    struct sim_handle *handle = handle_find(base, fd);

    if (!handle)
        return;
    if (handle->inode->reserved_by == base)
        handle->inode->reserved_by = NULL; /* the lock of sim_lock */
    sim_disk_unhold(handle->inode);
    handle->inode = NULL;
}

static enum err sim_rename(struct disk *base, const char *from, const char *to)
{
    struct sim_disk *disk = disk_of(base);
    struct sim_inode *inode = map_find(&disk->seen, str_of(from));
    enum sim_gate gate = sim_disk_gate(disk, true);

    if (gate == GATE_FAILS)
        return ERR_IO;
    if (!inode || !map_find(&disk->dirs, sim_disk_dir_of(to)))
        return ERR_NOT_FOUND;
    change_add(disk, inode, from, to);
    return gate == GATE_OPEN ? OK : ERR_IO;
}

static enum err sim_remove(struct disk *base, const char *path)
{
    return sim_disk_remove(disk_of(base), path);
}

static enum err sim_sync_dir(struct disk *base, const char *path)
{
    if (!map_find(&disk_of(base)->dirs, path_trim(path)))
        return ERR_NOT_FOUND;
    return sim_disk_sync_dir(disk_of(base), path_trim(path));
}

static bool sim_exists(struct disk *base, const char *path)
{
    struct sim_disk *disk = disk_of(base);

    return map_find(&disk->seen, str_of(path)) || map_find(&disk->dirs, path_trim(path));
}

static enum err sim_lock(struct disk *base, const char *path, int *fd)
{
    struct sim_disk *disk = disk_of(base);
    bool created;
    struct sim_inode *inode = sim_disk_hold(disk, path, true, false, &created);

    if (!inode)
        return ERR_IO;
    if (inode->reserved_by) {
        sim_disk_unhold(inode);
        return ERR_CONFLICT;
    }
    inode->reserved_by = base;
    *fd = handle_new(disk, inode);
    return OK;
}

/* ---- the crash ---- */

void sim_disk_crash(struct sim_disk *disk, bool kill_only)
{
    struct list *node, *next;

    disk->epoch++;
    disk->calls_left = 0;
    for (size_t i = 0; i < disk->handle_count; i++)
        disk->handles[i].inode = NULL;
    for (node = disk->inodes.next; node != &disk->inodes; node = next) {
        struct sim_inode *inode = LIST_ITEM(node, struct sim_inode, in_disk);

        next = node->next;
        sim_inode_forget_locks(inode);
        inode->refs++;
        inode->refs -= inode->handles;
        inode->handles = 0;
        if (!kill_only)
            sim_inode_crash(disk->sim, inode);
        sim_inode_unref(inode);
    }
    if (!kill_only)
        names_crash(disk);
}

struct sim_disk *sim_disk_new(struct sim *sim)
{
    static const struct disk table = {
        .open_dir = sim_open_dir,
        .create = sim_create,
        .open = sim_open,
        .write = sim_write,
        .read = sim_read,
        .read_all = sim_read_all,
        .sync = sim_sync,
        .close = sim_close,
        .rename = sim_rename,
        .remove = sim_remove,
        .sync_dir = sim_sync_dir,
        .exists = sim_exists,
        .is_private = sim_exists, /* nobody else has it */
        .lock = sim_lock,
    };
    struct sim_disk *disk = sim_alloc(sim, sizeof(*disk));

    disk->base = table;
    disk->sim = sim;
    list_init(&disk->inodes);
    list_init(&disk->names);
    map_init(&disk->seen);
    map_init(&disk->durable);
    map_init(&disk->dirs);
    map_put(&disk->dirs, STR("/"), disk);
    map_put(&disk->dirs, STR("."), disk);
    return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
    sim_disk_crash(disk, true); /* handles go */
    while (!list_is_empty(&disk->names))
        change_free(change_after(disk, &disk->names));
    names_clear(&disk->seen);
    names_clear(&disk->durable);
    REQUIRE(list_is_empty(&disk->inodes));
    map_release(&disk->seen);
    map_release(&disk->durable);
    map_release(&disk->dirs);
    mem_free(disk->handles);
}

struct disk *sim_disk_table(struct sim_disk *disk)
{
    return &disk->base;
}
