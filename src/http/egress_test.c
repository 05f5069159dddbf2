/* egress_test.c -- the table against an independent one, and the policy case by case. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/rng.h"
#include "http/egress.h"
#include "http/egress_oracle.h"

static struct address ipv4_of(uint32_t number)
{
    return (struct address){.family = ADDRESS_IPV4,
                            .bytes = {(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                                      (uint8_t)(number >> 8), (uint8_t)number}};
}

static struct address parsed(const char *text)
{
    struct address address = {0};

    if (address_parse_ip(str_of(text), &address) != OK)
        fail_msg("cannot parse %s", text);
    return address;
}

static void check_number(uint32_t number)
{
    struct address address = ipv4_of(number);
    bool is_public = egress_classify(&address) == EGRESS_PUBLIC;

    if (is_public != egress_oracle_is_public(number))
        fail_msg("%u.%u.%u.%u is %s", number >> 24, number >> 16 & 255, number >> 8 & 255,
                 number & 255, egress_class_name(egress_classify(&address)));
}

static void all_edges_agree_with_the_oracle(void **state)
{
    (void)state;
    for (uint32_t high = 0; high <= 0xffff; high++) {
        check_number(high << 16);
        check_number((high << 16) - 1);
        check_number((high << 16) + 1);
    }
    for (size_t i = 0; i < egress_oracle_count; i++) {
        for (uint32_t off = 0; off < 3; off++) {
            check_number(egress_oracle[i].first - 1 + off);
            check_number(egress_oracle[i].last - 1 + off);
        }
    }
}

static void a_million_random_addresses_agree_with_the_oracle(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 20261121);
    for (int i = 0; i < 1000000; i++)
        check_number((uint32_t)rng_next(&rng));
}

struct judged {
    const char *text;
    enum egress_class class;
};

static const struct judged judged[] = {
    {"8.8.8.8", EGRESS_PUBLIC},
    {"10.1.2.3", EGRESS_PRIVATE},
    {"100.64.0.1", EGRESS_PRIVATE},
    {"100.100.100.200", EGRESS_LINK_LOCAL},
    {"127.0.0.1", EGRESS_LOOPBACK},
    {"127.255.255.255", EGRESS_LOOPBACK},
    {"169.254.169.254", EGRESS_LINK_LOCAL},
    {"168.63.129.16", EGRESS_LINK_LOCAL},
    {"192.0.0.192", EGRESS_LINK_LOCAL},
    {"172.31.255.255", EGRESS_PRIVATE},
    {"192.168.0.1", EGRESS_PRIVATE},
    {"0.0.0.0", EGRESS_RESERVED},
    {"0.1.2.3", EGRESS_RESERVED},
    {"192.0.2.1", EGRESS_RESERVED},
    {"198.18.0.1", EGRESS_RESERVED},
    {"224.0.0.1", EGRESS_MULTICAST},
    {"255.255.255.255", EGRESS_RESERVED},
    {"2606:4700::1111", EGRESS_PUBLIC},
    {"2001:4860:4860::8888", EGRESS_PUBLIC},
    {"::", EGRESS_RESERVED},
    {"::1", EGRESS_LOOPBACK},
    {"::2", EGRESS_RESERVED},
    {"::ffff:127.0.0.1", EGRESS_LOOPBACK},
    {"::ffff:10.0.0.1", EGRESS_PRIVATE},
    {"::ffff:8.8.8.8", EGRESS_PUBLIC},
    {"::ffff:169.254.169.254", EGRESS_LINK_LOCAL},
    {"::127.0.0.1", EGRESS_LOOPBACK},
    {"::8.8.8.8", EGRESS_RESERVED},
    {"::ffff:0:10.0.0.1", EGRESS_PRIVATE},
    {"::ffff:0:8.8.8.8", EGRESS_RESERVED},
    {"::5efe:10.0.0.1", EGRESS_PRIVATE},
    {"::5efe:8.8.8.8", EGRESS_RESERVED},
    {"2606:4700::5efe:10.0.0.1", EGRESS_PRIVATE},
    {"2606:4700::200:5efe:127.0.0.1", EGRESS_LOOPBACK},
    {"2606:4700::5efe:8.8.8.8", EGRESS_PUBLIC},
    {"64:ff9b::10.0.0.1", EGRESS_PRIVATE},
    {"64:ff9b::8.8.8.8", EGRESS_PUBLIC},
    {"64:ff9b::169.254.169.254", EGRESS_LINK_LOCAL},
    {"64:ff9b:1::8.8.8.8", EGRESS_RESERVED},
    {"2002:a00:1::", EGRESS_PRIVATE},
    {"2002:7f00:1::1", EGRESS_LOOPBACK},
    {"2002:808:808::", EGRESS_RESERVED},
    {"2001::1", EGRESS_RESERVED},
    {"2001:2::1", EGRESS_RESERVED},
    {"2001:10::1", EGRESS_RESERVED},
    {"2001:20::1", EGRESS_RESERVED},
    {"2001:1ff:ffff::1", EGRESS_RESERVED},
    {"2001:200::1", EGRESS_PUBLIC},
    {"2001:db8::1", EGRESS_RESERVED},
    {"2001:db9::1", EGRESS_PUBLIC},
    {"3fff::1", EGRESS_RESERVED},
    {"3fff:fff:ffff::1", EGRESS_RESERVED},
    {"3fff:1000::1", EGRESS_PUBLIC},
    {"100::1", EGRESS_RESERVED},
    {"1fff::1", EGRESS_RESERVED},
    {"4000::1", EGRESS_RESERVED},
    {"5f00::1", EGRESS_RESERVED},
    {"fc00::1", EGRESS_PRIVATE},
    {"fd12:3456::1", EGRESS_PRIVATE},
    {"fd00:ec2::254", EGRESS_LINK_LOCAL},
    {"fd20:ce::254", EGRESS_LINK_LOCAL},
    {"fe80::1", EGRESS_LINK_LOCAL},
    {"febf::1", EGRESS_LINK_LOCAL},
    {"fec0::1", EGRESS_RESERVED},
    {"fe00::1", EGRESS_RESERVED},
    {"ff02::1", EGRESS_MULTICAST},
};

static void named_addresses_have_their_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(judged); i++) {
        struct address address = parsed(judged[i].text);

        if (egress_classify(&address) != judged[i].class)
            fail_msg("%s is %s", judged[i].text, egress_class_name(egress_classify(&address)));
    }
    assert_int_equal(egress_classify(&(struct address){0}), EGRESS_RESERVED);
}

/* Every form that carries an IPv4 address, for many of them: never more public than the address
 * itself. */
