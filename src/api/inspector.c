/* /v1/inspectors: addresses of our own that take any request, keep it and answer as told. */
#include "api/inspector_priv.h"

#include "api/route.h"
#include "crypto/random.h"

#define SLUG_BYTES 22 /* made by us: 131 random bits */
#define SLUG_BYTES_MIN 3
#define SLUG_BYTES_MAX 64
#define NAME_BYTES_MAX 256

/* ---- as JSON ---- */

/* As the caller reaches us, so that it works behind a proxy too. */
static struct str url_of(struct call *call, struct str slug)
{
    const struct api_setup *setup = call->setup;
    struct str host = http_header_find(call->request->headers, call->request->header_count, "host");
    bool is_https = str_starts(setup->self_url, STR("https:"));

    if (str_is_empty(host))
        return arena_printf(call->arena, "%.*s%.*s%s%.*s", STR_ARG(setup->self_url),
                            STR_ARG(setup->mount_prefix), INSPECTOR_PATH, STR_ARG(slug));
    return arena_printf(call->arena, "%s://%.*s%.*s%s%.*s", is_https ? "https" : "http",
                        STR_ARG(host), STR_ARG(setup->mount_prefix), INSPECTOR_PATH, STR_ARG(slug));
}

static void inspector_out(struct json_writer *json, struct call *call,
                          const struct inspector *inspector)
{
    json_begin_object(json);
    json_put_str(json, "inspector_id", inspector->inspector_id);
    json_put_str(json, "slug", inspector->slug);
    json_put_str(json, "name", inspector->name);
    json_put_str(json, "url", url_of(call, inspector->slug));
    json_put_raw(json, "answer", inspector->answer);
    json_put_i64(json, "received", inspector->received);
    json_put_time(json, "created_at", inspector->created_us);
    json_put_time(json, "updated_at", inspector->updated_us);
    json_put_time(json, "used_at", inspector->used_us);
    json_end_object(json);
}

enum err inspector_of(struct tx *tx, struct call *call, struct inspector *inspector)
{
    enum err err =
        inspector_get(tx, call->principal.tenant, call->params[0], call->arena, inspector);

    if (err == ERR_NOT_FOUND)
        call_fail(call, 404, "there is no inspector %.*s",
                  STR_ARG(str_first(call->params[0], SLUG_BYTES_MAX)));
    return err;
}

/* ---- make ---- */

static bool slug_is_valid(struct str slug)
{
    if (slug.len < SLUG_BYTES_MIN || slug.len > SLUG_BYTES_MAX)
        return false;
    for (size_t i = 0; i < slug.len; i++) {
        char c = slug.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_')
            return false;
    }
    return true;
}

static struct str slug_make(struct arena *arena)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char *slug = arena_alloc(arena, SLUG_BYTES);

    for (size_t i = 0; i < SLUG_BYTES; i++)
        slug[i] = digits[random_below(sizeof(digits) - 1)];
    return str_range(slug, SLUG_BYTES);
}

static enum err name_read(struct call *call, struct str *name)
{
    enum err err = call_get_text(call, "name", name);

    if (err || name->len <= NAME_BYTES_MAX)
        return err;
    call_fail(call, 422, "name: must be at most %d bytes long", NAME_BYTES_MAX);
    return ERR_INVALID;
}

static enum err create_apply(struct tx *tx, struct call *call)
{
    struct inspector *inspector = call->data;
    enum err err = inspector_insert(tx, inspector, &call->setup->inspector);

    if (err == ERR_CONFLICT) {
        call_fail(call, 409, "slug: \"%.*s\" is taken; choose another, or leave it out",
                  STR_ARG(inspector->slug));
        return err;
    }
    if (err == ERR_LIMIT) {
        call_fail(
            call, 409,
            "there are %lld inspectors, as many as may be (runbell.inspector.inspectors_max); "
            "delete one first",
            (long long)call->setup->inspector.inspectors_max);
        return err;
    }
    if (err || (err = inspector_get(tx, inspector->tenant, inspector->inspector_id, call->arena,
                                    inspector)))
        return err;
    inspector_out(call_json(call, 201), call, inspector);
    return OK;
}

static enum err create_prepare(struct call *call)
{
    struct inspector *inspector = ARENA_NEW(call->arena, struct inspector);
    enum err err;

