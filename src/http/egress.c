/* egress.c -- the policy: entries of the allow-list, and the verdict over one address or one host
 * text. */
#include "http/egress.h"

#include "format/host.h"

#define MAPPED_BITS 96 /* of ::ffff:0:0/96 */

enum entry_kind { ENTRY_RANGE, ENTRY_HOST, ENTRY_SUFFIX };

struct egress_entry {
    const struct egress_entry *next;
    enum entry_kind kind;
    struct address address; /* ENTRY_RANGE */
    unsigned bits;
    struct str name; /* ENTRY_HOST: "host.example"; ENTRY_SUFFIX: ".suffix.example" */
    uint16_t port;   /* 0: any */
};

static unsigned full_bits(const struct address *address)
{
    return address->family == ADDRESS_IPV4 ? 32 : 128;
}

/* ---- names ---- */

static bool is_host_name(struct str host)
{
    enum host_kind kind;
    const char *why;

    return host_parse(host, &kind, &why) == OK && kind == HOST_NAME;
}

static struct str without_brackets(struct str host)
{
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        return str_range(host.data + 1, host.len - 2);
    return host;
}

/* ---- IPv4 in IPv6 ---- */

/* 64:ff9b::a.b.c.d leads to a.b.c.d. */
static struct address behind_nat64(const struct address *address)
{
    static const uint8_t prefix[12] = {0x00, 0x64, 0xff, 0x9b};

    return address_behind(address, prefix);
}

/* ---- entries ---- */

static bool has_host_bits(const struct address *address, unsigned bits)
{
    for (unsigned bit = bits; bit < full_bits(address); bit++)
        if (address->bytes[bit / 8] & (0x80 >> (bit % 8)))
            return true;
    return false;
}

static enum err parse_range(struct egress_entry *entry, struct str text, size_t slash,
                            const char **why)
{
    int64_t bits;

    if (address_parse_ip(without_brackets(str_first(text, slash)), &entry->address) != OK ||
        str_to_i64(str_from(text, slash + 1), &bits) != OK) {
        *why = "not an address range";
        return ERR_INVALID;
    }
    if (bits < 0 || bits > (int64_t)full_bits(&entry->address)) {
        *why = "the prefix length is out of range";
        return ERR_INVALID;
    }
    entry->bits = (unsigned)bits;
    if (bits >= MAPPED_BITS && address_unmapped(&entry->address).family != entry->address.family) {
        entry->address = address_unmapped(&entry->address);
        entry->bits -= MAPPED_BITS;
    }
    if (has_host_bits(&entry->address, entry->bits)) {
        *why = "the address has bits beyond the prefix length";
        return ERR_INVALID;
    }
    return OK;
}

/* Takes ":port" off the end: behind a name, an IPv4 address or a bracketed IPv6 address. */
static enum err split_port(struct str *text, uint16_t *port, const char **why)
{
    size_t colon = text->len;
    int64_t number;

