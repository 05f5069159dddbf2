/* Looking at endpoints: their rows, and what the sender knows of where they lead.
 *
 *   rows (a reader) ──▶ parked: the sender's loop looks at its origins ──▶ the reply */
#include "api/delivery_view.h"
#include "api/endpoints_priv.h"

struct reading {
    struct endpoint_filter filter;
    struct endpoint_row *rows; /* in the call's arena */
    size_t count;
    struct endpoint_backlog backlog; /* of one */
    bool is_one;
    int64_t now_us;
    struct sender_view view;
    struct call *call;
};

/* ---- what the sender knows ---- */

static const struct origin_view *view_of(const struct reading *reading, size_t index)
{
    return reading->view.count && reading->view.origins[index].is_known
               ? &reading->view.origins[index]
               : NULL;
}

static enum err reply(struct call *call)
{
    const struct reading *reading = call->data;
    const struct endpoint_teller teller = endpoint_teller_of(call, reading->now_us);
    struct json_writer *w = call_json(call, 200);

    if (reading->is_one) {
        endpoint_json_out(w, &teller, reading->rows, &reading->backlog, view_of(reading, 0));
        return OK;
    }
    json_begin_object(w);
    json_key(w, "endpoints");
    json_begin_array(w);
    for (size_t i = 0; i < reading->count; i++)
        endpoint_json_out(w, &teller, &reading->rows[i], NULL, view_of(reading, i));
    json_end_array(w);
    json_put_str(w, "next_after",
                 reading->count && (int64_t)reading->count == reading->filter.limit
                     ? reading->rows[reading->count - 1].endpoint_id
                     : STR_NONE);
    json_end_object(w);
    return OK;
}

static void on_seen(struct sender_view *view)
{
    call_resume(CONTAINER_OF(view, struct reading, view)->call, reply);
}

static void look(struct call *call)
{
    struct reading *reading = call->data;
    struct sender_view *view = &reading->view;

    if (!call->setup->delivery || reading->count == 0) {
        call_resume(call, reply);
        return;
    }
    view->origins = ARENA_ARRAY(call->arena, struct origin_view, reading->count);
    view->count = reading->count;
    for (size_t i = 0; i < reading->count; i++)
        view->origins[i].origin = reading->rows[i].origin;
    view->reply_to = http_exchange_loop(call->exchange);
    view->done = on_seen;
    reading->call = call;
    sender_look(call->setup->delivery, view);
}

/* ---- the rows ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct reading *reading = call->data;
    enum err err =
        endpoint_list(tx, &reading->filter, call->arena, &reading->rows, &reading->count);

    reading->now_us = tx->now_us;
    return err ? err : call_then_take(call, look);
}

static struct str query_or_none(const struct call *call, const char *key)
{
    struct str value = query_get(&call->query, key);

    return str_is_empty(value) ? STR_NONE : value;
}

enum err endpoint_list_prepare(struct call *call)
{
    struct reading *reading = ARENA_NEW(call->arena, struct reading);
    struct endpoint_filter *filter = &reading->filter;
    static const char *const kinds[] = {"run", "rule", "alert", "fleet", "system", "resend", NULL};
    struct str after = query_or_none(call, "after");
    enum endpoint_state state;
    enum err err;

    filter->tenant = call->principal.tenant;
    filter->kind = query_or_none(call, "kind");
    filter->not_kind = delivery_view_hidden_kind(call);
    filter->state = query_or_none(call, "state");
    filter->origin = query_or_none(call, "origin");
    filter->after = str_is_none(after) ? STR("") : after;
    filter->limit = 50;
    if ((err = call_query_int(call, "limit", 1, ENDPOINTS_LIST_MAX, &filter->limit)))
        return err;
    if ((err = call_query_word(call, "kind", kinds)))
        return err;
    if (!str_is_none(filter->state) &&
        (endpoint_state_parse(filter->state, &state) || state == ENDPOINT_DELETED)) {
        call_fail(call, 422, "state: must be active, paused, disabled or secret_unreadable");
        return ERR_INVALID;
    }
    call->data = reading;
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct reading *reading = call->data;
    enum err err = endpoint_of(tx, call, call->arena, reading->rows);

    if (!err)
        err = endpoint_backlog(tx, call->principal.tenant, call->params[0], &reading->backlog);
    reading->now_us = tx->now_us;
    return err ? err : call_then_take(call, look);
}

enum err endpoint_get_prepare(struct call *call)
{
    struct reading *reading = ARENA_NEW(call->arena, struct reading);

    reading->rows = ARENA_NEW(call->arena, struct endpoint_row);
    reading->count = 1;
    reading->is_one = true;
    call->data = reading;
    return call_then_read(call, get_apply);
}
