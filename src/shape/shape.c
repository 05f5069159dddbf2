/* The JSON of assistants, threads, runs and webhook payloads. */
#include "shape/shape.h"

#include "format/url.h"
#include "store/namespaces.h"

void shape_assistant(struct json_writer *json, const struct assistant *a)
{
    json_begin_object(json);
    json_put_str(json, "assistant_id", a->assistant_id);
    json_put_str(json, "graph_id", a->graph_id);
    json_put_raw(json, "config", a->config);
    json_put_raw(json, "context", a->context);
    json_put_time(json, "created_at", a->created_us);
    if (a->updated_us) /* a version is never changed */
        json_put_time(json, "updated_at", a->updated_us);
    json_put_raw(json, "metadata", a->metadata);
    json_put_i64(json, "version", a->version);
    json_put_str(json, "name", a->name);
    json_put_str(json, "description", a->description);
    json_end_object(json);
}

static void ttl_out(struct json_writer *json, const struct thread *t)
{
    json_key(json, "ttl");
    if (!t->ttl_us) {
        json_null_out(json);
        return;
    }
    json_begin_object(json);
    json_put_str(json, "strategy", t->ttl_strategy);
    json_key(json, "ttl_minutes");
    json_double_out(json, (double)t->ttl_us / (60.0 * (double)US_PER_SECOND));
    json_put_time(json, "expires_at", t->expires_us);
    json_end_object(json);
}

void shape_thread(struct json_writer *json, const struct thread *t,
                  const struct thread_extras *extras)
{
    json_begin_object(json);
    json_put_str(json, "thread_id", t->thread_id);
    json_put_time(json, "created_at", t->created_us);
    json_put_time(json, "updated_at", t->updated_us);
    if (t->state_updated_us)
        json_put_time(json, "state_updated_at", t->state_updated_us);
    json_put_raw(json, "metadata", t->metadata);
    json_put_str(json, "status", t->status);
    json_put_raw(json, "config", t->config);
    json_put_raw(json, "values", t->head_values);
    json_put_raw(json, "interrupts", t->interrupts);
    if (!str_is_none(t->error))
        json_put_raw(json, "error", t->error);
    if (extras && extras->ttl)
        ttl_out(json, t);
    if (extras && !str_is_none(extras->extracted))
        json_put_raw(json, "extracted", extras->extracted);
    json_end_object(json);
}

static bool is_user(struct str key)
{
    return str_eq(key, STR("langgraph_auth_user"));
}

/* *object with another value of one member; `space` holds it then. */
static void replace(struct buf *space, struct str *object, const char *key, struct str value)
{
    struct json_writer json;
    struct buf over;

    buf_init(&over, value.len + KIB);
    json_writer_init(&json, &over);
    json_begin_object(&json);
    json_put_raw(&json, key, value);
    json_end_object(&json);
    buf_init(space, object->len + value.len + KIB);
    json_merge(space, *object, buf_str(&over));
    *object = buf_str(space);
    buf_release(&over);
}

static struct str member(struct str object, const char *key)
{
    return object.len > 0 && object.data[0] == '{' ? json_raw(object, str_of(key)) : STR_NONE;
}

/* Without what an auth handler said of the user, which may hold secrets of his; his identity stays.
 */
static void kwargs_out(struct json_writer *json, struct str kwargs)
{
    struct str config = member(kwargs, "config"), configurable = member(config, "configurable");
    struct buf shown, config_space, kwargs_space;

    if (str_is_none(member(configurable, "langgraph_auth_user"))) {
        json_put_raw(json, "kwargs", kwargs);
        return;
    }
    buf_init(&shown, configurable.len + KIB);
    json_without(&shown, configurable, is_user);
    replace(&config_space, &config, "configurable", buf_str(&shown));
    replace(&kwargs_space, &kwargs, "config", config);
    json_put_raw(json, "kwargs", kwargs);
    buf_release(&shown);
    buf_release(&config_space);
    buf_release(&kwargs_space);
}

static void run_head(struct json_writer *json, const struct run *r)
{
    json_put_str(json, "run_id", r->run_id);
    json_put_str(json, "thread_id", r->thread_id);
    json_put_str(json, "assistant_id", r->assistant_id);
    json_put_str(json, "status", r->status);
    json_put_time(json, "created_at", r->created_us);
    json_put_time(json, "updated_at", r->updated_us);
}

/* Who may read a run need not know what its receiver knows the sender by. The text of a URL has
 * nothing in it that JSON escapes. */
