/* real_load_test.c -- many threads, many connections, no descriptors left: what only the real world
 * can show. Meant to be run with the thread sanitizer too. */
#include "base/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/stream.h"
#include "io/world_fixture.h"

#define SENDERS 4
#define LETTERS 20000
#define CLIENTS 200

/* ---- messages between threads ---- */

struct letter {
    struct message message;
    struct post *post;
    int sender, number;
};

struct post {
    struct fixture *fixture;
    struct actor *actor;
    struct loop *loop; /* NULL: the letters go to the actor */
    int next[SENDERS];
    int count;
};

struct sender {
    pthread_t thread;
    struct post *post;
    int index;
};

static void letter_deliver(struct message *message)
{
    struct letter *letter = CONTAINER_OF(message, struct letter, message);
    struct post *post = letter->post;

    assert_int_equal(post->next[letter->sender]++, letter->number);
    if (++post->count == SENDERS * LETTERS)
        loop_stop(post->fixture->loop);
    mem_free(letter);
}

static void *sender_main(void *argument)
{
    struct sender *sender = argument;
    struct post *post = sender->post;

    for (int i = 0; i < LETTERS; i++) {
        struct letter *letter = mem_alloc(sizeof(*letter));

        *letter = (struct letter){{NULL, letter_deliver}, post, sender->index, i};
        if (post->loop)
            loop_post(post->loop, &letter->message);
        else
            actor_post(post->actor, &letter->message);
    }
    return NULL;
}

static void senders_run(struct post *post)
{
    struct sender senders[SENDERS];

    for (int i = 0; i < SENDERS; i++) {
        senders[i].post = post;
        senders[i].index = i;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, sender_main, &senders[i]), 0);
    }
    fixture_run(post->fixture);
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
}

static void a_loop_hears_every_thread_in_order(void **state)
{
    struct post post = {.fixture = *state};

    post.loop = post.fixture->loop;
    senders_run(&post);
    assert_int_equal(post.count, SENDERS * LETTERS);
}

static void an_actor_hears_every_thread_in_order(void **state)
{
    struct post post = {.fixture = *state};
    struct actor_config config = {"post", actor_deliver, NULL, &post};

    post.actor = world_actor_new(post.fixture->world, &config);
    senders_run(&post);
    actor_stop(post.actor);
    assert_int_equal(post.count, SENDERS * LETTERS);
}

/* ---- one socket, several loops ---- */

struct hall {
    struct fixture *fixture;
    struct world *world;
    struct loop *loops[3];
    struct listen_socket *socket;
    struct address bound;
    atomic_int accepted, closed;
    int started, echoed, failed;
    struct timer wait;
    struct list held; /* visitors that stay after their echo */
    bool holds;
};

struct visitor {
    struct list in_hall;
    struct hall *hall;
    struct stream *stream;
    bool is_server;
};

static void visitor_free(struct visitor *visitor)
{
    stream_close(visitor->stream, false);
    mem_free(visitor);
}

static void visitor_on_read(void *context, struct str bytes)
{
    struct visitor *visitor = context;
    struct hall *hall = visitor->hall;

    if (visitor->is_server) {
        stream_write(visitor->stream, &bytes, 1);
        return;
    }
    if (hall->holds)
        list_push(&hall->held, &visitor->in_hall);
    else
        visitor_free(visitor);
    if (++hall->echoed + hall->failed == CLIENTS)
        fixture_done(hall->fixture);
}

static void visitor_on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    struct visitor *visitor = context;

    assert_true(visitor->is_server);
    atomic_fetch_add(&visitor->hall->closed, 1);
    visitor_free(visitor);
}

static const struct stream_events visitor_events = {visitor_on_read, visitor_on_end, NULL};

static struct visitor *visitor_new(struct hall *hall, struct stream *stream, bool is_server)
{
    struct visitor *visitor = MEM_NEW(struct visitor);

    *visitor = (struct visitor){.hall = hall, .stream = stream, .is_server = is_server};
    stream_set_events(stream, &visitor_events, visitor);
    stream_start(stream);
    return visitor;
}

static void hall_on_accept(void *context, struct stream *stream)
{
    struct hall *hall = context;

    atomic_fetch_add(&hall->accepted, 1);
    visitor_new(hall, stream, true);
}

static void hall_on_connected(void *context, enum err err, const char *why, struct stream *stream)
{
    struct hall *hall = context;

    if (err) {
        assert_string_equal(why, "too many open files");
        if (++hall->failed + hall->echoed == CLIENTS)
            fixture_done(hall->fixture);
        return;
    }
    visitor_new(hall, stream, false);
    stream_write(stream, &STR("hello"), 1);
}

static void hall_open(struct hall *hall, struct fixture *fixture, int loops)
{
    struct listener_config config = {NULL, hall_on_accept, hall};
    const char *why = NULL;

    *hall = (struct hall){.fixture = fixture, .world = fixture->world};
    list_init(&hall->held);
    assert_int_equal(address_parse_host_port(STR("127.0.0.1:0"), &hall->bound), OK);
    assert_int_equal(
        listen_socket_open(hall->world, hall->bound, &hall->socket, &hall->bound, &why), OK);
    config.socket = hall->socket;
    for (int i = 0; i < loops; i++) {
        hall->loops[i] = world_loop_new(hall->world, "hall");
        loop_listen(hall->loops[i], &config);
        loop_start(hall->loops[i]);
    }
}

