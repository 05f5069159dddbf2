/* The names, and the verdict on a call's. */
#include "api/takes.h"

#include "base/nearest.h"

#define FOUND "kind:text object_id:text webhook_id:text result:text status:text url:text"
#define TIMES "since:text until:text"
#define TOLD                                                                                       \
    "name:text policy:text rate_limit:number rate_burst:whole in_flight_max:whole "                \
    "expires_after_s:whole ordering:text"
#define ANSWER "status:whole headers:object body:text delay_ms:whole fail_first:whole script:any"
#define KEY "name:text limits:object"
#define ENDPOINT "/v1/endpoints/{endpoint_id}"
#define INSPECTOR "/v1/inspectors/{inspector_id}"
#define REPLAY "/v1/replays/{replay_id}"

static const struct takes table[] = {
    {HTTP_GET, "/v1/deliveries",
     FOUND " state:text endpoint_id:text replay_id:text text:text " TIMES
           " limit:whole before:whole",
     NULL},
    {HTTP_GET, "/v1/deliveries/stream",
     FOUND " state:text endpoint_id:text replay_id:text after:whole text:fixed since:fixed "
           "until:fixed",
     NULL},
    {HTTP_POST, "/v1/deliveries/{delivery_id}/resend", NULL, "url:text"},
    {HTTP_POST, "/v1/test", NULL, "url:text kind:text"},
    {HTTP_POST, ENDPOINT "/test", NULL, "kind:text"},
    {HTTP_GET, "/v1/replays", "limit:whole before:whole", NULL},
    {HTTP_POST, "/v1/replays", NULL,
     FOUND " state:text endpoint_id:text replay_id:text text:text " TIMES
           " to_url:text rate:number dry_run:flag all:flag"},
    {HTTP_POST, ENDPOINT "/recover", NULL,
     FOUND " state:text replay_id:text text:text " TIMES " to_url:fixed rate:number dry_run:flag"},
    {HTTP_GET, "/v1/endpoints", "kind:text state:text origin:text after:text limit:whole", NULL},
    {HTTP_POST, "/v1/endpoints", NULL, "url:text kind:text " TOLD},
    {HTTP_PATCH, ENDPOINT, NULL, TOLD " url:fixed kind:fixed state:fixed"},
    {HTTP_DELETE, ENDPOINT, "force:flag", NULL},
    {HTTP_POST, ENDPOINT "/pause", NULL, "reason:text"},
    {HTTP_POST, ENDPOINT "/resume", NULL, "reason:text"},
    {HTTP_POST, ENDPOINT "/enable", NULL, "reason:text"},
    {HTTP_PUT, ENDPOINT "/headers", NULL, "headers:object"},
    {HTTP_PUT, ENDPOINT "/client-certificate", NULL, "certificate:text key:text"},
    {HTTP_PUT, ENDPOINT "/oauth", NULL,
     "token_url:text client_id:text client_secret:text scope:text audience:text auth:text"},
    {HTTP_POST, ENDPOINT "/signing-keys", NULL, "type:text secret:text"},
    {HTTP_POST, ENDPOINT "/signing-keys/rotate", NULL, "type:text secret:text overlap_s:whole"},
    {HTTP_GET, "/v1/webhook-keys", "endpoint_id:text", NULL},
    {HTTP_GET, ENDPOINT "/events", "after:whole limit:whole wait:whole", NULL},
    {HTTP_POST, "/v1/inspectors", NULL, "slug:text name:text " ANSWER},
    {HTTP_PATCH, INSPECTOR, NULL, "name:text " ANSWER},
    {HTTP_GET, INSPECTOR "/requests", "limit:whole before:whole after:whole", NULL},
    {HTTP_GET, INSPECTOR "/stream", "after:whole", NULL},
    {HTTP_POST, INSPECTOR "/requests/{request_id}/verify", NULL, "secret:text"},
    {HTTP_GET, "/v1/erasures", "limit:whole", NULL},
    {HTTP_POST, "/v1/erasures", NULL, "object_id:text thread_id:text ordering_key:text"},
    {HTTP_POST, "/v1/keys", NULL, KEY " email:text role:text expires:text workspaces:any"},
    {HTTP_PATCH, "/v1/keys/{key_id}", NULL, KEY},
    {HTTP_POST, "/v1/keys/{key_id}/rotate", NULL, "overlap_s:whole"},
    {HTTP_POST, "/v1/workspaces", NULL, "workspace_id:text " KEY},
    {HTTP_PATCH, "/v1/workspaces/{workspace_id}", NULL, KEY},
};

const struct takes *takes_of(const struct route *route)
{
    if (!str_starts(str_of(route->path), STR("/v1/")))
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (table[i].method == route->method && strcmp(table[i].path, route->path) == 0)
            return &table[i];
    return NULL;
}

/* Is it among the fields? If not, *nearest is the one that was meant most likely; STR_NONE: none
 * is near. */
static bool is_known(const char *fields, struct str name, struct str *nearest)
{
    struct str rest = str_of(fields), field, known;
    unsigned least = NEAREST_FAR;

    *nearest = STR_NONE;
    while (str_split(&rest, ' ', &field)) {
        unsigned distance;

        if (!str_split(&field, ':', &known))
            continue;
        if (str_eq(known, name))
            return true;
        distance = nearest_guess(name, known);
        if (distance < least && !str_eq(field, STR("fixed"))) {
            least = distance;
            *nearest = known;
        }
    }
    return false;
}

/* "kind, state, limit" */
static struct str names_of(struct arena *arena, const char *fields)
{
    struct str rest = str_of(fields), field, known, names = STR("");

    while (str_split(&rest, ' ', &field))
        if (str_split(&field, ':', &known) && !str_eq(field, STR("fixed")))
            names = arena_printf(arena, "%.*s%s%.*s", STR_ARG(names), names.len ? ", " : "",
                                 STR_ARG(known));
    return names;
}

static enum err name_check(struct call *call, const char *fields, struct str name)
{
    struct str nearest;

    if (is_known(fields, name, &nearest))
        return OK;
    name = str_first(name, 64);
    if (str_is_none(nearest))
        call_fail(call, 422, "%.*s: is not known here; there is %.*s", STR_ARG(name),
                  STR_ARG(names_of(call->arena, fields)));
    else
        call_fail(call, 422, "%.*s: is not known here; did you mean %.*s?", STR_ARG(name),
                  STR_ARG(nearest));
    return ERR_INVALID;
}

static enum err query_check(struct call *call, const char *fields)
{
    const struct query *query = &call->query;
    enum err err = OK;

    for (size_t i = 0; i < query->count && !err; i++) {
        struct str name = query->pairs[i].name;

        err = name_check(call, fields, name);
        for (size_t k = 0; k < i && !err; k++) {
            if (!str_eq(query->pairs[k].name, name))
                continue;
            call_fail(call, 422, "%.*s: stands there twice", STR_ARG(name));
            err = ERR_INVALID;
        }
    }
    return err;
}

static enum err body_check(struct call *call, const char *fields)
{
    const struct json *value;
    struct json_iter iter;
    struct str name;
    enum err err = call_body_object(call);

    if (err)
        return err;
    iter = json_iter(call->body);
    while (!err && json_next(&iter, &name, &value))
        err = name_check(call, fields, name);
    return err;
}

enum err takes_check(struct call *call)
{
    const struct takes *takes = takes_of(call->route);
    enum err err = OK;

    if (takes && takes->query)
        err = query_check(call, takes->query);
    if (takes && takes->body && !err)
        err = body_check(call, takes->body);
    return err;
}