static void embedded_forms_are_never_more_public(void **state)
{
    static const char *const prefixes[] = {"::ffff:0.0.0.0",
                                           "::ffff:0:0.0.0.0",
                                           "::5efe:0.0.0.0",
                                           "::0.0.0.0",
                                           "64:ff9b::0.0.0.0",
                                           "2606:4700::5efe:0.0.0.0",
                                           "2606:4700::200:5efe:0.0.0.0"};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7);
    for (int i = 0; i < 100000; i++) {
        struct address ipv4 = ipv4_of((uint32_t)rng_next(&rng));
        struct address ipv6 = parsed(prefixes[rng_below(&rng, ARRAY_LEN(prefixes))]);
        struct address six_to_four = parsed("2002::");

        memcpy(ipv6.bytes + 12, ipv4.bytes, 4);
        memcpy(six_to_four.bytes + 2, ipv4.bytes, 4);
        if (egress_classify(&ipv4) != EGRESS_PUBLIC)
            assert_int_equal(egress_classify(&ipv6), egress_classify(&ipv4));
        assert_int_not_equal(egress_classify(&six_to_four), EGRESS_PUBLIC);
    }
}

static void outside_global_unicast_nothing_is_public(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 8);
    for (int i = 0; i < 1000000; i++) {
        struct address address = {.family = ADDRESS_IPV6};

        rng_bytes(&rng, address.bytes, 16);
        if ((address.bytes[0] & 0xe0) == 0x20)
            continue;
        assert_int_not_equal(egress_classify(&address), EGRESS_PUBLIC);
    }
}