    while (colon > 0 && text->data[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return OK;
    struct str before = str_first(*text, colon - 1);
    bool is_bare_ipv6 = str_find_char(before, ':') < before.len && before.data[0] != '[';
    bool is_inside = before.len && before.data[0] == '[' && before.data[before.len - 1] != ']';
    if (is_bare_ipv6 || is_inside)
        return OK;
    if (str_to_i64(str_from(*text, colon), &number) != OK || number < 1 || number > UINT16_MAX) {
        *why = "the port is not a number from 1 to 65535";
        return ERR_INVALID;
    }
    *text = before;
    *port = (uint16_t)number;
    return OK;
}

static enum err parse_entry(struct egress_entry *entry, struct str text, const char **why)
{
    size_t slash = str_find_char(text, '/');

    entry->kind = ENTRY_RANGE;
    if (slash < text.len)
        return parse_range(entry, text, slash, why);
    enum err err = split_port(&text, &entry->port, why);
    if (err)
        return err;
    if (address_parse_ip(without_brackets(text), &entry->address) == OK) {
        entry->address = address_unmapped(&entry->address);
        entry->bits = full_bits(&entry->address);
        return OK;
    }
    entry->kind = ENTRY_HOST;
    if (str_starts(text, STR("*."))) {
        entry->kind = ENTRY_SUFFIX;
        text = str_from(text, 1);
    }
    entry->name = text;
    if (!is_host_name(entry->kind == ENTRY_SUFFIX ? str_from(text, 1) : text)) {
        *why = "neither an address, a range, a host name nor *.suffix";
        return ERR_INVALID;
    }
    return OK;
}

enum err egress_policy_add(struct egress_policy *policy, struct arena *arena, struct str entry,
                           const char **why)
{
    struct egress_entry parsed = {.next = policy->entries};
    enum err err = parse_entry(&parsed, str_trim(entry), why);

    if (err)
        return err;
    struct egress_entry *kept = ARENA_NEW(arena, struct egress_entry);
    *kept = parsed;
    kept->name = arena_str(arena, parsed.name);
    policy->entries = kept;
    return OK;
}

/* ---- verdicts ---- */

static bool in_range(const struct egress_entry *entry, const struct address *address)
{
    unsigned whole = entry->bits / 8;
    unsigned rest = entry->bits % 8;

    if (entry->address.family != address->family ||
        memcmp(entry->address.bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || ((entry->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest)) == 0;
}

static bool entry_holds(const struct egress_entry *entry, struct str host,
                        const struct address *address)
{
    if (entry->port && entry->port != address->port)
        return false;
    switch (entry->kind) {
    case ENTRY_RANGE:
        return in_range(entry, address);
    case ENTRY_HOST:
        return str_eq_nocase(entry->name, host);
    case ENTRY_SUFFIX:
        return host.len > entry->name.len &&
               str_eq_nocase(str_from(host, host.len - entry->name.len), entry->name);
    }
    return false;
}

static bool is_listed(const struct egress_policy *policy, struct str host,
                      const struct address *address)
{
    for (const struct egress_entry *entry = policy->entries; entry; entry = entry->next)
        if (entry_holds(entry, host, address))
            return true;
    return false;
}

/* Named by an entry of its own, not by a range or a host name. */
static bool is_listed_exactly(const struct egress_policy *policy, const struct address *address,
                              bool with_port)
{
    for (const struct egress_entry *entry = policy->entries; entry; entry = entry->next)
        if (entry->kind == ENTRY_RANGE && entry->bits == full_bits(&entry->address) &&
            (entry->port || !with_port) && entry_holds(entry, STR(""), address))
            return true;
    return false;
}

/* Does a listener on all addresses listen there? */
static bool is_of_machine(const struct egress_policy *policy, const struct address *address)
{
    return egress_classify(address) == EGRESS_LOOPBACK ||
           (policy->world && world_has_address(policy->world, address));
}

static bool is_own(const struct egress_policy *policy, const struct address *address)
{
    for (size_t i = 0; i < policy->own_count; i++) {
        const struct address *own = &policy->own[i];

        if (own->port != address->port)
            continue;
        if (address_eq_ip(own, address) || address_is_any(address))
            return true; /* to 0.0.0.0 and :: the system connects on this machine */
        if (address_is_any(own) && is_of_machine(policy, address))
            return true;
    }
    return false;
}

static bool admits(const struct egress_policy *policy, struct str host,
                   const struct address *address)
{
    switch (egress_classify(address)) {
    case EGRESS_PUBLIC:
        return true;
    case EGRESS_LOOPBACK:
    case EGRESS_PRIVATE:
        return policy->dev || is_listed(policy, host, address);
    case EGRESS_RESERVED:
        return is_listed(policy, host, address);
    case EGRESS_LINK_LOCAL:
    case EGRESS_MULTICAST:
        return is_listed_exactly(policy, address, false);
    }
    return false;
}

bool egress_admits(const struct egress_policy *policy, struct str host,
                   const struct address *address, const char **rule)
{
    struct address plain = address_unmapped(address), target = behind_nat64(&plain);

    if (is_own(policy, &target) && !is_listed_exactly(policy, &target, true)) {
        *rule = "our own address";
        return false;
    }
    if (admits(policy, without_brackets(host), &plain))
        return true;
    *rule = egress_class_name(egress_classify(&plain));
    return false;
}

static bool is_loopback_name(struct str host)
{
    return str_eq_nocase(host, STR("localhost")) ||
           str_eq_nocase(host, STR("host.docker.internal")) ||
           (host.len > 10 && str_eq_nocase(str_from(host, host.len - 10), STR(".localhost")));
}

/* The address that the text of a host tells. */
static bool address_of_text(struct str host, uint16_t port, struct address *address)
{
    bool is_literal = address_parse_ip(without_brackets(host), address) == OK;

    if (!is_literal)
        *address = (struct address){.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}};
    address->port = port;
    return is_literal || is_loopback_name(host);
}

bool egress_admits_host(const struct egress_policy *policy, struct str host, uint16_t port,
                        const char **rule)
{
    struct address address;

    if (address_of_text(host, port, &address))
        return egress_admits(policy, host, &address, rule);
    if (is_host_name(host))
        return true;
    *rule = "not a host name";
    return false;
}

bool egress_opens_host(const struct egress_policy *policy, struct str host, uint16_t port)
{
    struct address address;
    bool is_told = address_of_text(host, port, &address);

    address = address_unmapped(&address);
    if (!is_told) /* nothing of it is known but its name: no range holds it */
        address = (struct address){.family = ADDRESS_NONE, .port = port};
    if (is_listed(policy, without_brackets(host), &address))
        return true;
    return is_told && policy->dev &&
           (egress_classify(&address) == EGRESS_LOOPBACK ||
            egress_classify(&address) == EGRESS_PRIVATE);
}

bool egress_is_own_path(const struct egress_policy *policy, struct str host, uint16_t port,
                        struct str path)
{
    struct address address;

    if (str_is_none(policy->own_path) || !str_starts(path, policy->own_path) ||
        !address_of_text(host, port, &address))
        return false;
    address = address_unmapped(&address);
    return is_own(policy, &address);
}
