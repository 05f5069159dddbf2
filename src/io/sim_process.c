/* sim_process.c -- simulated children: a script on the outside loop at the other end of the
 * channel.
 *
 *   spawn ─▶ starting ─on_spawn▶ running ─sim_child_exit, channel closed, killed▶ exiting ─on_exit▶
 * ended */
#include <signal.h>

#include "base/mem.h"
#include "io/sim_net_priv.h"

#define START_US 3000
#define EXIT_US 500
#define PRINT_US 100
#define LINE_BYTES_MAX (16 * KIB)

struct sim_process {
    struct process base;
    struct sim_loop *loop;
    struct list in_loop;
    struct sim_event start; /* outside */
    struct sim_event exit;
    struct list lines;      /* sim_line.in_process */
    int64_t prints_us;      /* when the last line arrives */
    struct stream *channel; /* the child's end; NULL once it ended */
    char **argv;
    void (*on_line)(void *context, struct str line);
    void (*on_exit)(void *context, int code);
    void *context;
    int code;
    bool orphaned; /* its owner freed it, or is dead */
};

struct sim_line {
    struct sim_event event;
    struct list in_process;
    struct sim_process *process;
    size_t len;
    char text[];
};

static struct sim_process *process_of(struct process *process)
{
    return CONTAINER_OF(process, struct sim_process, base);
}

static char **argv_copy(struct sim *sim, const char *const *argv)
{
    size_t count = 0, bytes = 0;
    char **copy, *text;

    for (; argv[count]; count++)
        bytes += strlen(argv[count]) + 1;
    copy = sim_alloc(sim, (count + 1) * sizeof(char *) + bytes);
    text = (char *)(copy + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(argv[i]) + 1;

        copy[i] = memcpy(text, argv[i], len);
        text += len;
    }
    return copy;
}

static void lines_free(struct sim_process *process)
{
    while (!list_is_empty(&process->lines)) {
        struct sim_line *line = LIST_ITEM(process->lines.next, struct sim_line, in_process);

        list_remove(&line->in_process);
        sim_event_remove(process->loop->sim, &line->event);
        sim_release(line);
    }
}

/* ---- the child's life ---- */

static void on_exit_event(struct sim_event *event)
{
    struct sim_process *process = CONTAINER_OF(event, struct sim_process, exit);

    if (process->on_exit)
        process->on_exit(process->context, process->code);
}

/* The child is gone; its owner hears of it after its last line. */
static void process_end(struct sim_process *process, int code)
{
    struct sim *sim = process->loop->sim;
    int64_t delay_us = sim_delay_us(sim, EXIT_US);

    if (!process->channel)
        return;
    sim_stream_set_process(process->channel, NULL);
    process->channel = NULL;
    process->code = code;
    if (process->prints_us > sim->now_us)
        delay_us += process->prints_us - sim->now_us;
    if (!process->orphaned)
        sim_event_put(sim, &process->exit, delay_us);
}

void sim_process_channel_closed(struct sim_process *process)
{
    process_end(process, 0);
}

void sim_child_exit(struct stream *channel, int code)
{
    struct sim_process *process = sim_stream_process(channel);

    if (!process)
        return;
    process_end(process, code);
    sim_stream_break(channel);
}

bool sim_child_is_alive(const struct stream *channel)
{
    return sim_stream_process(channel) != NULL;
}

static void on_line_event(struct sim_event *event)
{
    struct sim_line *line = CONTAINER_OF(event, struct sim_line, event);
    struct sim_process *process = line->process;
    struct str text = {line->text, line->len};

    list_remove(&line->in_process);
    if (process->on_line)
        process->on_line(process->context, text);
    sim_release(line);
}

