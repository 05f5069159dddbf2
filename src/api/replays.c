/* /v1/replays: sending once more all that a filter finds; and all that an endpoint has missed. */
#include "api/delivery_filter.h"
#include "api/delivery_target.h"
#include "api/endpoints_priv.h"
#include "api/route.h"

#include "delivery/replay_json.h"

/* How far a count goes: so many times OUTBOX_SCAN_MAX rows. */
#define COUNT_STEPS_MAX 10

struct replay_call {
    struct replay_row replay;
    bool is_dry;
    int64_t count_next;
    bool is_recovery; /* of the endpoint of the path */
    int64_t held;
};

static enum err not_found(struct call *call)
{
    return call_fail(call, 404, "there is no replay %.*s", STR_ARG(str_first(call->params[0], 64)));
}

/* ---- making one ---- */

static void reply(struct call *call, int status, const struct replay_call *c)
{
    struct json_writer *w = call_json(call, status);

    if (!c->is_recovery && !c->is_dry) {
        replay_json_out(w, &c->replay, NULL);
        return;
    }
    json_begin_object(w);
    json_put_bool(w, "dry_run", c->is_dry);
    if (c->is_dry) {
        json_put_i64(w, "matched", c->replay.expected);
        json_put_bool(w, "matched_is_exact", c->replay.is_exact);
    } else {
        json_key(w, "replay");
        replay_json_out(w, &c->replay, NULL);
    }
    if (c->is_recovery)
        json_put_i64(w, "held", c->held);
    json_end_object(w);
}

/* What is held for it goes of its own accord once it is active. */
static enum err endpoint_wake(struct tx *tx, struct call *call)
{
    struct endpoint_row row;
    enum err err = endpoint_of(tx, call, tx->arena, &row);

    if (err || row.state == ENDPOINT_ACTIVE)
        return err;
    return endpoint_set_state(tx, row.tenant, row.endpoint_id, ENDPOINT_ACTIVE, STR_NONE);
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct replay_call made = *(const struct replay_call *)call->data;
    enum err err = made.is_recovery ? endpoint_wake(tx, call) : OK;

    if (!err)
        err = replay_add(tx, &made.replay);
    if (err == ERR_LIMIT) /* the error undoes what the transaction has done */
        call_fail(call, 409, "there are %d replays under way already: cancel one, or wait",
                  REPLAYS_OPEN_MAX);
    if (!err)
        reply(call, 201, &made);
    return err;
}

static enum err count_apply(struct tx *tx, struct call *call)
{
    struct replay_call *c = call->data;
    struct delivery_filter filter = c->replay.filter;
    struct endpoint_backlog backlog = {0};
    struct delivery_counted counted;
    struct endpoint_row row;
    enum err err = c->is_recovery ? endpoint_of(tx, call, tx->arena, &row) : OK;

    filter.before_id = c->count_next;
    if (!err)
        err = delivery_count(tx, &filter, &counted);
    if (!err && c->is_recovery)
        err = endpoint_backlog(tx, filter.tenant, filter.endpoint_id, &backlog);
    if (err)
        return err;
    c->held = backlog.held;
    c->replay.expected += counted.matched;
    c->replay.is_exact = counted.next == 0;
    c->count_next = counted.next;
    if (counted.next && call->transactions + 1 < COUNT_STEPS_MAX)
        return call_then_read(call, count_apply);
    if (!c->is_dry)
        return call_then_write(call, create_apply);
    reply(call, 200, c);
    return OK;
}

/* One call makes many requests of it: to a URL that nobody has asked for them, by somebody who does
 * not run this server, no faster than people would notice. */
static double rate_most(const struct call *call, const struct replay_row *replay)
{
    bool is_stranger = !str_is_none(replay->url) && !call->principal.opens_all;

    return is_stranger ? REPLAY_ELSEWHERE_PER_S_MAX : REPLAY_PER_S_MAX;
}

static enum err rate_read(struct call *call, double most, double *per_s)
{
    const struct json *value = json_get(call->body, "rate");

    *per_s = most < REPLAY_PER_S_DEFAULT ? most : REPLAY_PER_S_DEFAULT;
    if (json_is_absent(value))
        return OK;
    *per_s = json_double(value, -1);
    if (*per_s >= REPLAY_PER_S_MIN && *per_s <= most)
        return OK;
    if (*per_s > most && *per_s <= REPLAY_PER_S_MAX)
        return call_refuse(call,
                           "rate: to another URL a key of one workspace sends at most 5 deliveries "
                           "a second");
    return call_refuse(call, "rate: must be a number of deliveries a second, from 0.01 to 10000");
}

/* Does anything say which ones? The state alone does not: dead is the default. */
static bool is_narrowed(const struct delivery_filter *f)
{
    const struct str texts[] = {f->kind,   f->endpoint_id, f->object_id, f->webhook_id,
                                f->result, f->replay_id,   f->url,       f->text};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!str_is_none(texts[i]))
            return true;
    return f->status_min || f->since_us || f->until_us;
}

/* A variable that was not set, or a body that was forgotten, sends nothing. */
static enum err all_read(struct call *call, const struct replay_call *c)
{
    bool is_all = false, has_filter = is_narrowed(&c->replay.filter);
    enum err err = call_get_bool(call, "all", &is_all);

    if (err || c->is_dry || is_all != has_filter)
        return err;
    return call_refuse(call, is_all ? "all: stands for no filter, so leave it out, or the filters"
                                    : "all: must be true if nothing says which deliveries to send "
                                      "once more; else give since, endpoint_id, status or "
                                      "another filter, and dry_run to count them first");
}

