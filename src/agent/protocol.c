/* Events of the event streaming protocol. */
#include "agent/protocol.h"

#define CHANNELS_MAX 64
#define NAMESPACES_MAX 1024

/* ---- numbers ---- */

int64_t protocol_seq(int64_t position, int64_t event_id)
{
    int64_t last = PROTOCOL_RUN_EVENTS - PROTOCOL_TAIL - 1;

    return position * PROTOCOL_RUN_EVENTS + (event_id < last ? event_id : last);
}

int64_t protocol_seq_position(int64_t seq)
{
    return seq / PROTOCOL_RUN_EVENTS;
}

int64_t protocol_seq_event(int64_t seq)
{
    return seq % PROTOCOL_RUN_EVENTS;
}

int64_t protocol_seq_end(int64_t position)
{
    return position * PROTOCOL_RUN_EVENTS + PROTOCOL_RUN_EVENTS - 1;
}

int64_t protocol_seq_tail(int64_t position, int64_t index)
{
    int64_t last = PROTOCOL_TAIL - 2;

    return position * PROTOCOL_RUN_EVENTS + PROTOCOL_RUN_EVENTS - PROTOCOL_TAIL +
           (index < last ? index : last);
}

/* ---- filters ---- */

static bool are_strings(const struct json *array)
{
    struct json_iter iter = json_iter(array);
    const struct json *item;

    while (json_next(&iter, NULL, &item))
        if (json_type(item) != JSON_STRING)
            return false;
    return json_type(array) == JSON_ARRAY;
}

static bool is_channel(struct str text)
{
    static const char *const known[] = {"values", "updates", "messages",    "tools",  "lifecycle",
                                        "input",  "tasks",   "checkpoints", "custom", NULL};

    return str_is_one_of(text, known) ||
           (str_starts(text, STR("custom:")) && text.len > sizeof("custom:") - 1);
}

static const char *channels_judge(const struct json *channels)
{
    struct json_iter iter = json_iter(channels);
    const struct json *item;

    if (!are_strings(channels) || json_count(channels) == 0)
        return "channels: must be an array with at least one channel's name";
    if (json_count(channels) > CHANNELS_MAX)
        return "channels: at most 64 may be named";
    while (json_next(&iter, NULL, &item))
        if (!is_channel(json_string(item)))
            return "channels: known are values, updates, messages, tools, lifecycle, input, tasks, "
                   "checkpoints, custom and custom:NAME";
    return NULL;
}

static const char *namespaces_judge(const struct json *namespaces)
{
    struct json_iter iter = json_iter(namespaces);
    const struct json *item;

    if (json_type(namespaces) != JSON_ARRAY || json_count(namespaces) > NAMESPACES_MAX)
        return "namespaces: must be an array of at most 1024 namespaces";
    while (json_next(&iter, NULL, &item))
        if (!are_strings(item))
            return "namespaces: each must be an array of segments";
    return NULL;
}

/* -1 where it is absent. */
static bool count_read(const struct json *value, int64_t *number)
{
    *number = json_is_absent(value) ? -1 : json_i64(value, -2);
    return json_is_absent(value) || (json_is_integer(value) && *number >= 0);
}

enum err protocol_filter_read(const struct json *params, struct protocol_filter *filter,
                              const char **why)
{
    const struct json *namespaces = json_get(params, "namespaces");
    struct protocol_filter read = {.channels = json_get(params, "channels")};

    if ((*why = channels_judge(read.channels)))
        return ERR_INVALID;
    if (!json_is_absent(namespaces)) {
        if ((*why = namespaces_judge(namespaces)))
            return ERR_INVALID;
        read.namespaces = json_count(namespaces) > 0 ? namespaces : NULL;
    }
    if (!count_read(json_get(params, "depth"), &read.depth)) {
        *why = "depth: must be a whole number from 0 on";
        return ERR_INVALID;
    }
    if (!count_read(json_get(params, "since"), &read.since)) {
        *why = "since: must be the seq of an event";
        return ERR_INVALID;
    }
    *filter = read;
    return OK;
}

/* "@custom:progress|a:1|b" gives "custom:progress", and "a:1|b" as the rest. */
static struct str channel_of(struct str name, struct str *namespace)
{
    struct str channel;

