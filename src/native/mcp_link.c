/* Messages to an MCP server, one after the other. */
#include "native/mcp_link.h"

#include "native/mcp_message.h"

#define BODY_BYTES_MAX (5 * MIB)
#define HEADERS_MAX 40
#define RESUMPTIONS_MAX 5
#define RESUME_MS 1000
#define RESUME_MS_MAX 30000

static const struct http_budget budget = {
    .dns_ms = 5000,
    .connect_ms = 10000,
    .tls_ms = 10000,
    .first_byte_ms = 120000,
    .total_ms = 130000,
    .body_ms = 300000,
};

/* ---- what comes back ---- */

static void message_read(struct mcp_link *link, struct str text)
{
    const struct mcp_message message = mcp_message_read(link->arena, text, link->id);

    link->tools_changed = link->tools_changed || message.tools_changed;
    link->has_reply = message.is_reply;
    if (message.is_reply) {
        link->reply.result = message.result;
        link->reply.error = message.error;
    }
}

/* An event without data may say where the stream can be taken up again. */
static bool stream_read(struct mcp_link *link, struct str piece)
{
    struct sse_event event;
    enum err err = OK;

    while (!link->has_reply && !(err = sse_reader_next(&link->sse, &piece, &event))) {
        if (event.id.len)
            link->last_event_id = arena_str(link->arena, event.id);
        if (event.data.len)
            message_read(link, event.data);
    }
    if (!link->has_reply && err == ERR_LIMIT) {
        link->reply.error = STR("its answer is larger than 4 MiB");
        link->has_reply = true;
    }
    return link->has_reply;
}

static void head_read(struct mcp_link *link, const struct http_result *so_far)
{
    struct str type = http_header_find(so_far->headers, so_far->header_count, "content-type");
    struct str session = http_header_find(so_far->headers, so_far->header_count, "mcp-session-id");

    link->is_stream = !str_is_none(type) && str_starts_nocase(type, STR("text/event-stream"));
    if (!str_is_none(session) && str_is_none(link->session_id))
        link->session_id = arena_str(link->arena, session);
}

static bool on_piece(void *context, const struct http_result *so_far, struct str piece)
{
    struct mcp_link *link = context;

    head_read(link, so_far);
    if (link->is_stream)
        return stream_read(link, piece);
    buf_add(&link->answer, piece);
    return link->answer.failed;
}

static struct str failure_of(struct mcp_link *link, const struct wire_end *end)
{
    if (end->outcome == HTTP_DENIED)
        return arena_printf(link->arena,
                            "its address may not be connected to (%s); runbell.egress.allow "
                            "opens it",
                            end->rule ? end->rule : end->why);
    if (end->outcome != HTTP_ANSWERED)
        return str_of(end->why);
    if (end->status / 100 != 2)
        return arena_printf(link->arena, "it answered %d: %.*s", end->status,
                            STR_ARG(str_first(str_trim(end->body), 300)));
    return link->answer.failed ? STR("its answer is larger than 4 MiB") : STR_NONE;
}

/* The stream is over, its answer was not in it: the server may close one at any time. */
static bool resumes(struct mcp_link *link)
{
    int64_t delay_ms = link->sse.retry_ms < 0 ? RESUME_MS : link->sse.retry_ms;

    if (!link->id || !link->is_stream || link->has_reply || str_is_none(link->last_event_id) ||
        link->resumptions >= RESUMPTIONS_MAX)
        return false;
    link->resumptions++;
    timer_start(&link->again, delay_ms > RESUME_MS_MAX ? RESUME_MS_MAX : delay_ms);
    return true;
}

static void on_end(void *context, const struct wire_end *end)
{
    struct mcp_link *link = context;
    struct mcp_reply *reply = &link->reply;

    /* A stream that was being taken up may be out of reach for a moment. */
    if ((link->resumptions > 0 || end->status / 100 == 2) && end->outcome != HTTP_DENIED &&
        end->status / 100 != 4 && resumes(link))
        return;
    if (str_is_none(reply->error))
        reply->error = failure_of(link, end);
    reply->is_session_over =
        end->outcome == HTTP_ANSWERED && end->status == 404 && !str_is_none(link->session_id);
    if (str_is_none(reply->error) && link->id && !link->is_stream && !link->has_reply)
        message_read(link, buf_str(&link->answer));
    if (str_is_none(reply->error) && link->id && str_is_none(reply->result))
        reply->error = STR("its answer ended before the result");
    link->on_reply(link, reply);
}

