/* real_process.c -- children: a channel as descriptor 3, and their output line by line.
 *
 * The end is told when the child has exited and both its outputs are read to their end, or, if a
 * grandchild holds them open, OUTPUT_MS_MAX after the exit. A child that is freed while it lives is
 * killed and stays on as an orphan until it has been reaped. */
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/real_priv.h"

#define LINE_BYTES_MAX (16 * KIB)
#define OUTPUT_MS_MAX 2000

struct output {
    uv_pipe_t pipe;
    struct real_process *process;
    struct buf line; /* an unfinished line */
    bool open;       /* uv_close is still to be called */
};

struct real_process {
    struct process base;
    struct list in_loop;
    uv_process_t handle;
    struct output outputs[2];
    struct timer timer; /* of an exited child: the limit of its output */
    void (*on_line)(void *context, struct str line);
    void (*on_exit)(void *context, int code);
    void *context;
    int code;
    unsigned handles; /* uv handles not yet freed */
    bool alive;
    bool told;     /* on_exit was called */
    bool orphaned; /* process_free was called: no callbacks */
};

/* ---- the end ---- */

static void handle_freed(struct real_process *process)
{
    if (--process->handles == 0 && process->orphaned)
        mem_free(process);
}

static void on_output_closed(uv_handle_t *handle)
{
    struct output *output = handle->data;

    buf_release(&output->line);
    handle_freed(output->process);
}

static void on_process_closed(uv_handle_t *handle)
{
    handle_freed(handle->data);
}

static void output_close(struct output *output)
{
    if (!output->open)
        return;
    output->open = false;
    uv_close((uv_handle_t *)&output->pipe, on_output_closed);
}

static void process_tell_exit(struct real_process *process)
{
    if (process->alive || process->outputs[0].open || process->outputs[1].open || process->told)
        return;
    process->told = true;
    timer_stop(&process->timer);
    if (!process->orphaned && process->on_exit)
        process->on_exit(process->context, process->code);
}

static void on_output_late(struct timer *timer)
{
    struct real_process *process = CONTAINER_OF(timer, struct real_process, timer);

    output_close(&process->outputs[0]);
    output_close(&process->outputs[1]);
    process_tell_exit(process);
}

static void on_uv_exit(uv_process_t *handle, int64_t status, int signal)
{
    struct real_process *process = handle->data;

    process->alive = false;
    process->code = signal ? -signal : (int)status;
    if (process->orphaned)
        list_remove(&process->in_loop);
    uv_close((uv_handle_t *)handle, on_process_closed);
    if (!process->orphaned)
        timer_start(&process->timer, OUTPUT_MS_MAX);
    process_tell_exit(process);
}

/* ---- output ---- */

static void process_line(struct real_process *process, struct str line)
{
    if (!process->orphaned && process->on_line)
        process->on_line(process->context, line);
}

/* Ends the unfinished line with `rest`. */
static void output_line(struct output *output, struct str rest)
{
    if (output->line.len == 0) {
        process_line(output->process, rest);
        return;
    }
    buf_add(&output->line, rest);
    process_line(output->process, buf_str(&output->line));
    buf_clear(&output->line);
}

/* A line that is too long is told in pieces. */
static void output_bytes(struct output *output, struct str bytes)
{
    while (!str_is_empty(bytes) && output->open) {
        size_t room = LINE_BYTES_MAX - output->line.len;
        size_t end = str_find_char(str_first(bytes, room), '\n');

        if (end < bytes.len && end < room) {
            output_line(output, str_first(bytes, end));
            bytes = str_from(bytes, end + 1);
        } else if (bytes.len >= room) {
            output_line(output, str_first(bytes, room));
            bytes = str_from(bytes, room);
        } else {
            buf_add(&output->line, bytes);
            return;
        }
    }
    if (output->open && output->line.len == 0)
        buf_release(&output->line);
}

static void on_output_alloc(uv_handle_t *handle, size_t suggested UNUSED, uv_buf_t *buffer)
{
    struct output *output = handle->data;

    *buffer = uv_buf_init(real_loop_of(output->process->base.loop)->read_buffer, READ_BUFFER_BYTES);
}

static void on_output_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct output *output = stream->data;
    struct real_process *process = output->process;

    if (count > 0)
        output_bytes(output, str_range(buffer->base, (size_t)count));
    if (count >= 0)
        return;
    if (output->line.len > 0)
        process_line(process, buf_str(&output->line));
    if (output->open) {
        output_close(output);
        process_tell_exit(process);
    }
}

