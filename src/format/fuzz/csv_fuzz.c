/* Whatever is read can be written so that it is read as the same. */
#include "format/csv.h"

#define FIELDS_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct arena *arena, const struct str *fields, size_t count)
{
    struct str again[FIELDS_MAX + 1];
    struct csv csv;
    struct buf out;
    size_t found;

    buf_init(&out, 8 * MIB);
    for (size_t i = 0; i < count; i++) {
        csv_field_write(&out, fields[i]);
        buf_add(&out, STR(","));
    }
    buf_add(&out, STR("end\n"));
    csv_init(&csv, buf_str(&out));
    if (!str_starts(fields[0], STR("\xef\xbb\xbf"))) { /* it would be a byte order mark */
        REQUIRE(csv_next(&csv, arena, again, FIELDS_MAX + 1, &found) == OK && found == count + 1);
        for (size_t i = 0; i < count; i++)
            REQUIRE(str_eq(fields[i], again[i]));
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str fields[FIELDS_MAX];
    struct arena arena;
    struct csv csv;
    size_t count;

    arena_init(&arena);
    csv_init(&csv, str_range((const char *)data, size));
    while (csv_next(&csv, &arena, fields, FIELDS_MAX, &count) == OK)
        check_record(&arena, fields, count);
    arena_release(&arena);
    return 0;
}
