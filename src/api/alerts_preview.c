/* alerts_preview.c -- what an alert would have done: for its form, before it is saved; and the page
 * of one that is stored. */
#include "api/alerts_priv.h"

#include "alert/alert_preview.h"
#include "base/time.h"
#include "trace/span_parse.h"

#define MINUTE_US (60 * US_PER_SECOND)

struct preview_call {
    struct alert_body body;
    struct alert_preview preview;
    bool is_page; /* of a stored alert, which is shown too */
};

static void points_write(struct json_writer *json, const struct alert_preview *p)
{
    json_begin_array(json);
    for (int64_t minute = p->from_minute; minute <= p->to_minute; minute++) {
        struct alert_measure measure = alert_preview_at(p, minute);

        json_begin_object(json);
        json_put_time(json, "timestamp", (minute + 1) * MINUTE_US);
        json_key(json, "value");
        if (measure.has_value)
            json_double_out(json, measure.value);
        else
            json_null_out(json);
        json_key(json, "threshold");
        json_double_out(json, measure.limit);
        json_put_bool(json, "fires", alert_holds(p->rule, &measure));
        json_end_object(json);
    }
    json_end_array(json);
}

static enum err step_apply(struct tx *tx, struct call *call)
{
    struct preview_call *c = call->data;
    struct json_writer *json;
    enum err err = alert_preview_step(tx, &c->preview);

    if (err == ERR_LIMIT)
        return call_fail(call, 400,
                         "there are more than 100,000 spans between from and to: ask for a "
                         "shorter time");
    if (err)
        return err;
    if (!c->preview.is_over)
        return call_then_read(call, step_apply);
    json = call_json(call, 200);
    if (!c->is_page) {
        points_write(json, &c->preview);
        return OK;
    }
    json_begin_object(json);
    alerts_write(json, &c->body.row, &c->body.project);
    json_key(json, "preview");
    points_write(json, &c->preview);
    json_end_object(json);
    return OK;
}

static enum err begin(struct call *call, struct preview_call *c)
{
    c->preview.project = c->body.project;
    c->preview.rule = &c->body.rule;
    c->preview.tenant = call->principal.tenant;
    alert_preview_init(&c->preview, call->arena);
    return call_then_read(call, step_apply);
}

static enum err given_apply(struct tx *tx, struct call *call)
{
    struct preview_call *c = call->data;
    enum err err = alerts_find_project(tx, call, &c->body);

    return err ? err : begin(call, c);
}

static enum err stored_apply(struct tx *tx, struct call *call)
{
    struct preview_call *c = call->data;
    const struct json *json = NULL;
    struct str why;
    enum err err = alerts_find(tx, call, &c->body, &c->body.row);

    if (err || (err = json_parse(call->arena, c->body.row.rule, &json, NULL)) ||
        (err = alert_rule_read(json, call->arena, &c->body.rule, &why)))
        return err;
    return begin(call, c);
}

/* A member of the body, or text of the query. */
static enum err time_read(struct call *call, const char *key, int64_t *wall_us)
{
    const struct json *value = json_get(call->body, key);
    struct str text = query_get(&call->query, key);

    if (!str_is_empty(text))
        return time_parse_iso(text, wall_us);
    return json_is_absent(value) ? OK : span_parse_time(value, wall_us);
}

/* ERR_INVALID: the reply is filled. */
static enum err times_read(struct call *call, struct alert_preview *p)
{
    int64_t to_us = loop_wall_us(http_exchange_loop(call->exchange)), from_us;
    enum err err = time_read(call, "to", &to_us);

    from_us = to_us - 3600 * US_PER_SECOND;
    if (!err)
        err = time_read(call, "from", &from_us);
    p->from_minute = from_us / MINUTE_US;
    p->to_minute = to_us / MINUTE_US;
    if (!err && p->from_minute >= 0 && p->from_minute <= p->to_minute &&
        p->to_minute - p->from_minute < ALERT_PREVIEW_MINUTES_MAX)
        return OK;
    call_fail(
        call, 400,
        "from and to must be times, at most 24 hours apart; without them it is the last hour");
    return ERR_INVALID;
}

enum err alerts_preview_prepare(struct call *call)
{
    struct preview_call *c = ARENA_NEW(call->arena, struct preview_call);
    enum err err = call_param_uuid(call, 0, "session_id");

    call->data = c;
    if (err || (err = call_body_object(call)) || (err = alerts_read_rule(call, &c->body)) ||
        (err = times_read(call, &c->preview)))
        return err;
    return call_then_read(call, given_apply);
}

enum err alerts_page_prepare(struct call *call)
{
    struct preview_call *c = ARENA_NEW(call->arena, struct preview_call);
    enum err err = alerts_check_ids(call);

    c->is_page = true;
    call->data = c;
    if (err || (err = times_read(call, &c->preview)))
        return err;
    return call_then_read(call, stored_apply);
}
