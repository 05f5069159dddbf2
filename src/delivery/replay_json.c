/* The shape of replay_json.h. */
#include "delivery/replay_json.h"

#include "format/url.h"

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    if (!str_is_none(value))
        json_put_str(w, key, value);
}

/* As it is given: 404, or 5xx. */
static void put_status(struct json_writer *w, const struct delivery_filter *f)
{
    char text[4] = "0xx";

    if (f->status_min == 0)
        return;
    if (f->status_min == f->status_max) {
        json_put_i64(w, "status", f->status_min);
        return;
    }
    text[0] = (char)('0' + f->status_min / 100);
    json_put_str(w, "status", str_range(text, 3));
}

static void put_filter(struct json_writer *w, const struct delivery_filter *f)
{
    json_key(w, "filter");
    json_begin_object(w);
    json_put_str(w, "state", str_is_none(f->state) ? STR("any") : f->state);
    put_text(w, "kind", f->kind);
    put_text(w, "endpoint_id", f->endpoint_id);
    put_text(w, "object_id", f->object_id);
    put_text(w, "webhook_id", f->webhook_id);
    put_text(w, "replay_id", f->replay_id);
    put_text(w, "result", f->result);
    put_status(w, f);
    put_text(w, "url", f->url);
    put_text(w, "text", f->text);
    if (f->since_us)
        json_put_time(w, "since", f->since_us);
    if (f->until_us)
        json_put_time(w, "until", f->until_us);
    json_end_object(w);
}

static int64_t capped(int64_t count, bool *is_exact)
{
    if (count <= REPLAY_OUTCOMES_MAX)
        return count;
    *is_exact = false;
    return REPLAY_OUTCOMES_MAX;
}

static void put_outcomes(struct json_writer *w, const struct replay_outcomes *outcomes)
{
    bool is_exact = true;

    json_key(w, "outcomes");
    json_begin_object(w);
    json_put_i64(w, "waiting", capped(outcomes->waiting, &is_exact));
    json_put_i64(w, "done", capped(outcomes->done, &is_exact));
    json_put_i64(w, "dead", capped(outcomes->dead, &is_exact));
    json_put_bool(w, "is_exact", is_exact);
    json_end_object(w);
}

void replay_json_out(struct json_writer *w, const struct replay_row *r,
                     const struct replay_outcomes *outcomes)
{
    json_begin_object(w);
    json_put_str(w, "replay_id", r->replay_id);
    json_put_str(w, "state", replay_state_name(r->state));
    put_filter(w, &r->filter);
    url_mask_put(w, "to_url", r->url);
    json_key(w, "rate");
    json_double_out(w, r->per_s);
    json_put_i64(w, "expected", r->expected);
    json_put_bool(w, "expected_is_exact", r->is_exact);
    json_put_i64(w, "matched", r->matched);
    json_put_i64(w, "queued", r->queued);
    json_put_i64(w, "skipped", r->skipped);
    json_put_i64(w, "failed", r->failed);
    json_put_i64(w, "cursor", r->cursor_id);
    json_put_i64(w, "last", r->last_id);
    json_put_time(w, "created_at", r->created_us);
    json_put_time(w, "updated_at", r->updated_us);
    json_put_time(w, "ended_at", r->ended_us);
    if (outcomes)
        put_outcomes(w, outcomes);
    json_end_object(w);
}