/* ---- the policy ---- */

struct ruling {
    const char *entry; /* NULL: none */
    bool dev;
    const char *host;
    const char *address;
    uint16_t port;
    const char *rule; /* NULL: admitted */
};

static const struct ruling rulings[] = {
    {NULL, false, "a.example", "8.8.8.8", 443, NULL},
    {NULL, false, "a.example", "10.0.0.1", 443, "private network"},
    {NULL, false, "a.example", "127.0.0.1", 443, "loopback"},
    {NULL, true, "a.example", "10.0.0.1", 443, NULL},
    {NULL, true, "a.example", "127.0.0.1", 443, NULL},
    {NULL, true, "a.example", "::ffff:127.0.0.1", 443, NULL},
    {NULL, true, "a.example", "169.254.169.254", 80, "link-local"},
    {NULL, true, "a.example", "::ffff:169.254.169.254", 80, "link-local"},
    {NULL, true, "a.example", "fe80::1", 80, "link-local"},
    {NULL, true, "a.example", "224.0.0.1", 80, "multicast"},
    {NULL, true, "a.example", "0.0.0.0", 80, "reserved"},
    {NULL, true, "a.example", "198.18.0.1", 80, "reserved"},
    {"10.0.0.0/8", false, "a.example", "10.200.0.1", 443, NULL},
    {"10.0.0.0/8", false, "a.example", "::ffff:10.200.0.1", 443, NULL},
    {"10.0.0.0/8", false, "a.example", "11.0.0.1", 443, NULL},
    {"10.0.0.0/8", false, "a.example", "a00::1", 443, "reserved"},
    {"a00::/16", false, "a.example", "10.0.0.1", 443, "private network"},
    {"10.0.0.0/8", false, "a.example", "192.168.0.1", 443, "private network"},
    {"10.0.0.0/9", false, "a.example", "10.128.0.1", 443, "private network"},
    {"198.18.0.0/15", false, "a.example", "198.18.0.1", 80, NULL},
    {"fd00::/8", false, "a.example", "fd12::1", 443, NULL},
    {"fd00::/8", false, "a.example", "fd00:ec2::254", 443, "link-local"},
    {"fd00:ec2::254", false, "a.example", "fd00:ec2::254", 443, NULL},
    {"10.0.0.5", false, "10.0.0.5", "10.0.0.5", 80, NULL},
    {"10.0.0.5:8080", false, "10.0.0.5", "10.0.0.5", 8080, NULL},
    {"10.0.0.5:8080", false, "10.0.0.5", "10.0.0.5", 80, "private network"},
    {"[fd00::5]:8080", false, "[fd00::5]", "fd00::5", 8080, NULL},
    {"[fd00::5]:8080", false, "[fd00::5]", "fd00::5", 81, "private network"},
    {"hook.internal", false, "hook.internal", "10.0.0.1", 80, NULL},
    {"hook.internal", false, "HOOK.Internal", "10.0.0.1", 80, NULL},
    {"hook.internal", false, "evil-hook.internal", "10.0.0.1", 80, "private network"},
    {"hook.internal:81", false, "hook.internal", "10.0.0.1", 80, "private network"},
    {"*.corp.example", false, "a.corp.example", "10.0.0.1", 80, NULL},
    {"*.corp.example", false, "a.b.corp.example", "127.0.0.1", 80, NULL},
    {"*.corp.example", false, "corp.example", "10.0.0.1", 80, "private network"},
    {"*.corp.example", false, "evilcorp.example", "10.0.0.1", 80, "private network"},
    {"*.corp.example", false, "a.corp.example.evil", "10.0.0.1", 80, "private network"},
    {"*.corp.example", false, "a.corp.example", "169.254.169.254", 80, "link-local"},
    {"hook.internal", false, "hook.internal", "169.254.169.254", 80, "link-local"},
    {"169.254.0.0/16", false, "a.example", "169.254.169.254", 80, "link-local"},
    {"0.0.0.0/0", false, "a.example", "169.254.169.254", 80, "link-local"},
    {"169.254.169.254", false, "a.example", "169.254.169.254", 80, NULL},
    {"169.254.169.254/32", false, "a.example", "169.254.169.254", 80, NULL},
    {"169.254.169.254:80", false, "a.example", "169.254.169.254", 81, "link-local"},
    /* own: 127.0.0.1:8123 and 0.0.0.0:9123 */
    {NULL, true, "a.example", "127.0.0.1", 8123, "our own address"},
    {NULL, true, "a.example", "::ffff:127.0.0.1", 8123, "our own address"},
    {NULL, true, "a.example", "127.0.0.2", 8123, NULL},
    {NULL, true, "a.example", "127.0.0.2", 9123, "our own address"},
    {NULL, true, "a.example", "::1", 9123, "our own address"},
    {"127.0.0.0/8", false, "a.example", "127.0.0.1", 8123, "our own address"},
    {"127.0.0.1", false, "a.example", "127.0.0.1", 8123, "our own address"},
    {"localhost", false, "localhost", "127.0.0.1", 8123, "our own address"},
    {"127.0.0.1:8123", false, "a.example", "127.0.0.1", 8123, NULL},
    /* the machine has 10.0.0.5, 8.8.4.4 and 2600::5 */
    {NULL, false, "a.example", "8.8.4.4", 9123, "our own address"},
    {NULL, false, "a.example", "::ffff:8.8.4.4", 9123, "our own address"},
    {NULL, false, "a.example", "2600::5", 9123, "our own address"},
    {NULL, false, "a.example", "8.8.4.4", 443, NULL},
    {NULL, false, "a.example", "8.8.4.4", 8123, NULL},
    {NULL, false, "a.example", "8.8.4.5", 9123, NULL},
    {NULL, true, "a.example", "10.0.0.5", 9123, "our own address"},
    {NULL, true, "a.example", "10.0.0.6", 9123, NULL},
    {"10.0.0.0/8", false, "a.example", "10.0.0.5", 9123, "our own address"},
    {"10.0.0.5:9123", false, "a.example", "10.0.0.5", 9123, NULL},
    {"8.8.4.4:9123", false, "a.example", "8.8.4.4", 9123, NULL},
    /* other ways to this machine */
    {"0.0.0.0/0", false, "0.0.0.0", "0.0.0.0", 8123, "our own address"},
    {"0.0.0.0/0", false, "0.0.0.0", "::ffff:0.0.0.0", 8123, "our own address"},
    {"0.0.0.0/0", false, "0.0.0.0", "0.0.0.0", 9123, "our own address"},
    {"0.0.0.0/0", false, "0.0.0.0", "0.0.0.0", 80, NULL},
    {"::/0", false, "::", "::", 8123, "our own address"},
    {"::/0", false, "::", "::", 9123, "our own address"},
    {"inner.example", false, "inner.example", "0.0.0.0", 8123, "our own address"},
    {"0.0.0.0:8123", false, "0.0.0.0", "0.0.0.0", 8123, NULL},
    {NULL, true, "a.example", "64:ff9b::127.0.0.1", 8123, "our own address"},
    {NULL, false, "a.example", "64:ff9b::8.8.4.4", 9123, "our own address"},
    {NULL, false, "a.example", "64:ff9b::8.8.4.4", 443, NULL},
    /* entries in the mapped form are those of IPv4 */
    {"::ffff:10.0.0.0/104", false, "a.example", "10.200.0.1", 443, NULL},
    {"::ffff:10.0.0.0/104", false, "a.example", "11.0.0.1", 443, NULL},
    {"::ffff:10.0.0.0/104", false, "a.example", "192.168.0.1", 443, "private network"},
    {"::ffff:10.0.0.5", false, "a.example", "::ffff:10.0.0.5", 443, NULL},
    {"[::ffff:10.0.0.5]:81", false, "a.example", "10.0.0.5", 81, NULL},
    {"[::ffff:10.0.0.5]:81", false, "a.example", "10.0.0.5", 82, "private network"},
    {"::ffff:169.254.169.254", false, "a.example", "169.254.169.254", 80, NULL},
    {"::/0", false, "a.example", "10.0.0.5", 80, "private network"},
};