    inspector->name = STR("");
    if ((err = call_body_object(call)) || (err = name_read(call, &inspector->name)) ||
        (err = call_get_text(call, "slug", &inspector->slug)) ||
        (err = answer_read(call, answer_default, &inspector->answer)))
        return err;
    if (str_is_none(inspector->slug))
        inspector->slug = slug_make(call->arena);
    if (!slug_is_valid(inspector->slug)) {
        call_fail(call, 422, "slug: must be %d to %d letters, digits, '-' or '_'", SLUG_BYTES_MIN,
                  SLUG_BYTES_MAX);
        return ERR_INVALID;
    }
    inspector->tenant = call->principal.tenant;
    inspector->inspector_id = call_new_id(call);
    call->data = inspector;
    return call_then_write(call, create_apply);
}

/* ---- look ---- */

static enum err list_apply(struct tx *tx, struct call *call)
{
    struct json_writer *json;
    struct inspectors found;
    enum err err = inspector_list(tx, call->principal.tenant, call->arena, &found);

    if (err)
        return err;
    json = call_json(call, 200);
    json_begin_array(json);
    for (size_t i = 0; i < found.count; i++)
        inspector_out(json, call, &found.list[i]);
    json_end_array(json);
    return OK;
}

static enum err list_prepare(struct call *call)
{
    return call_then_read(call, list_apply);
}

static enum err get_apply(struct tx *tx, struct call *call)
{
    struct inspector inspector;
    enum err err = inspector_of(tx, call, &inspector);

    if (!err)
        inspector_out(call_json(call, 200), call, &inspector);
    return err;
}

static enum err get_prepare(struct call *call)
{
    return call_then_read(call, get_apply);
}

/* ---- change ---- */

struct change {
    struct str name; /* STR_NONE: stays */
    struct str answer;
};

static enum err update_apply(struct tx *tx, struct call *call)
{
    const struct change *change = call->data;
    struct inspector inspector;
    enum err err = inspector_of(tx, call, &inspector);

    if (err)
        return err;
    if (!str_is_none(change->name))
        inspector.name = change->name;
    inspector.answer = call_merge(call, inspector.answer, change->answer);
    if ((err = inspector_update(tx, &inspector)) ||
        (err =
             inspector_get(tx, inspector.tenant, inspector.inspector_id, call->arena, &inspector)))
        return err;
    inspector_out(call_json(call, 200), call, &inspector);
    return OK;
}

static enum err update_prepare(struct call *call)
{
    struct change *change = ARENA_NEW(call->arena, struct change);
    enum err err;

    if ((err = call_body_object(call)) || (err = name_read(call, &change->name)) ||
        (err = answer_read(call, STR("{}"), &change->answer)))
        return err;
    call->data = change;
    return call_then_write(call, update_apply);
}

static enum err delete_apply(struct tx *tx, struct call *call)
{
    struct inspector inspector;
    enum err err = inspector_of(tx, call, &inspector);

    if (err || (err = inspector_delete(tx, inspector.tenant, inspector.inspector_id)))
        return err;
    tx_notify(tx, TOPIC_INSPECTED, inspector.inspector_id); /* so that its streams end */
    return call_empty(call, 204);
}

static enum err delete_prepare(struct call *call)
{
    return call_then_write(call, delete_apply);
}

static const struct route routes[] = {
    {HTTP_POST, "/v1/inspectors", create_prepare, PERMIT_DELIVER, ROUTE_IDEMPOTENT,
     "Make an address that keeps what comes to it: slug, name, and what it answers"},
    {HTTP_GET, "/v1/inspectors", list_prepare, PERMIT_WATCH, 0, "List inspectors, newest first"},
    {HTTP_GET, "/v1/inspectors/{inspector_id}", get_prepare, PERMIT_WATCH, 0,
     "An inspector, by id or slug"},
    {HTTP_PATCH, "/v1/inspectors/{inspector_id}", update_prepare, PERMIT_DELIVER, 0,
     "Change its name or what it answers; a script starts again"},
    {HTTP_DELETE, "/v1/inspectors/{inspector_id}", delete_prepare, PERMIT_DELIVER, 0,
     "Delete it with what it keeps"},
};

const struct route_list routes_inspectors = {routes, ARRAY_LEN(routes)};
