/* An instant that was read is written as text that is read as the same instant; numbers and ids
 * too. */
#include "base/time.h"
#include "base/uuid.h"

#define NOW_US INT64_C(1795237957533121)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_range((const char *)data, size);
    struct time_text time_text;
    struct uuid_text uuid_text;
    struct uuid id, id_again;
    int64_t wall_us, again;
    double number;

    if (time_parse_iso(text, &wall_us) == OK) {
        REQUIRE(time_parse_iso(time_write_iso(wall_us, &time_text), &again) == OK);
        REQUIRE(again == wall_us);
    }
    if (time_parse_http(text, NOW_US, &wall_us) == OK) {
        REQUIRE(time_parse_http(time_write_http(wall_us, &time_text), NOW_US, &again) == OK);
        REQUIRE(again == wall_us);
    }
    if (uuid_parse(text, &id) == OK) {
        REQUIRE(str_eq_nocase(uuid_write(id, &uuid_text), text));
        REQUIRE(uuid_parse(str_range(uuid_text.text, 36), &id_again) == OK);
    }
    if (str_to_i64(text, &again) == OK && size < 15)
        REQUIRE(str_to_double(text, &number) != OK || (int64_t)number == again);
    return 0;
}
