/* Bodies, queries and path parameters, read and checked: what is wrong is answered by name. */
#include "api/call_priv.h"

#include "base/uuid.h"
#include "format/inflate.h"

#define TEXTS_BYTES_MAX (64 * KIB) /* of all values of one key of a query */

static enum err refuse(struct call *call, const char *key, const char *wanted, enum json_type found)
{
    call_fail(call, 422, "%s: must be %s, not %s", key, wanted, json_type_name(found));
    return ERR_INVALID;
}

enum err call_refuse(struct call *call, const char *words)
{
    call_fail(call, 422, "%s", words);
    return ERR_INVALID;
}

enum err call_need_graph(struct call *call, const char *field, struct str graph_id)
{
    if (graphs_find(&call->setup->agent->graphs, graph_id))
        return OK;
    call_fail(call, 404, "%s: there is no graph \"%.*s\"", field, STR_ARG(str_first(graph_id, 64)));
    return ERR_NOT_FOUND;
}

static enum err unpack_piece(void *context, struct str piece)
{
    buf_add(context, piece);
    return OK;
}

static size_t body_bytes_max(const struct call *call)
{
    size_t max = call->setup->body_bytes_max;

    return call->route->flags & ROUTE_LARGE && max < LARGE_BODY_BYTES_MAX ? LARGE_BODY_BYTES_MAX
                                                                          : max;
}

enum err call_body_bytes(struct call *call, struct str *body)
{
    const struct http_request *request = call->request;
    enum inflate_kind kind;
    struct inflate *inflate;
    struct buf out;
    enum err err;

    *body = request->body;
    if (inflate_kind_of(
            http_header_find(request->headers, request->header_count, "content-encoding"), &kind)) {
        call_fail(call, 422, "Content-Encoding: must be gzip, deflate or zstd");
        return ERR_INVALID;
    }
    if (kind == INFLATE_NONE)
        return OK;
    buf_init(&out, body_bytes_max(call));
    inflate = inflate_new(kind, body_bytes_max(call), unpack_piece, &out);
    if (!(err = inflate_feed(inflate, request->body)))
        err = inflate_end(inflate);
    if (err)
        call_fail(call, call_status_of(err),
                  err == ERR_LIMIT ? "the unpacked body is too large"
                                   : "the body cannot be unpacked");
    else
        *body = arena_str(call->arena, buf_str(&out));
    inflate_free(inflate);
    buf_release(&out);
    return err;
}

enum err call_body_parse(struct call *call, struct json_error *error)
{
    struct str text = call->access.body;
    char *copy;
    enum err err;

    error->reason = NULL;
    if (call->body)
        return OK;
    if (str_is_none(text) && (err = call_body_bytes(call, &text)))
        return err;
    text = str_trim(text);
    if (text.len == 0)
        text = STR("{}");
    copy = arena_alloc(call->arena, text.len + 1);
    memcpy(copy, text.data, text.len);
    json_scrub_nul(copy, text.len);
    call->body_text = str_range(copy, text.len);
    return json_parse(call->arena, call->body_text, &call->body, error);
}

enum err call_refuse_json(struct call *call, const struct json_error *error)
{
    if (call->setup->compat_js)
        call_fail(call, 400, "Malformed JSON in request body");
    else
        call_fail(call, 422, "the body is not valid JSON: %s at byte %zu", error->reason,
                  error->position);
    return ERR_INVALID;
}

enum err call_body_any(struct call *call)
{
    struct json_error error;
    enum err err = call_body_parse(call, &error);

    return !err || !error.reason ? err : call_refuse_json(call, &error);
}

enum err call_body_object(struct call *call)
{
    enum err err = call_body_any(call);

    if (!err && json_type(call->body) != JSON_OBJECT)
        return refuse(call, "the body", "a JSON object", json_type(call->body));
    return err;
}

static bool has(const struct call *call, const char *key)
{
    return !json_is_absent(json_get(call->body, key));
}

enum err call_get_text(struct call *call, const char *key, struct str *value)
{
    const struct json *member = json_get(call->body, key);

    if (!has(call, key))
        return OK;
    if (json_type(member) != JSON_STRING)
        return refuse(call, key, "a string", json_type(member));
    *value = json_string(member);
    return OK;
}

enum err call_get_bool(struct call *call, const char *key, bool *value)
{
    const struct json *member = json_get(call->body, key);

    if (!has(call, key))
        return OK;
    if (json_type(member) != JSON_BOOL)
        return refuse(call, key, "true or false", json_type(member));
    *value = json_bool(member, false);
    return OK;
}

