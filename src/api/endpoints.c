/* /v1/endpoints: where deliveries go, how they are paced, and whether that is well. */
#include "api/delivery_view.h"
#include "api/endpoints_priv.h"
#include "api/route.h"

#include "store/bucket.h"

#define NAME_BYTES_MAX 200
#define REASON_BYTES_MAX 200
#define EXPIRES_S_MAX (INT64_C(365) * 86400)
#define IN_FLIGHT_MAX 10000

static const char *const kinds[] = {"run", "rule", "alert", "fleet", "system", NULL};
static const char *const orderings[] = {"none", "fifo", NULL};

static const struct policy_set *policies_of(const struct call *call)
{
    static const struct policy_set built_in;

    return call->setup->policies ? call->setup->policies : &built_in;
}

struct endpoint_teller endpoint_teller_of(const struct call *call, int64_t now_us)
{
    return (struct endpoint_teller){policies_of(call), delivery_view_of(call), now_us};
}

enum err endpoint_not_found(struct call *call)
{
    return call_fail(call, 404, "there is no endpoint %.*s", STR_ARG(call->params[0]));
}

enum err endpoint_of(struct tx *tx, struct call *call, struct arena *arena,
                     struct endpoint_row *row)
{
    enum err err = endpoint_get(tx, call->principal.tenant, call->params[0], arena, row);

    if (!err &&
        (row->state == ENDPOINT_DELETED || str_eq(row->kind, delivery_view_hidden_kind(call))))
        err = ERR_NOT_FOUND;
    if (err == ERR_NOT_FOUND)
        endpoint_not_found(call);
    return err;
}

/* The row as it is now, with its backlog. */
static enum err reply(struct tx *tx, struct call *call, struct str endpoint_id, int status)
{
    struct str tenant = call->principal.tenant;
    const struct endpoint_teller teller = endpoint_teller_of(call, tx->now_us);
    struct endpoint_backlog backlog;
    struct endpoint_row row;
    enum err err = endpoint_get(tx, tenant, endpoint_id, call->arena, &row);

    if (err == ERR_NOT_FOUND || (!err && row.state == ENDPOINT_DELETED))
        return endpoint_not_found(call);
    if (!err)
        err = endpoint_backlog(tx, tenant, endpoint_id, &backlog);
    if (!err)
        endpoint_json_out(call_json(call, status), &teller, &row, &backlog, NULL);
    return err;
}

/* ---- what it is told ---- */

static enum err refuse(struct call *call, const char *key, const char *reason)
{
    call_fail(call, 422, "%s: %s", key, reason);
    return ERR_INVALID;
}

/* null takes a member back. */
static bool is_given(const struct call *call, const char *key)
{
    return json_get(call->body, key) != NULL;
}

static enum err read_name(struct call *call, struct endpoint_row *row)
{
    if (is_given(call, "name"))
        row->name = STR_NONE;
    if (call_get_text(call, "name", &row->name))
        return ERR_INVALID;
    if (!str_is_none(row->name) && (row->name.len == 0 || row->name.len > NAME_BYTES_MAX))
        return refuse(call, "name", "must have 1 to 200 bytes");
    return OK;
}

static enum err read_policy(struct call *call, struct endpoint_row *row)
{
    const struct policy_set *policies = policies_of(call);

    if (is_given(call, "policy"))
        row->policy = STR_NONE;
    if (call_get_text(call, "policy", &row->policy))
        return ERR_INVALID;
    if (str_is_none(row->policy) || policies_find(policies, row->policy))
        return OK;
    call_fail(call, 422, "policy: there is no policy \"%.*s\"; there is %.*s",
              STR_ARG(str_first(row->policy, 40)), STR_ARG(policies_names(policies, call->arena)));
    return ERR_INVALID;
}

/* A second's worth, unless it is told. */
static int64_t usual_burst(double rate_limit)
{
    return rate_limit < 1 ? 1 : (int64_t)rate_limit;
}

static enum err read_rate(struct call *call, struct endpoint_row *row)
{
    const struct json *value = json_get(call->body, "rate_limit");
    bool is_usual = row->rate_limit > 0 && row->rate_burst == usual_burst(row->rate_limit);

