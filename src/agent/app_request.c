/* Requests to the user's own app on their way between loops. */
#include "agent/app_request.h"

#include <stdatomic.h>

#include "agent/dispatch_priv.h"
#include "base/mem.h"

static void on_start(struct message *message)
{
    struct app_request *request = CONTAINER_OF(message, struct app_request, message);
    struct executor *executor = dispatch_speaker(request->dispatch, request->language);

    if (executor && executor->ops->app_start)
        executor->ops->app_start(executor, request);
    else
        app_request_tell(request, APP_FAILED, 503, STR("no worker process runs the app"));
}

void app_request_start(struct dispatch *dispatch, struct app_request *request)
{
    static atomic_uint_fast64_t numbers;

    request->number = atomic_fetch_add(&numbers, 1) + 1;
    request->dispatch = dispatch;
    request->message.deliver = on_start;
    loop_post(dispatch_loop(dispatch), &request->message);
}

static void on_notice(struct message *message)
{
    struct app_notice *notice = CONTAINER_OF(message, struct app_notice, message);
    struct executor *executor = dispatch_speaker(notice->dispatch, notice->language);

    if (executor && executor->ops->app_notice)
        executor->ops->app_notice(executor, notice);
    mem_free(notice);
}

static void notify(struct app_request *request, struct app_notice what)
{
    struct app_notice *notice = mem_alloc_zero(sizeof(*notice) + what.piece.len);
    char *at = notice->text;

    notice->dispatch = request->dispatch;
    notice->language = request->language;
    notice->kind = what.kind;
    notice->number = request->number;
    notice->bytes = what.bytes;
    notice->piece = str_put(&at, what.piece);
    notice->code = what.code;
    notice->is_last = what.is_last;
    notice->is_text = what.is_text;
    notice->message.deliver = on_notice;
    loop_post(dispatch_loop(request->dispatch), &notice->message);
}

void app_request_body(struct app_request *request, struct str piece, bool is_last)
{
    notify(request,
           (struct app_notice){.kind = APP_NOTICE_BODY, .piece = piece, .is_last = is_last});
}

void app_request_message(struct app_request *request, struct str message, bool is_text)
{
    notify(request,
           (struct app_notice){.kind = APP_NOTICE_MESSAGE, .piece = message, .is_text = is_text});
}

void app_request_close(struct app_request *request, int code)
{
    notify(request, (struct app_notice){.kind = APP_NOTICE_CLOSE, .code = code});
}

void app_request_credit(struct app_request *request, size_t bytes)
{
    notify(request, (struct app_notice){.kind = APP_NOTICE_CREDIT, .bytes = (int64_t)bytes});
}

void app_request_cancel(struct app_request *request)
{
    notify(request, (struct app_notice){.kind = APP_NOTICE_CANCEL});
}

static void on_event(struct message *message)
{
    struct app_event *event = CONTAINER_OF(message, struct app_event, message);

    event->request->on_event(event->request, event);
    mem_free(event);
}

void app_request_tell(struct app_request *request, enum app_event_kind kind, int status,
                      struct str bytes)
{
    struct app_event *event = mem_alloc_zero(sizeof(*event) + bytes.len);
    char *at = event->text;

    event->request = request;
    event->kind = kind;
    event->status = status;
    event->bytes = str_put(&at, bytes);
    event->message.deliver = on_event;
    loop_post(request->loop, &event->message);
}
