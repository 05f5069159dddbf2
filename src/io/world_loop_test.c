/* world_loop_test.c -- timers, messages, actors and names, in both worlds. */
#include "base/mem.h"
#include "io/world_fixture.h"

/* ---- timers ---- */

struct ring {
    struct timer timer;
    struct rings *rings;
    int number;
};

struct rings {
    struct fixture *fixture;
    struct ring ring[5];
    int order[8];
    int count;
    int ends_at;
};

static void on_ring(struct timer *timer)
{
    struct ring *ring = CONTAINER_OF(timer, struct ring, timer);
    struct rings *rings = ring->rings;

    assert_false(timer_is_running(timer));
    rings->order[rings->count++] = ring->number;
    if (rings->count == rings->ends_at)
        fixture_done(rings->fixture);
}

static void rings_init(struct rings *rings, struct fixture *fixture)
{
    *rings = (struct rings){.fixture = fixture};
    for (int i = 0; i < 5; i++) {
        rings->ring[i].rings = rings;
        rings->ring[i].number = i;
        timer_init(&rings->ring[i].timer, fixture->loop, on_ring);
    }
}

static void timers_fire_in_order(void **state)
{
    static const int64_t delays[5] = {30, 10, 20, 10, 0};
    static const int expected[5] = {4, 1, 3, 2, 0};
    struct rings rings;

    rings_init(&rings, *state);
    rings.ends_at = 5;
    for (int i = 0; i < 5; i++)
        timer_start(&rings.ring[i].timer, delays[i]);
    fixture_run(*state);
    assert_memory_equal(rings.order, expected, sizeof(expected));
}

static void stopped_timers_are_silent(void **state)
{
    struct rings rings;

    rings_init(&rings, *state);
    rings.ends_at = 2;
    for (int i = 0; i < 5; i++)
        timer_start(&rings.ring[i].timer, i);
    timer_stop(&rings.ring[0].timer);
    timer_stop(&rings.ring[2].timer);
    timer_stop(&rings.ring[3].timer);
    timer_stop(&rings.ring[3].timer);
    timer_start(&rings.ring[1].timer, 30); /* moved behind the fourth */
    fixture_run(*state);
    assert_int_equal(rings.order[0], 4);
    assert_int_equal(rings.order[1], 1);
}

struct repeat {
    struct timer timer;
    struct fixture *fixture;
    int64_t started_ms;
    int left;
};

static void on_repeat(struct timer *timer)
{
    struct repeat *repeat = CONTAINER_OF(timer, struct repeat, timer);

    if (--repeat->left > 0)
        timer_start(timer, 5);
    else
        fixture_done(repeat->fixture);
}

static void timers_never_fire_early(void **state)
{
    struct fixture *fixture = *state;
    struct repeat repeat = {.fixture = fixture, .left = 10};
    int64_t started_us = loop_mono_us(fixture->loop);

    timer_init(&repeat.timer, fixture->loop, on_repeat);
    timer_start(&repeat.timer, 5);
    fixture_run(fixture);
    assert_true(loop_mono_us(fixture->loop) - started_us >= 49 * US_PER_MS);
}

/* ---- messages ---- */

struct letter {
    struct message message;
    struct letters *letters;
    int number;
};

struct letters {
    struct fixture *fixture;
    struct letter letter[100];
    int next;
    bool inside;
};

static void letter_deliver(struct message *message)
{
    struct letter *letter = CONTAINER_OF(message, struct letter, message);
    struct letters *letters = letter->letters;

    assert_false(letters->inside);
    assert_int_equal(letter->number, letters->next);
    letters->next++;
    if (letters->next == 50) {
        letters->inside = true;
        for (int i = 50; i < 100; i++)
            loop_post(letters->fixture->loop, &letters->letter[i].message);
        letters->inside = false;
    }
    if (letters->next == 100)
        fixture_done(letters->fixture);
}

static void messages_keep_their_order(void **state)
{
    struct letters letters = {.fixture = *state};

    for (int i = 0; i < 100; i++)
        letters.letter[i] = (struct letter){{NULL, letter_deliver}, &letters, i};
    for (int i = 0; i < 50; i++)
        loop_post(letters.fixture->loop, &letters.letter[i].message);
    fixture_run(*state);
    assert_int_equal(letters.next, 100);
}

struct counted {
    struct message message;
    int *count;
};

static void counted_deliver(struct message *message)
{
    struct counted *counted = CONTAINER_OF(message, struct counted, message);

    (*counted->count)++;
    mem_free(counted);
}

static void counted_post(struct loop *loop, int *count)
{
    struct counted *counted = MEM_NEW(struct counted);

    counted->message.deliver = counted_deliver;
    counted->count = count;
    loop_post(loop, &counted->message);
}

static void no_message_is_left_behind(void **state)
{
    struct fixture *fixture = *state;
    struct loop *other = world_loop_new(fixture->world, "other");
    int count = 0;

    loop_start(other);
    for (int i = 0; i < 10; i++)
        counted_post(other, &count);
    loop_stop(other);
    for (int i = 0; i < 10; i++)
        counted_post(other, &count);
    loop_free(other);
    assert_int_equal(count, 20);
}

/* ---- actors ---- */

struct work {
    struct message message;
    int number;
};

struct worker {
    struct fixture *fixture;
    struct actor *actor;
    struct message *kept; /* in order */
    struct message **kept_end;
    struct work works[200];
    struct message finished;
    int next;
    int stopped;
};

