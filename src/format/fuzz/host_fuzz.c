/* A host and a wildcard pattern never fit an IP address or the name itself. The first byte tells
 * where the input is cut into pattern and host. */
#include "format/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text, pattern, host;
    enum host_kind kind;
    const char *why = NULL;

    if (size < 1)
        return 0;
    text = str_range((const char *)data + 1, size - 1);
    pattern = str_first(text, data[0]);
    host = str_from(text, data[0]);
    if (domain_admits(pattern, host) && str_starts(pattern, STR("*."))) {
        REQUIRE(host_parse(host, &kind, &why) == OK && kind == HOST_NAME);
        REQUIRE(host.len > pattern.len - 1 && !str_eq_nocase(host, str_from(pattern, 2)));
    }
    if (host_parse(host, &kind, &why) != OK)
        REQUIRE(why);
    else
        REQUIRE((kind == HOST_IPV4) == host_is_ipv4(host));
    (void)host_is_ipv6(host);
    return 0;
}
