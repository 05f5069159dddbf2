/* A body read whole and read in pieces gives the same parts; nothing that is no part comes out. */
#include "format/multipart.h"

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err on_part(void *context, const struct multipart_part *part)
{
    buf_addf(context, "<%.*s|%lld>", STR_ARG(part->name), (long long)part->length);
    return OK;
}

static enum err on_data(void *context, struct str piece)
{
    REQUIRE(piece.len > 0);
    buf_add(context, piece);
    return OK;
}

static enum err on_part_end(void *context)
{
    buf_add(context, STR("</>"));
    return OK;
}

static enum err read_body(struct str body, size_t step, struct buf *out)
{
    struct multipart m;
    struct multipart_handler handler = {on_part, on_data, on_part_end, out};
    enum err err = multipart_init(&m, STR("bound"), &handler);

    for (size_t at = 0; !err && at < body.len; at += step)
        err = multipart_feed(&m, str_first(str_from(body, at), step));
    return err ? err : multipart_end(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body;
    struct buf whole, pieces;
    enum err err;

    if (size < 2)
        return 0;
    body = str_range((const char *)data + 1, size - 1);
    buf_init(&whole, 8 * MIB);
    buf_init(&pieces, 8 * MIB);
    err = read_body(body, body.len, &whole);
    REQUIRE(read_body(body, 1 + data[0] % 16, &pieces) == err);
    REQUIRE(str_eq(buf_str(&whole), buf_str(&pieces)));
    buf_release(&whole);
    buf_release(&pieces);
    return 0;
}
