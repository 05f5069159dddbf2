/* Reading the filters of deliveries. */
#include "api/delivery_filter.h"
#include "api/delivery_view.h"

#include "base/time.h"
#include "delivery/classify.h"

#define TEXT_BYTES_MAX 1024

struct source {
    struct call *call;
    bool from_body;
};

static enum err refuse(struct call *call, const char *key, const char *wanted)
{
    call_fail(call, 422, "%s: must be %s", key, wanted);
    return ERR_INVALID;
}

static enum err read_text(const struct source *source, const char *key, struct str *value)
{
    enum err err = OK;

    if (source->from_body)
        err = call_get_text(source->call, key, value);
    else
        *value = query_get(&source->call->query, key);
    /* A form sends what was left empty. In a replay it is a variable that was not set: taken for
     * nothing, everything would be sent. */
    if (!err && source->from_body && !str_is_none(*value) && value->len == 0)
        return refuse(source->call, key, "something, or left out");
    if (!err && str_is_empty(*value))
        *value = STR_NONE;
    if (!err && value->len > TEXT_BYTES_MAX)
        return refuse(source->call, key, "at most 1024 bytes long");
    return err;
}

/* "404" or "4xx"; in a body also 404. */
static enum err read_status(const struct source *source, struct delivery_filter *filter)
{
    const struct json *value = source->from_body ? json_get(source->call->body, "status") : NULL;
    struct str text = STR_NONE;
    int64_t number;
    enum err err = OK;

    if (json_is_integer(value))
        text = arena_printf(source->call->arena, "%lld", (long long)json_i64(value, 0));
    else
        err = read_text(source, "status", &text);
    if (err || str_is_none(text))
        return err;
    if (text.len == 3 && text.data[0] >= '1' && text.data[0] <= '5' &&
        str_eq_nocase(str_from(text, 1), STR("xx"))) {
        filter->status_min = (text.data[0] - '0') * 100;
        filter->status_max = filter->status_min + 99;
        return OK;
    }
    if (str_to_i64(text, &number) || number < 100 || number > 599)
        return refuse(source->call, "status", "a status such as 404 or a class such as 4xx");
    filter->status_min = filter->status_max = number;
    return OK;
}

/* "90s", "15m", "24h", "7d": so long before now. */
static bool read_age(const struct call *call, struct str text, int64_t *at_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    int64_t number, now_us = loop_wall_us(http_exchange_loop(call->exchange));

    if (text.len < 2 || str_to_i64(str_first(text, text.len - 1), &number) || number < 0 ||
        number > 1000000)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (text.data[text.len - 1] != units[i].unit)
            continue;
        *at_us = now_us - number * units[i].seconds * US_PER_SECOND;
        *at_us = *at_us > 0 ? *at_us : 1;
        return true;
    }
    return false;
}

static enum err read_time(const struct source *source, const char *key, int64_t *at_us)
{
    struct str text = STR_NONE;
    enum err err = read_text(source, key, &text);

    if (err || str_is_none(text) || read_age(source->call, text, at_us))
        return err;
    if (time_parse_iso(text, at_us))
        return refuse(source->call, key,
                      "a time such as 2026-11-21T05:12:37Z, or how long ago: 15m, 24h, 7d");
    return OK;
}

/* Only what has ended is sent again. */
static enum err read_ended(struct call *call, struct delivery_filter *filter)
{
    if (str_is_none(filter->state))
        filter->state = delivery_state_name(DELIVERY_DEAD);
    if (str_eq(filter->state, STR("any"))) {
        filter->state = STR_NONE;
        return OK;
    }
    if (str_eq(filter->state, STR("dead")) || str_eq(filter->state, STR("done")))
        return OK;
    return refuse(call, "state",
                  "dead, done or any; what is held goes when its endpoint is resumed, what is due "
                  "by itself");
}

/* What a caller is not told (delivery_view.h) cannot be asked for either. */
static enum err check_hidden(struct call *call, const struct delivery_filter *filter)
{
    struct delivery_view view = delivery_view_of(call);
    const char *key = delivery_view_hides(view, filter->result, 0)      ? "result"
                      : !view.has_network && !str_is_none(filter->text) ? "text"
                                                                        : NULL;

    if (!key)
        return OK;
    call_fail(call, 422,
              "%s: a key of one workspace is not told why there was no answer, so it cannot search "
              "for that; state and status find the others",
              key);
    return ERR_INVALID;
}

static bool is_kind(struct str word)
{
    static const char *const kinds[] = {"run", "rule", "alert", "fleet", "system"};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_eq(word, str_of(kinds[i])))
            return true;
    return false;
}

static enum err check_words(const struct source *source, struct delivery_filter *filter)
{
    struct call *call = source->call;
    enum delivery_state state;

    if (source->from_body && read_ended(call, filter))
        return ERR_INVALID;
    if (!str_is_none(filter->state) && delivery_state_parse(filter->state, &state))
        return refuse(call, "state", "due, sending, held, done or dead");
    if (!str_is_none(filter->kind) && !is_kind(filter->kind))
        return refuse(call, "kind", "run, rule, alert, fleet or system");
    if (!str_is_none(filter->result) &&
        !str_eq(result_name(result_parse(filter->result)), filter->result))
        return refuse(call, "result",
                      "delivered, unreachable, tls, timeout, busy, server_error, rejected, gone, "
                      "refused or unknown");
    return check_hidden(call, filter);
}

enum err delivery_filter_read(struct call *call, enum delivery_filter_use use,
                              struct delivery_filter *filter)
{
    const struct source source = {call, use == DELIVERY_FILTER_REPLAY};
    const struct {
        const char *key;
        struct str *value;
    } texts[] = {
        {"object_id", &filter->object_id},
        {"endpoint_id", &filter->endpoint_id},
        {"webhook_id", &filter->webhook_id},
        {"replay_id", &filter->replay_id},
        {"kind", &filter->kind},
        {"state", &filter->state},
        {"result", &filter->result},
        {"url", &filter->url},
        {"text", &filter->text},
    };
    enum err err = OK;

    filter->tenant = call->principal.tenant;
    filter->not_kind = delivery_view_hidden_kind(call);
    for (size_t i = 0; i < ARRAY_LEN(texts) && !err; i++)
        err = read_text(&source, texts[i].key, texts[i].value);
    if (!err)
        err = check_words(&source, filter);
    if (!err)
        err = read_status(&source, filter);
    if (!err)
        err = read_time(&source, "since", &filter->since_us);
    return err ? err : read_time(&source, "until", &filter->until_us);
}
