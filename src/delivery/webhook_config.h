/* webhook_config.h -- the `webhooks` block of langgraph.json, and http.disable_webhooks.
 *
 *   "webhooks": {
 *     "env_prefix": "LG_WEBHOOK_",
 *     "headers": {"Authorization": "Bearer ${{ env.LG_WEBHOOK_TOKEN }}"},
 *     "url": {"require_https": true, "allowed_domains": ["*.example.com"], "allowed_ports": [443],
 *             "max_url_length": 2048, "disable_loopback": true}
 *   }
 *
 * Read once at start. Any error keeps the server from starting, so its text names the key and the
 * variable, never a variable's value. A key that is not known here is logged. No I/O: the caller
 * looks variables up. */
#ifndef DELIVERY_WEBHOOK_CONFIG_H
#define DELIVERY_WEBHOOK_CONFIG_H

#include "base/json.h"
#include "delivery/target.h"
#include "http/server.h"

#define WEBHOOK_HEADERS_MAX 64
#define WEBHOOK_DOMAINS_MAX 1000
#define WEBHOOK_PORTS_MAX 1000

struct webhook_config {
    bool is_disabled;                  /* http.disable_webhooks */
    const struct http_header *headers; /* on every run webhook */
    size_t header_count;
    struct target_rules rules;
};

struct webhook_environment {
    struct str (*find)(void *context, struct str name); /* STR_NONE: not set */
    void *context;
};

/* `root` is the whole file (NULL: none). Everything of *config lives in the arena. On an error *why
 * is "webhooks.headers.Authorization: the variable LG_WEBHOOK_TOKEN is not set". */
enum err webhook_config_parse(struct arena *arena, const struct json *root,
                              const struct webhook_environment *environment,
                              struct webhook_config *config, struct str *why) MUST_USE;

#endif
