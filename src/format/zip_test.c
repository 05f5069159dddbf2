/* Archives: the same bytes for the same files, and what strangers may not send. Hostile archives
 * are written here byte by byte. */
#include "base/test.h"
#include "format/zip.h"

#include <zlib.h>

static const struct zip_limits limits = {
    .archive_bytes_max = MIB, .files_max = 10, .bytes_max = 512 * KIB, .ratio_max = 100};

static struct arena arena;
static struct buf out;
static struct str why;

/* ---- an archive by hand: stored entries ---- */

struct raw_entry {
    const char *name;
    const char *bytes;
    uint32_t mode;   /* 0: a plain file */
    uint16_t method; /* 0: stored */
    uint16_t flags;
    int32_t size_lie, crc_lie;
    bool is_deflated_zeroes; /* of size_lie bytes */
};

static void put(struct buf *to, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_char(to, (char)(value >> (8 * i) & 0xff));
}

static struct str deflate_zeroes(size_t bytes, uint32_t *crc)
{
    unsigned char *zeroes = arena_alloc_zero(&arena, bytes);
    uLong room = compressBound(bytes);
    unsigned char *packed = arena_alloc(&arena, room);
    z_stream stream = {
        .next_in = zeroes, .avail_in = (uInt)bytes, .next_out = packed, .avail_out = (uInt)room};

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    *crc = (uint32_t)crc32(0, zeroes, (uInt)bytes);
    return str_range((char *)packed, stream.total_out);
}

static void put_common(struct buf *to, const struct raw_entry *e, struct str bytes, uint32_t crc,
                       uint32_t size)
{
    put(to, e->flags, 2);
    put(to, e->is_deflated_zeroes ? 8 : e->method, 2);
    put(to, 0, 2);
    put(to, 33, 2);
    put(to, crc, 4);
    put(to, (uint32_t)bytes.len, 4);
    put(to, size, 4);
    put(to, (uint32_t)strlen(e->name), 2);
    put(to, 0, 2);
}

static struct str raw_zip(const struct raw_entry *entries, size_t count)
{
    struct buf central;
    size_t start;

    buf_clear(&out);
    buf_init(&central, MIB);
    for (size_t i = 0; i < count; i++) {
        const struct raw_entry *e = &entries[i];
        struct str bytes = str_of(e->bytes);
        uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)bytes.data, (uInt)bytes.len);
        uint32_t size = (uint32_t)((int32_t)bytes.len + e->size_lie);
        uint32_t at = (uint32_t)out.len;

        if (e->is_deflated_zeroes)
            bytes = deflate_zeroes(size, &crc);
        crc += (uint32_t)e->crc_lie;
        buf_add(&out, STR("PK\3\4"));
        put(&out, 20, 2);
        put_common(&out, e, bytes, crc, size);
        buf_add_cstr(&out, e->name);
        buf_add(&out, bytes);
        buf_add(&central, STR("PK\1\2"));
        put(&central, 20 | 3 << 8, 2);
        put(&central, 20, 2);
        put_common(&central, e, bytes, crc, size);
        put(&central, 0, 4); /* comment, disk */
        put(&central, 0, 2);
        put(&central, e->mode << 16, 4);
        put(&central, at, 4);
        buf_add_cstr(&central, e->name);
    }
    start = out.len;
    buf_add(&out, buf_str(&central));
    buf_add(&out, STR("PK\5\6"));
    put(&out, 0, 4);
    put(&out, (uint32_t)count, 2);
    put(&out, (uint32_t)count, 2);
    put(&out, (uint32_t)central.len, 4);
    put(&out, (uint32_t)start, 4);
    put(&out, 0, 2);
    buf_release(&central);
    return buf_str(&out);
}

static enum err unpack_raw(const struct raw_entry *entries, size_t count,
                           struct zip_members *members)
{
    why = STR("");
    return zip_unpack(&arena, raw_zip(entries, count), &limits, members, &why);
}

/* ---- tests ---- */

/* Two files that need neither be sorted nor be ASCII. */
static struct zip_members two_files(bool turned)
{
    struct zip_member *list = ARENA_ARRAY(&arena, struct zip_member, 2);

    list[turned] = (struct zip_member){STR("b/c.txt"), STR("see")};
    list[!turned] = (struct zip_member){STR("Über.md"), STR("")};
    return (struct zip_members){list, 2};
}

static void round_trip(void **state UNUSED)
{
    const struct zip_members members = two_files(true);
    struct zip_members back;
    struct str first;

    buf_clear(&out);
    assert_int_equal(zip_pack(&out, &members), OK);
    first = arena_str(&arena, buf_str(&out));
    assert_int_equal(zip_unpack(&arena, first, &limits, &back, &why), OK);
    assert_int_equal(back.count, 2);
    ASSERT_STR(back.list[0].path, "b/c.txt");
    ASSERT_STR(back.list[0].bytes, "see");
    ASSERT_STR(back.list[1].path, "Über.md");
    ASSERT_STR(back.list[1].bytes, "");

    buf_clear(&out);
    assert_int_equal(zip_pack(&out, &back), OK);
    assert_true(str_eq(first, buf_str(&out)));
}

static void order_does_not_matter(void **state UNUSED)
{
    const struct zip_members straight = two_files(false), turned = two_files(true);
    struct str first;

    buf_clear(&out);
    assert_int_equal(zip_pack(&out, &straight), OK);
    first = arena_str(&arena, buf_str(&out));
    buf_clear(&out);
    assert_int_equal(zip_pack(&out, &turned), OK);
    assert_true(str_eq(first, buf_str(&out)));
}

