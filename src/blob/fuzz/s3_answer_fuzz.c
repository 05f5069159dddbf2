/* Whatever a service answers is judged, and told in one short line of printable characters. */
#include "blob/s3_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void failed_ones(struct str xml)
{
    size_t position = 0, last = 0;
    struct str key, code;

    while (s3_answer_next_failed(xml, &position, &key, &code)) {
        REQUIRE(position > last && position <= xml.len);
        REQUIRE(key.len <= xml.len && code.len <= xml.len);
        last = position;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str xml = str_range((const char *)data, size);
    struct s3_answer answer = {.status = size > 0 ? 200 + data[0] * 2 : 500};
    struct buf out;

    s3_answer_read_error(&answer, xml);
    (void)s3_answer_judge(&answer);
    buf_init(&out, 4 * KIB);
    s3_answer_explain(&out, &answer, STR("bucket"));
    REQUIRE(!out.failed && out.len > 0);
    for (size_t i = 0; i < out.len; i++)
        REQUIRE(out.data[i] >= ' ' && out.data[i] < 0x7f);
    buf_release(&out);
    failed_ones(xml);
    return 0;
}
