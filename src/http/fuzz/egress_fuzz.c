/* egress_fuzz.c -- the first line an entry of the allow-list, the second a host. No entry but one
 * address by itself may open a metadata service, and none may open what it does not name. */
#include "base/base.h"
#include "http/egress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range(size ? (const char *)data : "", size);
    size_t line = str_find_char(text, '\n');
    struct str entry = str_first(text, line);
    struct str host = str_from(text, line + 1);
    struct egress_policy policy = {0};
    struct address metadata, other;
    struct arena arena;
    const char *why = NULL;

    arena_init(&arena);
    REQUIRE(address_parse_ip(STR("169.254.169.254"), &metadata) == OK);
    REQUIRE(address_parse_ip(STR("10.9.8.7"), &other) == OK);
    metadata.port = other.port = 80;
    if (egress_policy_add(&policy, &arena, entry, &why) == OK) {
        if (egress_admits(&policy, host, &metadata, &why))
            REQUIRE(str_contains(entry, STR("169.254.169.254")) || str_contains(entry, STR(":")));
        if (egress_admits(&policy, STR("unrelated.example"), &other, &why))
            REQUIRE(str_contains(entry, STR("/")) || str_contains(entry, STR("10.9.8.7")) ||
                    str_contains(entry, STR(":")) || str_contains(entry, STR("example")));
    } else {
        REQUIRE(why && !policy.entries);
    }
    why = NULL;
    if (!egress_admits_host(&policy, host, 80, &why))
        REQUIRE(why);
    arena_release(&arena);
    return 0;
}
