/* `runbell erase`: deliveries of a subject, or a closed workspace, are to be gone for good. The job
 * is the server's; the command watches it to its end. */
#include <stdio.h>
#include <time.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"
#include "format/query.h"

#define BYTES_MAX REMOTE_BODY_BYTES_MAX
#define PATH_BYTES_MAX (64 * KIB)
#define LOOK_MS 500

static const struct arg_flag flags[] = {
    {"thread", "ID", "this thread: runs, checkpoints, traces, and whatever tells of it", NULL},
    {"object", "ID", "deliveries that tell of this run, alert, rule …, and its trace", NULL},
    {"ordering-key", "KEY", "deliveries of this ordering key (of runs: their thread)", NULL},
    {"workspace", "ID", "everything of this workspace; it must be closed", NULL},
    {"yes", NULL, "really; there is no way back", NULL},
    {"detach", NULL, "do not wait for the end", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

const struct arg_command erase_command = {
    .name = "runbell erase",
    .operands = "",
    .summary =
        "Erases a thread, deliveries, or a closed workspace, for good: rows, bodies and files.",
    .more = "It takes the key of an admin; of a workspace, one of all workspaces. Backups are not\n"
            "touched, and PostgreSQL keeps dead rows until its vacuum. docs/security.md says more.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

/* The one subject that is given; CLI_USAGE: none, or several. */
static int write_ask(struct remote *remote, struct buf *path, struct buf *ask)
{
    const struct session *session = remote->session;
    static const struct {
        const char *flag, *member;
    } subjects[] = {
        {"thread", "thread_id"}, {"object", "object_id"}, {"ordering-key", "ordering_key"}};
    const char *workspace = session_value(session, "workspace");
    struct json_writer json;
    size_t given = workspace != NULL;

    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        given += session_value(session, subjects[i].flag) != NULL;
    if (given != 1) {
        (void)session_fail(session,
                           "one of --thread, --object, --ordering-key, --workspace must be given");
        return CLI_USAGE;
    }
    if (!session_value(session, "yes")) {
        (void)session_fail(session, "there is no way back; --yes says that it is meant");
        return CLI_USAGE;
    }
    json_writer_init(&json, ask);
    json_begin_object(&json);
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        if (session_value(session, subjects[i].flag))
            json_put_str(&json, subjects[i].member,
                         str_of(session_value(session, subjects[i].flag)));
    json_end_object(&json);
    buf_add_cstr(path, workspace ? "/v1/workspaces/" : "/v1/erasures");
    if (workspace) {
        percent_write(path, str_of(workspace));
        buf_add_cstr(path, "/erase");
    }
    return CLI_OK;
}

/* The last answer is in `body`. */
static int watch(struct remote *remote, struct buf *body)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    const struct json *root = NULL;
    struct str path, state;
    int code = CLI_OK;

    if (!output_parse(&remote->arena, body, &root))
        return CLI_FAILED;
    path =
        arena_printf(&remote->arena, "/v1/erasures/%.*s", STR_ARG(output_text(root, "erasure_id")));
    state = output_text(root, "state");
    while (code == CLI_OK && !str_eq(state, STR("done"))) {
        (void)nanosleep(&pause, NULL);
        buf_clear(body);
        code = remote_look(remote, path, body);
        if (code == CLI_OK && !output_parse(&remote->arena, body, &root))
            code = CLI_FAILED;
        state = output_text(root, "state");
    }
    return code;
}

static void print(const struct session *session, const struct buf *body, const struct json *root)
{
    if (session_value(session, "json")) {
        output_line(buf_str(body));
        return;
    }
    printf("erasure %.*s: %.*s, %lld rows\n", STR_ARG(output_text(root, "erasure_id")),
           STR_ARG(output_text(root, "state")), (long long)json_i64(json_get(root, "rows"), 0));
}

int erase_run(struct remote *remote)
{
    const struct json *root = NULL;
    struct buf path, ask, body;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&ask, PATH_BYTES_MAX);
    buf_init(&body, BYTES_MAX);
    code = write_ask(remote, &path, &ask);
    if (code == CLI_OK)
        code = remote_call(remote, "POST", buf_str(&path), buf_str(&ask), &body);
    if (code == CLI_OK && !session_value(remote->session, "detach"))
        code = watch(remote, &body);
    if (code == CLI_OK && !output_parse(&remote->arena, &body, &root))
        code = CLI_FAILED;
    if (code == CLI_OK)
        print(remote->session, &body, root);
    buf_release(&path);
    buf_release(&ask);
    buf_release(&body);
    return code;
}
