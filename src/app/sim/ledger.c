/* ledger.c -- what was asked for, and what came of it. */
#include "app/sim/ledger.h"

#include "base/json.h"
#include "format/sse.h"

#define EVENT_BYTES_MAX (4 * MIB)

void ledger_init(struct ledger *ledger, struct trial *trial)
{
    *ledger = (struct ledger){.trial = trial};
}

struct order *ledger_open(struct ledger *ledger, struct str thread_id)
{
    struct order *order = &ledger->orders[ledger->count];

    if (ledger->count == ORDERS_MAX)
        return NULL;
    order->number = ledger->count++;
    order->thread_id = thread_id;
    map_init(&order->events);
    return order;
}

struct order *ledger_find(struct ledger *ledger, struct str run_id)
{
    for (size_t i = 0; i < ledger->count; i++)
        if (str_eq(ledger->orders[i].run_id, run_id))
            return &ledger->orders[i];
    return NULL;
}

static void run_is(struct ledger *ledger, struct order *order, struct str run_id)
{
    if (str_is_none(order->run_id))
        order->run_id = arena_str(&ledger->trial->arena, run_id);
    else if (!str_eq(order->run_id, run_id))
        trial_complain(ledger->trial, "order %zu made two runs: %.*s and %.*s", order->number,
                       STR_ARG(order->run_id), STR_ARG(run_id));
}

void ledger_acknowledge(struct ledger *ledger, struct order *order, struct str run_id)
{
    run_is(ledger, order, run_id);
    order->is_acknowledged = true;
}

/* ---- webhooks ---- */

static bool is_end(struct str status)
{
    return str_eq(status, STR("success")) || str_eq(status, STR("error")) ||
           str_eq(status, STR("timeout")) || str_eq(status, STR("interrupted"));
}

static void first_copy(struct ledger *ledger, struct order *order, const struct copy *copy,
                       const struct json *body)
{
    order->webhook_id = copy->webhook_id;
    order->body = copy->body;
    order->status = json_string(json_get(body, "status"));
    run_is(ledger, order, json_string(json_get(body, "run_id")));
    if (!is_end(order->status))
        trial_complain(ledger->trial, "order %zu: a webhook says status %.*s", order->number,
                       STR_ARG(order->status));
    if (order->is_refused)
        trial_complain(ledger->trial, "order %zu was refused, and has a webhook", order->number);
}

void ledger_on_copy(void *context, const struct copy *copy, enum mood mood UNUSED)
{
    struct ledger *ledger = context;
    const struct json *body = NULL;
    struct order *order;
    int64_t number;

    if (json_parse(&ledger->trial->arena, copy->body, &body, NULL)) {
        trial_complain(ledger->trial, "a webhook's body is not JSON: %.*s", STR_ARG(copy->body));
        return;
    }
    number = json_i64(json_get(json_get(body, "metadata"), "order"), -1);
    if (number < 0 || (size_t)number >= ledger->count) {
        trial_complain(ledger->trial, "a webhook of nobody's run: %.*s", STR_ARG(copy->body));
        return;
    }
    order = &ledger->orders[number];
    if (order->copies++ == 0)
        first_copy(ledger, order, copy, body);
    else if (!str_eq(order->webhook_id, copy->webhook_id) || !str_eq(order->body, copy->body))
        trial_complain(ledger->trial, "order %zu has two events: %.*s %.*s | %.*s %.*s",
                       order->number, STR_ARG(order->webhook_id), STR_ARG(order->body),
                       STR_ARG(copy->webhook_id), STR_ARG(copy->body));
}

/* ---- events ---- */

/* An id means one event for ever, whichever attempt, stream and life of the server tells of it. */
static void event_note(struct ledger *ledger, struct order *order, const struct sse_event *event)
{
    struct arena *arena = &ledger->trial->arena;
    struct str text = arena_printf(arena, "%.*s %.*s", STR_ARG(event->event), STR_ARG(event->data));
    struct str *seen = map_find(&order->events, event->id);
    int64_t id;

    if (str_is_empty(event->id) || str_to_i64(event->id, &id))
        return;
    if (id > order->last_event_id)
        order->last_event_id = id;
    if (!seen) {
        seen = ARENA_NEW(arena, struct str);
        *seen = text;
        map_put(&order->events, event->id, seen);
    } else if (!str_eq(*seen, text)) {
        trial_complain(ledger->trial, "order %zu: the event id %lld was used twice: %.*s | %.*s",
                       order->number, (long long)id, STR_ARG(*seen), STR_ARG(text));
    }
}

void ledger_on_events(struct ledger *ledger, struct order *order, struct str text)
{
    struct sse_reader reader;
    struct sse_event event;
    struct str last = STR("");

    sse_reader_init(&reader, EVENT_BYTES_MAX);
    while (sse_reader_next(&reader, &text, &event) == OK) {
        if (!str_eq(event.id, last)) /* an event without an id of its own has the last one's */
            event_note(ledger, order, &event);
        last = arena_str(&ledger->trial->arena, event.id);
    }
    sse_reader_release(&reader);
}

/* ---- the account ---- */

size_t ledger_missing(const struct ledger *ledger)
{
    size_t missing = 0;

    for (size_t i = 0; i < ledger->count; i++)
        missing += ledger->orders[i].is_acknowledged && str_is_none(ledger->orders[i].body);
    return missing;
}

void ledger_judge(struct ledger *ledger)
{
    size_t acknowledged = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const struct order *order = &ledger->orders[i];

        acknowledged += order->is_acknowledged;
        if (order->is_acknowledged && str_is_none(order->body))
            trial_complain(ledger->trial, "order %zu, run %.*s: its webhook is missing",
                           order->number, STR_ARG(order->run_id));
        if (order->is_acknowledged && order->is_refused)
            trial_complain(ledger->trial, "order %zu was acknowledged and refused", order->number);
    }
    if (acknowledged == 0)
        trial_complain(ledger->trial, "nothing was acknowledged: the scenario shows nothing");
}
