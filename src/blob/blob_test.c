/* blob_test.c -- what every form of blob store must do; on a folder, real and simulated, with the
 * power failing at each disk call. */
#include "blob/folder.h"

#include <semaphore.h>
#include <unistd.h>

#include "base/test.h"

#include "io/disk.h"
#include "io/real_world.h"
#include "io/sim_world.h"

#define KEY STR("0123456789abcdef0123456789abcdef")
#define LARGE (3 * BLOB_PIECE_BYTES + 17)

/* In the real world the loop has its own thread: what is asked of it is a message, and what it
 * answers is waited for. */
struct rig {
    struct world *world;
    struct sim *sim; /* NULL: the real world */
    struct loop *loop;
    struct blob_store *store;
    char dir[64];
    struct message message;
    void (*command)(struct rig *rig);
    sem_t is_answered;
    bool has_answer;
    enum err err;
    struct blob_get *get;
    struct buf got;
    size_t piece_len;
    struct str bytes; /* of a put, in pieces of */
    size_t step;
};

static char large[LARGE];

static void answer(struct rig *rig, enum err err)
{
    rig->err = err;
    rig->has_answer = true;
    if (rig->sim)
        sim_break(rig->sim);
    else
        sem_post(&rig->is_answered);
}

static void deliver(struct message *message)
{
    struct rig *rig = CONTAINER_OF(message, struct rig, message);

    rig->command(rig);
}

/* Runs it on the loop until it is answered; in the dark it never is. */
static enum err ask(struct rig *rig, void (*command)(struct rig *rig))
{
    rig->command = command;
    rig->message.deliver = deliver;
    rig->has_answer = false;
    loop_post(rig->loop, &rig->message);
    if (rig->sim)
        sim_run(rig->sim, sim_now_us(rig->sim) + US_PER_SECOND);
    else
        sem_wait(&rig->is_answered);
    return rig->err;
}

static void on_done(void *context, enum err err)
{
    answer(context, err);
}

static struct blob_put *put_begin(struct rig *rig)
{
    return blob_put_new(rig->store, rig->loop, KEY,
                        &(struct blob_put_events){.on_done = on_done, .context = rig});
}

static void put_command(struct rig *rig)
{
    struct blob_put *put = put_begin(rig);

    for (size_t at = 0; at < rig->bytes.len; at += rig->step)
        blob_put_add(put, str_first(str_from(rig->bytes, at), rig->step));
    assert_int_equal(blob_put_pending(put), rig->bytes.len);
    blob_put_end(put);
}

static enum err put(struct rig *rig, struct str bytes, size_t step)
{
    rig->bytes = bytes;
    rig->step = step;
    return ask(rig, put_command);
}

static void on_piece(void *context, enum err err, struct str bytes)
{
    struct rig *rig = context;

    buf_add(&rig->got, bytes);
    rig->piece_len = bytes.len;
    answer(rig, err);
}

static void get_command(struct rig *rig)
{
    if (!rig->get)
        rig->get = blob_get_new(rig->store, rig->loop, KEY,
                                &(struct blob_get_events){.on_piece = on_piece, .context = rig});
    blob_get_next(rig->get);
}

static void get_end_command(struct rig *rig)
{
    blob_get_free(rig->get);
    rig->get = NULL;
    answer(rig, rig->err);
}

static enum err get(struct rig *rig)
{
    buf_clear(&rig->got);
    do {
        ask(rig, get_command);
        assert_true(rig->has_answer && rig->piece_len <= BLOB_PIECE_BYTES);
    } while (!rig->err && rig->piece_len > 0);
    return ask(rig, get_end_command);
}

static void drop_command(struct rig *rig)
{
    blob_remove(rig->store, rig->loop, KEY, on_done, rig);
}

static enum err drop(struct rig *rig)
{
    return ask(rig, drop_command);
}

static void comes_back(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < LARGE; i++)
        large[i] = (char)(i * 31 % 251);
    assert_int_equal(get(rig), ERR_NOT_FOUND);
    assert_int_equal(put(rig, str_range(large, LARGE), 100000), OK);
    assert_int_equal(get(rig), OK);
    assert_true(str_eq(buf_str(&rig->got), str_range(large, LARGE)));
    assert_int_equal(drop(rig), OK);
    assert_int_equal(get(rig), ERR_NOT_FOUND);
    assert_int_equal(drop(rig), OK);
    assert_int_equal(put(rig, STR(""), 1), OK);
    assert_int_equal(get(rig), OK);
    assert_int_equal(rig->got.len, 0);
    assert_int_equal(drop(rig), OK);
}

