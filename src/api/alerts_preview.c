/* alerts_preview.c -- what an alert would have done: for its form, before it is saved. */
#include "api/alerts_priv.h"

#include "alert/alert_preview.h"
#include "trace/span_parse.h"

#define MINUTE_US (60 * US_PER_SECOND)

struct preview_call {
    struct alert_body body;
    struct alert_preview preview;
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
    enum err err = alert_preview_step(tx, &c->preview);

    if (err == ERR_LIMIT)
        return alerts_fail(call, 400,
                           STR("there are more than 100,000 spans between from and to: ask for a "
                               "shorter time"));
    if (err)
        return err;
    if (!c->preview.is_over)
        return call_then_read(call, step_apply);
    points_write(call_json(call, 200), &c->preview);
    return OK;
}

static enum err begin_apply(struct tx *tx, struct call *call)
{
    struct preview_call *c = call->data;
    enum err err = alerts_find_project(tx, call, &c->body);

    if (err)
        return err;
    c->preview.project = c->body.project;
    return call_then_read(call, step_apply);
}

static enum err times_read(struct call *call, struct alert_preview *p)
{
    int64_t now_us = loop_wall_us(http_exchange_loop(call->exchange));
    int64_t to_us = now_us, from_us;
    const struct json *from = json_get(call->body, "from"), *to = json_get(call->body, "to");

    if (json_type(to) != JSON_ABSENT && !json_is_null(to) && span_parse_time(to, &to_us))
        return ERR_INVALID;
    from_us = to_us - 3600 * US_PER_SECOND;
    if (json_type(from) != JSON_ABSENT && !json_is_null(from) && span_parse_time(from, &from_us))
        return ERR_INVALID;
    p->from_minute = from_us / MINUTE_US;
    p->to_minute = to_us / MINUTE_US;
    return p->from_minute >= 0 && p->from_minute <= p->to_minute &&
                   p->to_minute - p->from_minute < ALERT_PREVIEW_MINUTES_MAX
               ? OK
               : ERR_INVALID;
}

enum err alerts_preview_prepare(struct call *call)
{
    struct preview_call *c = ARENA_NEW(call->arena, struct preview_call);
    enum err err = call_param_uuid(call, 0, "session_id");

    if (err || (err = call_body_object(call)) || (err = alerts_read_rule(call, &c->body)))
        return err;
    if (times_read(call, &c->preview))
        return alerts_fail(call, 400,
                           STR("from and to must be times, at most 24 hours apart; without them it "
                               "is the last hour"));
    c->preview.rule = &c->body.rule;
    c->preview.tenant = call->principal.tenant;
    alert_preview_init(&c->preview, call->arena);
    call->data = c;
    return call_then_read(call, begin_apply);
}
