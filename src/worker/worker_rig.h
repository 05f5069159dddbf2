/* worker_rig.h -- for tests of one worker process: a loop of the real world, a child that does what
 * it is told (worker_test_child.c), and an owner that writes down what it hears.
 *
 * What is heard is text: "ready;frame run.event;gone: it exited by itself;". */
#ifndef WORKER_WORKER_RIG_H
#define WORKER_WORKER_RIG_H

#include "base/test.h"
#include "io/loop.h"
#include "worker/worker.h"

#define GUARD_MS 20000

struct rig {
    struct world *world;
    struct loop *loop;
    struct worker *worker; /* NULL: gone */
    struct timer guard;
    struct timer later;
    void (*on_ready)(struct rig *rig); /* NULL: nothing */
    void (*on_later)(struct rig *rig);
    struct buf heard;
    struct buf lines; /* of the log */
    int64_t load_timeout_ms, ping_interval_ms;
    struct str init;
    bool is_late;
};

int rig_setup(void **state);
int rig_teardown(void **state);

void rig_hear(struct rig *rig, const char *what, struct str detail);
/* Once, when the loop runs. */
void rig_later(struct rig *rig, int64_t delay_ms, void (*what)(struct rig *rig));
/* Starts the program with these steps, separated by spaces. */
enum err rig_start(struct rig *rig, const char *program, const char *steps,
                   const char **why) MUST_USE;
/* Runs the test child with these steps to its end, and says what was heard. */
struct str rig_run(struct rig *rig, const char *steps);
/* A question; its answer is heard as its err and its first blob ("-": no answer came). */
struct worker_ask *rig_ask(struct rig *rig, const char *type, int64_t timeout_ms);
void rig_on_answer(void *context, enum err err, const struct frame *answer);

#endif
