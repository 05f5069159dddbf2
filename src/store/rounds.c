/* rounds.c -- see rounds.h. */
#include "store/rounds.h"

#include "base/failure_log.h"
#include "base/mem.h"

#define RETRY_MS 1000 /* after an error */

struct rounds {
    struct rounds_config config;
    struct timer due;
    struct store_work work; /* while it looks; then arena and what was found are its own */
    struct arena arena;
    struct rounds_found found;
    size_t at; /* the part that is being written */
    bool is_looking, is_closed;
    struct failure_log read_failures, write_failures;
    enum err failed; /* a part was not written: the next round tries it again, after a rest */
};

static void look(struct rounds *rounds);
static void write_next(struct rounds *rounds);

static void rest(struct rounds *rounds, int64_t ms)
{
    rounds->is_looking = false;
    if (!rounds->is_closed)
        timer_start(&rounds->due, ms);
}

static void note(struct rounds *rounds, struct failure_log *failures, enum err err)
{
    failure_log_note(failures, loop_mono_ms(rounds->config.loop), err, LOG_ERROR,
                     rounds->config.room, rounds->config.failure);
}

static enum err write_apply(struct tx *tx, struct store_work *work)
{
    struct rounds *rounds = CONTAINER_OF(work, struct rounds, work);

    return rounds->config.write(rounds->config.context, tx, rounds->at);
}

static void write_done(struct store_work *work, enum err err)
{
    struct rounds *rounds = CONTAINER_OF(work, struct rounds, work);

    if (err && err != ERR_CONFLICT && err != ERR_NOT_FOUND)
        rounds->failed = err;
    rounds->at++;
    write_next(rounds);
}

static void write_next(struct rounds *rounds)
{
    if (rounds->is_closed || rounds->at == rounds->found.parts) {
        note(rounds, &rounds->write_failures, rounds->failed);
        rest(rounds, rounds->failed           ? RETRY_MS
                     : rounds->found.has_more ? rounds->found.pause_ms
                                              : rounds->config.tick_ms);
        return;
    }
    rounds->work.apply = write_apply;
    rounds->work.done = write_done;
    rounds->work.class = STORE_OUTCOME;
    store_write(rounds->config.store, &rounds->work);
}

static enum err read_apply(struct tx *tx, struct store_work *work)
{
    struct rounds *rounds = CONTAINER_OF(work, struct rounds, work);

    arena_reset(&rounds->arena);
    rounds->found = (struct rounds_found){0};
    return rounds->config.read(rounds->config.context, tx, &rounds->arena, &rounds->found);
}

static void read_done(struct store_work *work, enum err err)
{
    struct rounds *rounds = CONTAINER_OF(work, struct rounds, work);

    note(rounds, &rounds->read_failures, err);
    if (err) {
        rest(rounds, RETRY_MS);
        return;
    }
    rounds->at = 0;
    rounds->failed = OK;
    if (rounds->config.looked)
        rounds->config.looked(rounds->config.context);
    write_next(rounds);
}

static void look(struct rounds *rounds)
{
    if (rounds->is_closed || rounds->is_looking)
        return;
    rounds->is_looking = true;
    rounds->work.apply = read_apply;
    rounds->work.done = read_done;
    rounds->work.reply_to = rounds->config.loop;
    store_read(rounds->config.store, &rounds->work);
}

static void on_due(struct timer *timer)
{
    look(CONTAINER_OF(timer, struct rounds, due));
}

static void on_nudge(void *context, struct str key)
{
    (void)key;
    look(context);
}

struct rounds *rounds_new(const struct rounds_config *config)
{
    struct rounds *rounds = MEM_NEW(struct rounds);

    rounds->config = *config;
    arena_init(&rounds->arena);
    timer_init(&rounds->due, config->loop, on_due);
    store_subscribe(config->store, config->topic, config->loop, on_nudge, rounds);
    look(rounds);
    return rounds;
}

void rounds_close(struct rounds *rounds)
{
    rounds->is_closed = true;
    timer_stop(&rounds->due);
}

void rounds_free(struct rounds *rounds)
{
    rounds_close(rounds);
    arena_release(&rounds->arena);
    mem_free(rounds);
}