static void give_up_command(struct rig *rig)
{
    struct blob_put *put = put_begin(rig);

    blob_put_add(put, STR("half"));
    blob_put_cancel(put);
    get_command(rig);
    blob_get_free(rig->get); /* before its answer, which never comes */
    rig->get = NULL;
    drop_command(rig);
}

static void given_up(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(ask(rig, give_up_command), OK);
    assert_int_equal(get(rig), ERR_NOT_FOUND);
}

static void on_end(void *context, enum err err)
{
    *(enum err *)context = err;
}

static void stop_command(struct rig *rig)
{
    enum err ended = ERR_AGAIN;
    struct blob_put *put =
        blob_put_new(rig->store, rig->loop, KEY,
                     &(struct blob_put_events){.on_done = on_end, .context = &ended});

    blob_put_add(put, STR("half"));
    blob_store_stop(rig->store);
    blob_put_end(put);
    answer(rig, ended);
}

static void after_the_stop(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(ask(rig, stop_command), OK);
    assert_int_equal(drop(rig), OK);
}

/* ---- power ---- */

static void rig_start(struct rig *rig)
{
    rig->loop = world_loop_new(rig->world, "test");
    loop_start(rig->loop);
    rig->store = blob_folder_new(rig->world, rig->dir);
}

static void rig_stop(struct rig *rig)
{
    blob_store_stop(rig->store);
    loop_stop(rig->loop);
    loop_free(rig->loop);
    blob_store_free(rig->store);
}

/* One put while the power fails at the nth disk call. True: it was told durable. */
static bool put_in_the_dark(uint64_t seed, size_t calls, size_t *found)
{
    struct rig rig = {.sim = sim_new(seed, NULL), .dir = "/data/blobs"};
    bool is_durable;
    enum err err;

    rig.world = sim_world(rig.sim);
    buf_init(&rig.got, LARGE);
    assert_int_equal(rig.world->disk->open_dir(rig.world->disk, "/data"), OK);
    rig_start(&rig);
    sim_power_fails_after(rig.sim, calls);
    is_durable = !put(&rig, STR("hello, blob"), 7) && rig.has_answer;
    sim_crash(rig.sim, false);
    rig_stop(&rig);
    rig_start(&rig);
    err = get(&rig);
    if (!err)
        ASSERT_STR(buf_str(&rig.got), "hello, blob");
    else
        assert_int_equal(err, ERR_NOT_FOUND);
    assert_true(!is_durable || !err);
    *found += !err;
    buf_release(&rig.got);
    rig_stop(&rig);
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
    static struct rig rig;

    rig = (struct rig){.world = real_world_new()};
    snprintf(rig.dir, sizeof(rig.dir), "/tmp/blob-test-%d", (int)getpid());
    sem_init(&rig.is_answered, 0, 0);
    buf_init(&rig.got, 2 * LARGE);
    rig_start(&rig);
    *state = &rig;
    return 0;
}

static int close_real(void **state)
{
    struct rig *rig = *state;
    char path[128];

    rig_stop(rig);
    snprintf(path, sizeof(path), "%s/01", rig->dir);
    rmdir(path);
    rmdir(rig->dir);
    real_world_free(rig->world);
    buf_release(&rig->got);
    sem_destroy(&rig->is_answered);
    return 0;
}

static int open_sim(void **state)
{
    static struct rig rig;

    rig = (struct rig){.sim = sim_new(1, NULL), .dir = "/data/blobs"};
    rig.world = sim_world(rig.sim);
    buf_init(&rig.got, 2 * LARGE);
    rig_start(&rig);
    *state = &rig;
    return 0;
}

static int close_sim(void **state)
{
    struct rig *rig = *state;

    rig_stop(rig);
    sim_free(rig->sim);
    buf_release(&rig->got);
    return 0;
}

#define BOTH(sentence, function)                                                                   \
    {"real: " sentence, function, open_real, close_real, NULL},                                    \
    {                                                                                              \
        "sim: " sentence, function, open_sim, close_sim, NULL                                      \
    }

static const struct CMUnitTest tests[] = {
    BOTH("what was put comes back in pieces, until it is removed", comes_back),
    BOTH("what is given up leaves nothing and tells nothing", given_up),
    BOTH("after the stop things are done at once", after_the_stop),
    TEST("whenever the power fails, a blob is whole or not there, and there if it was told so",
         power_cuts),
};

int main(void)
{
    return RUN_TESTS(tests);
}
