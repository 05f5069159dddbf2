/* Clients that follow a run: SSE streams, wait and join.
 *
 * The stream pulls: it asks the hub for the next batch only when the last one has left for the
 * network. A heartbeat goes out in every pause, so that both sides notice a dead connection. The
 * head of the reply is sent at once; what goes wrong later stands in the stream (event `error`) or
 * in the JSON (`__error__`). */
#include "api/beats.h"
#include "api/call_priv.h"

#include "agent/run_cancel.h"
#include "base/mem.h"
#include "format/sse.h"

#define PENDING_BYTES_MAX (256 * KIB) /* unsent bytes beyond which no more is pulled */
#define SSE_BATCH_MAX (64 * MIB)
#define TOOL_BYTES_MAX (384 * MIB) /* a result, escaped */

/* There are thousands of idle ones: small, in one piece. */
struct run_stream {
    struct beat beat; /* in streams->beats */
    struct api_streams *streams;
    struct http_exchange *exchange;
    const struct api_setup *setup;
    struct run_reader *reader;
    uint32_t modes_len, origin_len;
    bool has_modes : 1;  /* else all events are wanted */
    bool has_origin : 1; /* of the page that waits for the end */
    bool has_last : 1;
    bool wait : 1, empty_end : 1, quiet : 1;
    bool cancel_on_disconnect : 1;
    bool wants_more : 1; /* a batch was taken, the next is asked for when the network has room */
    bool is_tool;
    char texts[]; /* names of modes, each with '\n' behind; the origin; a last one with NUL behind:
                     the location, or the id of a tool's call */
};

struct api_streams {
    struct beats beats; /* of all of them */
};

static void on_silence(struct beat *beat);

struct api_streams *api_streams_new(struct loop *loop)
{
    struct api_streams *streams = MEM_NEW(struct api_streams);

    beats_init(&streams->beats, loop, on_silence);
    return streams;
}

void api_streams_free(struct api_streams *streams)
{
    beats_release(&streams->beats);
    mem_free(streams);
}

static void stream_free(struct run_stream *stream)
{
    beat_stop(&stream->beat);
    run_reader_close(stream->reader);
    mem_free(stream);
}

/* The server stops: the connection breaks off, so that clients with a Location come back later. */
void api_streams_drain(struct api_streams *streams)
{
    while (!list_is_empty(&streams->beats.all)) {
        struct run_stream *stream =
            LIST_ITEM(streams->beats.all.next, struct run_stream, beat.node);
        struct http_exchange *exchange = stream->exchange;

        stream_free(stream);
        http_break(exchange);
    }
}

/* ---- a client that leaves ---- */

struct leave_cancel {
    struct store_work work;
    struct arena arena;
    struct str tenant, run_id;
    const struct agent_config *config;
};

static enum err leave_apply(struct tx *tx, struct store_work *work)
{
    struct leave_cancel *leave = CONTAINER_OF(work, struct leave_cancel, work);
    struct run run;
    enum err err = run_get(tx, leave->tenant, STR_NONE, leave->run_id, tx->arena, &run);

    return err ? err : run_cancel(tx, leave->config, &run, STR("interrupt"));
}

static void leave_done(struct store_work *work, enum err err)
{
    struct leave_cancel *leave = CONTAINER_OF(work, struct leave_cancel, work);

    (void)err;
    arena_release(&leave->arena);
    mem_free(leave);
}

static void cancel_run(const struct run_stream *stream)
{
    struct leave_cancel *leave = MEM_NEW(struct leave_cancel);

    arena_init(&leave->arena);
    leave->tenant = arena_str(&leave->arena, run_reader_tenant(stream->reader));
    leave->run_id = arena_str(&leave->arena, run_reader_run_id(stream->reader));
    leave->config = stream->setup->agent;
    leave->work.apply = leave_apply;
    leave->work.done = leave_done;
    leave->work.reply_to = http_exchange_loop(stream->exchange);
    leave->work.class = STORE_REPLY;
    store_write(stream->setup->store, &leave->work);
}

/* The bytes go nowhere, but the exchange has to be ended. */
static void end_gone(struct run_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;
    bool has_begun = !stream->empty_end;

    stream_free(stream);
    if (has_begun)
        http_end(exchange);
    else
        http_reply(exchange, 204, NULL, 0, STR(""));
}

static void on_gone(struct http_exchange *exchange)
{
    struct run_stream *stream = http_exchange_data(exchange);

    if (stream->cancel_on_disconnect)
        cancel_run(stream);
    end_gone(stream);
}

/* ---- heartbeats ---- */

static void stream_was_sent(struct run_stream *stream)
{
    beat_wait(&stream->streams->beats, &stream->beat, stream->setup->heartbeat_ms);
}

