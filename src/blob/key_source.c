/* key_source.c -- see key_source.h: a round of one to three requests, one after the other. */
#include "blob/key_source.h"

#include <stdatomic.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "format/url.h"
#include "http/fetch.h"
#include "io/disk.h"

#define METADATA_ENDPOINT "http://169.254.169.254"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define ANSWER_BYTES_MAX (64 * KIB)
#define TOKEN_BYTES_MAX 8192
#define HEADER_BYTES_MAX (16 * KIB)
#define WORDS_MAX 256
#define BEFORE_END_MS (5 * 60 * MS_PER_SECOND)
#define UNKNOWN_END_MS (3600 * MS_PER_SECOND) /* of keys that do not say when they end */
#define PAUSE_FIRST_MS 1000
#define PAUSE_MAX_MS (60 * MS_PER_SECOND)
#define REFRESH_MS (10 * MS_PER_SECOND) /* between two that somebody else wants */

enum step { STEP_FILE, STEP_TOKEN, STEP_ROLE, STEP_KEYS };

/* Kept until the end of the source: some thread may be signing with it. An hour's is two KB. */
struct grant {
    struct key_grant grant;
    struct arena arena;
    struct grant *before;
};

struct key_source {
    struct key_source_config config;
    struct arena arena; /* of what is configured */
    struct fetch_origin origin;
    struct str path; /* of a container */
    bool is_instance;
    _Atomic(struct grant *) grant;
    struct fetch_client *http;
    struct timer timer;
    struct message reading;
    struct buf file;   /* the thread's while it is read */
    enum err file_err; /* so too */
    /* The round under way. */
    struct arena round;
    enum step step;
    struct fetch *fetch; /* NULL: none; so it is between rounds */
    int status;
    struct buf answer;
    struct str token, role; /* in `round` */
    int64_t pause_ms, refreshed_ms;
    bool is_asking, is_stopped, has_failed;
    char words[WORDS_MAX];
};

static void step_begin(struct key_source *source, enum step step);

/* ---- settings ---- */

/* Where plain HTTP may go: what is sent back is a secret. */
static bool is_near(const struct url *url)
{
    struct address address;

    if (url->host_kind == HOST_NAME)
        return str_eq(url->host, STR("localhost")) || str_ends(url->host, STR(".localhost"));
    if (address_parse_ip(url->host, &address))
        return false;
    if (address_is_loopback(&address))
        return true;
    if (address.family == ADDRESS_IPV4)
        return address.bytes[0] == 169 && address.bytes[1] == 254;
    return (address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0x80) ||
           str_starts(url->host, STR("fd00:ec2::"));
}

static struct str endpoint_of(const struct key_source_settings *settings)
{
    return str_of(settings->endpoint ? settings->endpoint : METADATA_ENDPOINT);
}

static bool is_kind(const struct key_source_settings *settings, const char *kind)
{
    return settings->kind && strcmp(settings->kind, kind) == 0;
}

enum err key_source_check(const struct key_source_settings *settings, struct arena *arena,
                          struct str *why)
{
    bool is_instance = is_kind(settings, "instance");
    const char *words = NULL;
    struct url url;

    *why = STR_NONE;
    if (!is_instance && !is_kind(settings, "container"))
        *why = STR("blobs.credentials must be static, container or instance");
    else if (!is_instance && !settings->endpoint)
        *why = STR("blobs.credentials_endpoint must say where the container's credentials are");
    else if (url_parse(arena, endpoint_of(settings), &url, &words) || url.is_relative)
        *why = arena_printf(arena, "blobs.credentials_endpoint %s",
                            words ? words : "must have a host");
    else if (!url.scheme_is_https && !is_near(&url))
        *why = STR("blobs.credentials_endpoint must be https, or http to a loopback or link-local "
                   "address: what it gives is a secret");
    else if (is_instance && url.path.len > 1)
        *why = STR("blobs.credentials_endpoint of an instance must be http://host[:port] alone");
    else if (is_instance && settings->token_file)
        *why = STR("blobs.credentials_token_file is for containers");
    else if (!is_instance && settings->role)
        *why = STR("blobs.credentials_role is for instances");
    return str_is_none(*why) ? OK : ERR_INVALID;
}

/* ---- the end of a round ---- */

static void round_end(struct key_source *source)
{
    if (source->fetch)
        fetch_cancel(source->fetch);
    source->fetch = NULL;
    source->is_asking = false;
    arena_reset(&source->round);
    source->token = source->role = STR_NONE;
}

/* The log has a line when it begins to fail, and one when it goes well again. */
static void failed(struct key_source *source, const char *what, const char *why)
{
    snprintf(source->words, sizeof(source->words), "%s: %s", what, why);
    if (!source->has_failed)
        log_error("blob", "no credentials for the bucket: %s", source->words);
    source->has_failed = true;
    round_end(source);
    timer_start(&source->timer, rng_jitter(loop_rng(source->config.loop), source->pause_ms, 0.2));
    source->pause_ms = source->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : source->pause_ms * 2;
}

