/* remote.c -- calls of the API: where, who, and what to say when it does not go well. */
#include "app/cli/remote.h"

#include <stdlib.h>
#include <unistd.h>

#include "app/cli/output.h"
#include "base/json.h"
#include "format/query.h"

#define SERVER_DEFAULT "http://127.0.0.1:8123"
#define SILENCE_MS 60000
#define STREAM_SILENCE_MS 60000 /* heartbeats come far more often */
#define EVENT_BYTES_MAX (64 * MIB)
#define BACK_OFF_S_MAX 10
#define PATH_BYTES_MAX (64 * KIB)
#define HTTP_UNAVAILABLE 503

/* ---- opening ---- */

static const char *given(const struct session *session, const char *flag, const char *variable)
{
    const char *value = session_value(session, flag);

    if (!value)
        value = getenv(variable);
    return value && value[0] ? value : NULL;
}

int remote_open(struct remote *remote, struct session *session)
{
    const char *server = given(session, "server", "RUNBELL_URL"), *why;
    const char *key = given(session, "api-key", "RUNBELL_API_KEY");
    struct url url;

    *remote = (struct remote){.session = session};
    arena_init(&remote->arena);
    remote->base = str_of(server ? server : SERVER_DEFAULT);
    while (str_ends(remote->base, STR("/")))
        remote->base.len--;
    remote->api_key = str_of(key);
    if (url_parse(&remote->arena, remote->base, &url, &why) || url.is_relative)
        return session_fail(session, "--server (or RUNBELL_URL) must be a URL such as %s, not %.*s",
                            SERVER_DEFAULT, STR_ARG(remote->base));
    for (size_t i = 0; i < remote->api_key.len; i++)
        if ((unsigned char)remote->api_key.data[i] <= 0x20 || remote->api_key.data[i] == 0x7f)
            return session_fail(session, "the API key has a blank or a line end in it");
    return CLI_OK;
}

void remote_release(struct remote *remote)
{
    arena_release(&remote->arena);
}

int remote_main(const struct arg_command *command, int (*run)(struct remote *remote), int argc,
                char **argv)
{
    struct session session;
    struct remote remote;
    int code;

    if (!session_open(&session, command, SESSION_NO_CONFIG, argc, argv, &code))
        return code;
    code = remote_open(&remote, &session);
    if (code == CLI_OK)
        code = run(&remote);
    remote_release(&remote);
    session_close(&session);
    return code;
}

/* ---- calling ---- */

#define HEADERS_MAX 4

static size_t headers_make(const struct remote *remote, struct str body,
                           struct http_header *headers)
{
    size_t count = 0;

    if (!str_is_none(remote->api_key))
        headers[count++] = (struct http_header){STR("X-Api-Key"), remote->api_key};
    if (!str_is_none(body))
        headers[count++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    return count;
}

static struct str url_of(struct remote *remote, struct str path)
{
    return arena_printf(&remote->arena, "%.*s%.*s", STR_ARG(remote->base), STR_ARG(path));
}

static int no_answer(const struct remote *remote, const char *why)
{
    return session_fail(remote->session,
                        "%.*s does not answer: %s. Is the server running (runbell serve), and is "
                        "--server right?",
                        STR_ARG(remote->base), why ? why : "nothing came");
}

static void ask_once(struct remote *remote, const char *method, struct str path, struct str body,
                     struct remote_answer *answer)
{
    struct http_header headers[HEADERS_MAX];
    const struct remote_request request = {
        .url = url_of(remote, path),
        .method = str_of(method),
        .headers = headers,
        .header_count = headers_make(remote, body, headers),
        .body = body,
        .silence_ms = SILENCE_MS,
    };

    remote_send(remote->session->world, &request, answer);
}

int remote_ask(struct remote *remote, const char *method, struct str path, struct str body,
               struct remote_answer *answer)
{
    ask_once(remote, method, path, body, answer);
    if (answer->is_complete)
        return CLI_OK;
    return no_answer(remote, answer->why);
}

/* The server's own sentence, where it is one of ours. */
static int refused(const struct remote *remote, const struct remote_answer *answer)
{
    const struct json *root = NULL;
    struct str detail;
    struct arena arena;
    int code;

    arena_init(&arena);
    if (json_parse(&arena, buf_str(&answer->body), &root, NULL))
        root = NULL;
    detail = json_string(json_get(root, "detail"));
    if (answer->status == 401 && str_is_none(remote->api_key))
        code = session_fail(remote->session,
                            "the server wants an API key: --api-key or RUNBELL_API_KEY; runbell "
                            "keys create makes one");
    else if (!str_is_empty(detail))
        code = session_fail(remote->session, "%.*s", STR_ARG(detail));
    else
        code = session_fail(remote->session,
                            "%.*s answered %d: is this a Runbell server of this version?",
                            STR_ARG(remote->base), answer->status);
    arena_release(&arena);
    return code;
}

/* Releases the answer. */
static int take_answer(const struct remote *remote, struct remote_answer *answer, struct buf *out)
{
    int code = answer->status / 100 == 2 ? CLI_OK : refused(remote, answer);

    if (code == CLI_OK)
        buf_add(out, buf_str(&answer->body));
    buf_release(&answer->body);
    return code;
}

int remote_call(struct remote *remote, const char *method, struct str path, struct str body,
                struct buf *out)
{
    struct remote_answer answer;

