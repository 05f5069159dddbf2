/* domain.c -- exact hosts and left-most wildcards. */
#include "format/domain.h"

static bool is_wildcard(struct str pattern)
{
    return str_starts(pattern, STR("*."));
}

enum err domain_pattern_check(struct str pattern, const char **why)
{
    enum host_kind kind;
    enum err err;

    if (host_is_ipv6(pattern))
        return OK;
    if (str_eq(pattern, STR("*"))) {
        *why = "a lone * would admit every host";
        return ERR_INVALID;
    }
    err = host_parse(str_from(pattern, is_wildcard(pattern) ? 2 : 0), &kind, why);
    if (!err && is_wildcard(pattern) && kind != HOST_NAME) {
        *why = "a wildcard cannot stand before an IP address";
        return ERR_INVALID;
    }
    return err;
}

bool domain_admits(struct str pattern, struct str host)
{
    struct str suffix = str_from(pattern, 1); /* with its dot */
    enum host_kind kind;
    const char *ignored;

    if (domain_pattern_check(pattern, &ignored))
        return false;
    if (!is_wildcard(pattern))
        return str_eq_nocase(pattern, host);
    /* The host as a whole is checked too: an empty label before the suffix is no subdomain. */
    return host.len > suffix.len && str_eq_nocase(str_from(host, host.len - suffix.len), suffix) &&
           host_parse(host, &kind, &ignored) == OK && kind == HOST_NAME;
}

bool domain_list_admits(const struct str *patterns, size_t count, struct str host)
{
    for (size_t i = 0; i < count; i++)
        if (domain_admits(patterns[i], host))
            return true;
    return false;
}