static void work_deliver(struct message *message UNUSED)
{
}

/* Keeps what comes and does one piece per step. */
static bool worker_step(void *context, struct message *batch)
{
    struct worker *worker = context;
    struct work *work;

    *worker->kept_end = batch;
    while (*worker->kept_end)
        worker->kept_end = &(*worker->kept_end)->next;
    if (!worker->kept)
        return false;
    work = CONTAINER_OF(worker->kept, struct work, message);
    assert_int_equal(work->number, worker->next);
    worker->next++;
    worker->kept = work->message.next;
    if (!worker->kept)
        worker->kept_end = &worker->kept;
    if (worker->next == 100)
        loop_post(worker->fixture->loop, &worker->finished);
    return worker->kept != NULL;
}

static void worker_on_stop(void *context)
{
    ((struct worker *)context)->stopped++;
}

static void worker_finished(struct message *message)
{
    fixture_done(CONTAINER_OF(message, struct worker, finished)->fixture);
}

static void actors_finish_what_lies_there(void **state)
{
    struct fixture *fixture = *state;
    struct worker worker = {.fixture = fixture, .finished = {NULL, worker_finished}};
    struct actor_config config = {"worker", worker_step, worker_on_stop, &worker};

    worker.kept_end = &worker.kept;
    worker.actor = world_actor_new(fixture->world, &config);
    for (int i = 0; i < 100; i++) {
        worker.works[i] = (struct work){{NULL, work_deliver}, i};
        actor_post(worker.actor, &worker.works[i].message);
    }
    fixture_run(fixture);
    for (int i = 100; i < 200; i++) {
        worker.works[i] = (struct work){{NULL, work_deliver}, i};
        actor_post(worker.actor, &worker.works[i].message);
    }
    actor_stop(worker.actor);
    assert_int_equal(worker.next, 200);
    assert_int_equal(worker.stopped, 1);
}

/* ---- names ---- */

struct lookup {
    struct fixture *fixture;
    enum err err;
    size_t count;
    struct address first;
};

static void on_looked_up(void *context, enum err err, const struct address *addresses, size_t count)
{
    struct lookup *lookup = context;

    lookup->err = err;
    lookup->count = count;
    if (count)
        lookup->first = addresses[0];
    fixture_done(lookup->fixture);
}

static void lookup_run(struct fixture *fixture, struct str host, struct lookup *lookup)
{
    *lookup = (struct lookup){.fixture = fixture, .err = ERR_INVALID};
    loop_resolve(fixture->loop, host, 3000, on_looked_up, lookup);
    assert_int_equal(lookup->err, ERR_INVALID);
    fixture_run(fixture);
}

static void an_address_is_its_own_name(void **state)
{
    struct lookup lookup;
    struct address_text text;

    lookup_run(*state, STR("192.0.2.7"), &lookup);
    assert_int_equal(lookup.err, OK);
    assert_int_equal(lookup.count, 1);
    ASSERT_STR(address_write(&lookup.first, &text), "192.0.2.7:0");
}

static void localhost_is_here(void **state)
{
    struct lookup lookup;

    lookup_run(*state, STR("localhost"), &lookup);
    assert_int_equal(lookup.err, OK);
    assert_true(lookup.count >= 1);
    assert_true(address_is_loopback(&lookup.first));
}

static void a_name_that_cannot_be_is_not_found(void **state)
{
    struct lookup lookup;

    lookup_run(*state, STR(""), &lookup);
    assert_int_equal(lookup.err, ERR_NOT_FOUND);
}

struct pause {
    struct fixture *fixture;
    struct timer timer;
};

static void on_pause_over(struct timer *timer)
{
    fixture_done(CONTAINER_OF(timer, struct pause, timer)->fixture);
}

static void a_cancelled_query_is_silent(void **state)
{
    struct fixture *fixture = *state;
    struct lookup lookup = {.fixture = fixture, .err = ERR_INVALID};
    struct pause pause = {.fixture = fixture};

    dns_query_cancel(loop_resolve(fixture->loop, STR("localhost"), 3000, on_looked_up, &lookup));
    dns_query_cancel(loop_resolve(fixture->loop, STR("name.invalid"), 3000, on_looked_up, &lookup));
    timer_init(&pause.timer, fixture->loop, on_pause_over);
    timer_start(&pause.timer, 20);
    fixture_run(fixture);
    assert_int_equal(lookup.err, ERR_INVALID);
}

/* ---- the table ---- */

static const struct CMUnitTest tests[] = {
    BOTH("timers fire in the order of their due times, then of their starts", timers_fire_in_order),
    BOTH("a stopped timer is silent, a restarted one moves", stopped_timers_are_silent),
    BOTH("a timer never fires early", timers_never_fire_early),
    BOTH("messages are delivered in order, never from inside a post", messages_keep_their_order),
    BOTH("no message is left behind by the end of a loop", no_message_is_left_behind),
    BOTH("an actor finishes what lies in its mailbox", actors_finish_what_lies_there),
    BOTH("an address is its own name", an_address_is_its_own_name),
    BOTH("localhost is this machine", localhost_is_here),
    BOTH("a name that cannot exist is not found", a_name_that_cannot_be_is_not_found),
    BOTH("a cancelled query calls nobody", a_cancelled_query_is_silent),
};

int main(void)
{
    return RUN_TESTS(tests);
}
