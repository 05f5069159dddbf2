/* target.h -- the one verdict on a webhook URL, the same when it is given and when it is called.
 *
 *   grammar (format/url.h)  →  webhooks.url.* of langgraph.json  →  what the host's text tells the
 *   egress policy (http/egress.h). The addresses themselves are vetted when they are known, by
 *   the client.
 *
 * Without a `webhooks.url` block any port and domain may be called. With one, the ports are 443 for
 * https and 80 for http unless allowed_ports lists others. A relative URL is refused unless
 * disable_loopback is false; it is then sent to our own listener, like anybody's request, and the
 * rules about domains, ports and schemes say nothing about it.
 *
 * An absolute URL of an inspector of ours (egress_policy.own_path) is judged by the rules, then
 * sent like a relative one: url.is_relative is set. Pure, but for the count of denials
 * (http/http_metrics.h). */
#ifndef DELIVERY_TARGET_H
#define DELIVERY_TARGET_H

#include "format/url.h"
#include "http/egress.h"

struct target_rules {
    bool has_url_block; /* webhooks.url stands in the file */
    bool require_https;
    bool https_unless_opened; /* http only to what --dev or egress.allow opens */
    bool allows_relative;     /* disable_loopback: false */
    const struct str *allowed_domains;
    size_t domain_count; /* 0: any */
    const uint16_t *allowed_ports;
    size_t port_count;    /* 0: the scheme's own, if has_url_block */
    size_t url_bytes_max; /* 0: URL_BYTES_MAX */
};

/* The rules of kinds that `webhooks.url` does not apply to. */
extern const struct target_rules target_rules_none;
/* The rules of a kind of webhook; `of_runs` are those of `webhooks.url`. */
const struct target_rules *target_rules_for(struct str kind, const struct target_rules *of_runs);

/* OK: *url is parsed, in the arena. ERR_INVALID (grammar), ERR_LIMIT (too long) or ERR_DENIED (a
 * rule): *why names the rule in words for people; in the arena or static. */
enum err target_check(const struct target_rules *rules, const struct egress_policy *egress,
                      struct arena *arena, struct str text, struct url *url,
                      struct str *why) MUST_USE;

/* The same for the URL of an OAuth token's endpoint: never this server itself, and https unless
 * `dev`, because the client's secret goes there. */
enum err target_check_token(const struct egress_policy *egress, struct arena *arena,
                            struct str text, struct url *url, struct str *why) MUST_USE;

#endif