static void output_init(struct output *output, struct real_process *process)
{
    output->process = process;
    output->open = true;
    buf_init(&output->line, LINE_BYTES_MAX);
    REQUIRE(uv_pipe_init(&real_loop_of(process->base.loop)->uv, &output->pipe, 0) == 0);
    output->pipe.data = output;
    process->handles++;
}

/* ---- starting ---- */

static char **argv_of(const char *const *list)
{
    union {
        const char *const *in;
        char **out; /* uv_spawn only reads them */
    } cast = {.in = list};

    return cast.out;
}

static int process_start(struct real_process *process, const struct process_config *config,
                         int child_fd)
{
    union {
        const char *in;
        char *out;
    } cwd = {.in = config->cwd};
    uv_stdio_container_t stdio[4] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&process->outputs[0].pipe},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&process->outputs[1].pipe},
        {.flags = UV_INHERIT_FD, .data.fd = child_fd},
    };
    uv_process_options_t options = {
        .exit_cb = on_uv_exit,
        .file = config->argv[0],
        .args = argv_of(config->argv),
        .env = argv_of(config->env),
        .cwd = cwd.out,
        .stdio_count = 4,
        .stdio = stdio,
    };

    process->handles++;
    process->handle.data = process;
    return uv_spawn(&real_loop_of(process->base.loop)->uv, &process->handle, &options);
}

enum err real_spawn(struct loop *loop, const struct process_config *config,
                    struct process **process, struct stream **channel, const char **why)
{
    struct real_process *made;
    int pair[2], status;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        *why = "no descriptors for a channel";
        return ERR_IO;
    }
    made = MEM_NEW(struct real_process);
    made->base.loop = loop;
    made->on_line = config->on_line;
    made->on_exit = config->on_exit;
    made->context = config->context;
    timer_init(&made->timer, loop, on_output_late);
    output_init(&made->outputs[0], made);
    output_init(&made->outputs[1], made);
    status = process_start(made, config, pair[1]);
    close(pair[1]);
    if (status < 0) {
        close(pair[0]);
        made->orphaned = true;
        uv_close((uv_handle_t *)&made->handle, on_process_closed);
        output_close(&made->outputs[0]);
        output_close(&made->outputs[1]);
        *why = status == UV_ENOENT ? "no such program or folder" : real_why(status);
        return status == UV_ENOENT ? ERR_NOT_FOUND : ERR_IO;
    }
    made->alive = true;
    made->base.id = uv_process_get_pid(&made->handle);
    list_push(&real_loop_of(loop)->processes, &made->in_loop);
    for (size_t i = 0; i < 2; i++)
        uv_read_start((uv_stream_t *)&made->outputs[i].pipe, on_output_alloc, on_output_read);
    *process = &made->base;
    *channel = real_stream_new_pipe(real_loop_of(loop), pair[0]);
    return OK;
}

void real_process_kill(struct process *base, int signal)
{
    struct real_process *process = CONTAINER_OF(base, struct real_process, base);

    if (process->alive)
        (void)uv_process_kill(&process->handle, signal);
}

/* ---- freeing ---- */

static void process_orphan(struct real_process *process)
{
    process->orphaned = true;
    timer_stop(&process->timer);
    list_remove(&process->in_loop);
    output_close(&process->outputs[0]);
    output_close(&process->outputs[1]);
    real_process_kill(&process->base, SIGKILL);
}

void real_process_free(struct process *base)
{
    struct real_process *process = CONTAINER_OF(base, struct real_process, base);

    REQUIRE(!process->orphaned);
    process_orphan(process);
    if (process->handles == 0)
        mem_free(process);
    else if (process->alive)
        list_push(&real_loop_of(base->loop)->processes, &process->in_loop);
}

/* Children killed here are waited for by hand: their loop no longer listens. */
void real_processes_free(struct real_loop *loop)
{
    struct list *node;

    while ((node = list_pop(&loop->processes))) {
        struct real_process *process = LIST_ITEM(node, struct real_process, in_loop);

        process_orphan(process);
        if (process->alive) {
            int status;

            uv_close((uv_handle_t *)&process->handle, on_process_closed);
            (void)waitpid(process->base.id, &status, 0);
            process->alive = false;
        }
        if (process->handles == 0)
            mem_free(process);
    }
}
