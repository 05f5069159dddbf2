/* disk_test.c -- the calls of a disk, on the real one and the simulated one; and whole files, with
 * each call failing in turn and the power failing at each call. */
#include "base/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/disk.h"
#include "io/real_world.h"
#include "io/sim_world.h"
#include "io/world.h"

#define PATH_BYTES 128

struct place {
    struct world *world;
    struct sim *sim; /* NULL: the real disk */
    struct disk *disk;
    char dir[64];
    char path[PATH_BYTES];
};

static const char *at(struct place *place, const char *name)
{
    snprintf(place->path, sizeof(place->path), "%s/%s", place->dir, name);
    return place->path;
}

static int place_real(void **state)
{
    struct place *place = MEM_NEW(struct place);

    place->world = real_world_new();
    place->disk = place->world->disk;
    snprintf(place->dir, sizeof(place->dir), "/tmp/disk-test-%d/a/b", (int)getpid());
    *state = place;
    return place->disk->open_dir(place->disk, place->dir) == OK ? 0 : -1;
}

static int place_sim(void **state)
{
    struct place *place = MEM_NEW(struct place);

    place->sim = sim_new(1, NULL);
    place->world = sim_world(place->sim);
    place->disk = place->world->disk;
    snprintf(place->dir, sizeof(place->dir), "/data/a/b");
    *state = place;
    return place->disk->open_dir(place->disk, place->dir) == OK ? 0 : -1;
}

static int place_free(void **state)
{
    static const char *const names[] = {"one", "two", "lock", "file", "file.part"};
    struct place *place = *state;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)place->disk->remove(place->disk, at(place, names[i]));
    if (place->sim) {
        sim_free(place->sim);
    } else {
        for (int i = 0; i < 3; i++) {
            rmdir(place->dir);
            *strrchr(place->dir, '/') = '\0';
        }
        real_world_free(place->world);
    }
    mem_free(place);
    return 0;
}

static void assert_file(struct place *place, const char *name, const char *expected)
{
    struct buf text;

    buf_init(&text, MIB);
    assert_int_equal(disk_read_file(place->disk, at(place, name), &text), OK);
    ASSERT_STR(buf_str(&text), expected);
    buf_release(&text);
}

/* ---- the calls ---- */

static void what_is_written_is_read(void **state)
{
    struct place *place = *state;
    struct disk *disk = place->disk;
    int fd = disk->create(disk, at(place, "one"), true);

    assert_true(fd >= 0);
    assert_int_equal(disk->write(disk, fd, STR("hello, ")), OK);
    assert_int_equal(disk->write(disk, fd, STR("disk")), OK);
    assert_int_equal(disk->sync(disk, fd), OK);
    disk->close(disk, fd);
    assert_file(place, "one", "hello, disk");
    assert_int_equal(disk->create(disk, at(place, "one"), true), -1);
    fd = disk->create(disk, at(place, "one"), false);
    assert_true(fd >= 0);
    disk->close(disk, fd);
    assert_file(place, "one", "");
}

static void read_in_pieces(void **state)
{
    struct place *place = *state;
    struct disk *disk = place->disk;
    struct buf text;
    int fd;

    assert_int_equal(disk_write_file(disk, place->dir, "one", STR("hello")), OK);
    fd = disk->open(disk, at(place, "one"));
    buf_init(&text, 4);
    assert_int_equal(disk->read(disk, fd, &text, 4), OK);
    ASSERT_STR(buf_str(&text), "hell");
    buf_clear(&text);
    assert_int_equal(disk->read(disk, fd, &text, 4), OK);
    ASSERT_STR(buf_str(&text), "o");
    assert_int_equal(disk->read(disk, fd, &text, 3), OK);
    ASSERT_STR(buf_str(&text), "o");
    disk->close(disk, fd);
    buf_release(&text);
}

static void names_move_and_go(void **state)
{
    struct place *place = *state;
    struct disk *disk = place->disk;
    char other[PATH_BYTES];

    assert_int_equal(disk_write_file(disk, place->dir, "one", STR("1")), OK);
    assert_int_equal(disk_write_file(disk, place->dir, "two", STR("2")), OK);
    snprintf(other, sizeof(other), "%s", at(place, "one"));
    assert_int_equal(disk->rename(disk, other, at(place, "two")), OK);
    assert_false(disk->exists(disk, at(place, "one")));
    assert_file(place, "two", "1");
    assert_int_equal(disk->sync_dir(disk, place->dir), OK);
    assert_int_equal(disk->remove(disk, at(place, "two")), OK);
    assert_int_equal(disk->remove(disk, at(place, "two")), ERR_NOT_FOUND);
    assert_true(disk->exists(disk, place->dir));
}