static void on_silence(struct beat *beat)
{
    struct run_stream *stream = CONTAINER_OF(beat, struct run_stream, beat);
    struct buf out;

    stream_was_sent(stream);
    if (stream->empty_end || (stream->setup->compat_js && !stream->wait))
        return;
    if (stream->wait) {
        http_write(stream->exchange, STR("\n"));
        return;
    }
    buf_init(&out, KIB);
    sse_write_heartbeat(&out);
    http_write(stream->exchange, buf_str(&out));
    buf_release(&out);
}

/* ---- what comes from the hub ---- */

static void pull(struct run_stream *stream)
{
    if (!stream->wants_more || http_pending_bytes(stream->exchange) > PENDING_BYTES_MAX)
        return;
    stream->wants_more = false;
    run_reader_more(stream->reader);
}

static void on_drain(struct http_exchange *exchange)
{
    pull(http_exchange_data(exchange));
}

/* The mode that a client asks for to get events of this name: "messages/partial" belongs to
 * `messages`, a bare "messages" to `messages-tuple`; what stands behind '|' is the subgraph. */
static struct str mode_of(struct str name)
{
    struct str base = str_first(name, str_find_char(name, '|'));

    if (str_eq(base, STR("messages")))
        return STR("messages-tuple");
    return str_first(base, str_find_char(base, '/'));
}

static bool is_wanted(const struct run_stream *stream, struct str name)
{
    struct str rest = str_range(stream->texts, stream->modes_len), mode, wanted = mode_of(name);

    if (str_starts(name, STR("@"))) /* of the event streaming protocol, for its readers */
        return false;
    if (!stream->has_modes || str_eq(name, STR("metadata")) || str_eq(name, STR("error")))
        return true;
    while (str_split(&rest, '\n', &mode))
        if (mode.len > 0 && str_eq(mode, wanted))
            return true;
    return false;
}

static void on_events(void *context, struct run_event *const *events, size_t count)
{
    struct run_stream *stream = context;
    struct buf out;

    buf_init(&out, SSE_BATCH_MAX + 128 * KIB);
    for (size_t i = 0; i < count; i++) {
        char id[24];
        int id_len = snprintf(id, sizeof(id), "%lld", (long long)events[i]->id);
        struct sse_event event = {events[i]->name, events[i]->data, str_range(id, (size_t)id_len)};

        if (!is_wanted(stream, events[i]->name))
            continue;
        sse_write(&out, &event);
        if (out.len > MIB) {
            http_write(stream->exchange, buf_str(&out));
            buf_clear(&out);
        }
    }
    if (out.len > 0)
        http_write(stream->exchange, buf_str(&out));
    buf_release(&out);
    stream_was_sent(stream);
    stream->wants_more = true;
    pull(stream);
}

static void end_sse(struct run_stream *stream, const struct run_reader_end *end)
{
    struct buf out;

    if (end->err && !(stream->quiet && end->err == ERR_NOT_FOUND)) {
        const struct sse_event event = {
            STR("error"),
            end->err == ERR_NOT_FOUND
                ? stream->setup->compat_js
                      ? STR("\"Run not found\"")
                      : STR("{\"error\":\"NotFound\",\"message\":\"HTTP 404: Run not found\"}")
                : STR("{\"error\":\"InternalError\",\"message\":\"the run cannot be followed\"}"),
            STR_NONE};

        buf_init(&out, 4 * KIB);
        sse_write(&out, &event);
        http_write(stream->exchange, buf_str(&out));
        buf_release(&out);
    }
}

/* The dev server answers with the last event alone: the question, without the state. */
static void question_write(struct http_exchange *exchange, struct str question)
{
    http_write(exchange, STR("{\"__interrupt__\":"));
    http_write(exchange, question);
    http_write(exchange, STR("}"));
}

static struct str question_of(struct run_stream *stream, struct str result)
{
    return stream->setup->compat_js && str_starts(result, STR("{"))
               ? json_raw(result, STR("__interrupt__"))
               : STR_NONE;
}

static const char *last_text(const struct run_stream *stream)
{
    return stream->texts + stream->modes_len + stream->origin_len;
}

/* As an answer to tools/call: the result as a text. */
static void tool_write(struct run_stream *stream, const struct run_reader_end *end)
{
    struct str result = end->err                   ? STR("the run cannot be followed")
                        : str_is_none(end->result) ? STR("null")
                                                   : end->result;
    bool has_failed = end->err || (str_starts(result, STR("{")) &&
                                   !str_is_none(json_raw(result, STR("__error__"))));
    struct json_writer json;
    struct buf out;

    buf_init(&out, TOOL_BYTES_MAX);
    json_writer_init(&json, &out);
    buf_addf(&out,
             "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[{\"type\":\"text\",\"text\":",
             last_text(stream));
    json_str_out(&json, result);
    buf_addf(&out, "}],\"isError\":%s}}", has_failed ? "true" : "false");
    http_write(stream->exchange, buf_str(&out));
    buf_release(&out);
}

