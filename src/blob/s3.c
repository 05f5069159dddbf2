/* s3.c -- see s3.h: the store of an S3-compatible service, its links and its removals. */
#include "base/mem.h"
#include "blob/s3_priv.h"
#include "format/url.h"
#include "http/tls.h"

#define LINK_MIME_BYTES_MAX 256
#define HEADER_BYTES_MAX (64 * KIB)
#define IDLE_MAX 32
#define IDLE_MS 15000 /* services close after twenty seconds or so */

struct s3 *s3_of(struct blob_store *store)
{
    return CONTAINER_OF(store, struct s3, base);
}

void s3_post(struct s3 *s3, struct message *message, void (*run)(struct message *message))
{
    message->deliver = run;
    if (s3->loop)
        loop_post(s3->loop, message);
    else
        run(message);
}

void s3_post_back(struct s3 *s3, struct loop *loop, struct message *message,
                  void (*done)(struct message *message))
{
    message->deliver = done;
    if (s3->loop)
        loop_post(loop, message);
    else
        done(message);
}

bool s3_key(const struct s3 *s3, int64_t now_us, struct sigv4_key *key)
{
    const struct key_grant *grant;

    *key = s3->key;
    if (!s3->keys)
        return true;
    grant = key_source_grant(s3->keys, now_us);
    if (!grant)
        return false;
    key->id = grant->id;
    key->secret = grant->secret;
    key->token = grant->token;
    return true;
}

/* ---- links ---- */

/* By steps of a 24th of the time they hold, so that what is read twice looks the same. What opens
 * is saved rather than shown: its type is what the sender of the trace said. */
static bool s3_link(const struct blob_store *store, struct str key, struct str mime_type,
                    int64_t now_us, struct buf *out)
{
    const struct s3 *s3 = (const struct s3 *)store;
    int64_t step_us = (s3->link_s + 23) / 24 * US_PER_SECOND;
    struct sigv4_time time = sigv4_time_of(now_us - now_us % step_us);
    const struct sigv4_pair host = {STR("host"), s3->link_host};
    struct sigv4_pair query[] = {
        {STR("response-content-disposition"), STR("attachment")},
        {STR("response-content-type"), mime_type},
    };
    struct sigv4_request request = {.method = STR("GET"),
                                    .query = query,
                                    .query_count = ARRAY_LEN(query),
                                    .headers = &host,
                                    .header_count = 1};
    struct sigv4_key signs;
    struct buf path;

    if (str_is_none(s3->link_base) || !s3_key(s3, now_us, &signs))
        return false;
    if (mime_type.len == 0 || mime_type.len > LINK_MIME_BYTES_MAX || !str_is_utf8(mime_type))
        query[1].value = STR("application/octet-stream");
    buf_init(&path, HEADER_BYTES_MAX);
    buf_addf(&path, "%.*s%.*s%.2s/%.*s", STR_ARG(s3->link_path), STR_ARG(s3->prefix), key.data,
             STR_ARG(key));
    request.path = buf_str(&path);
    buf_add(out, s3->link_base);
    sigv4_write_link(out, &signs, &time, &request, s3->link_s);
    buf_release(&path);
    return true;
}

/* ---- settings ---- */

/* Where something is reached: scheme, host and path of the bucket. */
struct place {
    bool https;
    struct str name, host, path; /* host: as the header says it */
    uint16_t port;
};

static bool is_in_host(const struct s3_settings *settings, const char *endpoint)
{
    if (settings->style)
        return strcmp(settings->style, "host") == 0;
    return !endpoint && str_find_char(str_of(settings->bucket), '.') == strlen(settings->bucket);
}

static enum err place_find(const struct s3_settings *settings, const char *endpoint,
                           struct arena *arena, struct place *place, const char **why)
{
    const char *region = settings->region ? settings->region : "us-east-1";
    bool in_host = is_in_host(settings, endpoint);
    struct str text =
        endpoint ? str_of(endpoint) : arena_printf(arena, "https://s3.%s.amazonaws.com", region);
    struct url url = {0};
    struct buf host;
    enum err err = url_parse(arena, text, &url, why);