static bool has_address(struct world *world UNUSED, const struct address *address)
{
    static const char *const texts[] = {"127.0.0.1", "::1", "10.0.0.5", "8.8.4.4", "2600::5"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct address one = parsed(texts[i]);

        if (address_eq_ip(&one, address))
            return true;
    }
    return false;
}

static const struct world_ops machine_ops = {.has_address = has_address};
static struct world machine = {.ops = &machine_ops};

static void set_policy(struct egress_policy *policy, struct arena *arena, const char *entry,
                       bool dev)
{
    const char *why = "";

    *policy = (struct egress_policy){.dev = dev, .own_count = 2, .world = &machine};
    policy->own[0] = parsed("127.0.0.1");
    policy->own[0].port = 8123;
    policy->own[1] = parsed("0.0.0.0");
    policy->own[1].port = 9123;
    if (entry && egress_policy_add(policy, arena, str_of(entry), &why) != OK)
        fail_msg("%s: %s", entry, why);
}

static void the_policy_rules_as_written(void **state)
{
    struct egress_policy policy;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(rulings); i++) {
        const struct ruling *ruling = &rulings[i];
        struct address address = parsed(ruling->address);
        const char *rule = NULL;

        address.port = ruling->port;
        set_policy(&policy, &arena, ruling->entry, ruling->dev);
        bool admitted = egress_admits(&policy, str_of(ruling->host), &address, &rule);
        if (admitted != !ruling->rule || (rule && strcmp(rule, ruling->rule) != 0))
            fail_msg("line %zu: %s %s: %s", i, ruling->entry ? ruling->entry : "-", ruling->address,
                     rule ? rule : "admitted");
    }
    arena_release(&arena);
}

