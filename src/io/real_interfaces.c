/* real_interfaces.c -- the addresses of this machine, as the kernel lists them. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <time.h>

#include "io/real_priv.h"

#define ADDRESSES_MAX 256
#define OLD_MS 1000

/* Each thread's own, so that nobody waits for another; as old as a second. */
static _Thread_local struct {
    struct address addresses[ADDRESSES_MAX];
    size_t count;
    int64_t read_ms; /* 0: never */
} list;

static int64_t now_ms(void)
{
    struct timespec now;

    REQUIRE(clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / (US_PER_MS * 1000) + 1;
}

static bool address_of(const struct sockaddr *from, struct address *address)
{
    *address = (struct address){0};
    if (from && from->sa_family == AF_INET) {
        address->family = ADDRESS_IPV4;
        memcpy(address->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    } else if (from && from->sa_family == AF_INET6) {
        address->family = ADDRESS_IPV6;
        memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
    }
    return address->family != ADDRESS_NONE;
}

/* If the kernel does not tell (a sandbox without AF_NETLINK), the list is empty. */
static void read_list(int64_t at_ms)
{
    struct ifaddrs *found = NULL;

    list.count = 0;
    list.read_ms = at_ms;
    if (getifaddrs(&found))
        return;
    for (const struct ifaddrs *one = found; one && list.count < ADDRESSES_MAX; one = one->ifa_next)
        if (address_of(one->ifa_addr, &list.addresses[list.count]))
            list.count++;
    freeifaddrs(found);
}

bool real_has_address(struct world *world UNUSED, const struct address *address)
{
    int64_t at_ms = now_ms();

    if (list.read_ms == 0 || at_ms - list.read_ms >= OLD_MS)
        read_list(at_ms);
    for (size_t i = 0; i < list.count; i++)
        if (address_eq_ip(&list.addresses[i], address))
            return true;
    return false;
}
