/* Asks the user's own auth handlers, and does as they say. */
#include "api/access_priv.h"

#include "agent/auth_user.h"
#include "auth/filter.h"
#include "base/log.h"
#include "format/header.h"

#define QUESTION_MAX (256 * MIB)

bool access_is_asked(const struct call *call)
{
    const struct principal *who = &call->principal;

    if (!plugin_is_there(&call->setup->agent->plugins.auth) ||
        call->route->permission == PERMIT_ANYONE)
        return false;
    return who->is_guest || !str_is_none(who->user);
}

/* ---- the question ---- */

static void headers_put(struct json_writer *json, const struct http_request *request)
{
    json_key(json, "headers");
    json_begin_array(json);
    for (size_t i = 0; i < request->header_count; i++) {
        json_begin_array(json);
        json_str_out(json, request->headers[i].name);
        json_str_out(json, request->headers[i].value);
        json_end_array(json);
    }
    json_end_array(json);
}

static void request_put(struct json_writer *json, const struct call *call)
{
    static const char *const names[] = {"assistant_id", "thread_id", "run_id", "cron_id",
                                        "namespace"};
    const struct http_request *request = call->request;

    json_key(json, "request");
    json_begin_object(json);
    json_put_str(json, "method", request->method_text);
    json_put_str(json, "path", request->path);
    json_put_str(json, "query", str_is_none(request->query) ? STR("") : request->query);
    json_key(json, "path_params");
    json_begin_object(json);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!str_is_none(access_param(call, names[i])))
            json_put_str(json, names[i], access_param(call, names[i]));
    json_end_object(json);
    headers_put(json, request);
    json_end_object(json);
}

/* Studio calls as itself: of a server for development only, because nothing proves that it is it.
 */
static bool is_studio(const struct call *call)
{
    struct str scheme =
        http_header_find(call->request->headers, call->request->header_count, "x-auth-scheme");

    return call->setup->studio_auth && str_eq_nocase(scheme, STR("langsmith"));
}

