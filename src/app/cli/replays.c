/* `runbell replays`: the server's bulk replays; and watching one until nothing of it waits. */
#include "app/cli/replays.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "app/cli/output.h"
#include "format/query.h"

#define PATH_BYTES_MAX (64 * KIB)
#define LOOK_MS 500
#define LINE_S 5 /* between two lines of progress where no terminal can be written over */

static const struct arg_flag list_flags[] = {
    {"limit", "N", "how many (default: 50)", NULL}, ARG_JSON, ARG_SERVER, ARG_API_KEY};

static const struct arg_command list_command = {
    .name = "runbell replays list",
    .operands = "",
    .summary = "Lists bulk replays, newest first.",
    .more = "",
    .flags = list_flags,
    .flag_count = ARRAY_LEN(list_flags),
};

static const struct arg_flag show_flags[] = {
    {"follow", NULL, "until nothing of it waits any more", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY};

static const struct arg_command show_command = {
    .name = "runbell replays show",
    .operands = "ID",
    .summary = "Shows a replay, how far it is, and what became of what it sent.",
    .more = "",
    .operand_count = 1,
    .flags = show_flags,
    .flag_count = ARRAY_LEN(show_flags),
};

static const struct arg_flag one_flags[] = {ARG_JSON, ARG_SERVER, ARG_API_KEY};

static const struct arg_command pause_command = {
    .name = "runbell replays pause",
    .operands = "ID",
    .summary = "Queues nothing more of a replay until it is resumed.",
    .more = "",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static const struct arg_command resume_command = {
    .name = "runbell replays resume",
    .operands = "ID",
    .summary = "Goes on with a replay where it stood.",
    .more = "",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static const struct arg_command cancel_command = {
    .name = "runbell replays cancel",
    .operands = "ID",
    .summary = "Ends a replay; what it has queued already goes on.",
    .more = "",
    .operand_count = 1,
    .flags = one_flags,
    .flag_count = ARRAY_LEN(one_flags),
};

static int64_t number(const struct json *object, const char *key)
{
    return json_i64(json_get(object, key), 0);
}

/* ---- how one looks ---- */

static enum output_colour colour_of(struct str state)
{
    if (str_eq(state, STR("done")))
        return OUTPUT_GOOD;
    if (str_eq(state, STR("cancelled")))
        return OUTPUT_BAD;
    return str_eq(state, STR("paused")) ? OUTPUT_WARN : OUTPUT_PLAIN;
}

/* "1840", or "at least 200000". */
void replays_print_count(const struct json *object, const char *key, const char *exact_key)
{
    if (!json_bool(json_get(object, exact_key), true))
        fputs("at least ", stdout);
    printf("%lld", (long long)number(object, key));
}

static void print_filter(const struct json *filter)
{
    struct json_iter iter = json_iter(filter);
    const struct json *value;
    struct str key;

    printf("%-10s", "of");
    while (json_next(&iter, &key, &value)) {
        printf(" %.*s=", STR_ARG(key));
        if (json_type(value) == JSON_STRING)
            output_safe(json_string(value), 200);
        else
            printf("%lld", (long long)json_i64(value, 0));
    }
    putchar('\n');
}

static void print_replay(const struct json *r)
{
    const struct json *outcomes = json_get(r, "outcomes");
    struct str state = output_text(r, "state");
    char text[20];

    printf("%-10s %.*s\n", "replay", STR_ARG(output_text(r, "replay_id")));
    printf("%-10s %s%.*s%s\n", "state", output_begin(colour_of(state)), STR_ARG(state),
           output_end());
    printf("%-10s %.*s\n", "created", STR_ARG(output_time(r, "created_at", text)));
    print_filter(json_get(r, "filter"));
    if (output_text(r, "to_url").len) {
        printf("%-10s ", "to");
        output_safe(output_text(r, "to_url"), 400);
        putchar('\n');
    }
    printf("%-10s %g a second\n%-10s ", "rate", json_double(json_get(r, "rate"), 0), "expected");
    replays_print_count(r, "expected", "expected_is_exact");
    printf("\n%-10s %lld queued, %lld passed over, %lld failed\n", "found",
           (long long)number(r, "queued"), (long long)number(r, "skipped"),
           (long long)number(r, "failed"));
    if (json_type(outcomes) == JSON_OBJECT)
        printf("%-10s %lld arrived, %lld wait, %lld given up\n", "of these",
               (long long)number(outcomes, "done"), (long long)number(outcomes, "waiting"),
               (long long)number(outcomes, "dead"));
}

/* ---- watching one ---- */

struct watching {
    struct remote *remote;
    struct str path; /* of the replay */
    struct buf body; /* the last answer */
    int64_t next_line_s;
    bool is_terminal, is_open; /* is_open: a line of progress has no end yet */
};

static void end_line(struct watching *w)
{
    if (w->is_open)
        fputc('\n', stderr);
    w->is_open = false;
}

static void print_progress(struct watching *w, const struct json *r)
{
    const struct json *outcomes = json_get(r, "outcomes");
    int64_t now_s = (int64_t)time(NULL);

    if (!w->is_terminal && now_s < w->next_line_s)
        return;
    w->next_line_s = now_s + LINE_S;
    fprintf(stderr, "%s%.*s: %lld of %s%lld looked at, %lld arrived, %lld wait, %lld given up%s",
            w->is_terminal ? "\r\033[K" : "", STR_ARG(output_text(r, "state")),
            (long long)number(r, "matched"),
            json_bool(json_get(r, "expected_is_exact"), true) ? "" : "at least ",
            (long long)number(r, "expected"), (long long)number(outcomes, "done"),
            (long long)number(outcomes, "waiting"), (long long)number(outcomes, "dead"),
            w->is_terminal ? "" : "\n");
    w->is_open = w->is_terminal;
}

static bool is_over(const struct json *r)
{
    return output_text(r, "ended_at").len && number(json_get(r, "outcomes"), "waiting") == 0;
}

/* CLI_OK and *goes_on, or the exit code. */
static int look(struct watching *w, bool *goes_on)
{
    const struct json *root = NULL;
    struct arena arena;
    int code;

    arena_init(&arena);
    buf_clear(&w->body);
    code = remote_look(w->remote, w->path, &w->body);
    if (code == CLI_OK && !output_parse(&arena, &w->body, &root))
        code = CLI_FAILED;
    *goes_on = code == CLI_OK && !is_over(root);
    if (*goes_on)
        print_progress(w, root);
    arena_release(&arena);
    return code;
}

/* What it came to: all, or what is to be looked at. */
static int judge(struct remote *remote, const struct json *r)
{
    const struct json *outcomes = json_get(r, "outcomes");
    long long dead = (long long)number(outcomes, "dead"), failed = (long long)number(r, "failed");

    if (str_eq(output_text(r, "state"), STR("cancelled")))
        return session_fail(remote->session, "it was cancelled");
    if (dead || failed)
        return session_fail(remote->session,
                            "%lld were given up, of %lld the endpoint is deleted; runbell "
                            "deliveries list --replay %.*s says why",
                            dead, failed, STR_ARG(output_text(r, "replay_id")));
    return CLI_OK;
}

int replays_print(struct remote *remote, const struct buf *body, bool judges)
{
    const struct json *root = NULL;
    struct arena arena;
    int code = CLI_FAILED;

    arena_init(&arena);
    if (output_parse(&arena, body, &root)) {
        if (session_value(remote->session, "json"))
            output_line(buf_str(body));
        else
            print_replay(root);
        code = judges ? judge(remote, root) : CLI_OK;
    }
    arena_release(&arena);
    return code;
}

int replays_watch(struct remote *remote, struct str path)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    struct watching w = {.remote = remote, .path = path, .is_terminal = isatty(STDERR_FILENO)};
    bool goes_on = true;
    int code;

    buf_init(&w.body, REMOTE_BODY_BYTES_MAX);
    while ((code = look(&w, &goes_on)) == CLI_OK && goes_on)
        (void)nanosleep(&pause, NULL);
    end_line(&w);
    if (code == CLI_OK)
        code = replays_print(remote, &w.body, true);
    buf_release(&w.body);
    return code;
}

/* ---- list, show, and by hand ---- */

static void print_row(const struct json *r)
{
    struct str state = output_text(r, "state");
    char created[20];

    printf("%-36.*s  %-19.*s %s%-9.*s%s %9lld %9lld %9lld %7lld\n",
           STR_ARG(output_text(r, "replay_id")), STR_ARG(output_time(r, "created_at", created)),
           output_begin(colour_of(state)), STR_ARG(state), output_end(),
           (long long)number(r, "expected"), (long long)number(r, "queued"),
           (long long)number(r, "skipped"), (long long)number(r, "failed"));
}

static void print_list(const struct json *root)
{
    struct json_iter iter = json_iter(json_get(root, "replays"));
    const struct json *replay;

    printf("%-36s  %-19s %-9s %9s %9s %9s %7s\n", "ID", "CREATED (UTC)", "STATE", "EXPECTED",
           "QUEUED", "PASSED", "FAILED");
    while (json_next(&iter, NULL, &replay))
        print_row(replay);
    if (json_count(json_get(root, "replays")) == 0)
        fprintf(stderr, "There are none: runbell replay starts one.\n");
}

static int list_run(struct remote *remote)
{
    struct buf path;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, "/v1/replays");
    remote_add_query(&path, "limit", session_value(remote->session, "limit"));
    code = remote_say(remote, buf_str(&path), print_list);
    buf_release(&path);
    return code;
}

static struct str path_of(struct remote *remote, const char *verb)
{
    struct buf path;
    struct str made;

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, "/v1/replays/");
    percent_write(&path, str_of(remote->session->args.operands[0]));
    buf_add_cstr(&path, verb);
    made = arena_str(&remote->arena, buf_str(&path));
    buf_release(&path);
    return made;
}