static enum err begin(struct call *call, struct replay_call *c)
{
    struct replay_row *replay = &c->replay;
    enum err err = call_body_object(call);

    if (err || (err = delivery_filter_read(call, DELIVERY_FILTER_REPLAY, &replay->filter)) ||
        (err = call_get_text(call, "to_url", &replay->url)) ||
        (err = rate_read(call, rate_most(call, replay), &replay->per_s)) ||
        (err = call_get_bool(call, "dry_run", &c->is_dry)))
        return err;
    replay->tenant = replay->filter.tenant;
    replay->replay_id = call_new_id(call);
    call->data = c;
    if (str_is_none(replay->url))
        return OK;
    return delivery_target_check(
        call, str_is_none(replay->filter.kind) ? STR("run") : replay->filter.kind, STR("to_url"),
        replay->url);
}

static enum err create_prepare(struct call *call)
{
    struct replay_call *c = ARENA_NEW(call->arena, struct replay_call);
    enum err err = begin(call, c);

    if (!err)
        err = all_read(call, c);
    return err ? err : call_then_read(call, count_apply);
}

static enum err recover_prepare(struct call *call)
{
    struct replay_call *c = ARENA_NEW(call->arena, struct replay_call);
    enum err err = begin(call, c);

    if (err)
        return err;
    c->is_recovery = true;
    c->replay.filter.endpoint_id = call->params[0];
    if (c->replay.filter.since_us == 0)
        return call_refuse(call, "since: must be given: a time, or how long ago (15m, 24h, 7d)");
    if (!str_is_none(c->replay.url))
        return call_refuse(call, "to_url: what an endpoint has missed goes to that endpoint");
    return call_then_read(call, count_apply);
}

/* ---- looking ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    const int64_t *page = call->data; /* limit, before */
    struct replay_list list;
    struct json_writer *w;
    enum err err = replay_list(tx, call->principal.tenant, page[1], page[0], call->arena, &list);

    if (err)
        return err;
    w = call_json(call, 200);
    json_begin_object(w);
    json_key(w, "replays");
    json_begin_array(w);
    for (size_t i = 0; i < list.count; i++)
        replay_json_out(w, &list.found[i], NULL);
    json_end_array(w);
    if (list.count && (int64_t)list.count == page[0])
        json_put_i64(w, "next_before", list.found[list.count - 1].created_us);
    else
        json_put_null(w, "next_before");
    json_end_object(w);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    int64_t *page = ARENA_ARRAY(call->arena, int64_t, 2);
    enum err err;

    page[0] = 50;
    page[1] = INT64_MAX;
    if ((err = call_query_int(call, "limit", 1, REPLAYS_LIST_MAX, &page[0])) ||
        (err = call_query_int(call, "before", 1, INT64_MAX, &page[1])))
        return err;
    call->data = page;
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct replay_outcomes outcomes;
    struct replay_row replay;
    enum err err = replay_get(tx, call->principal.tenant, call->params[0], call->arena, &replay);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (!err)
        err = replay_outcomes(tx, replay.tenant, replay.replay_id, &outcomes);
    if (!err)
        replay_json_out(call_json(call, 200), &replay, &outcomes);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- by hand ---- */

static enum err state_apply(struct tx *tx, struct call *call)
{
    const enum replay_state *state = call->data;
    enum err err = replay_set_state(tx, call->principal.tenant, call->params[0], *state);

    if (err == ERR_NOT_FOUND)
        return not_found(call);
    if (err == ERR_CONFLICT)
        return call_fail(call, 409, "this replay has ended already");
    return err ? err : get_apply(tx, call);
}

static enum err state_prepare(struct call *call, enum replay_state state)
{
    enum replay_state *kept = ARENA_NEW(call->arena, enum replay_state);

    *kept = state;
    call->data = kept;
    return call_then_write(call, state_apply);
}

static enum err pause_prepare(struct call *call)
{
    return state_prepare(call, REPLAY_PAUSED);
}

static enum err resume_prepare(struct call *call)
{
    return state_prepare(call, REPLAY_RUNNING);
}

static enum err cancel_prepare(struct call *call)
{
    return state_prepare(call, REPLAY_CANCELLED);
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/replays", list_prepare, PERMIT_WATCH, 0, "List bulk replays; newest first"},
    {HTTP_POST, "/v1/replays", create_prepare, PERMIT_DELIVER, ROUTE_IDEMPOTENT,
     "Send once more all that a filter finds, at a steady rate; dry_run only counts"},
    {HTTP_GET, "/v1/replays/{replay_id}", get_prepare, PERMIT_WATCH, 0,
     "A replay with its progress and what became of its deliveries"},
    {HTTP_POST, "/v1/replays/{replay_id}/pause", pause_prepare, PERMIT_DELIVER, 0,
     "Queue nothing for now"},
    {HTTP_POST, "/v1/replays/{replay_id}/resume", resume_prepare, PERMIT_DELIVER, 0,
     "Go on where it stood"},
    {HTTP_POST, "/v1/replays/{replay_id}/cancel", cancel_prepare, PERMIT_DELIVER, 0,
     "Queue nothing more; what is queued goes on"},
    {HTTP_POST, "/v1/endpoints/{endpoint_id}/recover", recover_prepare, PERMIT_DELIVER,
     ROUTE_IDEMPOTENT, "Send all that it has missed since a time, and what is held for it"},
};

const struct route_list routes_replays = {routes, ARRAY_LEN(routes)};
