/* `runbell replay`: starts a job at the server that sends once more all that a filter finds. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/replays.h"

#define PATH_BYTES_MAX (64 * KIB)

static const struct arg_flag replay_flags[] = {
    {"since", "TIME", "made since: a time, or how long ago: 15m, 24h, 7d", NULL},
    {"until", "TIME", "made before", NULL},
    {"endpoint", "ID", "of one endpoint", NULL},
    {"state", "STATE", "dead (default), done or any", NULL},
    {"kind", "KIND", "run, rule, alert, fleet, …", NULL},
    {"object", "ID", "of one run, rule or alert", NULL},
    {"result", "RESULT", "that failed so: timeout, rejected, server_error, …", NULL},
    {"status", "STATUS", "that were answered so: 404, or 5xx", NULL},
    {"url", "TEXT", "whose URL has this part", NULL},
    {"all", NULL, "every one of that state, instead of a filter", NULL},
    {"to", "URL", "all to this address instead", NULL},
    {"rate", "N", "so many a second (default: 200)", NULL},
    {"dry-run", NULL, "only say how many there are", NULL},
    {"detach", NULL, "do not wait for the end", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

const struct arg_command replay_command = {
    .name = "runbell replay",
    .operands = "",
    .summary = "Sends once more all deliveries that the flags find, the oldest first.",
    .more = "What has arrived since, or is under way, is passed over. The job is the server's: it\n"
            "goes on when this command is ended, and after a restart; runbell replays lists, "
            "shows,\n"
            "pauses and cancels it. Exit code 1: it was cancelled, or not all has arrived.",
    .flags = replay_flags,
    .flag_count = ARRAY_LEN(replay_flags),
};

static const struct {
    const char *flag, *member;
} filters[] = {
    {"since", "since"},   {"until", "until"},   {"endpoint", "endpoint_id"},
    {"state", "state"},   {"kind", "kind"},     {"object", "object_id"},
    {"result", "result"}, {"status", "status"}, {"url", "url"},
};

/* False: no flag says which. */
static bool write_filters(const struct session *session, struct json_writer *json)
{
    bool is_narrowed = false;

    for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
        const char *value = session_value(session, filters[i].flag);

        if (value)
            json_put_str(json, filters[i].member, str_of(value));
        is_narrowed |= value && strcmp(filters[i].flag, "state") != 0;
    }
    return is_narrowed;
}

static int wrong(const struct session *session, const char *said)
{
    (void)session_fail(session, "%s", said);
    return CLI_USAGE;
}

static int write_ask(const struct session *session, struct buf *ask)
{
    const char *to = session_value(session, "to"), *rate = session_value(session, "rate");
    struct json_writer json;
    double per_s;
    bool is_narrowed, is_all = session_value(session, "all");

    if (rate && str_to_double(str_of(rate), &per_s)) {
        (void)session_fail(session, "--rate must be a number of deliveries a second, not \"%s\"",
                           rate);
        return CLI_USAGE;
    }
    json_writer_init(&json, ask);
    json_begin_object(&json);
    is_narrowed = write_filters(session, &json);
    if (to)
        json_put_str(&json, "to_url", str_of(to));
    if (rate) {
        json_key(&json, "rate");
        json_double_out(&json, per_s);
    }
    if (session_value(session, "dry-run"))
        json_put_bool(&json, "dry_run", true);
    if (is_all)
        json_put_bool(&json, "all", true);
    json_end_object(&json);
    if (is_narrowed && is_all)
        return wrong(session, "--all stands for no filter: leave it out, or the filters");
    if (!is_narrowed && !is_all)
        return wrong(session, "which ones? --since 24h, --endpoint ID, …; or --all");
    return CLI_OK;
}

static int print_dry(const struct session *session, const struct json *root, const struct buf *body)
{
    if (session_value(session, "json")) {
        output_line(buf_str(body));
        return CLI_OK;
    }
    replays_print_count(root, "matched", "matched_is_exact");
    puts(" would be looked at; nothing was sent.");
    return CLI_OK;
}

static int follow_made(struct remote *remote, const struct json *root, const struct buf *body)
{
    struct str id = arena_str(&remote->arena, output_text(root, "replay_id"));

    fprintf(stderr, "Replay %.*s: %s%lld deliveries, %g a second (Ctrl-C ends only the watching)\n",
            STR_ARG(id), json_bool(json_get(root, "expected_is_exact"), true) ? "" : "at least ",
            (long long)json_i64(json_get(root, "expected"), 0),
            json_double(json_get(root, "rate"), 0));
    if (session_value(remote->session, "detach"))
        return replays_print(remote, body, false);
    return replays_watch(remote, arena_printf(&remote->arena, "/v1/replays/%.*s", STR_ARG(id)));
}

int replay_run(struct remote *remote)
{
    const struct json *root = NULL;
    struct buf ask, body;
    struct arena arena;
    int code;

    arena_init(&arena);
    buf_init(&ask, PATH_BYTES_MAX);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    code = write_ask(remote->session, &ask);
    if (code == CLI_OK)
        code = remote_call(remote, "POST", STR("/v1/replays"), buf_str(&ask), &body);
    if (code == CLI_OK && !output_parse(&arena, &body, &root))
        code = CLI_FAILED;
    if (code == CLI_OK)
        code = session_value(remote->session, "dry-run") ? print_dry(remote->session, root, &body)
                                                         : follow_made(remote, root, &body);
    buf_release(&ask);
    buf_release(&body);
    arena_release(&arena);
    return code;
}