static void only_the_own_path_of_our_own_address_is_ours(void **state)
{
    static const struct {
        const char *host;
        uint16_t port;
        const char *path;
        bool is_own;
    } cases[] = {
        {"127.0.0.1", 8123, "/in/x", true},
        {"localhost", 8123, "/in/x", true},
        {"::ffff:127.0.0.1", 8123, "/in/", true},
        {"a.localhost", 9123, "/in/x/y", true},
        {"::1", 9123, "/in/x", true},
        {"127.0.0.1", 8123, "/v1/keys", false},
        {"127.0.0.1", 8123, "/in", false},
        {"127.0.0.1", 8123, "", false},
        {"127.0.0.1", 8124, "/in/x", false},
        {"127.0.0.2", 8123, "/in/x", false},
        {"10.0.0.1", 8123, "/in/x", false},
        {"10.0.0.5", 8123, "/in/x", false},
        {"10.0.0.5", 9123, "/in/x", true},
        {"8.8.4.4", 9123, "/v1/keys", false},
        {"a.example", 8123, "/in/x", false},
        {"localhost", 80, "/in/x", false},
    };
    struct egress_policy policy;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    set_policy(&policy, &arena, NULL, true);
    assert_false(egress_is_own_path(&policy, STR("127.0.0.1"), 8123, STR("/in/x")));
    policy.own_path = STR("/in/");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (egress_is_own_path(&policy, str_of(cases[i].host), cases[i].port,
                               str_of(cases[i].path)) != cases[i].is_own)
            fail_msg("%s:%u%s", cases[i].host, cases[i].port, cases[i].path);
    arena_release(&arena);
}

