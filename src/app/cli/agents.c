/* `runbell agents`: Fleet agents as files of this machine, and run. */
#include <stdio.h>

#include "app/cli/agents_files.h"
#include "app/cli/output.h"
#include "app/cli/remote.h"

#define ARCHIVE_BYTES_MAX (32 * MIB)
#define PATH_BYTES_MAX (8 * KIB)
#define SHOWN_BYTES_MAX (16 * MIB)

static const struct arg_flag json_flags[] = {ARG_JSON, ARG_SERVER, ARG_API_KEY};
static const struct arg_flag export_flags[] = {
    {"version", "N", "that version instead of the newest", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY};
static const struct arg_flag import_flags[] = {
    {"name", "NAME", "another name than config.json says", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY};

/* ---- what all need ---- */

/* The id of the agent of this id or exact name. */
static int agent_find(struct remote *remote, const char *wanted, struct str *id)
{
    const struct json *root = NULL, *items;
    struct buf path, body;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    *id = STR_NONE;
    if (strlen(wanted) == 36) { /* a UUID, or a name as long as one */
        *id = str_of(wanted);
    }
    buf_add_cstr(&path, "/v1/fleet/agents?page_size=100");
    remote_add_query(&path, "name", wanted);
    code = remote_call(remote, "GET", buf_str(&path), STR_NONE, &body);
    if (code == CLI_OK && !output_parse(&remote->arena, &body, &root))
        code = CLI_FAILED;
    items = json_get(root, "items");
    for (size_t i = 0; i < json_count(items); i++)
        if (str_eq(output_text(json_item(items, i), "name"), str_of(wanted)))
            *id = arena_str(&remote->arena, output_text(json_item(items, i), "id"));
    if (code == CLI_OK && str_is_none(*id))
        code = session_fail(remote->session, "there is no agent %s; runbell agents list shows all",
                            wanted);
    buf_release(&path);
    buf_release(&body);
    return code;
}

/* ---- list ---- */

static const struct arg_command list_command = {
    .name = "runbell agents list",
    .operands = "",
    .summary = "Lists the Fleet agents that you may see, newest first.",
    .more = "",
    .flags = json_flags,
    .flag_count = ARRAY_LEN(json_flags),
};

static void print_list(const struct json *root)
{
    struct json_iter iter = json_iter(json_get(root, "items"));
    const struct json *agent;

    while (json_next(&iter, NULL, &agent)) {
        printf("%.*s  v%-4lld ", STR_ARG(output_text(agent, "id")),
               (long long)json_i64(json_get(agent, "version"), 0));
        output_safe(output_text(agent, "name"), 60);
        putchar('\n');
    }
}

static int list_run(struct remote *remote)
{
    return remote_say(remote, STR("/v1/fleet/agents?page_size=100"), print_list);
}

/* ---- out ---- */

#define OUT_MORE "With --json it says what it has written: version, files, bytes."

static const struct arg_command export_command = {
    .name = "runbell agents export",
    .operands = "AGENT FILE",
    .summary = "Writes an agent, by id or name, as an archive; - is standard output.",
    .more = "The same version gives the same bytes.\n" OUT_MORE,
    .operand_count = 2,
    .flags = export_flags,
    .flag_count = ARRAY_LEN(export_flags),
};

static const struct arg_command pull_command = {
    .name = "runbell agents pull",
    .operands = "AGENT FOLDER",
    .summary = "Writes an agent's files into a folder.",
    .more = "What else lies there stays.\n" OUT_MORE,
    .operand_count = 2,
    .flags = export_flags,
    .flag_count = ARRAY_LEN(export_flags),
};

/* What is taken out. The name is known only for --json, and then the version too: asked for before
 * the archive, so that what is said is what was written. */
struct taken {
    struct str id, name, version; /* version: STR_NONE: the newest */
    struct buf archive;
    struct zip_members members;
};

static int taken_name(struct remote *remote, struct taken *taken)
{
    const struct json *agent = NULL;
    struct buf body;
    int code;

    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    code = remote_call(remote, "GET",
                       arena_printf(&remote->arena, "/v1/fleet/agents/%.*s", STR_ARG(taken->id)),
                       STR_NONE, &body);
    if (code == CLI_OK && !output_parse(&remote->arena, &body, &agent))
        code = CLI_FAILED;
    taken->name = arena_str(&remote->arena, output_text(agent, "name"));
    if (str_is_none(taken->version))
        taken->version = arena_printf(&remote->arena, "%lld",
                                      (long long)json_i64(json_get(agent, "version"), 0));
    buf_release(&body);
    return code;
}

static int taken_get(struct remote *remote, struct taken *taken)
{
    struct buf path;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_addf(&path, "/v1/fleet/agents/%.*s/export.zip", STR_ARG(taken->id));
    if (!str_is_none(taken->version))
        remote_add_query(&path, "version", arena_cstr(&remote->arena, taken->version));
    code = remote_call(remote, "GET", buf_str(&path), STR_NONE, &taken->archive);
    buf_release(&path);
    return code;
}

static void taken_say(const struct session *session, const struct taken *taken)
{
    bool is_pull = session->command == &pull_command;
    size_t bytes = is_pull ? 0 : taken->archive.len;
    struct json_writer json;
    int64_t version = 0;
    struct buf out;

    for (size_t i = 0; is_pull && i < taken->members.count; i++)
        bytes += taken->members.list[i].bytes.len;
    if (str_to_i64(taken->version, &version))
        version = 0; /* never: the server has understood it */
    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "id", taken->id);
    json_put_str(&json, "name", taken->name);
    json_put_i64(&json, "version", version);
    json_put_str(&json, is_pull ? "folder" : "file", str_of(session->args.operands[1]));
    json_put_i64(&json, "files", (int64_t)taken->members.count);
    json_put_i64(&json, "bytes", (int64_t)bytes);
    json_end_object(&json);
    output_line(buf_str(&out));
    buf_release(&out);
}

static int taken_write(struct remote *remote, struct taken *taken)
{
    const struct session *session = remote->session;
    bool is_pull = session->command == &pull_command, is_json = session_value(session, "json");
    const char *where = session->args.operands[1];
    int code = CLI_OK;

    if (is_pull || is_json)
        code = agents_members(session, &remote->arena, buf_str(&taken->archive), &taken->members);
    if (code == CLI_OK)
        code = is_pull ? agents_unpack(session, &taken->members, where)
                       : agents_write(session, where, buf_str(&taken->archive));
    if (code == CLI_OK && is_json)
        taken_say(session, taken);
    return code;
}

static int out_run(struct remote *remote)
{
    const struct session *session = remote->session;
    const char *version = session_value(session, "version");
    struct taken taken = {.version = version ? str_of(version) : STR_NONE};
    bool is_json = session_value(session, "json");
    int code;

    if (is_json && session->command == &export_command &&
        strcmp(session->args.operands[1], "-") == 0) {
        (void)session_fail(session, "with - the archive itself is the output: --json needs a FILE");
        return CLI_USAGE;
    }
    buf_init(&taken.archive, ARCHIVE_BYTES_MAX);
    code = agent_find(remote, session->args.operands[0], &taken.id);
    if (code == CLI_OK && is_json)
        code = taken_name(remote, &taken);
    if (code == CLI_OK)
        code = taken_get(remote, &taken);
    if (code == CLI_OK)
        code = taken_write(remote, &taken);
    buf_release(&taken.archive);
    return code;
}

/* ---- in ---- */

static const struct arg_command import_command = {
    .name = "runbell agents import",
    .operands = "FILE",
    .summary = "Makes a new agent of an archive, or of a folder.",
    .more = "",
    .operand_count = 1,
    .flags = import_flags,
    .flag_count = ARRAY_LEN(import_flags),
};

static const struct arg_command push_command = {
    .name = "runbell agents push",
    .operands = "FOLDER",
    .summary = "Makes a folder (or archive) the newest version of the agent of that name.",
    .more = "If there is no agent of the name in config.json, it is made.",
    .operand_count = 1,
    .flags = import_flags,
    .flag_count = ARRAY_LEN(import_flags),
};

static int in_run(struct remote *remote)
{
    const struct session *session = remote->session;
    const char *name = session_value(session, "name");
    const struct json *agent = NULL;
    struct buf archive, path, body;
    int code;

    buf_init(&archive, ARCHIVE_BYTES_MAX);
    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    buf_add_cstr(&path, "/v1/fleet/agents/import");
    if (session->command == &push_command)
        remote_add_query(&path, "update", "true");
    if (name)
        remote_add_query(&path, "name", name);
    code = agents_read(session, session->args.operands[0], &archive);
    if (code == CLI_OK)
        code = remote_call(remote, "POST", buf_str(&path), buf_str(&archive), &body);
    if (code == CLI_OK && session_value(session, "json")) {
        output_line(buf_str(&body));
    } else if (code == CLI_OK && output_parse(&remote->arena, &body, &agent)) {
        printf("%.*s  version %lld of ", STR_ARG(output_text(agent, "id")),
               (long long)json_i64(json_get(agent, "version"), 0));
        output_safe(output_text(agent, "name"), 200);
        putchar('\n');
    }
    buf_release(&archive);
    buf_release(&path);
    buf_release(&body);
    return code;
}

/* ---- diff ---- */

static const struct arg_command diff_command = {
    .name = "runbell agents diff",
    .operands = "AGENT FOLDER",
    .summary = "Shows what a folder (or archive) would change in an agent.",
    .more = "Exit code 0: nothing, 1: something, as diff does.",
    .operand_count = 2,
    .flags = json_flags,
    .flag_count = ARRAY_LEN(json_flags),
};

static void file_print(const struct json *file)
{
    struct str diff = json_string(json_get(file, "diff"));

    printf("%.*s: ", STR_ARG(output_text(file, "status")));
    output_safe(output_text(file, "path"), 300);
    putchar('\n');
    while (!str_is_none(diff) && diff.len) {
        size_t len = str_find_char(diff, '\n');

        output_safe(str_first(diff, len), SHOWN_BYTES_MAX);
        putchar('\n');
        diff = str_from(diff, len + 1);
    }
}

static int diff_print(struct remote *remote, const struct buf *body)
{
    const struct json *root = NULL, *files;

    if (!output_parse(&remote->arena, body, &root))
        return CLI_FAILED;
    files = json_get(root, "files");
    if (session_value(remote->session, "json"))
        output_line(buf_str(body));
    for (size_t i = 0; i < json_count(files) && !session_value(remote->session, "json"); i++)
        file_print(json_item(files, i));
    return json_count(files) ? CLI_FAILED : CLI_OK;
}

static int diff_run(struct remote *remote)
{
    const struct session *session = remote->session;
    struct buf archive, body;
    struct str id;
    int code;

    buf_init(&archive, ARCHIVE_BYTES_MAX);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    code = agent_find(remote, session->args.operands[0], &id);
    if (code == CLI_OK)
        code = agents_read(session, session->args.operands[1], &archive);
    if (code == CLI_OK)
        code = remote_call(remote, "POST",
                           arena_printf(&remote->arena, "/v1/fleet/agents/%.*s/diff", STR_ARG(id)),
                           buf_str(&archive), &body);
    if (code == CLI_OK)
        code = diff_print(remote, &body);
    buf_release(&archive);
    buf_release(&body);
    return code;
}

/* ---- run ---- */

static const struct arg_command run_command = {
    .name = "runbell agents run",
    .operands = "AGENT TEXT",
    .summary = "Says something to an agent and prints its answer.",
    .more = "On a thread of its own, which is not kept. Exit code 1: it failed, or a person would\n"
            "have to approve a tool first.",
    .operand_count = 2,
    .flags = json_flags,
    .flag_count = ARRAY_LEN(json_flags),
};

static struct str run_body(struct remote *remote, struct str id)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "assistant_id", id);
    json_key(&json, "input");
    json_begin_object(&json);
    json_key(&json, "messages");
    json_begin_array(&json);
    json_begin_object(&json);
    json_put_str(&json, "role", STR("user"));
    json_put_str(&json, "content", str_of(remote->session->args.operands[1]));
    json_end_object(&json);
    json_end_array(&json);
    json_end_object(&json);
    json_end_object(&json);
    text = arena_str(&remote->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static int answer_print(struct remote *remote, const struct buf *body)
{
    const struct json *root = NULL, *messages, *error;

    if (!output_parse(&remote->arena, body, &root))
        return CLI_FAILED;
    if (session_value(remote->session, "json"))
        output_line(buf_str(body));
    error = json_get(root, "__error__");
    if (error)
        return session_fail(remote->session, "%.*s: %.*s", STR_ARG(output_text(error, "error")),
                            STR_ARG(output_text(error, "message")));
    if (json_get(root, "__interrupt__"))
        return session_fail(remote->session, "it wants to call a tool that a person must approve");
    messages = json_get(root, "messages");
    if (json_count(messages) && !session_value(remote->session, "json")) {
        const struct json *last = json_item(messages, json_count(messages) - 1);
        struct str text = output_text(last, "content"), line;

        while (str_split(&text, '\n', &line)) {
            output_safe(line, SHOWN_BYTES_MAX);
            putchar('\n');
        }
    }
    return CLI_OK;
}

static int run_run(struct remote *remote)
{
    struct buf body;
    struct str id;
    int code = agent_find(remote, remote->session->args.operands[0], &id);

    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    if (code == CLI_OK)
        code = remote_call(remote, "POST", STR("/runs/wait"), run_body(remote, id), &body);
    if (code == CLI_OK)
        code = answer_print(remote, &body);
    buf_release(&body);
    return code;
}

/* ---- the table ---- */

static const struct cli_command commands[] = {
    {"list", "all that you may see", &list_command, .ask = list_run},
    {"pull", "its files into a folder", &pull_command, .ask = out_run},
    {"push", "a folder as its newest version", &push_command, .ask = in_run},
    {"export", "an archive of it", &export_command, .ask = out_run},
    {"import", "a new agent of an archive", &import_command, .ask = in_run},
    {"run", "say something to it", &run_command, .ask = run_run},
    {"diff", "what a folder would change", &diff_command, .ask = diff_run},
};

const struct cli_table agents_table = {"runbell agents", commands, ARRAY_LEN(commands)};
