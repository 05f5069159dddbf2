/* admit.c -- who calls, and may they: decided at the head of a request, before its body is taken.
 *
 *   401  no key, or one that opens nothing (unknown, revoked, expired)
 *   403  the key is known, but not for this: its role, or the workspace that X-Tenant-Id names
 *
 * What it opens is another's or does not exist: the answers are the same. */
#include "api/call_priv.h"

#include "base/time.h"

static struct str header_of(const struct call *call, const char *name)
{
    return http_header_find(call->request->headers, call->request->header_count, name);
}

/* X-Api-Key, or Authorization: Bearer. */
static struct str key_given(const struct call *call)
{
    struct str key = header_of(call, "x-api-key");
    struct str bearer = header_of(call, "authorization");

    if (str_is_none(key) && str_starts_nocase(bearer, STR("bearer ")))
        key = str_trim(str_from(bearer, 7));
    return key;
}

/* ---- refusals, in words that say what to do ---- */

static enum err refuse_unknown(struct call *call, const char *why)
{
    call_fail(call, 401, "%s", why);
    call_header(call, "www-authenticate", STR("Bearer"));
    return ERR_DENIED;
}

/* The langsmith clients know this word and say what is missing. */
static enum err refuse_unnamed(struct call *call)
{
    struct json_writer *json = call_json(call, 403);

    json_begin_object(json);
    json_put_str(json, "detail",
                 STR("this API key opens several workspaces: name one in the header X-Tenant-Id"));
    json_put_str(json, "error", STR("org_scoped_key_requires_workspace"));
    json_end_object(json);
    return ERR_DENIED;
}

static enum err refuse(struct call *call, enum admission admission)
{
    switch (admission) {
    case ADMISSION_NO_KEY:
        return refuse_unknown(call, "an API key is needed: send it in the header X-Api-Key");
    case ADMISSION_UNKNOWN_KEY:
        return refuse_unknown(call, "this API key is not known here: it was revoked, or belongs to "
                                    "another server; runbell keys list shows those there are");
    case ADMISSION_EXPIRED_KEY:
        return refuse_unknown(call, "this API key has expired; runbell keys create makes another");
    case ADMISSION_NO_WORKSPACE:
        return refuse_unnamed(call);
    case ADMISSION_WRONG_WORKSPACE:
        call_fail(call, 403,
                  "this API key does not open the workspace that X-Tenant-Id names; leave the "
                  "header out, or use a key of that workspace");
        return ERR_DENIED;
    case ADMITTED:
        break;
    }
    return OK;
}

static struct str roles_that_may(struct call *call, enum permission permission)
{
    const char *names[ROLE_COUNT + 1] = {NULL};
    size_t count = 0;

    for (int role = 0; role < ROLE_COUNT; role++)
        if (role_permits((enum role)role, permission))
            names[count++] = role_name((enum role)role);
    return arena_words(call->arena, names);
}

enum err call_need(struct call *call, enum permission permission)
{
    if (role_permits(call->principal.role, permission))
        return OK;
    call_fail(call, 403, "this API key's role is %s; to do this it must be %.*s",
              role_name(call->principal.role), STR_ARG(roles_that_may(call, permission)));
    return ERR_DENIED;
}

enum err call_need_all(struct call *call)
{
    if (call->principal.opens_all)
        return OK;
    call_fail(call, 403,
              "this concerns the whole server: it takes an API key of all workspaces "
              "(runbell keys create --workspace '*')");
    return ERR_DENIED;
}

/* ---- who it is ---- */

static enum admission identify(struct call *call, bool *is_own)
{
    struct str key = key_given(call);
    struct principal *principal = &call->principal;
    struct loopback_caller caller;

    *is_own = loopback_admits(call->setup->loopback, key, call->arena, &caller);
    if (*is_own) {
        *principal =
            (struct principal){.tenant = caller.tenant, .role = ROLE_EDITOR, .user = caller.user};
        principal->workspace_purse = key_set_workspace(call->keys, principal->tenant);
        return ADMITTED;
    }
    *principal = (struct principal){.tenant = STR_NONE};
    return key_set_admit(call->keys, key, header_of(call, "x-tenant-id"),
                         loop_wall_us(http_exchange_loop(call->exchange)), principal);
}

/* Who has no key of ours is looked at by the user's own auth handlers, if there are any: they say
 * what he may do, not a role. */
static bool is_for_guests(const struct call *call)
{
    return plugin_is_there(&call->setup->agent->plugins.auth) &&
           call->route->flags >> 16 != ACCESS_OPERATOR;
}

static bool is_for_test_suites(const struct call *call)
{
    return call->route->flags & ROUTE_DEV && key_set_count(call->keys) == 0;
}

static enum admission admit_as(struct call *call, enum role role, bool is_guest)
{
    call->principal =
        (struct principal){.tenant = TENANT_DEFAULT, .role = role, .is_guest = is_guest};
    return ADMITTED;
}

/* By a key, or by what opens the route without one. */
static enum admission find_principal(struct call *call, bool *is_own)
{
    enum admission admission;

    *is_own = false;
    if (call->route->permission == PERMIT_ANYONE)
        return admit_as(call, ROLE_VIEWER, false);
    admission = identify(call, is_own);
    if (admission != ADMITTED && is_for_test_suites(call))
        return admit_as(call, ROLE_ADMIN, false);
    if ((admission == ADMISSION_NO_KEY || admission == ADMISSION_UNKNOWN_KEY) &&
        is_for_guests(call))
        return admit_as(call, ROLE_EDITOR, true);
    return admission;
}

enum err call_admit(struct call *call)
{
    const struct route *route = call->route;
    enum admission admission;
    bool is_own;
    enum err err;

    call->keys = call->setup->keys(call->setup->keys_context);
    admission = find_principal(call, &is_own);
    spending_begin(call, is_own);
    if ((err = spending_request(call)) || (err = refuse(call, admission)) ||
        (err = call_need(call, route->permission)))
        return err;
    if (route->flags & ROUTE_SERVER && (err = call_need_all(call)))
        return err;
    return spending_stream(call);
}