static void nothing_at_all(void **state UNUSED)
{
    struct zip_members back = {0};

    buf_clear(&out);
    assert_int_equal(zip_pack(&out, &(struct zip_members){NULL, 0}), OK);
    assert_int_equal(zip_unpack(&arena, buf_str(&out), &limits, &back, &why), OK);
    assert_int_equal(back.count, 0);
}

static void too_large_to_write(void **state UNUSED)
{
    const struct zip_members members = two_files(false);
    struct buf small;

    buf_init(&small, 64);
    assert_int_equal(zip_pack(&small, &members), ERR_LIMIT);
    buf_release(&small);
}

static void folders_and_litter_are_left_out(void **state UNUSED)
{
    static const struct raw_entry entries[] = {{.name = "a/", .bytes = "", .mode = 040755},
                                               {.name = "a/x", .bytes = "1"},
                                               {.name = "__MACOSX/a/._x", .bytes = "?"},
                                               {.name = "a/.DS_Store", .bytes = "?"}};
    struct zip_members members;

    assert_int_equal(unpack_raw(entries, ARRAY_LEN(entries), &members), OK);
    assert_int_equal(members.count, 1);
    ASSERT_STR(members.list[0].path, "a/x");
}

static void one_bad_entry(void **state UNUSED)
{
    static const struct {
        struct raw_entry entry;
        enum err err;
        const char *word;
    } bad[] = {
        {{.name = "../x", .bytes = "1"}, ERR_INVALID, "segment . or .."},
        {{.name = "/etc/passwd", .bytes = "1"}, ERR_INVALID, "empty segment"},
        {{.name = "a\\..\\b", .bytes = "1"}, ERR_INVALID, "backslash"},
        {{.name = "C:/x", .bytes = "1"}, ERR_INVALID, "colon"},
        {{.name = "a\xff", .bytes = "1"}, ERR_INVALID, "UTF-8"},
        {{.name = "a", .bytes = "/etc/passwd", .mode = 0120777}, ERR_INVALID, "plain file"},
        {{.name = "a", .bytes = "", .mode = 020666}, ERR_INVALID, "plain file"},
        {{.name = "a", .bytes = "1", .flags = 1}, ERR_INVALID, "encrypted"},
        {{.name = "a", .bytes = "1", .method = 12}, ERR_INVALID, "method"},
        {{.name = "a", .bytes = "1", .crc_lie = 1}, ERR_INVALID, "damaged"},
        {{.name = "a", .bytes = "", .size_lie = 200 * 1024, .is_deflated_zeroes = true},
         ERR_LIMIT,
         "suspiciously"},
        {{.name = "a", .bytes = "", .size_lie = 600 * 1024, .is_deflated_zeroes = true},
         ERR_LIMIT,
         "too large"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct zip_members members = {.count = 99};
        enum err err = unpack_raw(&bad[i].entry, 1, &members);

        if (err != bad[i].err || !str_contains(why, str_of(bad[i].word)))
            fail_msg("%s (%s): %s, %.*s", bad[i].entry.name, bad[i].word, err_name(err),
                     STR_ARG(why));
        assert_int_equal(members.count, 99); /* untouched */
    }
}

static void names_that_collide(void **state UNUSED)
{
    static const struct raw_entry twice[] = {{.name = "a", .bytes = "1"},
                                             {.name = "a", .bytes = "2"}},
                                  cases[] = {{.name = "a/x", .bytes = "1"},
                                             {.name = "B", .bytes = ""},
                                             {.name = "A/X", .bytes = "2"}},
                                  folder[] = {{.name = "a", .bytes = "1"},
                                              {.name = "a/x", .bytes = "2"}};
    struct zip_members members;

    assert_int_equal(unpack_raw(twice, 2, &members), ERR_INVALID);
    assert_int_equal(unpack_raw(cases, 3, &members), ERR_INVALID);
    assert_true(str_contains(why, STR("A/X")));
    assert_int_equal(unpack_raw(folder, 2, &members), ERR_INVALID);
}

static void too_many_files(void **state UNUSED)
{
    static const char names[][4] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    struct raw_entry entries[ARRAY_LEN(names)];
    struct zip_members members;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        entries[i] = (struct raw_entry){.name = names[i], .bytes = ""};
    assert_int_equal(unpack_raw(entries, 10, &members), OK);
    assert_int_equal(unpack_raw(entries, 11, &members), ERR_LIMIT);
}

static void what_is_no_archive(void **state UNUSED)
{
    const struct zip_members whole = two_files(false);
    struct zip_members members;
    struct str archive;

    assert_int_equal(zip_unpack(&arena, STR(""), &limits, &members, &why), ERR_INVALID);
    assert_int_equal(zip_unpack(&arena, STR("hello"), &limits, &members, &why), ERR_INVALID);
    buf_clear(&out);
    assert_int_equal(zip_pack(&out, &whole), OK);
    archive = arena_str(&arena, buf_str(&out));
    for (size_t len = 0; len < archive.len; len++)
        assert_int_equal(zip_unpack(&arena, str_first(archive, len), &limits, &members, &why),
                         ERR_INVALID);
}

static const struct CMUnitTest tests[] = {
    TEST("what was packed is unpacked, and packed again the same", round_trip),
    TEST("the order of files does not matter", order_does_not_matter),
    TEST("no files at all", nothing_at_all),
    TEST("an archive that does not fit is an error", too_large_to_write),
    TEST("folders and what macOS adds are left out", folders_and_litter_are_left_out),
    TEST("one bad entry refuses the whole, in words", one_bad_entry),
    TEST("names that stand there twice, in any letter case, as file and folder",
         names_that_collide),
    TEST("a file more than allowed", too_many_files),
    TEST("anything else, and every archive cut short", what_is_no_archive),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    buf_init(&out, 4 * MIB);
    failed = RUN_TESTS(tests);
    buf_release(&out);
    arena_release(&arena);
    return failed;
}