static void what_is_made_here_is_private(void **state)
{
    struct place *place = *state;
    struct disk *disk = place->disk;

    assert_int_equal(disk_write_file(disk, place->dir, "key", STR("1")), OK);
    assert_true(disk->is_private(disk, at(place, "key")));
    assert_false(disk->is_private(disk, at(place, "none")));
    if (chmod(at(place, "key"), 0640) == 0) /* the simulated disk has no file there */
        assert_false(disk->is_private(disk, at(place, "key")));
}

static void a_missing_file_is_not_found(void **state)
{
    struct place *place = *state;
    struct buf text;

    buf_init(&text, MIB);
    assert_int_equal(disk_read_file(place->disk, at(place, "nothing"), &text), ERR_NOT_FOUND);
    assert_int_equal(place->disk->create(place->disk, "/no/such/folder/x", false), -1);
    buf_release(&text);
}

static void a_file_may_fill_the_buffer_but_not_more(void **state)
{
    struct place *place = *state;
    struct buf text;

    assert_int_equal(disk_write_file(place->disk, place->dir, "one", STR("0123456789")), OK);
    buf_init(&text, 10);
    assert_int_equal(disk_read_file(place->disk, at(place, "one"), &text), OK);
    ASSERT_STR(buf_str(&text), "0123456789");
    buf_release(&text);
    buf_init(&text, 9);
    assert_int_equal(disk_read_file(place->disk, at(place, "one"), &text), ERR_LIMIT);
    buf_release(&text);
}

static void a_lock_admits_one(void **state)
{
    struct place *place = *state;
    struct disk *disk = place->disk;
    int first = -1, second = -1;

    assert_int_equal(disk->lock(disk, at(place, "lock"), &first), OK);
    assert_int_equal(disk->lock(disk, at(place, "lock"), &second), ERR_CONFLICT);
    assert_int_equal(second, -1);
    disk->close(disk, first);
    assert_int_equal(disk->lock(disk, at(place, "lock"), &second), OK);
    disk->close(disk, second);
}

/* ---- each call fails in turn ---- */

struct bad_disk {
    struct disk disk;
    int calls, fails_at;
    int open_files, temp_files;
    bool bytes_synced, visible, name_synced;
};

static struct bad_disk *bad_of(struct disk *disk)
{
    return CONTAINER_OF(disk, struct bad_disk, disk);
}

static bool bad_turn(struct disk *disk)
{
    return ++bad_of(disk)->calls == bad_of(disk)->fails_at;
}

static int bad_create(struct disk *disk, const char *path UNUSED, bool exclusive UNUSED)
{
    if (bad_turn(disk))
        return -1;
    bad_of(disk)->open_files++;
    bad_of(disk)->temp_files++;
    return 1;
}

static enum err bad_write(struct disk *disk, int fd UNUSED, struct str bytes UNUSED)
{
    return bad_turn(disk) ? ERR_IO : OK;
}

static enum err bad_sync(struct disk *disk, int fd UNUSED)
{
    if (bad_turn(disk))
        return ERR_IO;
    bad_of(disk)->bytes_synced = true;
    return OK;
}

static void bad_close(struct disk *disk, int fd UNUSED)
{
    bad_of(disk)->open_files--;
}

static enum err bad_rename(struct disk *disk, const char *from UNUSED, const char *to UNUSED)
{
    if (bad_turn(disk))
        return ERR_IO;
    assert_true(bad_of(disk)->bytes_synced);
    bad_of(disk)->visible = true;
    bad_of(disk)->temp_files--;
    return OK;
}

static enum err bad_remove(struct disk *disk, const char *path UNUSED)
{
    bad_of(disk)->temp_files--;
    return OK;
}

static enum err bad_sync_dir(struct disk *disk, const char *path UNUSED)
{
    if (bad_turn(disk))
        return ERR_IO;
    bad_of(disk)->name_synced = bad_of(disk)->visible;
    return OK;
}

static void every_failure_cleans_up(void **state UNUSED)
{
    enum err err = ERR_IO;
    int fails_at = 1;

    for (; err; fails_at++) {
        struct bad_disk bad = {.fails_at = fails_at,
                               .disk = {.create = bad_create,
                                        .write = bad_write,
                                        .sync = bad_sync,
                                        .close = bad_close,
                                        .rename = bad_rename,
                                        .remove = bad_remove,
                                        .sync_dir = bad_sync_dir}};

        err = disk_write_file(&bad.disk, "/dir", "file", STR("text"));
        assert_int_equal(bad.open_files, 0);
        assert_int_equal(bad.temp_files, 0);
        assert_true(err || bad.name_synced);
    }
    assert_int_equal(fails_at, 7); /* five calls that fail, one round that does not */
}

