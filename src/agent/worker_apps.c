/* Requests to the user's own app, in a worker process (docs/worker-protocol.md). */
#include "agent/worker_executor_priv.h"

#include "agent/app_request.h"
#include "base/json.h"

static struct worker_executor *owner_of(struct executor *executor)
{
    return CONTAINER_OF(executor, struct worker_executor, executor);
}

static struct app_request *find(struct slot *slot, uint64_t number)
{
    struct list *node;

    for (node = slot->apps.next; node != &slot->apps; node = node->next) {
        struct app_request *request = LIST_ITEM(node, struct app_request, node);

        if (request->number == number)
            return request;
    }
    return NULL;
}

/* The last event: from here on it is its maker's. */
static void end(struct app_request *request, enum app_event_kind kind, int status, struct str why)
{
    list_remove(&request->node);
    request->slot = NULL;
    app_request_tell(request, kind, status, why);
}

void worker_app_start(struct executor *executor, struct app_request *request)
{
    struct slot *slot = worker_slot_ready(owner_of(executor));
    struct frame_writer frame;

    if (!slot) {
        app_request_tell(request, APP_FAILED, 503,
                         STR("no worker process for the app is ready; try again in a moment"));
        return;
    }
    request->slot = slot;
    list_push(&slot->apps, &request->node);
    frame_writer_begin(&frame, "http.request");
    json_put_i64(&frame.json, "request", (int64_t)request->number);
    buf_add(&frame.header, request->fields);
    if (worker_send(slot->worker, &frame))
        end(request, APP_FAILED, 413, STR("the request is too large for the app"));
}

static void notice_write(struct frame_writer *frame, const struct app_notice *notice)
{
    static const char *const types[] = {
        [APP_NOTICE_BODY] = "http.body",   [APP_NOTICE_MESSAGE] = "http.message",
        [APP_NOTICE_CLOSE] = "http.close", [APP_NOTICE_CREDIT] = "http.credit",
        [APP_NOTICE_CANCEL] = "http.gone",
    };

    frame_writer_begin(frame, types[notice->kind]);
    json_put_i64(&frame->json, "request", (int64_t)notice->number);
    if (notice->kind == APP_NOTICE_CREDIT)
        json_put_i64(&frame->json, "bytes", notice->bytes);
    if (notice->kind == APP_NOTICE_CLOSE)
        json_put_i64(&frame->json, "code", notice->code);
    if (notice->kind == APP_NOTICE_MESSAGE)
        json_put_bool(&frame->json, "text", notice->is_text);
    if (notice->is_last)
        json_put_bool(&frame->json, "last", true);
    if (notice->piece.len > 0)
        frame_writer_blob(frame, notice->piece);
}

void worker_app_notice(struct executor *executor, const struct app_notice *notice)
{
    struct worker_executor *owner = owner_of(executor);
    struct app_request *request = NULL;
    struct frame_writer frame;

    for (unsigned i = 0; !request && i < owner->setup.worker_count; i++)
        request = find(&owner->slots[i], notice->number);
    if (!request)
        return;
    notice_write(&frame, notice);
    if (worker_send(request->slot->worker, &frame))
        worker_kill(request->slot->worker, "a message about a request could not be sent");
    else if (notice->kind == APP_NOTICE_CANCEL)
        end(request, APP_FAILED, 499, STR("cancelled"));
}

static int bytes_taken(const struct frame *frame)
{
    int64_t bytes = json_i64(json_get(frame->header, "bytes"), 0);

    return bytes < 0 || bytes > INT32_MAX ? 0 : (int)bytes;
}

static bool is_text(const struct frame *frame)
{
    return json_bool(json_get(frame->header, "text"), false);
}

static struct str text_or_empty(struct str text)
{
    return str_is_none(text) ? STR("") : text;
}

void worker_app_on_frame(struct slot *slot, const struct frame *frame)
{
    struct app_request *request =
        find(slot, (uint64_t)json_i64(json_get(frame->header, "request"), 0));
    const struct json *error = json_get(frame->header, "error");

    if (!request)
        return;
    if (str_eq(frame->type, STR("http.taken")))
        app_request_tell(request, APP_TAKEN, bytes_taken(frame), STR(""));
    else if (str_eq(frame->type, STR("http.head")))
        app_request_tell(request, APP_HEAD, (int)json_i64(json_get(frame->header, "status"), 500),
                         json_raw(frame->header_text, STR("headers")));
    else if (str_eq(frame->type, STR("http.chunk")))
        app_request_tell(request, APP_CHUNK, 0, frame_blob(frame, 0));
    else if (str_eq(frame->type, STR("http.message")))
        app_request_tell(request, is_text(frame) ? APP_TEXT : APP_BINARY, 0,
                         text_or_empty(frame_blob(frame, 0)));
    else if (str_eq(frame->type, STR("http.close")))
        end(request, APP_CLOSED, (int)json_i64(json_get(frame->header, "code"), 1000),
            text_or_empty(json_string(json_get(frame->header, "reason"))));
    else if (error)
        end(request, APP_FAILED, 500, json_string(error));
    else
        end(request, APP_END, 0, STR(""));
}

void worker_apps_lose(struct slot *slot)
{
    while (!list_is_empty(&slot->apps))
        end(LIST_ITEM(slot->apps.next, struct app_request, node), APP_FAILED, 502,
            STR("the worker process of the app ended"));
}
