/* blob_test.c -- what every form of blob store must do; on a folder, real and simulated, with the
 * power failing at each disk call, and on an S3-compatible service. */
#include <unistd.h>

#include "base/test.h"
#include "blob/blob_rig.h"
#include "blob/folder.h"
#include "blob/s3_rig.h"
#include "io/disk.h"

#define LARGE (5 * BLOB_PIECE_BYTES + 17)

static char large[LARGE];

static void comes_back(void **state)
{
    struct blob_rig *rig = *state;

    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 31 % 251);
    assert_int_equal(blob_rig_get(rig), ERR_NOT_FOUND);
    assert_int_equal(blob_rig_put(rig, str_range(large, LARGE), 100000), OK);
    assert_int_equal(blob_rig_get(rig), OK);
    assert_true(str_eq(buf_str(&rig->got), str_range(large, LARGE)));
    assert_int_equal(blob_rig_drop(rig), OK);
    assert_int_equal(blob_rig_get(rig), ERR_NOT_FOUND);
    assert_int_equal(blob_rig_drop(rig), OK);
    assert_int_equal(blob_rig_put(rig, STR(""), 1), OK);
    assert_int_equal(blob_rig_get(rig), OK);
    assert_int_equal(rig->got.len, 0);
    assert_int_equal(blob_rig_drop(rig), OK);
}

static void give_up_command(struct blob_rig *rig)
{
    struct blob_put *put = blob_rig_put_begin(rig);

    blob_put_add(put, STR("half"));
    blob_put_cancel(put);
    blob_rig_get_next(rig);
    blob_get_free(rig->get); /* before its answer, which never comes */
    rig->get = NULL;
    blob_rig_drop_begin(rig);
}

static void given_up(void **state)
{
    struct blob_rig *rig = *state;

    assert_int_equal(blob_rig_ask(rig, give_up_command), OK);
    assert_int_equal(blob_rig_get(rig), ERR_NOT_FOUND);
}

static void on_end(void *context, enum err err)
{
    *(enum err *)context = err;
}

static void stop_command(struct blob_rig *rig)
{
    enum err ended = ERR_AGAIN;
    struct blob_put *put =
        blob_put_new(rig->store, rig->loop, BLOB_RIG_KEY,
                     &(struct blob_put_events){.on_done = on_end, .context = &ended});

    blob_put_add(put, STR("half"));
    blob_store_stop(rig->store);
    blob_put_end(put);
    blob_rig_answer(rig, ended);
}

static void after_the_stop(void **state)
{
    struct blob_rig *rig = *state;

    assert_int_equal(blob_rig_ask(rig, stop_command), OK);
    assert_int_equal(blob_rig_drop(rig), OK);
}

/* ---- power ---- */

static void start(struct blob_rig *rig)
{
    blob_rig_open(rig, 2 * LARGE);
    rig->store = blob_folder_new(rig->world, rig->dir);
}

/* One put while the power fails at the nth disk call. True: it was told durable. */
static bool put_in_the_dark(uint64_t seed, size_t calls, size_t *found)
{
    struct blob_rig rig = {.sim = sim_new(seed, NULL), .dir = "/data/blobs"};
    bool is_durable;
    enum err err;

    rig.world = sim_world(rig.sim);
    assert_int_equal(rig.world->disk->open_dir(rig.world->disk, "/data"), OK);
    start(&rig);
    sim_power_fails_after(rig.sim, calls);
    is_durable = !blob_rig_put(&rig, STR("hello, blob"), 7) && rig.has_answer;
    sim_crash(rig.sim, false);
    blob_rig_close(&rig);
    start(&rig);
    err = blob_rig_get(&rig);
    if (!err)
        ASSERT_STR(buf_str(&rig.got), "hello, blob");
    else
        assert_int_equal(err, ERR_NOT_FOUND);
    assert_true(!is_durable || !err);
    *found += !err;
    blob_rig_close(&rig);
    sim_free(rig.sim);
    return is_durable;
}

static void power_cuts(void **state)
{
    size_t found = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        size_t calls = 1;

        while (!put_in_the_dark(seed, calls, &found))
            calls++;
        assert_true(calls > 5);
    }
    assert_true(found > 0);
}

/* ---- rigs ---- */

static int open_real(void **state)
{
    static struct blob_rig rig;

    rig = (struct blob_rig){.world = real_world_new()};
    snprintf(rig.dir, sizeof(rig.dir), "/tmp/blob-test-%d", (int)getpid());
    start(&rig);
    *state = &rig;
    return 0;
}

static int close_real(void **state)
{
    struct blob_rig *rig = *state;
    char path[128];

    blob_rig_close(rig);
    snprintf(path, sizeof(path), "%s/01", rig->dir);
    rmdir(path);
    rmdir(rig->dir);
    real_world_free(rig->world);
    return 0;
}

static int open_sim(void **state)
{
    static struct blob_rig rig;

    rig = (struct blob_rig){.sim = sim_new(1, NULL), .dir = "/data/blobs"};
    rig.world = sim_world(rig.sim);
    start(&rig);
    *state = &rig;
    return 0;
}

static int close_sim(void **state)
{
    struct blob_rig *rig = *state;

    blob_rig_close(rig);
    sim_free(rig->sim);
    return 0;
}

static struct s3_rig service;

static int open_s3(void **state)
{
    static struct blob_rig rig;
    const char *why;

    service = (struct s3_rig){.port = 0};
    s3_rig_start(&service);
    rig = (struct blob_rig){.world = real_world_new()};
    snprintf(rig.dir, sizeof(rig.dir), "/tmp/spool-test-%d", (int)getpid());
    blob_rig_open(&rig, 2 * LARGE);
    assert_int_equal(s3_new(rig.world, &service.settings, rig.dir, &rig.store, &why), OK);
    *state = &rig;
    return 0;
}

static int close_s3(void **state)
{
    struct blob_rig *rig = *state;

    blob_rig_close(rig);
    s3_rig_stop(&service);
    assert_true(rmdir(rig->dir) == 0 || access(rig->dir, F_OK) != 0); /* no spool is left */
    real_world_free(rig->world);
    return 0;
}

#define FOLDERS(sentence, function)                                                                \
    {"real: " sentence, function, open_real, close_real, NULL},                                    \
    {                                                                                              \
        "sim: " sentence, function, open_sim, close_sim, NULL                                      \
    }

#define ALL(sentence, function)                                                                    \
    {"s3: " sentence, function, open_s3, close_s3, NULL}, FOLDERS(sentence, function)

static const struct CMUnitTest tests[] = {
    ALL("what was put comes back in pieces, until it is removed", comes_back),
    ALL("what is given up leaves nothing and tells nothing", given_up),
    FOLDERS("after the stop things are done at once", after_the_stop),
    TEST("whenever the power fails, a blob is whole or not there, and there if it was told so",
         power_cuts),
};

int main(void)
{
    return RUN_TESTS(tests);
}