void sim_child_print(struct stream *channel, struct str text)
{
    struct sim_process *process = sim_stream_process(channel);
    struct sim_line *line;
    struct sim *sim;
    int64_t at_us;

    if (!process || process->orphaned)
        return;
    sim = process->loop->sim;
    text = str_first(text, LINE_BYTES_MAX);
    line = sim_alloc(sim, sizeof(*line) + text.len);
    line->process = process;
    line->len = text.len;
    if (text.len)
        memcpy(line->text, text.data, text.len);
    list_push(&process->lines, &line->in_process);
    at_us = sim->now_us + sim_delay_us(sim, PRINT_US);
    if (at_us <= process->prints_us)
        at_us = process->prints_us + 1;
    process->prints_us = at_us;
    sim_event_init(&line->event, process->loop, "line", process->exit.id, on_line_event);
    sim_event_put(sim, &line->event, at_us - sim->now_us);
}

/* ---- the owner's calls ---- */

static void on_start(struct sim_event *event)
{
    struct sim_process *process = CONTAINER_OF(event, struct sim_process, start);
    struct sim *sim = process->loop->sim;
    union {
        char **in;
        const char *const *out;
    } argv = {.in = process->argv};

    if (process->channel)
        sim->on_spawn(sim->spawn_context, argv.out, process->channel);
}

enum err sim_spawn(struct loop *base, const struct process_config *config, struct process **process,
                   struct stream **channel, const char **why)
{
    struct sim_loop *loop = sim_loop_of(base);
    struct sim *sim = loop->sim;
    struct sim_process *made;

    if (!sim->on_spawn || loop->dead) {
        *why = "no such program or folder";
        return ERR_NOT_FOUND;
    }
    made = sim_alloc(sim, sizeof(*made));
    made->base.loop = base;
    made->base.id = (int)(1000 + ++sim->object_id);
    made->loop = loop;
    made->argv = argv_copy(sim, config->argv);
    made->on_line = config->on_line;
    made->on_exit = config->on_exit;
    made->context = config->context;
    list_init(&made->lines);
    list_push(&loop->processes, &made->in_loop);
    sim_event_init(&made->start, sim->outside_loop, "spawn", sim->object_id, on_start);
    sim_event_init(&made->exit, loop, "exit", sim->object_id, on_exit_event);
    sim_stream_pair(sim, loop, sim->outside_loop, channel, &made->channel);
    sim_stream_set_process(made->channel, made);
    sim_event_put(sim, &made->start, sim_delay_us(sim, START_US));
    *process = &made->base;
    return OK;
}

void sim_set_spawner(struct sim *sim,
                     void (*on_spawn)(void *context, const char *const *argv,
                                      struct stream *channel),
                     void *context)
{
    sim->on_spawn = on_spawn;
    sim->spawn_context = context;
}

/* The script, if it has been told of the channel, sees a reset; else nobody owns that end. */
static void process_strike(struct sim_process *process, int signal)
{
    struct stream *channel = process->channel;
    bool started = !sim_event_is_queued(&process->start);

    if (!channel)
        return;
    sim_event_remove(process->loop->sim, &process->start);
    process_end(process, -signal);
    if (started)
        sim_stream_break(channel);
    else
        stream_close(channel, true);
}

void sim_process_kill(struct process *base, int signal)
{
    struct sim_process *process = process_of(base);

    if (!process->loop->dead && signal != 0)
        process_strike(process, signal);
}

static void process_forget(struct sim_process *process)
{
    process->orphaned = true;
    process_strike(process, SIGKILL);
    lines_free(process);
    list_remove(&process->in_loop);
    sim_event_remove(process->loop->sim, &process->start);
    sim_event_remove(process->loop->sim, &process->exit);
}

void sim_process_free(struct process *base)
{
    struct sim_process *process = process_of(base);

    if (process->loop->dead)
        return;
    process_forget(process);
    sim_release(process->argv);
    sim_release(process);
}

void sim_processes_free(struct sim_loop *loop)
{
    while (!list_is_empty(&loop->processes))
        sim_process_free(&LIST_ITEM(loop->processes.next, struct sim_process, in_loop)->base);
}

void sim_processes_kill(struct sim_loop *loop)
{
    while (!list_is_empty(&loop->processes)) {
        struct sim_process *process = LIST_ITEM(loop->processes.next, struct sim_process, in_loop);

        sim_bury(process->context);
        process_forget(process);
    }
}