    if (remote_ask(remote, method, path, body, &answer) == CLI_OK)
        return take_answer(remote, &answer, out);
    buf_release(&answer.body);
    return CLI_FAILED;
}

int remote_look(struct remote *remote, struct str path, struct buf *out)
{
    struct remote_answer answer;

    for (unsigned pause_s = 1;; pause_s += pause_s < BACK_OFF_S_MAX) {
        ask_once(remote, "GET", path, STR_NONE, &answer);
        if (answer.is_complete && answer.status != HTTP_UNAVAILABLE)
            return take_answer(remote, &answer, out);
        fprintf(stderr, "There was no answer (%s); asking again in %u s.\n",
                answer.is_complete ? "503"
                : answer.why       ? answer.why
                                   : "nothing came",
                pause_s);
        buf_release(&answer.body);
        sleep(pause_s);
    }
}

static int say(const struct session *session, const struct buf *body,
               void (*print)(const struct json *root))
{
    const struct json *root = NULL;
    struct arena arena;
    int code = CLI_OK;

    if (session_value(session, "json")) {
        output_line(buf_str(body));
        return CLI_OK;
    }
    arena_init(&arena);
    if (output_parse(&arena, body, &root))
        print(root);
    else
        code = CLI_FAILED;
    arena_release(&arena);
    return code;
}

/* Calls, and says what comes. */
static int call_and_say(struct remote *remote, const char *method, struct str path, struct str ask,
                        void (*print)(const struct json *root))
{
    struct buf body;
    int code;

    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    code = remote_call(remote, method, path, ask, &body);
    if (code == CLI_OK)
        code = say(remote->session, &body, print);
    buf_release(&body);
    return code;
}

int remote_say(struct remote *remote, struct str path, void (*print)(const struct json *root))
{
    return call_and_say(remote, "GET", path, STR_NONE, print);
}

int remote_one(struct remote *remote, const char *folder, const char *verb, struct str ask,
               void (*print)(const struct json *object))
{
    struct buf path;
    int code;

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_cstr(&path, folder);
    buf_add_char(&path, '/');
    percent_write(&path, str_of(remote->session->args.operands[0]));
    if (verb)
        buf_addf(&path, "/%s", verb);
    code = call_and_say(remote, verb ? "POST" : "GET", buf_str(&path), ask, print);
    buf_release(&path);
    return code;
}

void remote_add_query(struct buf *path, const char *key, const char *value)
{
    if (!value)
        return;
    buf_add_char(path, str_find_char(buf_str(path), '?') < path->len ? '&' : '?');
    buf_add_cstr(path, key);
    buf_add_char(path, '=');
    percent_write(path, str_of(value));
}

/* ---- following ---- */

struct following {
    const struct remote_stream *stream;
    struct sse_reader reader;
    struct buf last_id;
    bool is_over, has_come;
};

static bool on_piece(void *context, struct str piece)
{
    struct following *f = context;
    struct sse_event event;

    while (!f->is_over && !sse_reader_next(&f->reader, &piece, &event)) {
        f->has_come = true;
        if (event.id.len) {
            buf_clear(&f->last_id);
            buf_add(&f->last_id, event.id);
        }
        f->is_over = !f->stream->on_event(f->stream->context, &event);
    }
    return !f->is_over;
}

static void connect_once(struct remote *remote, struct following *f, struct remote_answer *answer)
{
    struct http_header headers[HEADERS_MAX];
    size_t count = headers_make(remote, STR_NONE, headers);
    struct remote_request request = {.url = url_of(remote, f->stream->path),
                                     .method = STR("GET"),
                                     .headers = headers,
                                     .silence_ms = STREAM_SILENCE_MS,
                                     .on_piece = on_piece,
                                     .context = f,
                                     .ends_by_hand = f->stream->ends_by_hand};

    if (f->last_id.len)
        headers[count++] = (struct http_header){STR("Last-Event-ID"), buf_str(&f->last_id)};
    request.header_count = count;
    sse_reader_init(&f->reader, EVENT_BYTES_MAX);
    remote_send(remote->session->world, &request, answer);
    sse_reader_release(&f->reader);
}

/* A first connection that fails is told; later ones are tried again, for servers and their
 * databases restart. */
static int judge_end(const struct remote *remote, const struct remote_answer *answer,
                     bool was_there)
{
    if (answer->is_ended || answer->status / 100 == 2)
        return CLI_OK;
    if (was_there && (!answer->status || answer->status == HTTP_UNAVAILABLE))
        return CLI_OK;
    return answer->status ? refused(remote, answer) : no_answer(remote, answer->why);
}

int remote_follow(struct remote *remote, const struct remote_stream *stream)
{
    struct following f = {.stream = stream};
    int code = CLI_OK;
    unsigned pause_s = 0;
    bool was_there = false;

    buf_init(&f.last_id, 64);
    buf_add(&f.last_id, stream->after);
    while (!f.is_over && code == CLI_OK) {
        struct remote_answer answer;

        f.has_come = false;
        connect_once(remote, &f, &answer);
        code = judge_end(remote, &answer, was_there);
        was_there |= answer.status / 100 == 2;
        f.is_over |= answer.is_ended;
        buf_release(&answer.body);
        if (f.is_over || code != CLI_OK)
            break;
        pause_s = f.has_come ? 1 : pause_s < BACK_OFF_S_MAX ? pause_s + 1 : BACK_OFF_S_MAX;
        fprintf(stderr, "The stream broke off; going on in %u s.\n", pause_s);
        sleep(pause_s);
    }
    buf_release(&f.last_id);
    return code;
}
