/* sim_file.c -- the bytes of simulated files. */
#include "base/mem.h"
#include "io/sim_disk_priv.h"

#define FILE_BYTES_MAX ((size_t)1 << 32)

struct sim_write {
    struct list in_inode;
    size_t offset;
    size_t len;
    bool truncates; /* to `offset` bytes */
    char bytes[];
};

/* ---- images ---- */

static void image_resize(struct sim_image *image, size_t len)
{
    REQUIRE(len <= FILE_BYTES_MAX);
    if (len > image->cap) {
        image->cap = image->cap * 2 > len ? image->cap * 2 : len;
        image->bytes = mem_realloc(image->bytes, image->cap);
    }
    if (len > image->len)
        memset(image->bytes + image->len, 0, len - image->len);
    image->len = len;
}

static void image_write(struct sim_image *image, size_t offset, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    if (offset + len > image->len)
        image_resize(image, offset + len);
    memcpy(image->bytes + offset, bytes, len);
}

static void image_copy(struct sim_image *to, const struct sim_image *from)
{
    to->len = 0;
    image_resize(to, from->len);
    if (from->len)
        memcpy(to->bytes, from->bytes, from->len);
}

static void image_apply(struct sim_image *image, const struct sim_write *write)
{
    if (write->truncates)
        image_resize(image, write->offset);
    else
        image_write(image, write->offset, write->bytes, write->len);
}

/* Each sector that the write touches arrives or does not. */
static void image_apply_torn(struct sim *sim, struct sim_image *image,
                             const struct sim_write *write)
{
    for (size_t at = 0; at < write->len;) {
        size_t len = SECTOR_BYTES - (write->offset + at) % SECTOR_BYTES;

        if (len > write->len - at)
            len = write->len - at;
        if (rng_below(&sim->rng, 2))
            image_write(image, write->offset + at, write->bytes + at, len);
        at += len;
    }
}

/* ---- inodes ---- */

struct sim_inode *sim_inode_new(struct sim_disk *disk)
{
    struct sim_inode *inode = sim_alloc(disk->sim, sizeof(*inode));

    list_init(&inode->unsynced);
    list_push(&disk->inodes, &inode->in_disk);
    return inode;
}

static void inode_forget_writes(struct sim_inode *inode)
{
    struct list *node;

    while ((node = list_pop(&inode->unsynced)))
        mem_free(LIST_ITEM(node, struct sim_write, in_inode));
}

void sim_inode_unref(struct sim_inode *inode)
{
    REQUIRE(inode->refs > 0);
    if (--inode->refs > 0)
        return;
    inode_forget_writes(inode);
    sim_inode_forget_locks(inode);
    mem_free(inode->seen.bytes);
    mem_free(inode->durable.bytes);
    list_remove(&inode->in_disk);
    sim_release(inode);
}

static void inode_add(struct sim_inode *inode, const struct sim_write *change, struct str bytes)
{
    struct sim_write *write = mem_alloc(sizeof(*write) + bytes.len);

    *write = *change;
    write->len = bytes.len;
    if (bytes.len)
        memcpy(write->bytes, bytes.data, bytes.len);
    list_push(&inode->unsynced, &write->in_inode);
    image_apply(&inode->seen, write);
}

void sim_inode_write(struct sim_inode *inode, size_t offset, struct str bytes)
{
    inode_add(inode, &(struct sim_write){.offset = offset}, bytes);
}

void sim_inode_truncate(struct sim_inode *inode, size_t len)
{
    inode_add(inode, &(struct sim_write){.offset = len, .truncates = true}, STR(""));
}

void sim_inode_sync(struct sim_inode *inode)
{
    struct list *node;

    while ((node = list_pop(&inode->unsynced))) {
        struct sim_write *write = LIST_ITEM(node, struct sim_write, in_inode);

        image_apply(&inode->durable, write);
        mem_free(write);
    }
}

/* Either the writes went out in order until the power went, or each for itself. */
void sim_inode_crash(struct sim *sim, struct sim_inode *inode)
{
    bool in_order = rng_below(&sim->rng, 2);
    uint64_t tears = 1 + rng_below(&sim->rng, 4);
    struct list *node;

    while ((node = list_pop(&inode->unsynced))) {
        struct sim_write *write = LIST_ITEM(node, struct sim_write, in_inode);
        uint64_t fate = rng_below(&sim->rng, in_order ? 12 * tears : 3);

        if (fate == 0) {
            image_apply_torn(sim, &inode->durable, write);
            if (in_order)
                inode_forget_writes(inode);
        } else if (fate != 1 || in_order) {
            image_apply(&inode->durable, write);
        }
        mem_free(write);
    }
    image_copy(&inode->seen, &inode->durable);
}

void sim_inode_forget_locks(struct sim_inode *inode)
{
    inode->shared = 0;
    inode->reserved_by = inode->pending_by = NULL;
    mem_free(inode->shm.regions);
    inode->shm = (struct sim_shm){0};
}