static const struct wire_events events = {on_piece, on_end};

/* ---- what is sent ---- */

static size_t headers_of(struct mcp_link *link, struct http_header *headers, bool is_get)
{
    size_t count = 0;

    if (!is_get)
        headers[count++] = (struct http_header){STR("Content-Type"), STR("application/json")};
    headers[count++] =
        (struct http_header){STR("Accept"), is_get ? STR("text/event-stream")
                                                   : STR("application/json, text/event-stream")};
    if (is_get)
        headers[count++] = (struct http_header){STR("Last-Event-ID"), link->last_event_id};
    if (!str_is_none(link->session_id))
        headers[count++] = (struct http_header){STR("Mcp-Session-Id"), link->session_id};
    if (!str_is_none(link->version))
        headers[count++] = (struct http_header){STR("MCP-Protocol-Version"), link->version};
    for (size_t i = 0; i < link->header_count && count < HEADERS_MAX; i++)
        headers[count++] = link->headers[i];
    return count;
}

static void send(struct mcp_link *link, bool is_get)
{
    struct http_header *headers = ARENA_ARRAY(link->arena, struct http_header, HEADERS_MAX);
    const struct http_client_request request = {
        .https = link->url.scheme_is_https,
        .host = link->url.host,
        .port = link->url.port,
        .method = is_get ? STR("GET") : STR("POST"),
        .target = link->url.target,
        .headers = headers,
        .header_count = headers_of(link, headers, is_get),
        .body = is_get ? STR("") : buf_str(&link->body),
        .oauth = link->oauth,
        .budget = budget,
    };
    int64_t retry_ms = link->sse.retry_ms;

    sse_reader_release(&link->sse);
    sse_reader_init(&link->sse, MCP_ANSWER_BYTES_MAX);
    if (is_get)
        link->sse.retry_ms = retry_ms;
    wire_start(&link->wire, &request, &events, link);
}

static void on_again(struct timer *timer)
{
    send(CONTAINER_OF(timer, struct mcp_link, again), true);
}

void mcp_link_ask(struct mcp_link *link, const char *method, struct str params, bool has_id)
{
    static int64_t last_id; /* main loop only */

    link->id = has_id ? ++last_id : 0;
    link->reply = (struct mcp_reply){STR_NONE, STR_NONE, false};
    link->has_reply = link->is_stream = false;
    link->resumptions = 0;
    link->last_event_id = STR_NONE;
    buf_clear(&link->answer);
    buf_clear(&link->body);
    buf_addf(&link->body, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"", method);
    if (has_id)
        buf_addf(&link->body, ",\"id\":%lld", (long long)link->id);
    if (!str_is_none(params)) {
        buf_add_cstr(&link->body, ",\"params\":");
        buf_add(&link->body, params);
    }
    buf_add_char(&link->body, '}');
    send(link, false);
}

/* ---- begin and end ---- */

void mcp_link_init(struct mcp_link *link, struct loop *loop, struct http_client *client,
                   struct arena *arena)
{
    *link = (struct mcp_link){.arena = arena, .loop = loop};
    wire_init(&link->wire, loop, client);
    timer_init(&link->again, loop, on_again);
    buf_init(&link->body, BODY_BYTES_MAX);
    buf_init(&link->answer, MCP_ANSWER_BYTES_MAX);
    sse_reader_init(&link->sse, MCP_ANSWER_BYTES_MAX);
}

void mcp_link_stop(struct mcp_link *link)
{
    timer_stop(&link->again);
    wire_stop(&link->wire);
}

void mcp_link_release(struct mcp_link *link)
{
    mcp_link_stop(link);
    buf_release(&link->body);
    buf_release(&link->answer);
    sse_reader_release(&link->sse);
}