/* GET for an empty verb, else POST …/verb. */
static int one(struct remote *remote, const char *verb)
{
    struct buf body;
    int code;

    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    code = remote_call(remote, verb[0] ? "POST" : "GET", path_of(remote, verb),
                       verb[0] ? STR("{}") : STR_NONE, &body);
    if (code == CLI_OK)
        code = replays_print(remote, &body, false);
    buf_release(&body);
    return code;
}

static int show_run(struct remote *remote)
{
    if (session_value(remote->session, "follow"))
        return replays_watch(remote, path_of(remote, ""));
    return one(remote, "");
}

static int pause_run(struct remote *remote)
{
    return one(remote, "/pause");
}

static int resume_run(struct remote *remote)
{
    return one(remote, "/resume");
}

static int cancel_run(struct remote *remote)
{
    return one(remote, "/cancel");
}

/* ---- all ---- */

static const struct cli_command commands[] = {
    {"list", "all, newest first", &list_command, .ask = list_run},
    {"show", "one, and how far it is", &show_command, .ask = show_run},
    {"pause", "queue nothing for now", &pause_command, .ask = pause_run},
    {"resume", "go on where it stood", &resume_command, .ask = resume_run},
    {"cancel", "end it", &cancel_command, .ask = cancel_run},
};

const struct cli_table replays_table = {"runbell replays", commands, ARRAY_LEN(commands)};