static void hall_close(struct hall *hall)
{
    while (atomic_load(&hall->closed) < atomic_load(&hall->accepted))
        usleep(1000);
    for (int i = 0; i < 3; i++)
        loop_free(hall->loops[i]);
    listen_socket_close(hall->socket);
}

static void loops_share_a_socket(void **state)
{
    struct hall hall;

    hall_open(&hall, *state, 3);
    for (int i = 0; i < CLIENTS; i++)
        loop_connect(hall.fixture->loop, hall.bound, hall_on_connected, &hall);
    fixture_run(hall.fixture);
    assert_int_equal(hall.echoed, CLIENTS);
    assert_int_equal(hall.accepted, CLIENTS);
    hall_close(&hall);
}

/* ---- descriptors ---- */

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -1; /* not the folder itself */

    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

static void held_leave(struct hall *hall)
{
    struct list *node;

    hall->holds = false;
    while ((node = list_pop(&hall->held)))
        visitor_free(LIST_ITEM(node, struct visitor, in_hall));
}

/* One visitor at a time, who stays; in the end all leave, and those that waited get their turn. */
static void on_next(struct timer *timer)
{
    struct hall *hall = CONTAINER_OF(timer, struct hall, wait);

    if (hall->started++ == CLIENTS) {
        held_leave(hall);
        return;
    }
    loop_connect(hall->fixture->loop, hall->bound, hall_on_connected, hall);
    timer_start(timer, 2);
}

static int warnings;

static void on_log(void *context UNUSED, struct str line)
{
    warnings += str_contains(line, STR("cannot accept connections"));
}

/* The limit that leaves `count` descriptors. */
static rlim_t limit_for(int count)
{
    int fd = 0;

    for (; count > 0; fd++)
        count -= fcntl(fd, F_GETFD) < 0;
    return (rlim_t)fd;
}

static void run_out_of_descriptors(struct fixture *fixture, int left)
{
    struct rlimit before, tight;
    struct hall hall;

    hall_open(&hall, fixture, 1);
    hall.holds = true;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = limit_for(left);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    timer_init(&hall.wait, hall.fixture->loop, on_next);
    timer_start(&hall.wait, 0);
    fixture_run(hall.fixture);
    timer_stop(&hall.wait);
    held_leave(&hall);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(hall.echoed + hall.failed, CLIENTS);
    assert_true(hall.failed > 100 && hall.echoed > 20);
    hall_close(&hall);
}

/* With an even or with an odd number of descriptors the last one is a visitor's who has to wait. */
static void running_out_of_descriptors_passes(void **state UNUSED)
{
    void *fixture;

    warnings = 0;
    log_set_sink(on_log, NULL);
    for (int left = 60; left <= 61; left++) {
        fixture_real(&fixture);
        run_out_of_descriptors(fixture, left);
        fixture_free(&fixture);
    }
    log_set_sink(NULL, NULL);
    assert_in_range(warnings, 1, 2); /* a listener says it once, though it rests several times */
}

static void no_descriptor_is_left(void **state UNUSED)
{
    int before = open_descriptors();
    void *fixture;

    for (int i = 0; i < 3; i++) {
        struct hall hall;

        fixture_real(&fixture);
        hall_open(&hall, fixture, 2);
        for (int k = 0; k < CLIENTS; k++)
            loop_connect(hall.fixture->loop, hall.bound, hall_on_connected, &hall);
        fixture_run(fixture);
        hall_close(&hall);
        fixture_free(&fixture);
    }
    assert_int_equal(open_descriptors(), before);
}

/* ---- signals ---- */

static void on_signal(void *context, int signal)
{
    struct fixture *fixture = context;

    assert_int_equal(signal, SIGHUP);
    fixture_done(fixture);
}

static void on_kick(struct timer *timer UNUSED)
{
    kill(getpid(), SIGHUP);
}

static void signals_come_to_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct timer kick = {0};

    loop_on_signal(fixture->loop, SIGHUP, on_signal, fixture);
    timer_init(&kick, fixture->loop, on_kick);
    timer_start(&kick, 10);
    fixture_run(fixture);
}

#define REAL(sentence, function)                                                                   \
    {                                                                                              \
        sentence, function, fixture_real, fixture_free, NULL                                       \
    }

static const struct CMUnitTest tests[] = {
    REAL("a loop hears every thread in order", a_loop_hears_every_thread_in_order),
    REAL("an actor hears every thread in order", an_actor_hears_every_thread_in_order),
    REAL("several loops share a listening socket", loops_share_a_socket),
    TEST("running out of descriptors is survived", running_out_of_descriptors_passes),
    TEST("no descriptor is left behind", no_descriptor_is_left),
    REAL("a signal comes to the loop that asked for it", signals_come_to_the_loop),
};

int main(void)
{
    return RUN_TESTS(tests);
}