    if (err)
        return err;
    if (url.is_relative || !str_is_none(url.query) || (in_host && url.host_kind != HOST_NAME)) {
        *why =
            in_host ? "must have a host name with style \"host\"" : "must have a host and no '?'";
        return ERR_INVALID;
    }
    if (in_host)
        url.host = arena_printf(arena, "%s.%.*s", settings->bucket, STR_ARG(url.host));
    while (str_ends(url.path, STR("/")))
        url.path.len--;
    buf_init(&host, HEADER_BYTES_MAX);
    url_write_host(&host, &url);
    *place = (struct place){.https = url.scheme_is_https, .name = url.host, .port = url.port};
    place->host = arena_str(arena, buf_str(&host));
    place->path = in_host ? arena_printf(arena, "%.*s/", STR_ARG(url.path))
                          : arena_printf(arena, "%.*s/%s/", STR_ARG(url.path), settings->bucket);
    buf_release(&host);
    return OK;
}

static bool is_bucket(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '.' || c == '_'))
            return false;
    }
    return name.len >= 3 && name.len <= 63;
}

static bool is_printable(const char *text, size_t len_max)
{
    for (size_t i = 0; text && text[i]; i++)
        if (text[i] <= ' ' || text[i] > '~' || i >= len_max)
            return false;
    return true;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return !text || strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static bool is_static(const struct s3_settings *settings)
{
    return !settings->credentials || strcmp(settings->credentials, "static") == 0;
}

static struct key_source_settings key_settings_of(const struct s3_settings *settings)
{
    return (struct key_source_settings){settings->credentials, settings->credentials_endpoint,
                                        settings->credentials_token_file,
                                        settings->credentials_role};
}

/* What is wrong of the settings that stand for themselves. */
static const char *fault_of(const struct s3_settings *settings)
{
    if (!is_bucket(str_of(settings->bucket)))
        return "blobs.bucket must be a bucket's name: 3 to 63 letters, digits, '-', '.'";
    if (!is_static(settings) && (settings->access_key_id || settings->secret_access_key))
        return "blobs.credentials says where keys come from, so blobs.access_key_id and "
               "blobs.secret_access_key must not be set";
    if (is_static(settings) && (!settings->access_key_id || !settings->secret_access_key))
        return "blobs.bucket is set, so blobs.access_key_id and blobs.secret_access_key must be "
               "set too";
    if (!is_printable(settings->access_key_id, 128) ||
        !is_printable(settings->secret_access_key, 256))
        return "blobs.access_key_id and blobs.secret_access_key must not have blanks in them";
    if (!is_printable(settings->session_token, 4096))
        return "blobs.session_token must not have blanks in it";
    if (!is_printable(settings->region, 64))
        return "blobs.region must be a region's name, such as eu-central-1";
    if (!is_printable(settings->prefix, 512) || (settings->prefix && settings->prefix[0] == '/'))
        return "blobs.prefix must not begin with '/', nor have blanks in it";
    if (!is_one_of(settings->style, "path", "host"))
        return "blobs.style must be path or host";
    if (!is_one_of(settings->links, "presigned", "proxied"))
        return "blobs.links must be presigned or proxied";
    return NULL;
}

enum err s3_settings_check(const struct s3_settings *settings, struct arena *arena, struct str *why)
{
    const char *endpoints[] = {settings->endpoint, settings->link_endpoint};
    static const char *const names[] = {"blobs.endpoint", "blobs.link_endpoint"};
    const struct key_source_settings keys = key_settings_of(settings);
    const char *fault;
    struct place place;

    if (!settings->bucket &&
        (settings->endpoint || settings->access_key_id || settings->secret_access_key ||
         settings->link_endpoint || settings->credentials)) {
        *why = STR("blobs.bucket is not set, and other settings of blobs are");
        return ERR_INVALID;
    }
    if (!settings->bucket)
        return OK;
    if ((fault = fault_of(settings))) {
        *why = str_of(fault);
        return ERR_INVALID;
    }
    if (!is_static(settings) && key_source_check(&keys, arena, why))
        return ERR_INVALID;
    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        const char *words = "";

        if (place_find(settings, endpoints[i], arena, &place, &words)) {
            *why = arena_printf(arena, "%s %s", names[i], words);
            return ERR_INVALID;
        }
    }
    return OK;
}

/* ---- life ---- */

/* The last turn of the loop. What jobs still have with their spools is done before those end. */
static void stop_here(struct message *message)
{
    struct s3 *s3 = CONTAINER_OF(message, struct s3, stopping);

    s3_jobs_end(s3);
    if (s3->keys)
        key_source_stop(s3->keys);
    fetch_client_free(s3->http);
    s3->http = NULL;
    spools_stop(s3->spools);
}

