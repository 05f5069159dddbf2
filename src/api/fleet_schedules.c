/* /v1/fleet/agents/…/schedules: when an agent runs by itself, with which message.
 *
 * A schedule is a cron (store/crons.h) of the agent's assistant; what only Fleet knows of it stands
 * in the cron's metadata, under the agent's id. */
#include "api/fleet_priv.h"

#include "agent/cron_plan.h"

#define SCHEDULES_MAX 100 /* of an agent */
#define MESSAGE_BYTES_MAX (64 * KIB)
#define NAME_BYTES_MAX 200
#define BODY_BYTES_MAX (512 * KIB)

/* ---- what is shown ---- */

static const struct json *said_of(struct arena *arena, const struct cron_row *cron)
{
    const struct json *root;

    return json_parse(arena, cron->metadata, &root, NULL) ? NULL : json_get(root, "fleet_schedule");
}

static struct str zone_of(const struct cron_row *cron)
{
    return str_is_none(cron->timezone) ? STR("UTC") : cron->timezone;
}

static void put_schedule(struct call *call, struct json_writer *json, const struct cron_row *cron)
{
    const struct json *said = said_of(call->arena, cron);

    json_begin_object(json);
    json_put_str(json, "id", cron->cron_id);
    json_put_str(json, "agent_id", cron->assistant_id);
    json_put_str(json, "cron", cron->schedule);
    json_put_str(json, "timezone", zone_of(cron));
    json_put_str(json, "input_message", json_string(json_get(said, "input_message")));
    json_put_str(json, "display_name", json_string(json_get(said, "display_name")));
    json_put_bool(json, "enabled", cron->enabled);
    json_put_time(json, "next_run_at", cron->next_us);
    json_put_time(json, "created_at", cron->created_us);
    json_put_time(json, "updated_at", cron->updated_us);
    json_end_object(json);
}

/* ---- finding ---- */

static enum err schedules_of(struct tx *tx, struct call *call, struct cron_rows *found)
{
    const struct cron_filter filter = {
        .tenant = call->principal.tenant,
        .assistant_id = call->params[0],
        .metadata = STR("{\"fleet_schedule\":{}}"),
        .thread_id = STR_NONE,
        .admitted = STR_NONE,
        .enabled = -1,
        .sort_by = STR("created_at"),
        .limit = SCHEDULES_MAX + 1,
    };

    return crons_search(tx, &filter, call->arena, found);
}

/* The one the path names, of an agent with which the caller may do this. */
static enum err schedule_of(struct tx *tx, struct call *call, enum agent_right right,
                            struct cron_row *cron)
{
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, right, &agent);

    if (err)
        return err;
    err = crons_get(tx, call->principal.tenant, call->params[1], call->arena, cron);
    if (!err && (!str_eq(cron->assistant_id, agent.agent_id) || !said_of(call->arena, cron)))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "the agent has no schedule %.*s",
                  STR_ARG(str_first(call->params[1], 64)));
    return err;
}

/* ---- list, get ---- */

static bool is_before(const struct cron_row *cron, const struct fleet_page *page)
{
    return page->before_us == 0 || cron->created_us < page->before_us ||
           (cron->created_us == page->before_us && str_compare(cron->cron_id, page->before_id) < 0);
}

static enum err list_apply(struct tx *tx, struct call *call)
{
    const struct fleet_page *page = call->data;
    const struct cron_row *last = NULL;
    struct fleet_agent agent;
    struct cron_rows found;
    struct json_writer *json;
    int64_t count = 0;
    bool is_more = false;
    enum err err = fleet_agent_of(tx, call, AGENT_READ, &agent);

    if (err || (err = schedules_of(tx, call, &found)))
        return err;
    fleet_page_begin(call, &json);
    for (size_t i = 0; i < found.count && !is_more; i++) {
        if (!is_before(&found.list[i], page))
            continue;
        is_more = count == page->size;
        if (is_more)
            break;
        last = &found.list[i];
        put_schedule(call, json, last);
        count++;
    }
    fleet_page_end(call, is_more ? last->created_us : 0, is_more ? last->cron_id : STR_NONE);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    struct fleet_page *page = ARENA_NEW(call->arena, struct fleet_page);
    enum err err = fleet_page_read(call, page);

    call->data = page;
    return err ? err : call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron;
    enum err err = schedule_of(tx, call, AGENT_READ, &cron);