static void masked_kwargs_out(struct json_writer *json, struct str kwargs)
{
    struct str webhook = member(kwargs, "webhook");
    struct buf shown, space;

    if (webhook.len < 2 || webhook.data[0] != '"') {
        kwargs_out(json, kwargs);
        return;
    }
    buf_init(&shown, 8 * URL_BYTES_MAX);
    buf_add_char(&shown, '"');
    url_mask(&shown, str_range(webhook.data + 1, webhook.len - 2));
    buf_add_char(&shown, '"');
    replace(&space, &kwargs, "webhook", buf_str(&shown));
    kwargs_out(json, kwargs);
    buf_release(&shown);
    buf_release(&space);
}

void shape_run(struct json_writer *json, const struct run *r)
{
    json_begin_object(json);
    run_head(json, r);
    json_put_raw(json, "metadata", r->metadata);
    masked_kwargs_out(json, r->kwargs);
    json_put_str(json, "multitask_strategy", r->multitask_strategy);
    json_put_null(json, "langsmith_session_name");
    json_end_object(json);
}

void shape_item(struct json_writer *json, const struct item *item)
{
    json_begin_object(json);
    json_key(json, "namespace");
    namespace_out(json, item->namespace_text);
    json_put_str(json, "key", item->key);
    json_put_raw(json, "value", item->value);
    json_put_time(json, "created_at", item->created_us);
    json_put_time(json, "updated_at", item->updated_us);
    if (item->has_score) {
        json_key(json, "score");
        json_double_out(json, item->score);
    }
    json_end_object(json);
}

void shape_cron(struct json_writer *json, const struct cron_row *c)
{
    struct str completed = c->keep ? STR("keep") : STR("delete");

    json_begin_object(json);
    json_put_str(json, "cron_id", c->cron_id);
    json_put_str(json, "assistant_id", c->assistant_id);
    json_put_str(json, "thread_id", c->thread_id);
    /* Nothing becomes of a thread that was there before. */
    json_put_str(json, "on_run_completed", str_is_none(c->thread_id) ? completed : STR_NONE);
    json_put_time(json, "end_time", c->end_us);
    json_put_str(json, "schedule", c->schedule);
    json_put_str(json, "timezone", c->timezone);
    json_put_time(json, "created_at", c->created_us);
    json_put_time(json, "updated_at", c->updated_us);
    json_put_raw(json, "payload", c->payload);
    json_put_str(json, "user_id", c->user_id);
    json_put_time(json, "next_run_date", c->next_us);
    json_put_raw(json, "metadata", c->metadata);
    json_put_bool(json, "enabled", c->enabled);
    json_end_object(json);
}

void shape_webhook(struct json_writer *json, const struct webhook_payload *p)
{
    const struct run *r = p->run;

    json_begin_object(json);
    run_head(json, r);
    if (r->started_us) /* 0: it was cancelled before it started */
        json_put_time(json, "run_started_at", r->started_us);
    if (r->ended_us)
        json_put_time(json, "run_ended_at", r->ended_us);
    json_put_time(json, "webhook_sent_at", p->sent_us);
    json_put_raw(json, "metadata", r->metadata);
    kwargs_out(json, r->kwargs);
    if (!str_is_none(p->values))
        json_put_raw(json, "values", p->values);
    json_put_str(json, "multitask_strategy", r->multitask_strategy);
    if (!p->error_is_text)
        json_put_raw(json, "error", r->error);
    else if (!str_is_none(r->error))
        json_put_raw(json, "error", json_raw(r->error, STR("message")));
    json_put_i64(json, "attempt", r->attempt);
    if (!str_is_none(p->thread_status))
        json_put_str(json, "thread_status", p->thread_status);
    if (!str_is_none(p->next))
        json_put_raw(json, "next", p->next);
    if (!str_is_none(p->interrupts))
        json_put_raw(json, "interrupts", p->interrupts);
    json_end_object(json);
}

void shape_empty_state(struct json_writer *json)
{
    json_raw_out(json, STR("{\"values\":{},\"next\":[],\"tasks\":[],\"created_at\":null,"
                           "\"checkpoint\":null,\"parent_checkpoint\":null}"));
}

void shape_error(struct json_writer *json, struct str type, struct str message)
{
    json_begin_object(json);
    json_put_str(json, "error", type);
    json_put_str(json, "message", message);
    json_end_object(json);
}