static const struct ruling hosts[] = {
    {NULL, false, "a.example", NULL, 443, NULL},
    {NULL, false, "8.8.8.8", NULL, 443, NULL},
    {NULL, false, "localhost", NULL, 80, "loopback"},
    {NULL, false, "LOCALHOST", NULL, 80, "loopback"},
    {NULL, false, "a.localhost", NULL, 80, "loopback"},
    {NULL, false, "host.docker.internal", NULL, 80, "loopback"},
    {NULL, false, "notlocalhost", NULL, 80, NULL},
    {NULL, true, "localhost", NULL, 80, NULL},
    {NULL, true, "localhost", NULL, 8123, "our own address"},
    {"127.0.0.0/8", false, "localhost", NULL, 80, NULL},
    {"localhost:3000", false, "localhost", NULL, 3000, NULL},
    {"localhost:3000", false, "localhost", NULL, 3001, "loopback"},
    {NULL, false, "10.0.0.1", NULL, 80, "private network"},
    {NULL, false, "[::1]", NULL, 80, "loopback"},
    {NULL, false, "::1", NULL, 80, "loopback"},
    {NULL, false, "[::ffff:10.0.0.1]", NULL, 80, "private network"},
    {NULL, true, "127.1", NULL, 80, "not a host name"},
    {NULL, true, "0177.0.0.1", NULL, 80, "not a host name"},
    {NULL, true, "0x7f.1", NULL, 80, "not a host name"},
    {NULL, true, "0x7f000001", NULL, 80, "not a host name"},
    {NULL, true, "2130706433", NULL, 80, "not a host name"},
    {NULL, true, "127.0.0.1.", NULL, 80, "not a host name"},
    {NULL, true, "a..b", NULL, 80, "not a host name"},
    {NULL, true, "", NULL, 80, "not a host name"},
    {NULL, true, "[127.0.0.1]x", NULL, 80, "not a host name"},
    {NULL, true, "fe80::1%eth0", NULL, 80, "not a host name"},
    {NULL, true, "a b", NULL, 80, "not a host name"},
    {NULL, true, "a/b", NULL, 80, "not a host name"},
    {NULL, true, "a@b", NULL, 80, "not a host name"},
};

static void hosts_are_judged_by_their_text(void **state)
{
    struct egress_policy policy;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        const char *rule = NULL;

        set_policy(&policy, &arena, hosts[i].entry, hosts[i].dev);
        bool admitted = egress_admits_host(&policy, str_of(hosts[i].host), hosts[i].port, &rule);
        if (admitted != !hosts[i].rule || (rule && strcmp(rule, hosts[i].rule) != 0))
            fail_msg("line %zu: %s: %s", i, hosts[i].host, rule ? rule : "admitted");
    }
    arena_release(&arena);
}

static void wrong_entries_are_refused_with_a_reason(void **state)
{
    static const char *const wrong[] = {"",
                                        "*",
                                        "*.",
                                        "10.0.0.0/33",
                                        "10.0.0.1/8",
                                        "fd00::/129",
                                        "10.0.0.0/",
                                        "10.0.0/8",
                                        "a.example:0",
                                        "a.example:65536",
                                        "a.example:",
                                        "a.*.b",
                                        "*a.b",
                                        "1.2.3",
                                        "0x7f.1",
                                        "a b",
                                        "a.example/",
                                        "10.0.0.0/8:80",
                                        "[::1",
                                        "http://a.example",
                                        "*.1",
                                        "..",
                                        ":80",
                                        "/8",
                                        "10.0.0.0/-1"};
    struct egress_policy policy = {0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        const char *why = NULL;

        if (egress_policy_add(&policy, &arena, str_of(wrong[i]), &why) != ERR_INVALID || !why)
            fail_msg("\"%s\" was taken", wrong[i]);
    }
    assert_null(policy.entries);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"every edge of IPv4 agrees with the oracle", all_edges_agree_with_the_oracle, NULL, NULL,
         NULL},
        {"a million random addresses agree with the oracle",
         a_million_random_addresses_agree_with_the_oracle, NULL, NULL, NULL},
        {"named addresses have their class", named_addresses_have_their_class, NULL, NULL, NULL},
        {"a form that carries an IPv4 address is never more public than it",
         embedded_forms_are_never_more_public, NULL, NULL, NULL},
        {"outside 2000::/3 no random address is public", outside_global_unicast_nothing_is_public,
         NULL, NULL, NULL},
        {"the policy rules as written", the_policy_rules_as_written, NULL, NULL, NULL},
        {"only the own path of our own address is ours",
         only_the_own_path_of_our_own_address_is_ours, NULL, NULL, NULL},
        {"a host is judged by its text", hosts_are_judged_by_their_text, NULL, NULL, NULL},
        {"a wrong entry is refused with a reason", wrong_entries_are_refused_with_a_reason, NULL,
         NULL, NULL},
    };

    return cmocka_run_group_tests_name("http/egress", tests, NULL, NULL);
}