    if (value)
        row->rate_limit = json_is_null(value) ? 0 : json_double(value, -1);
    if (row->rate_limit != 0 &&
        !(row->rate_limit >= BUCKET_PER_S_MIN && row->rate_limit <= BUCKET_PER_S_MAX))
        return refuse(call, "rate_limit",
                      "must be a number of requests a second, from 0.0001 to "
                      "1000000, or null");
    /* What follows from a rate goes with it. */
    if (is_given(call, "rate_burst") || row->rate_limit == 0 || is_usual)
        row->rate_burst = 0;
    if (call_get_int(call, "rate_burst", 1, BUCKET_BURST_MAX, &row->rate_burst))
        return ERR_INVALID;
    if (row->rate_burst && row->rate_limit == 0)
        return refuse(call, "rate_burst", "needs a rate_limit");
    if (row->rate_limit > 0 && row->rate_burst == 0)
        row->rate_burst = usual_burst(row->rate_limit);
    return OK;
}

static enum err read_limits(struct call *call, struct endpoint_row *row)
{
    struct str ordering = row->is_fifo ? STR("fifo") : STR("none");

    if (is_given(call, "in_flight_max"))
        row->in_flight_max = 0;
    if (is_given(call, "expires_after_s"))
        row->expires_after_s = 0;
    if (call_get_int(call, "in_flight_max", 1, IN_FLIGHT_MAX, &row->in_flight_max) ||
        call_get_int(call, "expires_after_s", 1, EXPIRES_S_MAX, &row->expires_after_s) ||
        call_get_word(call, "ordering", orderings, &ordering))
        return ERR_INVALID;
    row->is_fifo = str_eq(ordering, STR("fifo"));
    return OK;
}

static enum err read_told(struct call *call, struct endpoint_row *row)
{
    if (read_name(call, row) || read_policy(call, row) || read_rate(call, row) ||
        read_limits(call, row))
        return ERR_INVALID;
    return OK;
}

/* The same verdict as at each send. */
static enum err check_url(struct call *call, const struct endpoint_row *row)
{
    const struct api_setup *setup = call->setup;
    const struct target_rules *rules = target_rules_for(row->kind, setup->webhook_rules);
    struct str why = STR_NONE;
    struct url url = {0};

    if (!target_check(rules, setup->egress, call->arena, row->url, &url, &why))
        return OK;
    call_fail(call, 422, "url: %.*s", STR_ARG(why));
    return ERR_INVALID;
}

/* ---- create and change ---- */

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct endpoint_row row = *(const struct endpoint_row *)call->data;
    enum err err = endpoint_add(tx, &row);

    if (err == ERR_CONFLICT)
        return call_fail(call, 409, "there is an endpoint for this url and kind already: %.*s",
                         STR_ARG(row.endpoint_id));
    return err ? err : reply(tx, call, row.endpoint_id, 201);
}

static enum err create_prepare(struct call *call)
{
    struct endpoint_row *row = ARENA_NEW(call->arena, struct endpoint_row);
    enum err err = call_body_object(call);

    if (err)
        return err;
    row->tenant = call->principal.tenant;
    row->kind = STR("run");
    if (call_get_text(call, "url", &row->url) || call_get_word(call, "kind", kinds, &row->kind))
        return ERR_INVALID;
    if (str_is_empty(row->url))
        return refuse(call, "url", "must be given");
    if (str_eq(row->kind, delivery_view_hidden_kind(call)))
        return refuse(call, "kind",
                      "must be run, rule, alert or fleet: what is told as system "
                      "goes to whoever runs this server");
    if (check_url(call, row) || read_told(call, row))
        return ERR_INVALID;
    call->data = row;
    return call_then_write(call, create_apply);
}

static enum err patch_apply(struct tx *tx, struct call *call)
{
    struct endpoint_row row;
    enum err err = endpoint_of(tx, call, call->arena, &row);

    if (err)
        return err;
    if (read_told(call, &row))
        return OK; /* the reply says why */
    err = endpoint_update(tx, &row);
    return err ? err : reply(tx, call, row.endpoint_id, 200);
}

