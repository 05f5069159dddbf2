/* config_priv.h -- what the files of config share: the reader, and its way of saying no. */
#ifndef APP_CONFIG_PRIV_H
#define APP_CONFIG_PRIV_H

#include "app/config.h"
#include "app/env.h"
#include "base/json.h"

struct config_reader {
    struct arena *arena; /* config's */
    struct config *config;
    const struct config_sources *sources;
    const char *file;        /* as errors name it */
    const struct json *root; /* NULL: there is no file */
    struct env env;
    struct str *why;
};

/* Sets *why; returns ERR_INVALID. */
enum err config_refuse(struct config_reader *r, const char *format, ...) PRINTF_LIKE(2, 3) MUST_USE;
/* "a string, not a number" for a value of the wrong type. */
struct str config_found(struct config_reader *r, const char *wanted, const struct json *value);
/* `path` as seen from `base`; an absolute one stays. In the arena. */
const char *config_path(struct arena *arena, const char *base, struct str path);
/* Its text with a NUL at the end; refuses one that has a NUL inside. */
enum err config_read_file(struct config_reader *r, const char *path, size_t bytes_max,
                          struct str *text) MUST_USE;

/* config_file.c: finds and parses the file, warns of unknown keys, reads `env`. */
enum err config_read_root(struct config_reader *r) MUST_USE;
/* config_graphs.c */
/* "./file.py:export": `name` is the key's, as an error calls it ("graphs.agent", "auth.path"). */
enum err config_read_export(struct config_reader *r, struct str name, const struct json *value,
                            struct plugin *export) MUST_USE;
enum err config_read_graphs(struct config_reader *r) MUST_USE;
void config_builtin_graphs(struct config *config);

/* config_assistants.c: LANGGRAPH_CONFIG; after the graphs. */
enum err config_read_assistants(struct config_reader *r) MUST_USE;
/* config_plugins.c: auth, and what cannot be plugged in here */
enum err config_read_plugins(struct config_reader *r) MUST_USE;
/* config_upstream.c */
struct setting;
struct setting_value;
enum err config_apply_upstream(struct config_reader *r, const struct setting *setting,
                               const struct setting_value *value) MUST_USE;
enum err config_apply_headers(struct config_reader *r, const struct setting_value *value) MUST_USE;
void config_write_headers(struct json_writer *json, const struct config *config);
/* What is of no use in front of an upstream. */
void config_warn_of_upstream(struct config_reader *r);
/* config_cors.c: http.cors */
enum err config_read_cors(struct config_reader *r, const struct json *http) MUST_USE;
/* config_http.c */
enum err config_read_http(struct config_reader *r) MUST_USE;
/* config_lives.c: checkpointer.ttl and store.ttl */
enum err config_read_lives(struct config_reader *r) MUST_USE;

/* ---- config_settings.c: the settings of the server itself ---- */

enum setting_type {
    SETTING_FLAG,       /* bool */
    SETTING_TEXT,       /* const char * */
    SETTING_PATH,       /* const char *: from the folder of the file, or the working folder */
    SETTING_PROGRAM,    /* const char *: a path if it has a '/', else looked up in PATH */
    SETTING_STORE,      /* const char *: a URL, or "sqlite" for NULL */
    SETTING_ADDRESS,    /* struct address */
    SETTING_LEVEL,      /* enum log_level */
    SETTING_LOG_FORMAT, /* enum log_format */
    SETTING_COUNT,      /* unsigned */
    SETTING_BYTES,      /* size_t */
    SETTING_SECONDS,    /* int64_t, in ms; the setting is in seconds, also broken ones */
    SETTING_DAYS,       /* int64_t, in µs; the setting is in days */
    SETTING_MEGABYTES,  /* int64_t, in bytes; the setting is in 1,000,000 of them */
    SETTING_SECRETS,    /* the signing secrets */
    SETTING_SECRET,     /* const char *, secret */
    SETTING_PROXY,      /* const char *: a URL, which sets egress_proxy */
    SETTING_URL,        /* const char *: where a server is reached, without a slash at its end */
    SETTING_LOGIN,      /* const char *, secret: "user:password" of the proxy */
    SETTING_UPSTREAM,   /* const char *: a URL, which sets upstream */
    SETTING_HEADERS,    /* secret: the headers of requests to the upstream, by name */
    SETTING_EGRESS,     /* the egress policy's entries */
    SETTING_POLICIES,   /* delivery policies of one's own, by name */
    SETTING_KINDS,      /* the policy of each kind of webhook; after these */
    SETTING_SCHEDULE    /* the delivery policy's delays, in ms */
};

struct setting {
    const char *section; /* "" or "egress" */
    const char *key;
    enum setting_type type;
    size_t offset; /* in struct config */
    double min, max;
    const char *alias; /* a variable of LangGraph's own server that means the same; or NULL */
    const char *help;
};

extern const struct setting settings[];
extern const size_t setting_count;

/* "egress.allow" */
struct str setting_name(const struct setting *setting, struct arena *arena);
/* Is its value never shown? */
bool setting_is_secret(const struct setting *setting);
/* Is it the variable of a setting? Workers do not get these. */
bool setting_is_variable(struct str name);

/* One given value: `origin` is what an error calls it ("langgraph.json: runbell.readers",
 * "RUNBELL_READERS", "--readers"). */
struct setting_value {
    struct str origin;
    const char *base_dir;
    bool flag;
    double number;
    struct str text;
    const struct json *json;
    const struct str *list;
    size_t count;
};

/* config_write.c: the value in force, as JSON; secrets as "***". */
void config_write_value(const struct setting *setting, const struct config *config,
                        struct buf *out);

/* config_values.c: what the types mean. */
enum err setting_from_json(struct config_reader *r, const struct setting *setting,
                           const struct json *json, struct setting_value *value) MUST_USE;
enum err setting_from_text(struct config_reader *r, const struct setting *setting, struct str text,
                           struct setting_value *value) MUST_USE;
enum err setting_apply(struct config_reader *r, const struct setting *setting,
                       const struct setting_value *value) MUST_USE;

/* config_sources.c: finds the values. */
enum err config_read_settings(struct config_reader *r) MUST_USE;

#endif