static void s3_stop(struct blob_store *store)
{
    struct s3 *s3 = s3_of(store);
    struct loop *loop = s3->loop;

    if (!loop)
        return;
    s3_post(s3, &s3->stopping, stop_here);
    loop_stop(loop);
    loop_free(loop);
    s3->loop = NULL;
}

static void s3_free(struct blob_store *store)
{
    struct s3 *s3 = s3_of(store);

    s3_stop(store);
    if (s3->keys)
        key_source_free(s3->keys);
    spools_free(s3->spools);
    if (s3->tls)
        tls_client_free(s3->tls);
    arena_release(&s3->arena);
    mem_free(s3);
}

struct str s3_words(const struct blob_store *store)
{
    return str_of(((const struct s3 *)store)->words);
}

static const struct blob_ops ops = {
    .put_new = s3_put_new,
    .put_add = s3_put_add,
    .put_pending = s3_put_pending,
    .put_end = s3_put_end,
    .put_cancel = s3_put_cancel,
    .get_new = s3_get_new,
    .get_next = s3_get_next,
    .get_free = s3_get_free,
    .remove = s3_remove,
    .link = s3_link,
    .stop = s3_stop,
    .free = s3_free,
};

static struct str text_or(const char *text, struct str other)
{
    return text ? str_of(text) : other;
}

static void take_settings(struct s3 *s3, const struct s3_settings *settings)
{
    struct place place, links;
    const char *why;

    REQUIRE(place_find(settings, settings->endpoint, &s3->arena, &place, &why) == OK);
    s3->origin = (struct fetch_origin){place.https, place.name, place.port};
    s3->host = place.host;
    s3->path = place.path;
    s3->bucket = str_of(settings->bucket);
    s3->prefix = text_or(settings->prefix, STR(""));
    s3->key = (struct sigv4_key){
        str_of(settings->access_key_id), str_of(settings->secret_access_key),
        str_of(settings->session_token), text_or(settings->region, STR("us-east-1")), STR("s3")};
    s3->key_settings = key_settings_of(settings);
    s3->timeout_ms = settings->timeout_ms;
    s3->connections_max = settings->connections_max;
    s3->link_s = settings->link_ms / MS_PER_SECOND;
    if (settings->links && strcmp(settings->links, "proxied") == 0)
        return;
    links = place;
    if (settings->link_endpoint)
        REQUIRE(place_find(settings, settings->link_endpoint, &s3->arena, &links, &why) == OK);
    s3->link_base =
        arena_printf(&s3->arena, "%s://%.*s", links.https ? "https" : "http", STR_ARG(links.host));
    s3->link_host = links.host;
    s3->link_path = links.path;
}

static void start_keys(struct message *message)
{
    key_source_start(CONTAINER_OF(message, struct s3, starting)->keys);
}

static void start(struct s3 *s3, struct world *world, const char *dir, bool has_source)
{
    list_init(&s3->under_way);
    for (size_t i = 0; i < S3_KIND_COUNT; i++)
        list_init(&s3->waiting[i]);
    s3->spools = spools_new(world, dir);
    s3->loop = world_loop_new(world, "blob");
    s3->http = fetch_client_new(&(struct fetch_client_config){.loop = s3->loop,
                                                              .origin = s3->origin,
                                                              .tls = s3->tls,
                                                              .connect_ms = s3->timeout_ms,
                                                              .header_bytes_max = HEADER_BYTES_MAX,
                                                              .idle_max = IDLE_MAX,
                                                              .idle_ms = IDLE_MS});
    if (has_source) {
        s3->keys = key_source_new(&(struct key_source_config){.settings = &s3->key_settings,
                                                              .loop = s3->loop,
                                                              .spools = s3->spools,
                                                              .tls = s3->tls,
                                                              .timeout_ms = s3->timeout_ms});
        s3->starting.deliver = start_keys;
        loop_post(s3->loop, &s3->starting);
    }
    loop_start(s3->loop);
}

enum err s3_new(struct world *world, const struct s3_settings *settings, const char *dir,
                struct blob_store **store, const char **why)
{
    struct s3 *s3 = MEM_NEW(struct s3);
    enum err err = OK;

    arena_init(&s3->arena);
    s3->base.ops = &ops;
    take_settings(s3, settings);
    if (s3->origin.https || !is_static(settings))
        err = tls_client_new(settings->ca_file, &s3->tls, why);
    if (err) {
        arena_release(&s3->arena);
        mem_free(s3);
        return err;
    }
    start(s3, world, dir, !is_static(settings));
    *store = &s3->base;
    return OK;
}