static void end_json(struct run_stream *stream, const struct run_reader_end *end)
{
    struct str question = question_of(stream, end->result);

    if (stream->is_tool)
        tool_write(stream, end);
    else if (end->err)
        http_write(stream->exchange,
                   STR("{\"__error__\":{\"error\":\"NotFound\",\"message\":\"Run not found\"}}"));
    else if (!str_is_none(question))
        question_write(stream->exchange, question);
    else
        http_write(stream->exchange, str_is_none(end->result) ? STR("null") : end->result);
}

static void on_end(void *context, const struct run_reader_end *end)
{
    struct run_stream *stream = context;
    struct http_exchange *exchange = stream->exchange;

    if (!stream->wait)
        end_sse(stream, end);
    else if (!stream->empty_end)
        end_json(stream, end);
    stream_free(stream);
    http_end(exchange);
}

/* A cancel that waits has no body, so its head goes out only now. */
static void on_end_empty(void *context, const struct run_reader_end *end)
{
    struct run_stream *stream = context;
    struct http_exchange *exchange = stream->exchange;
    struct http_header headers[CORS_HEADERS_MAX + 1];
    const char *behind_modes = stream->texts + stream->modes_len;
    struct str origin = stream->has_origin ? str_range(behind_modes, stream->origin_len) : STR_NONE;
    size_t count = cors_headers(stream->setup->cors, origin, false, STR_NONE,
                                http_exchange_arena(exchange), headers);

    (void)end;
    if (stream->has_last)
        headers[count++] = (struct http_header){
            STR("location"), arena_str(http_exchange_arena(exchange), str_of(last_text(stream)))};
    http_reply(exchange, 204, headers, count, STR(""));
    stream_free(stream);
}

static const struct run_reader_events reader_events = {on_events, on_end};
static const struct run_reader_events reader_events_empty = {on_events, on_end_empty};

/* ---- the start ---- */

static struct str modes_join(struct arena *arena, const struct json *modes)
{
    struct json_iter iter = json_iter(modes);
    const struct json *item;
    struct buf out;
    struct str text;

    if (!modes)
        return STR_NONE;
    buf_init(&out, 4 * KIB);
    while (json_next(&iter, NULL, &item)) {
        buf_add(&out, json_string(item));
        buf_add_char(&out, '\n');
    }
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static struct run_stream *stream_new(struct call *call)
{
    struct str modes = modes_join(call->arena, call->stream.modes);
    struct str origin =
        call->stream.empty_end
            ? http_header_find(call->request->headers, call->request->header_count, "origin")
            : STR_NONE;
    struct str last = call->stream.empty_end
                          ? http_header_find(call->headers, call->header_count, "location")
                          : call->stream.tool_id;
    struct run_stream *stream = mem_alloc_zero(sizeof(*stream) + modes.len + origin.len +
                                               (str_is_none(last) ? 0 : last.len + 1));
    char *at = stream->texts;

    stream->streams = api_streams(call->api);
    stream->exchange = call->exchange;
    stream->setup = call->setup;
    stream->has_modes = !str_is_none(modes);
    stream->modes_len = (uint32_t)str_put(&at, modes).len;
    stream->has_origin = !str_is_none(origin);
    stream->origin_len = (uint32_t)str_put(&at, origin).len;
    stream->has_last = !str_is_none(last);
    stream->is_tool = !str_is_none(call->stream.tool_id);
    str_put(&at, last);
    stream->wait = call->stream.wait;
    stream->empty_end = call->stream.empty_end;
    stream->quiet = call->stream.quiet;
    stream->cancel_on_disconnect = call->stream.cancel_on_disconnect;
    return stream;
}

void run_stream_start(struct call *call)
{
    struct run_stream *stream = stream_new(call);
    struct http_exchange *exchange = call->exchange;
    const struct run_reader_config config = {
        .loop = http_exchange_loop(exchange),
        .tenant = call->principal.tenant,
        .run_id = call->stream.run_id,
        .start = call->stream.start,
        .after_id = call->stream.after_id,
        .only_end = call->stream.wait,
        .events = call->stream.empty_end ? &reader_events_empty : &reader_events,
        .context = stream,
    };

    stream->reader = run_reader_open(call->setup->hub, &config);
    stream_was_sent(stream);
    http_exchange_set_data(exchange, stream);
    http_exchange_on_gone(exchange, on_gone);
    http_exchange_on_drain(exchange, on_drain);
    if (!call->stream.empty_end)
        call_begin(call, call->stream.wait ? STR("application/json") : STR("text/event-stream"));
    call_free(call);
    http_exchange_shed(exchange); /* the call and its request go; the stream has all it needs */
    if (http_exchange_is_gone(exchange)) /* while the run was being made */
        on_gone(exchange);
}
