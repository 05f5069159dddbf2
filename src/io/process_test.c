/* process_test.c -- children: real ones of a shell, simulated ones of a script. */
#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "io/stream.h"
#include "io/world_fixture.h"

struct child {
    struct fixture *fixture;
    struct process *process;
    struct stream *channel;
    struct buf lines;  /* each ended by '|' */
    struct buf answer; /* what came through the channel */
    size_t longest;
    int exits, ends, code;
    bool frees_at_line;
    struct timer timer;
};

static void child_on_line(void *context, struct str line)
{
    struct child *child = context;

    assert_int_equal(child->exits, 0);
    if (line.len > child->longest)
        child->longest = line.len;
    buf_add(&child->lines, line);
    buf_add_char(&child->lines, '|');
    if (!child->frees_at_line)
        return;
    process_free(child->process);
    child->process = NULL;
    fixture_done(child->fixture);
}

/* The channel's end and the child's come in any order. */
static void child_check(struct child *child)
{
    if (child->exits && child->ends)
        fixture_done(child->fixture);
}

static void child_on_exit(void *context, int code)
{
    struct child *child = context;

    child->exits++;
    child->code = code;
    child_check(child);
}

static void channel_on_read(void *context, struct str bytes)
{
    buf_add(&((struct child *)context)->answer, bytes);
}

static void channel_on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    ((struct child *)context)->ends++;
    child_check(context);
}

static const struct stream_events channel_events = {channel_on_read, channel_on_end, NULL};

static void child_init(struct child *child, struct fixture *fixture)
{
    *child = (struct child){.fixture = fixture};
    buf_init(&child->lines, MIB);
    buf_init(&child->answer, MIB);
}

static void child_start(struct child *child, struct process_config *config)
{
    const char *why = "";

    config->on_line = child_on_line;
    config->on_exit = child_on_exit;
    config->context = child;
    assert_int_equal(
        loop_spawn(child->fixture->loop, config, &child->process, &child->channel, &why), OK);
    assert_true(process_id(child->process) > 0);
    stream_set_events(child->channel, &channel_events, child);
    stream_start(child->channel);
}

static void child_release(struct child *child)
{
    if (child->channel)
        stream_close(child->channel, false);
    process_free(child->process);
    buf_release(&child->lines);
    buf_release(&child->answer);
}

/* Runs `sh -c script` to its end. */
static void shell(struct child *child, struct fixture *fixture, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct process_config config = {.argv = argv};

    child_init(child, fixture);
    child_start(child, &config);
    fixture_run(fixture);
    assert_int_equal(child->exits, 1);
}

static void lines_come_before_the_end(void **state)
{
    struct child child;

    shell(&child, *state, "echo one; echo; printf 'no end'; exit 7");
    assert_int_equal(child.code, 7);
    ASSERT_STR(buf_str(&child.lines), "one||no end|");
    child_release(&child);
}

static void late_lines_come_before_the_end(void **state)
{
    struct child child;

    shell(&child, *state, "(exec 3>&-; sleep 0.3; echo late) & exit 5");
    assert_int_equal(child.code, 5);
    ASSERT_STR(buf_str(&child.lines), "late|");
    child_release(&child);
}

static void errors_are_lines_too(void **state)
{
    struct child child;

    shell(&child, *state, "echo oops >&2");
    assert_int_equal(child.code, 0);
    ASSERT_STR(buf_str(&child.lines), "oops|");
    child_release(&child);
}

static void long_lines_come_in_pieces(void **state)
{
    struct child child;

    shell(&child, *state, "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end");
    assert_int_equal(child.longest, 16 * KIB);
    assert_int_equal(child.lines.len, 100000 + 7 + 4); /* seven pieces */
    child_release(&child);
}

static void a_signal_is_a_negative_code(void **state)
{
    struct child child;

    shell(&child, *state, "kill -9 $$");
    assert_int_equal(child.code, -SIGKILL);
    child_release(&child);
}

static void children_have_default_signals(void **state)
{
    struct child child;

    shell(&child, *state, "kill -13 $$"); /* we ignore SIGPIPE */
    assert_int_equal(child.code, -SIGPIPE);
    child_release(&child);
}

static void descriptors_stay_here(void **state)
{
    struct child child;

    shell(&child, *state, "ls /proc/self/fd | tr '\\n' ' '");
    ASSERT_STR(buf_str(&child.lines), "0 1 2 3 4 |"); /* 4 is the folder that ls reads */
    child_release(&child);
}

static void a_grandchild_does_not_hold_the_end(void **state)
{
    struct child child;

    shell(&child, *state, "exec 3>&-; sleep 30 & echo $!");
    assert_int_equal(child.code, 0);
    assert_true(child.lines.len > 1);
    buf_truncate(&child.lines, child.lines.len - 1);
    int64_t pid = 0;
    assert_int_equal(str_to_i64(buf_str(&child.lines), &pid), OK);
    kill((pid_t)pid, SIGKILL);
    child_release(&child);
}

static void environment_and_folder_are_given(void **state)
{
    const char *const argv[] = {"/bin/sh", "-c", "echo $NAME; pwd; echo [$HOME]", NULL};
    const char *const env[] = {"NAME=value", NULL};
    struct process_config config = {.argv = argv, .env = env, .cwd = "/usr"};
    struct child child;

    child_init(&child, *state);
    child_start(&child, &config);
    fixture_run(*state);
    ASSERT_STR(buf_str(&child.lines), "value|/usr|[]|");
    child_release(&child);
}