static int64_t next_ms(const struct key_source *source, const struct key_grant *grant)
{
    int64_t left_ms = grant->expires_us == INT64_MAX
                          ? UNKNOWN_END_MS
                          : (grant->expires_us - loop_wall_us(source->config.loop)) / 1000;
    int64_t next = left_ms > 2 * BEFORE_END_MS ? left_ms - BEFORE_END_MS : left_ms / 2;

    next = rng_jitter(loop_rng(source->config.loop), next, 0.02);
    return next < PAUSE_FIRST_MS ? PAUSE_FIRST_MS : next;
}

static void succeeded(struct key_source *source, struct grant *grant)
{
    grant->before = atomic_load(&source->grant);
    atomic_store(&source->grant, grant);
    if (source->has_failed)
        log_info("blob", "there are credentials for the bucket again");
    source->has_failed = false;
    source->words[0] = '\0';
    source->pause_ms = PAUSE_FIRST_MS;
    round_end(source);
    timer_start(&source->timer, next_ms(source, &grant->grant));
}

/* ---- answers ---- */

static struct str text_at(const struct json *object, const char *key, struct arena *arena)
{
    return arena_str(arena, json_string(json_get(object, key)));
}

/* {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}, from both kinds of places. */
static const char *grant_read(struct str text, struct grant *grant)
{
    struct key_grant *g = &grant->grant;
    const struct json *root, *code, *end;

    if (json_parse(&grant->arena, text, &root, NULL) || json_type(root) != JSON_OBJECT)
        return "the answer is no JSON object";
    code = json_get(root, "Code");
    if (code && !str_eq(json_string(code), STR("Success")))
        return "the answer's Code is not Success";
    g->id = text_at(root, "AccessKeyId", &grant->arena);
    g->secret = text_at(root, "SecretAccessKey", &grant->arena);
    g->token = text_at(root, "Token", &grant->arena);
    if (g->id.len == 0 || g->secret.len == 0)
        return "the answer has no AccessKeyId and SecretAccessKey";
    if (g->token.len == 0)
        g->token = STR_NONE;
    end = json_get(root, "Expiration");
    g->expires_us = INT64_MAX;
    if (end && !json_is_null(end) && time_parse_iso(json_string(end), &g->expires_us))
        return "the answer's Expiration is no time";
    return NULL;
}

static void on_keys(struct key_source *source)
{
    struct grant *grant = MEM_NEW(struct grant);
    const char *why;

    arena_init(&grant->arena);
    why = grant_read(buf_str(&source->answer), grant);
    if (!why && grant->grant.expires_us <= loop_wall_us(source->config.loop))
        why = "what it gives has ended already";
    if (!why) {
        succeeded(source, grant);
        return;
    }
    arena_release(&grant->arena);
    mem_free(grant);
    failed(source, "credentials", why);
}

/* The first line. */
static struct str line_of(struct key_source *source)
{
    struct str text = buf_str(&source->answer);

    text = str_trim(str_first(text, str_find_char(text, '\n')));
    return arena_str(&source->round, text);
}

static bool is_header_value(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    return text.len > 0;
}

static bool is_role(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~' || strchr("/?#%", text.data[i]))
            return false;
    return text.len > 0;
}

static void on_answer(struct key_source *source)
{
    static const char *const names[] = {"the token's file", "the metadata service's token",
                                        "the instance's role", "credentials"};
    enum step step = source->step;
    char why[64];

    if (source->status != 200 || source->answer.failed) {
        snprintf(why, sizeof(why),
                 source->status == 200 ? "the answer is too long" : "it answers %d",
                 source->status);
        failed(source, names[step], why);
    } else if (step == STEP_KEYS) {
        on_keys(source);
    } else if (step == STEP_TOKEN) {
        source->token = line_of(source);
        if (is_header_value(source->token))
            step_begin(source, source->config.settings->role ? STEP_KEYS : STEP_ROLE);
        else
            failed(source, names[step], "the answer is none");
    } else {
        source->role = line_of(source);
        if (is_role(source->role))
            step_begin(source, STEP_KEYS);
        else
            failed(source, names[step], "it has none");
    }
}

/* ---- requests ---- */

static void on_head(void *context, const struct fetch_head *head)
{
    ((struct key_source *)context)->status = head->status;
}

static void on_body(void *context, struct str piece)
{
    buf_add(&((struct key_source *)context)->answer, piece);
}

static void on_end(void *context, enum fetch_end end, const char *why)
{
    struct key_source *source = context;

    source->fetch = NULL;
    if (end == FETCH_DONE)
        on_answer(source);
    else
        failed(source, "the place that gives credentials", why);
}

static struct str target_of(struct key_source *source)
{
    struct str role =
        source->config.settings->role ? str_of(source->config.settings->role) : source->role;

    switch (source->step) {
    case STEP_TOKEN:
        return STR("/latest/api/token");
    case STEP_ROLE:
        return STR(ROLE_PATH);
    case STEP_FILE:
    case STEP_KEYS:
        break;
    }
    return source->is_instance ? arena_printf(&source->round, ROLE_PATH "%.*s", STR_ARG(role))
                               : source->path;
}

