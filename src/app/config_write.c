/* Writes configuration: what workers are told, and what `runbell config print` shows. */
#include "app/config_priv.h"

#define INIT_BYTES_MAX (16 * MIB)
#define US_PER_DAY (24 * 3600 * US_PER_SECOND)
#define BYTES_PER_MEGABYTE 1e6

/* ---- for workers ---- */

static void write_graph(struct json_writer *json, const struct graph *graph)
{
    json_key_str(json, graph->id);
    json_begin_object(json);
    json_put_str(json, "path", graph->path);
    if (!str_is_none(graph->description))
        json_put_str(json, "description", graph->description);
    json_end_object(json);
}

struct str config_worker_init(const struct config *config, enum graph_kind kind,
                              struct str server_url, struct arena *arena)
{
    struct json_writer json;
    struct str whole;
    struct buf out;

    buf_init(&out, INIT_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_str(&json, "project_dir", str_of(config->project_dir));
    json_put_bool(&json, "dev", config->dev);
    json_put_bool(&json, "tracing", config->tracing);
    json_key(&json, "graphs");
    json_begin_object(&json);
    for (size_t i = 0; i < config->graphs.count; i++)
        if (config->graphs.list[i].kind == kind)
            write_graph(&json, &config->graphs.list[i]);
    json_end_object(&json);
    json_put_raw(&json, "config", config->file_text);
    json_key(&json, "server");
    json_begin_object(&json);
    json_put_str(&json, "version", STR(RUNBELL_VERSION));
    json_put_str(&json, "url", server_url);
    json_end_object(&json);
    json_end_object(&json);
    REQUIRE(!out.failed);
    /* Without the braces: the worker's greeting puts its own members beside these. */
    whole = buf_str(&out);
    whole = arena_str(arena, str_range(whole.data + 1, whole.len - 2));
    buf_release(&out);
    return whole;
}

/* ---- for people ---- */

static void write_list(struct json_writer *json, const struct str *list, size_t count, bool masked)
{
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        json_str_out(json, masked ? STR("***") : list[i]);
    json_end_array(json);
}

static void write_schedule(struct json_writer *json, const struct policy *policy)
{
    if (!policy) {
        json_null_out(json);
        return;
    }
    json_begin_array(json);
    for (size_t i = 0; i < policy->delay_count; i++)
        json_i64_out(json, policy->delays_ms[i]);
    json_end_array(json);
}

static void write_text(struct json_writer *json, const struct setting *setting,
                       const struct config *config)
{
    const char *text = *(const char *const *)(const void *)((const char *)config + setting->offset);

    if (setting->type == SETTING_STORE)
        json_str_out(json, text ? STR("postgres://***") : STR("sqlite"));
    else if (setting->type == SETTING_LOGIN || setting->type == SETTING_SECRET)
        json_str_out(json, text ? STR("***") : STR_NONE);
    else
        json_str_out(json, str_of(text));
}

static void write_address(struct json_writer *json, const struct address *address)
{
    struct address_text text;

    json_str_out(json, address_write(address, &text));
}

static void write_level(struct json_writer *json, enum log_level level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};

    json_str_out(json, str_of(names[level]));
}

static void write_number(struct json_writer *json, enum setting_type type, const void *place)
{
    if (type == SETTING_COUNT)
        json_i64_out(json, *(const unsigned *)place);
    else if (type == SETTING_BYTES)
        json_i64_out(json, (int64_t) * (const size_t *)place);
    else if (type == SETTING_SECONDS)
        json_double_out(json, (double)*(const int64_t *)place / (double)MS_PER_SECOND);
    else if (type == SETTING_MEGABYTES)
        json_double_out(json, (double)*(const int64_t *)place / BYTES_PER_MEGABYTE);
    else
        json_double_out(json, (double)*(const int64_t *)place / (double)US_PER_DAY);
}

static void write_value(struct json_writer *json, const struct setting *setting,
                        const struct config *config)
{
    const void *place = (const char *)config + setting->offset;

    switch (setting->type) {
    case SETTING_FLAG:
        json_bool_out(json, *(const bool *)place);
        break;
    case SETTING_ADDRESS:
        write_address(json, place);
        break;
    case SETTING_LEVEL:
        write_level(json, *(const enum log_level *)place);
        break;
    case SETTING_LOG_FORMAT:
        json_str_out(json, log_format_name(*(const enum log_format *)place));
        break;
    case SETTING_COUNT:
    case SETTING_BYTES:
    case SETTING_SECONDS:
    case SETTING_DAYS:
    case SETTING_MEGABYTES:
        write_number(json, setting->type, place);
        break;
    case SETTING_SECRETS:
        write_list(json, config->signing_secrets, config->secret_count, true);
        break;
    case SETTING_HEADERS:
        config_write_headers(json, config);
        break;
    case SETTING_EGRESS:
        write_list(json, config->egress_allow, config->egress_allow_count, false);
        break;
    case SETTING_POLICIES:
        policies_write(json, &config->policies);
        break;
    case SETTING_KINDS:
        policies_write_kinds(json, &config->policies);
        break;
    case SETTING_SCHEDULE:
        write_schedule(json, config->delivery.policy);
        break;
    case SETTING_TEXT:
    case SETTING_PATH:
    case SETTING_PROGRAM:
    case SETTING_STORE:
    case SETTING_PROXY:
    case SETTING_URL:
    case SETTING_LOGIN:
    case SETTING_SECRET:
    case SETTING_UPSTREAM:
    default:
        write_text(json, setting, config);
        break;
    }
}

void config_write_value(const struct setting *setting, const struct config *config, struct buf *out)
{
    struct json_writer json;

    json_writer_init(&json, out);
    write_value(&json, setting, config);
}

static void write_any_graph(struct json_writer *json, const struct graph *graph)
{
    if (!str_is_none(graph->path)) {
        write_graph(json, graph);
        return;
    }
    json_key_str(json, graph->id);
    json_str_out(json, STR("built in"));
}

static void write_settings(struct json_writer *json, const struct config *config)
{
    const char *section = "";

    json_begin_object(json);
    for (size_t i = 0; i < setting_count; i++) {
        bool is_new = strcmp(settings[i].section, section) != 0;

        if (is_new && section[0])
            json_end_object(json);
        section = settings[i].section;
        if (is_new) {
            json_key(json, section);
            json_begin_object(json);
        }
        json_key(json, settings[i].key);
        write_value(json, &settings[i], config);
    }
    if (section[0])
        json_end_object(json);
    json_end_object(json);
}

void config_write(const struct config *config, struct buf *out)
{
    struct json_writer json;

    json_writer_init(&json, out);
    json_begin_object(&json);
    json_put_str(&json, "file", str_of(config->file));
    json_put_str(&json, "project", str_of(config->project_dir));
    json_key(&json, "graphs");
    json_begin_object(&json);
    for (size_t i = 0; i < config->graphs.count; i++)
        write_any_graph(&json, &config->graphs.list[i]);
    json_end_object(&json);
    json_key(&json, "runbell");
    write_settings(&json, config);
    json_end_object(&json);
}