    if (!err)
        put_schedule(call, call_json(call, 200), &cron);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- create, change ---- */

struct schedule_body {
    struct str cron, timezone, message, name; /* STR_NONE: as it is */
    enum { ENABLED_UNSAID, ENABLED_NO, ENABLED_YES } enabled;
};

static enum err body_read(struct call *call)
{
    struct schedule_body *body = ARENA_NEW(call->arena, struct schedule_body);
    bool enabled = false;
    enum err err = call_body_object(call);

    *body = (struct schedule_body){STR_NONE, STR_NONE, STR_NONE, STR_NONE, ENABLED_UNSAID};
    call->data = body;
    if (err || (err = call_get_text(call, "cron", &body->cron)) ||
        (err = call_get_text(call, "timezone", &body->timezone)) ||
        (err = call_get_text(call, "input_message", &body->message)) ||
        (err = call_get_text(call, "display_name", &body->name)) ||
        (err = call_get_bool(call, "enabled", &enabled)))
        return err;
    if (!json_is_absent(json_get(call->body, "enabled")))
        body->enabled = enabled ? ENABLED_YES : ENABLED_NO;
    if (body->message.len > MESSAGE_BYTES_MAX)
        return call_refuse(call, "input_message: must have at most 64 KiB");
    if (body->name.len > NAME_BYTES_MAX)
        return call_refuse(call, "display_name: must have at most 200 bytes");
    if (!str_is_none(body->cron) && str_trim(body->cron).len == 0)
        return call_refuse(call, "cron: must be five fields, as in \"30 9 * * 1-5\"");
    return OK;
}

static void put_unless(struct json_writer *json, const char *key, struct str value,
                       struct str fallback)
{
    json_put_str(json, key, str_is_none(value) ? fallback : value);
}

/* The body of a cron that says what the schedule is to be. */
static struct str cron_body(struct call *call, const struct cron_row *cron,
                            const struct schedule_body *body)
{
    const struct json *said = said_of(call->arena, cron);
    struct str message = json_string(json_get(said, "input_message")), text;
    struct json_writer json;
    struct buf out;

    if (!str_is_none(body->message))
        message = body->message;
    buf_init(&out, BODY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    put_unless(&json, "schedule", body->cron, cron->schedule);
    put_unless(&json, "timezone", body->timezone, cron->timezone);
    json_put_bool(&json, "enabled",
                  body->enabled == ENABLED_UNSAID ? cron->enabled : body->enabled == ENABLED_YES);
    json_put_str(&json, "assistant_id", call->params[0]);
    json_put_str(&json, "on_run_completed", STR("keep"));
    json_key(&json, "input");
    json_begin_object(&json);
    json_key(&json, "messages");
    json_begin_array(&json);
    json_begin_object(&json);
    json_put_str(&json, "role", STR("user"));
    json_put_str(&json, "content",
                 str_trim(message).len > 0 ? message : STR("It is time for your scheduled work."));
    json_end_object(&json);
    json_end_array(&json);
    json_end_object(&json);
    json_key(&json, "metadata");
    json_begin_object(&json);
    json_key(&json, "fleet_schedule");
    json_begin_object(&json);
    json_put_str(&json, "id", cron->cron_id);
    json_put_str(&json, "input_message", message);
    put_unless(&json, "display_name", body->name, json_string(json_get(said, "display_name")));
    json_end_object(&json);
    json_end_object(&json);
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* "0  9 * * *" is "0 9 * * *". */
static bool is_same_schedule(struct str a, struct str b)
{
    struct str left, right;

    for (;;) {
        bool has_left = false, has_right = false;

        while ((has_left = str_split(&a, ' ', &left)) && left.len == 0)
            ;
        while ((has_right = str_split(&b, ' ', &right)) && right.len == 0)
            ;
        if (!has_left || !has_right)
            return has_left == has_right;
        if (!str_eq(left, right))
            return false;
    }
}

static enum err check_taken(struct tx *tx, struct call *call, const struct cron_row *cron)
{
    struct cron_rows found;
    size_t others = 0;
    enum err err = schedules_of(tx, call, &found);

    if (err)
        return err;
    for (size_t i = 0; i < found.count; i++) {
        const struct cron_row *other = &found.list[i];

        if (str_eq(other->cron_id, cron->cron_id))
            continue;
        others++;
        if (!is_same_schedule(other->schedule, cron->schedule) ||
            !str_eq(zone_of(other), zone_of(cron)))
            continue;
        call_fail(call, 409, "cron: the agent has a schedule with this one already");
        return ERR_CONFLICT;
    }
    return others < SCHEDULES_MAX ? OK : call_refuse(call, "an agent has at most 100 schedules");
}

/* *cron as the body wants it, with its next firing. */
static enum err cron_take(struct tx *tx, struct call *call, struct cron_row *cron)
{
    struct str text = cron_body(call, cron, call->data);
    struct request_error error = {.text = ""};
    struct run_request request;
    const struct json *root;
    enum err err = json_parse(call->arena, text, &root, NULL);

    if (!err)
        err = cron_plan_read(call->arena, text, root, cron, &request, &error);
    if (!err)
        err = cron_plan_next(cron, tx->now_us, &error);
    if (err == ERR_INVALID)
        call_fail(
            call, 422, "%s",
            strncmp(error.text, "schedule: ", 10) == 0
                ? arena_cstr(call->arena, arena_printf(call->arena, "cron: %s", error.text + 10))
                : error.text);
    if (!err)
        err = check_taken(tx, call, cron);
    cron->updated_us = tx->now_us;
    return err;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron = {
        .tenant = call->principal.tenant,
        .cron_id = call_new_id(call),
        .thread_id = STR_NONE,
        .schedule = STR_NONE,
        .timezone = STR_NONE,
        .enabled = true,
        .payload = STR("{}"),
        .metadata = STR("{}"),
        .user_id = STR_NONE,
        .auth_user = STR_NONE,
        .created_us = tx->now_us,
    };
    struct fleet_agent agent;
    enum err err = fleet_agent_of(tx, call, AGENT_WRITE, &agent);

    if (err)
        return err;
    if (!agent_is_runnable(&agent))
        return call_refuse(call, "only an agent that the workspace may run can have schedules: its "
                                 "visibility must be tenant, its tenant_access_level run or write");
    if ((err = cron_take(tx, call, &cron)) || (err = crons_insert(tx, &cron)))
        return err;
    tx_notify(tx, TOPIC_CRON, cron.cron_id);
    put_schedule(call, call_json(call, 201), &cron);
    return OK;
}

static enum err create_prepare(struct call *call)
{
    enum err err = body_read(call);
    const struct schedule_body *body = call->data;

    if (err)
        return err;
    if (str_is_none(body->cron))
        return call_refuse(call, "cron: must be given, as in \"30 9 * * 1-5\"");
    return call_then_write(call, create_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron;
    enum err err = schedule_of(tx, call, AGENT_WRITE, &cron);

    if (err || (err = cron_take(tx, call, &cron)) || (err = crons_update(tx, &cron)))
        return err;
    tx_notify(tx, TOPIC_CRON, cron.cron_id);
    put_schedule(call, call_json(call, 200), &cron);
    return OK;
}

static enum err patch_prepare(struct call *call)
{
    enum err err = body_read(call);

    return err ? err : call_then_write(call, patch_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct cron_row cron;
    enum err err = schedule_of(tx, call, AGENT_WRITE, &cron);

    if (!err)
        err = crons_delete(tx, cron.tenant, cron.cron_id);
    return err ? err : call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

#define FLEET (ROUTE_PROBLEM | ROUTE_TRACES)
#define PATH "/v1/fleet/agents/{agent_id}/schedules"

static const struct route routes[] = {
    {HTTP_GET, PATH, list_prepare, PERMIT_READ, FLEET, "List an agent's schedules"},
    {HTTP_POST, PATH, create_prepare, PERMIT_EDIT, FLEET | ROUTE_IDEMPOTENT,
     "Run an agent by a schedule; 409 if it has one with this cron"},
    {HTTP_GET, PATH "/{schedule_id}", get_prepare, PERMIT_READ, FLEET, "Get a schedule"},
    {HTTP_PATCH, PATH "/{schedule_id}", patch_prepare, PERMIT_EDIT, FLEET, "Change a schedule"},
    {HTTP_DELETE, PATH "/{schedule_id}", delete_prepare, PERMIT_EDIT, FLEET, "Delete a schedule"},
};

const struct route_list routes_fleet_schedules = {routes, ARRAY_LEN(routes)};
