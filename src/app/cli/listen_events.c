/* listen_events.c -- `runbell listen --load-from ENDPOINT`: what that endpoint gets comes to the
 * local port as well, fetched as a receiver may that was down. Nothing is taken from the endpoint:
 * its own receiver gets all of it. */
#include <stdio.h>

#include "app/cli/listen.h"
#include "app/cli/output.h"
#include "crypto/base64.h"

#define WAIT "20"

/* From now on, unless it is known where it went on. */
static int find_position(struct listening *l)
{
    const struct json *endpoint = NULL;
    struct arena *arena = &l->remote->arena;
    struct buf body;
    int code;

    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    code =
        remote_call(l->remote, "GET", arena_printf(arena, "/v1/endpoints/%.*s", STR_ARG(l->slug)),
                    STR_NONE, &body);
    if (code == CLI_OK && !output_parse(arena, &body, &endpoint))
        code = CLI_FAILED;
    buf_release(&body);
    if (code != CLI_OK)
        return code;
    if (l->cursor < 0)
        l->cursor = json_i64(json_get(endpoint, "last_sequence"), 0);
    fprintf(stderr, "What endpoint %.*s gets goes to %.*s too (Ctrl-C ends)\n", STR_ARG(l->slug),
            STR_ARG(l->target));
    listen_write_state(l);
    return CLI_OK;
}

/* Its bytes, in the page's arena. */
static bool body_of(struct listening *l, const struct json *event, struct str *body)
{
    struct str text = output_text(event, "body");
    char *bytes;
    size_t len = 0;

    *body = text;
    if (!str_eq(output_text(event, "body_encoding"), STR("base64")))
        return true;
    bytes = arena_alloc(&l->arena, text.len + 1);
    if (base64_decode(text, bytes, text.len, &len))
        return false;
    *body = str_range(bytes, len);
    return true;
}

static bool take(struct listening *l, const struct json *event)
{
    const char *kind = session_value(l->remote->session, "kind");
    struct listen_webhook webhook = {.number = json_i64(json_get(event, "sequence"), 0),
                                     .method = STR("POST"),
                                     .kind = output_text(event, "kind"),
                                     .webhook_id = output_text(event, "webhook_id"),
                                     .below = STR(""),
                                     .headers = json_get(event, "headers")};

    l->cursor = webhook.number;
    if (!body_of(l, event, &webhook.body) || (kind && !str_eq(webhook.kind, str_of(kind))) ||
        !listen_wants_body(l, webhook.body)) {
        listen_write_state(l);
        return true;
    }
    return listen_relay(l, &webhook);
}

/* One page of them. False: it is over. */
static bool take_page(struct listening *l)
{
    const struct json *page = NULL, *event;
    struct json_iter iter;
    bool goes_on = true;
    struct buf body;

    arena_reset(&l->arena);
    buf_init(&body, REMOTE_BODY_BYTES_MAX);
    l->code = remote_look(l->remote,
                          arena_printf(&l->arena, "/v1/endpoints/%.*s/events?after=%lld&wait=" WAIT,
                                       STR_ARG(l->slug), (long long)l->cursor),
                          &body);
    if (l->code == CLI_OK && !output_parse(&l->arena, &body, &page))
        l->code = CLI_FAILED;
    buf_release(&body);
    if (l->code != CLI_OK)
        return false;
    if (json_i64(json_get(page, "missing"), 0) > 0)
        fprintf(stderr, "%lld were not kept so long (runbell.retention).\n",
                (long long)json_i64(json_get(page, "missing"), 0));
    iter = json_iter(json_get(page, "events"));
    while (goes_on && json_next(&iter, NULL, &event))
        goes_on = take(l, event);
    return goes_on;
}

int listen_to_endpoint(struct listening *l, const char *endpoint_id)
{
    l->slug = arena_str(&l->remote->arena, str_of(endpoint_id));
    l->code = find_position(l);
    while (l->code == CLI_OK && take_page(l))
        ;
    return l->code;
}
