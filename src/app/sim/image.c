/* image.c -- a data folder as a first start leaves it. */
#include "app/sim/image.h"

#include "io/disk.h"
#include "io/loop.h"
#include "store/store.h"
#include "store/store_files.h"

#define FOLDER "data"
#define BYTES_MAX (16 * MIB)
#define FRESH_ONE_IN 16

static struct buf image; /* lives as long as the process */

static void on_fatal(void *context UNUSED, const char *why UNUSED)
{
}

void image_make(void)
{
    struct trial trial;
    struct world *world;
    struct store *store;
    struct loop *loop;
    const char *why = "";

    trial_begin(&trial, 0, false);
    world = sim_world(trial.sim);
    loop = world_loop_new(world, "main");
    REQUIRE(!store_open(&(struct store_config){.world = world,
                                               .data_dir = FOLDER,
                                               .sqlite_vfs = TRIAL_VFS,
                                               .reader_count = 1,
                                               .on_fatal = on_fatal},
                        &store, &why));
    store_close(store);
    loop_free(loop);
    buf_init(&image, BYTES_MAX);
    REQUIRE(!disk_read_file(world->disk, FOLDER "/" STORE_DB_FILE, &image));
    REQUIRE(!world->disk->exists(world->disk, FOLDER "/" STORE_DB_FILE "-wal"));
    sim_free(trial.sim);
    trial_end(&trial);
}

void image_put(struct trial *trial)
{
    struct disk *disk = sim_world(trial->sim)->disk;

    if (trial_once_in(trial, FRESH_ONE_IN))
        return;
    REQUIRE(!disk->open_dir(disk, FOLDER));
    REQUIRE(!disk_write_file(disk, FOLDER, STORE_DB_FILE, buf_str(&image)));
}
