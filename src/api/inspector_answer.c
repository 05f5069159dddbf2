/* inspector_answer.c -- what an inspector answers: read from a client, checked, kept as JSON,
 * evaluated. */
#include "api/inspector_priv.h"

#include "format/header.h"

#define DELAY_MS_MAX 60000
#define FAIL_FIRST_MAX 1000
#define SCRIPT_MAX 100
#define BODY_BYTES_MAX (64 * KIB)
#define ANSWER_BYTES_MAX (256 * KIB)
#define FAILURE 500

#define NONE                                                                                       \
    "{\"status\":200,\"headers\":{},\"body\":\"\",\"delay_ms\":0,\"fail_first\":0,\"script\":[]}"

const struct str answer_default = {NONE, sizeof(NONE) - 1};

/* ---- reading ---- */

static enum err refuse(struct call *call, const char *key, const char *wanted)
{
    call_fail(call, 422, "%s: must be %s", key, wanted);
    return ERR_INVALID;
}

/* It stands there, and takes back what was told. */
static bool is_null(const struct call *call, const char *key)
{
    const struct json *value = json_get(call->body, key);

    return value && json_is_null(value);
}

/* What frames the answer, and what would speak for the whole origin. */
static bool header_is_ours(struct str name)
{
    static const char *const ours[] = {
        "connection",
        "content-length",
        "content-security-policy",
        "clear-site-data",
        "date",
        "keep-alive",
        "service-worker-allowed",
        "set-cookie",
        "strict-transport-security",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-content-type-options",
    };

    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (str_eq_nocase(name, str_of(ours[i])))
            return true;
    return false;
}

static enum err headers_read(struct call *call, const struct json *headers, struct json_writer *out)
{
    struct json_iter iter = json_iter(headers);
    const struct json *value;
    size_t count = 0;
    struct str name;

    if (json_type(headers) != JSON_OBJECT)
        return refuse(call, "headers", "an object of names and texts");
    json_key(out, "headers");
    json_begin_object(out);
    for (; json_next(&iter, &name, &value); count++) {
        if (count == ANSWER_HEADERS_MAX)
            return refuse(call, "headers", "at most 20 headers");
        if (!header_name_is_valid(name) || json_type(value) != JSON_STRING ||
            !header_value_is_valid(json_string(value)))
            return refuse(call, "headers", "names of tokens and values of printable ASCII");
        if (header_is_ours(name)) {
            call_fail(call, 422, "headers: %.*s is the server's own; leave it out", STR_ARG(name));
            return ERR_INVALID;
        }
        json_key_str(out, name);
        json_str_out(out, json_string(value));
    }
    json_end_object(out);
    return OK;
}

static enum err script_add(struct call *call, int64_t status, size_t nth, struct json_writer *out)
{
    if (status < 200 || status > 599 || nth >= SCRIPT_MAX)
        return refuse(call, "script",
                      "at most 100 statuses from 200 to 599: [500, 500, 200] or \"500,500,200\"");
    json_i64_out(out, status);
    return OK;
}

/* A list of numbers, or the same as text. */
static enum err script_read(struct call *call, const struct json *script, struct json_writer *out)
{
    struct json_iter iter = json_iter(script);
    struct str rest = json_string(script), piece;
    const struct json *item;
    size_t count = 0;
    int64_t status;
    enum err err = OK;

    if (json_type(script) != JSON_ARRAY && json_type(script) != JSON_STRING)
        return script_add(call, 0, 0, out);
    json_key(out, "script");
    json_begin_array(out);
    if (json_type(script) == JSON_ARRAY)
        while (!err && json_next(&iter, NULL, &item))
            err = script_add(call, json_is_integer(item) ? json_i64(item, 0) : 0, count++, out);
    while (!err && str_split(&rest, ',', &piece))
        err = script_add(call, str_to_i64(str_trim(piece), &status) ? 0 : status, count++, out);
    json_end_array(out);
    return err;
}

struct number_rule {
    const char *key;
    int64_t min, max, none; /* none: what null takes it back to */
};

static enum err number_read(struct call *call, const struct number_rule *rule,
                            struct json_writer *out)
{
    int64_t number = is_null(call, rule->key) ? rule->none : rule->min - 1;
    enum err err = call_get_int(call, rule->key, rule->min, rule->max, &number);

    if (!err && number >= rule->min)
        json_put_i64(out, rule->key, number);
    return err;
}

static enum err members_read(struct call *call, struct json_writer *out)
{
    static const struct number_rule numbers[] = {{"status", 200, 599, 200},
                                                 {"delay_ms", 0, DELAY_MS_MAX, 0},
                                                 {"fail_first", 0, FAIL_FIRST_MAX, 0}};
    const struct json *headers = json_get(call->body, "headers"),
                      *script = json_get(call->body, "script");
    struct str body = is_null(call, "body") ? STR("") : STR_NONE;
    enum err err = OK;

    for (size_t i = 0; i < ARRAY_LEN(numbers) && !err; i++)
        err = number_read(call, &numbers[i], out);
    if (err || (err = call_get_text(call, "body", &body)))
        return err;
    if (is_null(call, "headers"))
        json_put_raw(out, "headers", STR("{}"));
    if (is_null(call, "script"))
        json_put_raw(out, "script", STR("[]"));
    if (body.len > BODY_BYTES_MAX)
        return refuse(call, "body", "at most 64 KiB");
    if (!str_is_none(body))
        json_put_str(out, "body", body);
    if (!json_is_absent(headers) && (err = headers_read(call, headers, out)))
        return err;
    return json_is_absent(script) ? OK : script_read(call, script, out);
}

enum err answer_read(struct call *call, struct str base, struct str *answer)
{
    struct json_writer json;
    struct buf out;
    enum err err;

    buf_init(&out, ANSWER_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    err = members_read(call, &json);
    json_end_object(&json);
    if (!err && out.failed)
        err = refuse(call, "headers", "shorter");
    if (!err)
        *answer = call_merge(call, base, buf_str(&out));
    buf_release(&out);
    return err;
}

/* ---- evaluating ---- */

void answer_find(struct arena *arena, struct str text, int64_t nth, struct answer *answer)
{
    const struct json *root = NULL, *script, *value;
    struct json_iter iter;
    int64_t fail_first;
    struct str name;

    *answer = (struct answer){.status = 200, .body = STR("")};
    if (json_parse(arena, text, &root, NULL))
        return;
    script = json_get(root, "script");
    fail_first = json_i64(json_get(root, "fail_first"), 0);
    answer->status = (int)json_i64(json_get(root, "status"), 200);
    if (nth <= fail_first) {
        answer->status = FAILURE;
    } else if (json_count(script) > 0) { /* the last one for ever */
        size_t at = (size_t)(nth - fail_first - 1), last = json_count(script) - 1;

        answer->status = (int)json_i64(json_item(script, at < last ? at : last), 200);
    }
    answer->delay_ms = json_i64(json_get(root, "delay_ms"), 0);
    answer->body = json_string(json_get(root, "body"));
    iter = json_iter(json_get(root, "headers"));
    while (answer->header_count < ANSWER_HEADERS_MAX && json_next(&iter, &name, &value))
        answer->headers[answer->header_count++] = (struct http_header){name, json_string(value)};
}
