/* What url_parse takes, it takes again when written by url_write_origin and the target, with the
 * same host; nothing it takes can break a request line. */
#include "format/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mask(struct str text)
{
    struct buf masked;

    buf_init(&masked, 8 * MIB);
    url_mask(&masked, text);
    REQUIRE(!masked.failed);
    buf_release(&masked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    struct url url, again;
    struct arena arena;
    struct buf out;
    const char *why;

    check_mask(text);
    arena_init(&arena);
    buf_init(&out, MIB);
    if (url_parse(&arena, text, &url, &why) == OK) {
        REQUIRE(url.target.len > 0 && url.target.data[0] == '/');
        for (size_t i = 0; i < url.target.len; i++)
            REQUIRE(url.target.data[i] > 0x20 && url.target.data[i] < 0x7f);
        if (!url.is_relative) {
            url_write_origin(&out, &url);
            buf_add(&out, url.target);
            if (out.len <= URL_BYTES_MAX) {
                REQUIRE(url_parse(&arena, buf_str(&out), &again, &why) == OK);
                REQUIRE(str_eq(url.host, again.host) && url.host_kind == again.host_kind);
                REQUIRE(url.port == again.port && str_eq(url.target, again.target));
            }
        }
    } else {
        REQUIRE(why);
    }
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