static enum err patch_prepare(struct call *call)
{
    static const char *const fixed[] = {"url", "kind", "state"};
    enum err err = call_body_object(call);

    for (size_t i = 0; !err && i < ARRAY_LEN(fixed); i++)
        if (is_given(call, fixed[i]))
            err = refuse(call, fixed[i],
                         "cannot be changed here; make another endpoint, or pause "
                         "or resume this one");
    return err ? err : call_then_write(call, patch_apply);
}

/* ---- states ---- */

struct change {
    enum endpoint_state to;
    struct str reason;
    bool is_forced;
};

/* A pause that is asked for once more may have another reason. What is active stays as it is: to
 * begin its clocks anew it would have to be paused first. */
static bool says_why(const struct change *change, const struct endpoint_row *row)
{
    return row->state == ENDPOINT_PAUSED && !str_is_none(change->reason) &&
           !str_eq(change->reason, row->state_reason);
}

static enum err change_apply(struct tx *tx, struct call *call)
{
    const struct change *change = call->data;
    struct str id = call->params[0];
    struct endpoint_row row;
    enum err err = endpoint_of(tx, call, call->arena, &row);

    if (!err && (row.state != change->to || says_why(change, &row)))
        err = endpoint_set_state(tx, call->principal.tenant, id, change->to, change->reason);
    return err ? err : reply(tx, call, id, 200);
}

static enum err change_prepare(struct call *call, enum endpoint_state to)
{
    struct change *change = ARENA_NEW(call->arena, struct change);
    enum err err = call_body_object(call);

    change->to = to;
    if (err || (err = call_get_text(call, "reason", &change->reason)))
        return err;
    if (change->reason.len > REASON_BYTES_MAX)
        return refuse(call, "reason", "must have at most 200 bytes");
    call->data = change;
    return call_then_write(call, change_apply);
}

static enum err pause_prepare(struct call *call)
{
    return change_prepare(call, ENDPOINT_PAUSED);
}

static enum err resume_prepare(struct call *call)
{
    return change_prepare(call, ENDPOINT_ACTIVE);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    const struct change *change = call->data;
    struct endpoint_row row;
    enum err err = endpoint_of(tx, call, tx->arena, &row);

    if (err)
        return err;
    err = endpoint_delete(tx, row.tenant, row.endpoint_id, change->is_forced);
    if (err == ERR_CONFLICT)
        return call_fail(call, 409,
                         "this endpoint has deliveries that have not ended; ?force=true ends them");
    return err ? err : call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    struct change *change = ARENA_NEW(call->arena, struct change);

    call->data = change;
    if (call_query_bool(call, "force", &change->is_forced))
        return ERR_INVALID;
    return call_then_write(call, delete_apply);
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/endpoints", endpoint_list_prepare, PERMIT_WATCH, 0,
     "List endpoints by kind, state, origin"},
    {HTTP_POST, "/v1/endpoints", create_prepare, PERMIT_EDIT, ROUTE_IDEMPOTENT,
     "Make an endpoint before its first delivery, with its policy and limits"},
    {HTTP_GET, "/v1/endpoints/{endpoint_id}", endpoint_get_prepare, PERMIT_WATCH, 0,
     "An endpoint with its health and backlog"},
    {HTTP_PATCH, "/v1/endpoints/{endpoint_id}", patch_prepare, PERMIT_EDIT, 0,
     "Change its name, policy, rate, places, order; null takes one back"},
    {HTTP_DELETE, "/v1/endpoints/{endpoint_id}", delete_prepare, PERMIT_EDIT, 0,
     "Forget it; ?force=true also what it has not delivered"},
    {HTTP_POST, "/v1/endpoints/{endpoint_id}/pause", pause_prepare, PERMIT_DELIVER, 0,
     "Send nothing to it; its deliveries are held"},
    {HTTP_POST, "/v1/endpoints/{endpoint_id}/resume", resume_prepare, PERMIT_DELIVER, 0,
     "Send again, also after it was disabled"},
    {HTTP_POST, "/v1/endpoints/{endpoint_id}/enable", resume_prepare, PERMIT_DELIVER, 0,
     "The same as resume"},
};

const struct route_list routes_endpoints = {routes, ARRAY_LEN(routes)};