static enum err check_word(struct call *call, const char *key, const char *const *words,
                           struct str text)
{
    if (str_is_one_of(text, words))
        return OK;
    call_fail(call, 422, "%s: must be %.*s, not \"%.*s\"", key,
              STR_ARG(arena_words(call->arena, words)), STR_ARG(str_first(text, 40)));
    return ERR_INVALID;
}

enum err call_get_word(struct call *call, const char *key, const char *const *words,
                       struct str *value)
{
    struct str text = STR_NONE;
    enum err err = call_get_text(call, key, &text);

    if (err || str_is_none(text) || (err = check_word(call, key, words, text)))
        return err;
    *value = text;
    return OK;
}

static enum err uuid_check(struct call *call, const char *key, struct str *text)
{
    struct uuid_text canonical;
    struct uuid uuid;

    if (!uuid_parse(*text, &uuid)) {
        *text = arena_str(call->arena, uuid_write(uuid, &canonical));
        return OK;
    }
    call_fail(call, 422, "%s: \"%.*s\" is not a UUID", key, STR_ARG(str_first(*text, 64)));
    return ERR_INVALID;
}

enum err call_get_uuid(struct call *call, const char *key, struct str *value)
{
    enum err err = call_get_text(call, key, value);

    return err || str_is_none(*value) ? err : uuid_check(call, key, value);
}

enum err call_get_object(struct call *call, const char *key, struct str *raw)
{
    const struct json *member = json_get(call->body, key);

    if (!has(call, key))
        return OK;
    if (json_type(member) != JSON_OBJECT)
        return refuse(call, key, "an object", json_type(member));
    *raw = json_raw(call->body_text, str_of(key));
    return OK;
}

static enum err in_range(struct call *call, const char *key, int64_t number, int64_t min,
                         int64_t max)
{
    if (number >= min && number <= max)
        return OK;
    call_fail(call, 422, "%s: must be between %lld and %lld", key, (long long)min, (long long)max);
    return ERR_INVALID;
}

enum err call_get_int(struct call *call, const char *key, int64_t min, int64_t max, int64_t *value)
{
    const struct json *member = json_get(call->body, key);
    enum err err;

    if (!has(call, key))
        return OK;
    if (json_type(member) == JSON_NUMBER && !json_is_integer(member)) {
        call_fail(call, 422, "%s: must be a whole number of at most 63 bits", key);
        return ERR_INVALID;
    }
    if (!json_is_integer(member))
        return refuse(call, key, "a whole number", json_type(member));
    err = in_range(call, key, json_i64(member, 0), min, max);
    if (!err)
        *value = json_i64(member, 0);
    return err;
}

enum err call_query_int(struct call *call, const char *key, int64_t min, int64_t max,
                        int64_t *value)
{
    struct str text = query_get(&call->query, key);
    int64_t number;
    enum err err;

    if (str_is_empty(text))
        return OK;
    if (str_to_i64(text, &number)) {
        call_fail(call, 422, "%s: must be a whole number", key);
        return ERR_INVALID;
    }
    err = in_range(call, key, number, min, max);
    if (!err)
        *value = number;
    return err;
}

enum err call_query_bool(struct call *call, const char *key, bool *value)
{
    struct str text = query_get(&call->query, key);

    if (str_is_empty(text))
        return OK;
    if (str_to_bool(text, value)) {
        call_fail(call, 422, "%s: must be true or false", key);
        return ERR_INVALID;
    }
    return OK;
}

enum err call_query_word(struct call *call, const char *key, const char *const *words)
{
    struct str text = query_get(&call->query, key);

    return str_is_empty(text) ? OK : check_word(call, key, words, text);
}

struct str call_query_texts(struct call *call, const char *key)
{
    struct json_writer json;
    struct str value, text;
    size_t at = 0;
    struct buf out;

    if (str_is_none(query_get(&call->query, key)))
        return STR_NONE;
    buf_init(&out, TEXTS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    while (query_next(&call->query, key, &at, &value))
        json_str_out(&json, value);
    json_end_array(&json);
    text = buf_keep(&out, call->arena);
    return str_is_none(text) ? STR("[]") : text;
}

enum err call_param_uuid(struct call *call, size_t index, const char *name)
{
    return uuid_check(call, name, &call->params[index]);
}

struct str call_new_id(struct call *call)
{
    struct loop *loop = http_exchange_loop(call->exchange);
    struct uuid_text text;

    return arena_str(call->arena, uuid_write(uuid_v7(loop_rng(loop), loop_wall_us(loop)), &text));
}