static void a_missing_program_is_not_found(void **state)
{
    struct fixture *fixture = *state;
    const char *const argv[] = {"no-such-program-anywhere", NULL};
    struct process_config config = {.argv = argv};
    struct process *process = NULL;
    struct stream *channel = NULL;
    const char *why = NULL;

    assert_int_equal(loop_spawn(fixture->loop, &config, &process, &channel, &why), ERR_NOT_FOUND);
    assert_string_equal(why, "no such program or folder");
    assert_null(process);
}

static void a_freed_child_is_killed(void **state)
{
    const char *const argv[] = {"sh", "-c", "echo $$; exec sleep 30", NULL};
    struct process_config config = {.argv = argv};
    struct child child;
    int pid;

    child_init(&child, *state);
    child.frees_at_line = true;
    child_start(&child, &config);
    pid = process_id(child.process);
    fixture_run(*state);
    assert_int_equal(child.exits, 0);
    loop_free(child.fixture->loop);
    assert_int_equal(kill(pid, 0), -1);
    child.fixture->loop = NULL;
    child.channel = NULL; /* freed with the loop */
    child_release(&child);
}

static void a_loop_takes_its_children_along(void **state)
{
    const char *const argv[] = {"sleep", "30", NULL};
    struct process_config config = {.argv = argv};
    struct child child;
    int pid;

    child_init(&child, *state);
    child_start(&child, &config);
    pid = process_id(child.process);
    loop_free(child.fixture->loop);
    assert_int_equal(kill(pid, 0), -1);
    child.fixture->loop = NULL;
    child.channel = NULL;
    child.process = NULL;
    child_release(&child);
}

/* ---- the channel, in both worlds ---- */

struct script {
    struct stream *channel;
    struct child *child;
    int ends;
};

static void script_on_read(void *context, struct str bytes)
{
    struct script *script = context;

    sim_child_print(script->channel, STR("echoing"));
    stream_write(script->channel, &bytes, 1);
}

static void script_on_end(void *context, enum stream_end end UNUSED, const char *why UNUSED)
{
    struct script *script = context;

    script->ends++;
    sim_child_exit(script->channel, 3);
    stream_close(script->channel, false);
    script->channel = NULL;
}

static const struct stream_events script_events = {script_on_read, script_on_end, NULL};

static void on_spawn(void *context, const char *const *argv, struct stream *channel)
{
    struct script *script = context;

    assert_string_equal(argv[0], "sh");
    assert_null(argv[3]);
    script->channel = channel;
    stream_set_events(channel, &script_events, script);
    stream_start(channel);
}

static void the_channel_goes_both_ways(void **state)
{
    const char *const argv[] = {
        "sh", "-c", "read -r line <&3; echo echoing; echo \"$line\" >&3; cat <&3; exit 3", NULL};
    struct process_config config = {.argv = argv};
    struct str question = STR("question\n");
    struct script script = {0};
    struct child child;

    child_init(&child, *state);
    if (child.fixture->sim)
        sim_set_spawner(child.fixture->sim, on_spawn, &script);
    child_start(&child, &config);
    stream_write(child.channel, &question, 1);
    stream_shutdown(child.channel);
    fixture_run(*state);
    assert_int_equal(child.code, 3);
    assert_int_equal(child.ends, 1);
    ASSERT_STR(buf_str(&child.lines), "echoing|");
    ASSERT_STR(buf_str(&child.answer), "question\n");
    child_release(&child);
}

static void on_kill_timer(struct timer *timer)
{
    process_kill(CONTAINER_OF(timer, struct child, timer)->process, SIGTERM);
}

static void a_killed_child_says_so(void **state)
{
    const char *const argv[] = {"sh", "-c", "exec sleep 30", NULL};
    struct process_config config = {.argv = argv};
    struct script script = {0};
    struct child child;

    child_init(&child, *state);
    if (child.fixture->sim)
        sim_set_spawner(child.fixture->sim, on_spawn, &script);
    child_start(&child, &config);
    timer_init(&child.timer, child.fixture->loop, on_kill_timer);
    timer_start(&child.timer, 300);
    fixture_run(*state);
    assert_int_equal(child.code, -SIGTERM);
    process_kill(child.process, SIGTERM); /* nobody there any more */
    child_release(&child);
}

#define REAL(sentence, function)                                                                   \
    {                                                                                              \
        sentence, function, fixture_real, fixture_free, NULL                                       \
    }

static const struct CMUnitTest tests[] = {
    REAL("all lines come before the end", lines_come_before_the_end),
    REAL("lines of a grandchild come before the end too", late_lines_come_before_the_end),
    REAL("standard error is read too", errors_are_lines_too),
    REAL("a line of any length comes in pieces of 16 KiB", long_lines_come_in_pieces),
    REAL("death by a signal is a negative code", a_signal_is_a_negative_code),
    REAL("a child has the default signals", children_have_default_signals),
    REAL("a child gets no descriptor of ours but its own", descriptors_stay_here),
    REAL("a grandchild that holds the output does not hold the end",
         a_grandchild_does_not_hold_the_end),
    REAL("environment and folder are as given", environment_and_folder_are_given),
    REAL("a missing program is not found", a_missing_program_is_not_found),
    REAL("a freed child is killed and reaped", a_freed_child_is_killed),
    REAL("a loop takes its children along", a_loop_takes_its_children_along),
    BOTH("the channel goes both ways", the_channel_goes_both_ways),
    BOTH("a killed child says so", a_killed_child_says_so),
};

/* What this program was started with is not for its children. */
int main(void)
{
    for (int fd = 3; fd < 1024; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return RUN_TESTS(tests);
}
