/* power_vfs.c -- undoes and redoes what was not synced when the power went. For tests. */
#include "db/power_vfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/rng.h"
#include "db/cut_vfs.h"

#define SECTOR 512

/* Not yet synced: a write, or (without bytes) the file's new end. */
struct change {
    struct list in_power;
    char *path;
    int64_t offset;
    char *before, *after;
    size_t before_bytes, after_bytes;
    int64_t size_before; /* of the file */
};

struct power {
    struct cut_vfs *vfs;
    struct rng rng;
    pthread_mutex_t lock; /* the store's threads call at once */
    struct list changes;  /* oldest first */
    int64_t calls_left;
    bool is_off;
};

static int64_t size_of(int fd)
{
    return (int64_t)lseek(fd, 0, SEEK_END);
}

static void change_free(struct change *change)
{
    list_remove(&change->in_power);
    mem_free(change->path);
    mem_free(change->before);
    mem_free(change->after);
    mem_free(change);
}

static char *copy_of(const char *bytes, size_t count)
{
    char *copy = mem_alloc(count + 1);

    memcpy(copy, bytes, count);
    copy[count] = '\0';
    return copy;
}

static void remember(struct power *power, const struct cut_event *event)
{
    int fd = open(event->path, O_RDONLY | O_CLOEXEC);
    struct change *change = MEM_NEW(struct change);
    size_t bytes = event->bytes.len;

    REQUIRE(fd >= 0);
    change->path = copy_of(event->path, strlen(event->path));
    change->offset = event->offset;
    change->size_before = size_of(fd);
    if (event->call == CUT_TRUNCATE && change->size_before > event->offset)
        bytes = (size_t)(change->size_before - event->offset);
    change->before = mem_alloc(bytes + 1);
    change->before_bytes = (size_t)pread(fd, change->before, bytes, (off_t)event->offset);
    change->after = copy_of(event->bytes.len ? event->bytes.data : "", event->bytes.len);
    change->after_bytes = event->bytes.len;
    list_push(&power->changes, &change->in_power);
    close(fd);
}

static void forget(struct power *power, const char *path)
{
    for (struct list *node = power->changes.next, *next; node != &power->changes; node = next) {
        struct change *change = LIST_ITEM(node, struct change, in_power);

        next = node->next;
        if (str_eq(str_of(change->path), str_of(path)))
            change_free(change);
    }
}

static bool note(struct power *power, const struct cut_event *event)
{
    bool counts =
        event->call == CUT_WRITE || event->call == CUT_TRUNCATE || event->call == CUT_SYNC;

    if (power->is_off)
        return false;
    if (event->call == CUT_DELETE)
        forget(power, event->path);
    if (!counts || !event->path)
        return true;
    if (power->calls_left > 0 && --power->calls_left == 0) {
        /* The write under way may reach the disk too. */
        if (event->call == CUT_WRITE)
            remember(power, event);
        power->is_off = true;
        return false;
    }
    if (event->call == CUT_SYNC)
        forget(power, event->path);
    else
        remember(power, event);
    return true;
}

static bool allows(void *context, const struct cut_event *event)
{
    struct power *power = context;
    bool yes;

    pthread_mutex_lock(&power->lock);
    yes = note(power, event);
    pthread_mutex_unlock(&power->lock);
    return yes;
}

struct power *power_new(const char *name, uint64_t seed)
{
    struct power *power = MEM_NEW(struct power);

    rng_seed(&power->rng, seed);
    list_init(&power->changes);
    REQUIRE(pthread_mutex_init(&power->lock, NULL) == 0);
    power->vfs = cut_vfs_add(name, NULL, allows, power);
    return power;
}

void power_free(struct power *power)
{
    while (!list_is_empty(&power->changes))
        change_free(LIST_ITEM(power->changes.next, struct change, in_power));
    cut_vfs_remove(power->vfs);
    pthread_mutex_destroy(&power->lock);
    mem_free(power);
}

void power_cut_after(struct power *power, int64_t calls)
{
    pthread_mutex_lock(&power->lock);
    power->calls_left = calls;
    pthread_mutex_unlock(&power->lock);
}

void power_cut(struct power *power)
{
    pthread_mutex_lock(&power->lock);
    power->is_off = true;
    pthread_mutex_unlock(&power->lock);
}

bool power_is_off(struct power *power)
{
    bool is_off;

    pthread_mutex_lock(&power->lock);
    is_off = power->is_off;
    pthread_mutex_unlock(&power->lock);
    return is_off;
}

static void put(int fd, const char *bytes, size_t count, int64_t offset)
{
    if (count)
        REQUIRE(pwrite(fd, bytes, count, (off_t)offset) == (ssize_t)count);
}

static void undo(const struct change *change)
{
    int fd = open(change->path, O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return; /* deleted since */
    put(fd, change->before, change->before_bytes, change->offset);
    REQUIRE(ftruncate(fd, (off_t)change->size_before) == 0);
    close(fd);
}

/* All of it, or some of its sectors. */
static void redo(struct power *power, const struct change *change)
{
    int fd = open(change->path, O_RDWR | O_CLOEXEC);
    bool is_torn = rng_below(&power->rng, 4) == 0;

    if (fd < 0)
        return;
    if (change->after_bytes == 0)
        REQUIRE(ftruncate(fd, (off_t)change->offset) == 0);
    for (size_t at = 0; at < change->after_bytes; at += SECTOR) {
        size_t rest = change->after_bytes - at;

        if (!is_torn || rng_below(&power->rng, 2))
            put(fd, change->after + at, rest < SECTOR ? rest : SECTOR,
                change->offset + (int64_t)at);
    }
    close(fd);
}

/* The last change was perhaps the one the power went in, and was never made: undoing it does no
 * harm. */
void power_restore(struct power *power)
{
    uint64_t kept_of_4 = rng_below(&power->rng, 5);

    for (struct list *node = power->changes.prev; node != &power->changes; node = node->prev)
        undo(LIST_ITEM(node, struct change, in_power));
    while (!list_is_empty(&power->changes)) {
        struct change *change = LIST_ITEM(power->changes.next, struct change, in_power);

        if (rng_below(&power->rng, 4) < kept_of_4)
            redo(power, change);
        change_free(change);
    }
    power->calls_left = 0;
    power->is_off = false;
}