/* ---- the power fails at each call ---- */

static void assert_one_of(struct place *place, bool replaced)
{
    struct buf text;

    buf_init(&text, MIB);
    assert_int_equal(disk_read_file(place->disk, at(place, "file"), &text), OK);
    if (replaced || !str_eq(buf_str(&text), STR("old")))
        ASSERT_STR(buf_str(&text), "a new text");
    buf_release(&text);
}

static bool replace_survives(uint64_t seed, size_t cut_at)
{
    struct place place = {.sim = sim_new(seed, NULL), .dir = "/data"};
    enum err err;

    place.disk = sim_world(place.sim)->disk;
    assert_int_equal(place.disk->open_dir(place.disk, place.dir), OK);
    assert_int_equal(disk_write_file(place.disk, place.dir, "file", STR("old")), OK);
    sim_power_fails_after(place.sim, cut_at);
    err = disk_write_file(place.disk, place.dir, "file", STR("a new text"));
    assert_int_equal(sim_power_is_off(place.sim), err != OK);
    sim_crash(place.sim, false);
    assert_false(sim_power_is_off(place.sim));
    assert_one_of(&place, err == OK);
    sim_free(place.sim);
    return err == OK;
}

static void a_power_cut_leaves_old_or_new(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= 100; seed++) {
        size_t cut_at = 1;

        while (!replace_survives(seed, cut_at))
            cut_at++;
        assert_int_equal(cut_at, 6);
    }
}

/* Counts what a crash does to a file of three sectors, written but not synced. */
static void count_fates(uint64_t seed, bool name_synced, size_t counts[3])
{
    static char sectors[1536];
    struct place place = {.sim = sim_new(seed, NULL), .dir = "/data"};
    struct disk *disk = place.disk = sim_world(place.sim)->disk;
    struct buf text;
    int fd;

    memset(sectors, 'x', sizeof(sectors));
    buf_init(&text, MIB);
    assert_int_equal(disk->open_dir(disk, place.dir), OK);
    fd = disk->create(disk, at(&place, "file"), true);
    if (name_synced)
        assert_int_equal(disk->sync_dir(disk, place.dir), OK);
    assert_int_equal(disk->write(disk, fd, str_range(sectors, sizeof(sectors))), OK);
    sim_crash(place.sim, false);
    assert_int_equal(disk->write(disk, fd, STR("from the dead")), ERR_IO);
    disk->close(disk, fd);
    if (!disk->exists(disk, place.path))
        counts[0]++;
    else if (disk_read_file(disk, place.path, &text) == OK &&
             str_eq(buf_str(&text), str_range(sectors, sizeof(sectors))))
        counts[1]++;
    else
        counts[2]++;
    buf_release(&text);
    sim_free(place.sim);
}

static void unsynced_is_kept_dropped_or_torn(void **state UNUSED)
{
    size_t named[3] = {0}, unnamed[3] = {0};

    for (uint64_t seed = 1; seed <= 100; seed++) {
        count_fates(seed, true, named);
        count_fates(seed, false, unnamed);
    }
    assert_int_equal(named[0], 0);
    assert_true(named[1] > 20 && named[2] > 20);
    assert_true(unnamed[0] > 20 && unnamed[1] > 10 && unnamed[2] > 10);
}

#define BOTH(sentence, function)                                                                   \
    {"real: " sentence, function, place_real, place_free, NULL},                                   \
    {                                                                                              \
        "sim: " sentence, function, place_sim, place_free, NULL                                    \
    }

static const struct CMUnitTest tests[] = {
    BOTH("what is written is what is read", what_is_written_is_read),
    BOTH("a file is read in pieces", read_in_pieces),
    BOTH("names move and go", names_move_and_go),
    BOTH("what is made here nobody else can read", what_is_made_here_is_private),
    BOTH("a missing file is not found", a_missing_file_is_not_found),
    BOTH("a file may fill the buffer but not more", a_file_may_fill_the_buffer_but_not_more),
    BOTH("a lock admits one", a_lock_admits_one),
    TEST("whichever disk call fails, no file and no descriptor is left", every_failure_cleans_up),
    TEST("wherever the power fails, a replaced file is old or new", a_power_cut_leaves_old_or_new),
    TEST("what was not synced is kept, dropped or torn", unsynced_is_kept_dropped_or_torn),
};

int main(void)
{
    return RUN_TESTS(tests);
}
