/* Whatever an archive holds: what is unpacked keeps the limits, has good paths that do not
 * collide, and packs to bytes that unpack to the same. */
#include "format/file_path.h"
#include "format/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct zip_limits limits = {
    .archive_bytes_max = 64 * KIB, .files_max = 50, .bytes_max = 256 * KIB, .ratio_max = 100};

static void check_members(const struct zip_members *members)
{
    const char *wrong;
    size_t bytes = 0;

    REQUIRE(members->count <= limits.files_max);
    for (size_t i = 0; i < members->count; i++) {
        bytes += members->list[i].bytes.len;
        REQUIRE(!file_path_check(members->list[i].path, &wrong));
        for (size_t j = 0; j < i; j++)
            REQUIRE(!file_path_collides(members->list[i].path, members->list[j].path));
    }
    REQUIRE(bytes <= limits.bytes_max);
}

static void check_round_trip(struct arena *arena, const struct zip_members *members)
{
    struct zip_limits wide = limits;
    struct zip_members again;
    struct buf packed;
    struct str why;

    wide.archive_bytes_max = MIB;
    wide.ratio_max = 2000;
    buf_init(&packed, MIB);
    REQUIRE(!zip_pack(&packed, members));
    REQUIRE(!zip_unpack(arena, buf_str(&packed), &wide, &again, &why));
    REQUIRE(again.count == members->count);
    for (size_t i = 0; i < again.count; i++)
        REQUIRE(str_eq(again.list[i].path, members->list[i].path) &&
                str_eq(again.list[i].bytes, members->list[i].bytes));
    buf_release(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zip_members members;
    struct arena arena;
    struct str why = STR_NONE;

    arena_init(&arena);
    if (zip_unpack(&arena, str_range((const char *)data, size), &limits, &members, &why)) {
        REQUIRE(!str_is_none(why));
    } else {
        check_members(&members);
        check_round_trip(&arena, &members);
    }
    arena_release(&arena);
    return 0;
}