static struct http_header header_of(const struct key_source *source)
{
    if (source->step == STEP_TOKEN)
        return (struct http_header){STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("300")};
    return (struct http_header){source->is_instance ? STR("X-aws-ec2-metadata-token")
                                                    : STR("Authorization"),
                                source->token};
}

static void ask(struct key_source *source)
{
    static const struct fetch_events events = {on_head, on_body, on_end, NULL, NULL};
    bool is_put = source->step == STEP_TOKEN;
    struct http_header *header = ARENA_NEW(&source->round, struct http_header);
    struct fetch_request request = {.method = is_put ? STR("PUT") : STR("GET"),
                                    .target = target_of(source),
                                    .headers = header,
                                    .has_body = is_put,
                                    .is_repeatable = true,
                                    .all_ms = source->config.timeout_ms};

    *header = header_of(source);
    request.header_count = str_is_none(header->value) ? 0 : 1;
    source->status = 0;
    buf_clear(&source->answer);
    source->fetch = fetch_start(source->http, &request, &events, source);
}

/* ---- the file ---- */

static void on_file(struct message *message)
{
    struct key_source *source = CONTAINER_OF(message, struct key_source, reading);

    if (source->is_stopped)
        return;
    source->token = arena_str(&source->round, str_trim(buf_str(&source->file)));
    if (source->file_err)
        failed(source, "blobs.credentials_token_file", "it cannot be read");
    else if (!is_header_value(source->token))
        failed(source, "blobs.credentials_token_file", "what stands in it is no token");
    else
        step_begin(source, STEP_KEYS);
}

/* On the spools' thread. */
static void file_read(struct message *message)
{
    struct key_source *source = CONTAINER_OF(message, struct key_source, reading);

    buf_clear(&source->file);
    source->file_err = disk_read_file(spools_disk(source->config.spools),
                                      source->config.settings->token_file, &source->file);
    message->deliver = on_file;
    loop_post(source->config.loop, message);
}

/* ---- rounds ---- */

static void step_begin(struct key_source *source, enum step step)
{
    source->step = step;
    if (step != STEP_FILE) {
        ask(source);
        return;
    }
    source->reading.deliver = file_read;
    spools_do(source->config.spools, &source->reading);
}

static void round_begin(struct key_source *source)
{
    if (source->is_asking || source->is_stopped)
        return;
    source->is_asking = true;
    timer_stop(&source->timer);
    step_begin(source, source->is_instance                   ? STEP_TOKEN
                       : source->config.settings->token_file ? STEP_FILE
                                                             : STEP_KEYS);
}

static void on_timer(struct timer *timer)
{
    round_begin(CONTAINER_OF(timer, struct key_source, timer));
}

/* ---- life ---- */

struct key_source *key_source_new(const struct key_source_config *config)
{
    struct key_source *source = MEM_NEW(struct key_source);
    struct url url;
    const char *why;

    source->config = *config;
    arena_init(&source->arena);
    arena_init(&source->round);
    buf_init(&source->answer, ANSWER_BYTES_MAX);
    buf_init(&source->file, TOKEN_BYTES_MAX);
    REQUIRE(!url_parse(&source->arena, endpoint_of(config->settings), &url, &why));
    source->origin = (struct fetch_origin){url.scheme_is_https, url.host, url.port};
    source->path = url.target;
    source->is_instance = is_kind(config->settings, "instance");
    source->pause_ms = PAUSE_FIRST_MS;
    snprintf(source->words, sizeof(source->words), "they have not come yet");
    timer_init(&source->timer, config->loop, on_timer);
    return source;
}

void key_source_start(struct key_source *source)
{
    source->http = fetch_client_new(&(struct fetch_client_config){
        .loop = source->config.loop,
        .origin = source->origin,
        .tls = source->config.tls,
        .connect_ms = source->config.timeout_ms,
        .header_bytes_max = HEADER_BYTES_MAX,
    });
    round_begin(source);
}

void key_source_stop(struct key_source *source)
{
    source->is_stopped = true;
    timer_stop(&source->timer);
    round_end(source);
    fetch_client_free(source->http);
    source->http = NULL;
}

void key_source_refresh(struct key_source *source)
{
    int64_t now_ms = loop_mono_ms(source->config.loop);

    if (source->is_asking || source->has_failed || source->is_stopped ||
        (source->refreshed_ms && now_ms - source->refreshed_ms < REFRESH_MS))
        return;
    source->refreshed_ms = now_ms;
    round_begin(source);
}

const struct key_grant *key_source_grant(const struct key_source *source, int64_t now_us)
{
    const struct grant *grant = atomic_load(&source->grant);

    return grant && grant->grant.expires_us > now_us ? &grant->grant : NULL;
}

const char *key_source_words(const struct key_source *source)
{
    return source->words[0] ? source->words : "they have ended";
}

void key_source_free(struct key_source *source)
{
    struct grant *grant = atomic_load(&source->grant);

    while (grant) {
        struct grant *before = grant->before;

        arena_release(&grant->arena);
        mem_free(grant);
        grant = before;
    }
    buf_release(&source->file);
    buf_release(&source->answer);
    arena_release(&source->round);
    arena_release(&source->arena);
    mem_free(source);
}