    name = str_from(name, 1);
    channel = str_first(name, str_find_char(name, '|'));
    *namespace = str_from(name, channel.len + 1);
    return channel;
}

/* A segment of a filter without ':' stands for all tasks of that node. */
static bool segment_matches(struct str wanted, struct str given)
{
    return str_eq(wanted, given) || (str_find_char(wanted, ':') == wanted.len &&
                                     str_eq(wanted, str_first(given, str_find_char(given, ':'))));
}

static size_t depth_of(struct str namespace)
{
    size_t depth = 0;
    struct str segment;

    while (str_split(&namespace, '|', &segment))
        depth++;
    return depth;
}

static bool prefix_matches(const struct json *prefix, struct str namespace, int64_t depth)
{
    struct json_iter iter = json_iter(prefix);
    const struct json *item;
    struct str segment;

    while (json_next(&iter, NULL, &item))
        if (!str_split(&namespace, '|', &segment) || !segment_matches(json_string(item), segment))
            return false;
    return depth < 0 || (int64_t)depth_of(namespace) <= depth;
}

static bool namespace_matches(const struct protocol_filter *filter, struct str namespace)
{
    struct json_iter iter = json_iter(filter->namespaces);
    const struct json *item;

    if (!filter->namespaces)
        return true;
    while (json_next(&iter, NULL, &item))
        if (prefix_matches(item, namespace, filter->depth))
            return true;
    return false;
}

bool protocol_filter_admits(const struct protocol_filter *filter, struct str name)
{
    struct str namespace, channel = channel_of(name, &namespace);
    struct json_iter iter = json_iter(filter->channels);
    const struct json *item;

    while (json_next(&iter, NULL, &item)) {
        struct str wanted = json_string(item);

        if (str_eq(wanted, channel) ||
            (str_eq(wanted, STR("custom")) && str_starts(channel, STR("custom:"))))
            return namespace_matches(filter, namespace);
    }
    return false;
}

/* ---- writing ---- */

struct str protocol_method(struct str name)
{
    struct str namespace, channel = channel_of(name, &namespace);

    if (str_starts(channel, STR("custom:")))
        return STR("custom");
    return str_eq(channel, STR("input")) ? STR("input.requested") : channel;
}

void protocol_event_write(struct buf *out, int64_t seq, struct str name, struct str params)
{
    struct json_writer json;
    char id[24];
    int len = snprintf(id, sizeof(id), "%lld", (long long)seq);

    json_writer_init(&json, out);
    json_begin_object(&json);
    json_put_str(&json, "type", STR("event"));
    json_put_str(&json, "event_id", str_range(id, (size_t)len));
    json_put_i64(&json, "seq", seq);
    json_put_str(&json, "method", protocol_method(name));
    json_put_raw(&json, "params", params);
    json_end_object(&json);
}

static void params_begin(struct json_writer *json, struct buf *out, int64_t now_ms)
{
    json_writer_init(json, out);
    json_begin_object(json);
    json_put_raw(json, "namespace", STR("[]"));
    json_put_i64(json, "timestamp", now_ms);
}

void protocol_params_write(struct buf *out, int64_t now_ms, struct str data)
{
    struct json_writer json;

    params_begin(&json, out, now_ms);
    json_put_raw(&json, "data", data);
    json_end_object(&json);
}

void protocol_lifecycle_write(struct buf *out, const struct protocol_lifecycle *lifecycle)
{
    struct json_writer json;

    params_begin(&json, out, lifecycle->now_ms);
    json_key(&json, "data");
    json_begin_object(&json);
    json_put_str(&json, "event", str_of(lifecycle->event));
    json_put_str(&json, "graph_name", lifecycle->graph_name);
    if (!str_is_none(lifecycle->error))
        json_put_str(&json, "error", lifecycle->error);
    json_end_object(&json);
    json_end_object(&json);
}

void protocol_input_write(struct buf *out, int64_t now_ms, struct str interrupt)
{
    struct json_writer json;
    struct str value = json_raw(interrupt, STR("value"));

    params_begin(&json, out, now_ms);
    json_key(&json, "data");
    json_begin_object(&json);
    json_put_raw(&json, "interrupt_id", json_raw(interrupt, STR("id")));
    json_put_raw(&json, "payload", value);
    json_put_raw(&json, "value", value); /* what the Python SDK reads */
    json_end_object(&json);
    json_end_object(&json);
}