static struct str question_write(struct call *call, const struct access_checks *checks)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, QUESTION_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    request_put(&json, call);
    if (!str_is_none(call->principal.user))
        json_put_raw(&json, "user", call->principal.user);
    else if (is_studio(call))
        json_put_bool(&json, "studio", true);
    json_key(&json, "checks");
    json_begin_array(&json);
    for (size_t i = 0; i < checks->count; i++) {
        json_begin_object(&json);
        json_put_str(&json, "resource", str_of(checks->list[i].resource));
        json_put_str(&json, "action", str_of(checks->list[i].action));
        json_put_raw(&json, "value", checks->list[i].value);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* ---- the answer ---- */

/* What a handler raised, or false: with its own status, words and headers. */
static enum err deny(struct call *call, const struct json *denied)
{
    int64_t status = json_i64(json_get(denied, "status"), 403);
    struct str words = json_string(json_get(denied, "message")), name;
    struct json_iter iter = json_iter(json_get(denied, "headers"));
    const struct json *value;

    if (status < 400 || status > 599)
        status = 403;
    if (str_is_none(words))
        words = call->setup->compat_js ? STR("Not authorized") : STR("Forbidden");
    while (call->header_count < CALL_HEADERS_MAX && json_next(&iter, &name, &value))
        if (header_name_is_valid(name) && header_value_is_valid(json_string(value)) &&
            !header_is_reserved(name))
            call_header(call, arena_cstr(call->arena, name), json_string(value));
    call_fail(call, (int)status, "%.*s", STR_ARG(words));
    return ERR_DENIED;
}

static enum err user_take(struct call *call, struct str user)
{
    if (user.len == 0 || user.data[0] != '{') {
        call_fail(call, 500, "the auth handler named no user; the server's log says more");
        return ERR_INVALID;
    }
    if (user.len > LOOPBACK_USER_BYTES_MAX) {
        call_fail(call, 500,
                  "the user that the auth handler returned is larger than %zu bytes as JSON",
                  (size_t)LOOPBACK_USER_BYTES_MAX);
        return ERR_LIMIT;
    }
    call->principal.user = user;
    /* What another user did under the same key is none of his business. */
    if (!str_is_none(call->idempotency_key))
        call->idempotency_key =
            arena_printf(call->arena, "%.*s\n%.*s", STR_ARG(call->idempotency_key),
                         STR_ARG(auth_user_identity(call->arena, user)));
    return OK;
}

static enum err filter_take(struct call *call, const struct access_check *check, struct str filter)
{
    struct str *place = check->of < ACCESS_OBJECTS ? &call->access.filters[check->of] : NULL;
    const char *why = "";
    struct str alternatives;

    if (!place || str_is_none(filter))
        return OK;
    if (auth_filter_read(call->arena, filter, &alternatives, &why)) {
        log_error("auth", "the handler of %s:%s returned what is no filter: %s", check->resource,
                  check->action, why);
        call_fail(call, 500, "the auth handler of %s:%s returned what is no filter: %s",
                  check->resource, check->action, why);
        return ERR_INVALID;
    }
    *place = alternatives;
    return OK;
}

/* One result: {"denied": …}, or {"filter": …, "changed": …}, both optional. */
static enum err result_take(struct call *call, const struct access_check *check,
                            const struct json *result, struct str text)
{
    const struct json *denied = json_get(result, "denied");
    enum err err;

    if (json_type(denied) == JSON_OBJECT) {
        if (!check->is_implied)
            return deny(call, denied);
        return filter_take(call, check, STR("{\"$or\":[]}"));
    }
    err = filter_take(call, check, json_raw(text, STR("filter")));
    if (!err && json_get(result, "changed"))
        access_change(call, check, json_raw(text, STR("changed")));
    return err;
}

static enum err results_take(struct call *call, const struct access_checks *checks,
                             const struct json *results, struct str text)
{
    struct str *of_items = ARENA_ARRAY(call->arena, struct str, checks->count);
    size_t position = 0;
    struct str key, one;
    enum err err = OK;

    call->access.assistant_filters = of_items;
    for (size_t i = 0; !err && i < checks->count; i++) {
        const struct access_check *check = &checks->list[i];

        if (!json_raw_next(text, &position, &key, &one)) {
            call_fail(call, 500, "the auth handlers gave too few answers");
            return ERR_INVALID;
        }
        err = result_take(call, check, json_item(results, i), one);
        if (check->of == ACCESS_OF_ASSISTANTS)
            of_items[check->item] = call->access.filters[ACCESS_OF_ASSISTANTS];
    }
    return err;
}

static enum err not_asked(struct call *call)
{
    int status = call->ask_err == ERR_AGAIN ? 503 : call->ask_err == ERR_LIMIT ? 413 : 500;

    call_fail(call, status, "the auth handlers of this server could not be asked: %.*s",
              STR_ARG(call->ask_answer));
    return call->ask_err;
}

enum err access_answer(struct call *call)
{
    const struct access_checks *checks = call->data;
    struct str text = call->ask_answer;
    const struct json *answer;
    enum err err;

    call->data = NULL;
    if (call->ask_err)
        return not_asked(call);
    if (json_parse(call->arena, text, &answer, NULL)) {
        call_fail(call, 500, "the worker of the auth handlers did not answer in JSON");
        return ERR_INVALID;
    }
    if (json_type(json_get(answer, "denied")) == JSON_OBJECT)
        return deny(call, json_get(answer, "denied"));
    if ((err = user_take(call, json_raw(text, STR("user")))))
        return err;
    err = results_take(call, checks, json_get(answer, "results"), json_raw(text, STR("results")));
    if (!str_is_none(call->access.body))
        call->body = NULL; /* to be read anew */
    return err;
}

void access_question(struct call *call)
{
    struct access_checks *checks = ARENA_NEW(call->arena, struct access_checks);

    *checks = access_checks(call);
    call->data = checks;
    call->ask.ask = (struct agent_ask){
        .kind = ASK_AUTH_CHECK,
        .language = call->setup->agent->plugins.auth.language,
        .timeout_ms = call->setup->agent->auth_timeout_ms,
        .body = question_write(call, checks),
    };
}

static enum err answered(struct call *call)
{
    enum err err = access_answer(call);

    call->ask = (struct dispatch_ask){0};
    return err ? err : call->route->prepare(call);
}

enum err access_begin(struct call *call)
{
    if (access_of(call) == ACCESS_OPERATOR) {
        call_fail(call, 403, "this is for holders of an API key");
        return ERR_DENIED;
    }
    access_question(call);
    return call_then_ask(call, answered);
}

/* ---- what follows ---- */

struct str access_configurable(struct call *call, struct str configurable)
{
    struct json_writer json;
    struct buf user;

    if (!plugin_is_there(&call->setup->agent->plugins.auth))
        return str_is_none(configurable) ? STR("{}") : configurable;
    buf_init(&user, QUESTION_MAX);
    json_writer_init(&json, &user);
    json_begin_object(&json);
    auth_user_put(&json, call->principal.user);
    json_end_object(&json);
    configurable = call_merge(call, auth_user_strip(call->arena, configurable),
                              arena_str(call->arena, buf_str(&user)));
    buf_release(&user);
    return configurable;
}

bool access_admits(const struct call *call, enum access_object object, struct str metadata)
{
    return auth_filter_admits(call->access.filters[object], metadata);
}
