/* blob_rig.c -- see blob_rig.h. */
#include "blob/blob_rig.h"

#include "base/test.h"

void blob_rig_answer(struct blob_rig *rig, enum err err)
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
    struct blob_rig *rig = CONTAINER_OF(message, struct blob_rig, message);

    rig->command(rig);
}

enum err blob_rig_ask(struct blob_rig *rig, void (*command)(struct blob_rig *rig))
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
    blob_rig_answer(context, err);
}

struct blob_put *blob_rig_put_begin(struct blob_rig *rig)
{
    return blob_put_new(rig->store, rig->loop, BLOB_RIG_KEY,
                        &(struct blob_put_events){.on_done = on_done, .context = rig});
}

static void put_command(struct blob_rig *rig)
{
    struct blob_put *put = blob_rig_put_begin(rig);

    for (size_t at = 0; at < rig->bytes.len; at += rig->step)
        blob_put_add(put, str_first(str_from(rig->bytes, at), rig->step));
    assert_int_equal(blob_put_pending(put), rig->bytes.len);
    blob_put_end(put);
}

enum err blob_rig_put(struct blob_rig *rig, struct str bytes, size_t step)
{
    rig->bytes = bytes;
    rig->step = step;
    return blob_rig_ask(rig, put_command);
}

static void on_piece(void *context, enum err err, struct str bytes)
{
    struct blob_rig *rig = context;

    buf_add(&rig->got, bytes);
    rig->piece_len = bytes.len;
    blob_rig_answer(rig, err);
}

void blob_rig_get_next(struct blob_rig *rig)
{
    if (!rig->get)
        rig->get = blob_get_new(rig->store, rig->loop, BLOB_RIG_KEY,
                                &(struct blob_get_events){.on_piece = on_piece, .context = rig});
    blob_get_next(rig->get);
}

static void get_end_command(struct blob_rig *rig)
{
    blob_get_free(rig->get);
    rig->get = NULL;
    blob_rig_answer(rig, rig->err);
}

enum err blob_rig_get(struct blob_rig *rig)
{
    buf_clear(&rig->got);
    do {
        blob_rig_ask(rig, blob_rig_get_next);
        assert_true(rig->has_answer && rig->piece_len <= BLOB_PIECE_BYTES);
    } while (!rig->err && rig->piece_len > 0);
    return blob_rig_ask(rig, get_end_command);
}

static void on_removed(void *context, const bool *gone)
{
    blob_rig_answer(context, gone[0] && gone[1] ? OK : ERR_IO);
}

/* And one that is not there. */
void blob_rig_drop_begin(struct blob_rig *rig)
{
    const struct str keys[] = {BLOB_RIG_KEY, STR("0123456789abcdef0123456789abcdee")};

    blob_remove(rig->store, rig->loop, keys, ARRAY_LEN(keys), on_removed, rig);
}

enum err blob_rig_drop(struct blob_rig *rig)
{
    return blob_rig_ask(rig, blob_rig_drop_begin);
}

void blob_rig_open(struct blob_rig *rig, size_t bytes_max)
{
    sem_init(&rig->is_answered, 0, 0);
    buf_init(&rig->got, bytes_max);
    rig->loop = world_loop_new(rig->world, "test");
    loop_start(rig->loop);
}

void blob_rig_close(struct blob_rig *rig)
{
    blob_store_stop(rig->store);
    loop_stop(rig->loop);
    loop_free(rig->loop);
    blob_store_free(rig->store);
    buf_release(&rig->got);
    sem_destroy(&rig->is_answered);
}
