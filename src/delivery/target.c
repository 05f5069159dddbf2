/* The verdict of target.h, rule by rule. */
#include "delivery/target.h"

#include "format/domain.h"
#include "http/http_metrics.h"

const struct target_rules target_rules_none = {0};

static const struct target_rules fleet_rules = {.https_unless_opened = true};

const struct target_rules *target_rules_for(struct str kind, const struct target_rules *of_runs)
{
    if (str_eq(kind, STR("run")))
        return of_runs;
    return str_eq(kind, STR("fleet")) ? &fleet_rules : &target_rules_none;
}

static enum err deny(struct str rule, struct str *why, struct str reason)
{
    http_count_denied(rule);
    *why = reason;
    return ERR_DENIED;
}

static bool port_is_allowed(const struct target_rules *rules, const struct url *url)
{
    if (!rules->has_url_block)
        return true;
    if (rules->port_count == 0)
        return url->port == (url->scheme_is_https ? 443 : 80);
    for (size_t i = 0; i < rules->port_count; i++)
        if (rules->allowed_ports[i] == url->port)
            return true;
    return false;
}

static bool needs_https(const struct target_rules *rules, const struct egress_policy *egress,
                        const struct url *url)
{
    return rules->https_unless_opened && !url->scheme_is_https &&
           !egress_opens_host(egress, url->host, url->port);
}

static enum err check_rules(const struct target_rules *rules, struct arena *arena,
                            const struct url *url, struct str *why)
{
    if (rules->require_https && !url->scheme_is_https)
        return deny(STR("require_https"), why,
                    STR("webhooks.url.require_https: the URL must begin with https://"));
    if (rules->domain_count &&
        !domain_list_admits(rules->allowed_domains, rules->domain_count, url->host))
        return deny(STR("allowed_domains"), why,
                    arena_printf(arena, "webhooks.url.allowed_domains: %.*s is not among them",
                                 STR_ARG(url->host)));
    if (!port_is_allowed(rules, url))
        return deny(STR("allowed_ports"), why,
                    arena_printf(arena, "webhooks.url.allowed_ports: port %u is not among them",
                                 (unsigned)url->port));
    return OK;
}

enum err target_check(const struct target_rules *rules, const struct egress_policy *egress,
                      struct arena *arena, struct str text, struct url *url, struct str *why)
{
    const char *reason = NULL;
    struct url parsed = {0};
    enum err err;

    if (rules->url_bytes_max && text.len > rules->url_bytes_max) {
        http_count_denied(STR("max_url_length"));
        *why = arena_printf(arena,
                            "webhooks.url.max_url_length: the URL is longer than %zu characters",
                            rules->url_bytes_max);
        return ERR_LIMIT;
    }
    err = url_parse(arena, text, &parsed, &reason);
    if (err) {
        http_count_denied(STR("url grammar"));
        *why = str_of(reason);
        return err;
    }
    if (parsed.is_relative && !rules->allows_relative)
        return deny(
            STR("relative url"), why,
            STR("a relative URL is only allowed with webhooks.url.disable_loopback: false"));
    if (!parsed.is_relative) {
        err = check_rules(rules, arena, &parsed, why);
        if (err)
            return err;
        if (egress_is_own_path(egress, parsed.host, parsed.port, parsed.path))
            parsed.is_relative = true;
        else if (needs_https(rules, egress, &parsed))
            return deny(STR("https only"), why,
                        STR("the URL must begin with https://; http is only for hosts that --dev "
                            "or runbell.egress.allow opens"));
        else if (!egress_admits_host(egress, parsed.host, parsed.port, &reason))
            return deny(str_of(reason), why,
                        arena_printf(arena, "%.*s must not be called: %s (runbell.egress.allow)",
                                     STR_ARG(parsed.host), reason));
    }
    *url = parsed;
    return OK;
}

enum err target_check_token(const struct egress_policy *egress, struct arena *arena,
                            struct str text, struct url *url, struct str *why)
{
    struct url parsed = {0};
    enum err err = target_check(&target_rules_none, egress, arena, text, &parsed, why);

    if (err)
        return err;
    if (parsed.is_relative)
        return deny(STR("our own address"), why,
                    STR("the token's endpoint must not be this server"));
    if (!parsed.scheme_is_https && !egress->dev)
        return deny(STR("https only"), why,
                    STR("must begin with https://, because the client's secret goes there"));
    *url = parsed;
    return OK;
}
