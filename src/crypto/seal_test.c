/* seal_test.c -- seals with each bit and each binding changed. */
#include "base/test.h"
#include "crypto/seal.h"

static const struct seal_key keys[] = {{.id = 0x01020304, .bytes = {1, 2, 3}},
                                       {.id = 7, .bytes = {9}}};
static const struct seal_ring ring = {.keys = keys, .count = 2};
static const struct seal_binding place = {
    .tenant = {"t", 1}, .table = {"endpoint", 8}, .column = {"headers", 7}, .row = {"42", 2}};

static struct arena arena;

static int end_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct str sealed_text(const char *plain)
{
    struct buf out;
    struct str sealed;

    buf_init(&out, 10000);
    seal_write(&out, &ring, &place, str_of(plain));
    assert_false(out.failed);
    sealed = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return sealed;
}

static void round_trip(void **state)
{
    static const char *const plains[] = {"", "x", "Bearer abc", NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plains); i++) {
        struct str sealed = sealed_text(plains[i]), plain = STR_NONE;
        uint32_t id = 0;
        assert_int_equal(sealed.len, SEAL_OVERHEAD_BYTES + str_of(plains[i]).len);
        assert_int_equal(seal_key_id(sealed, &id), OK);
        assert_int_equal(id, 0x01020304);
        assert_int_equal(seal_open(&arena, &ring, &place, sealed, &plain), OK);
        ASSERT_STR(plain, plains[i] ? plains[i] : "");
    }
    assert_false(str_eq(sealed_text("x"), sealed_text("x")));
}

static void every_bit(void **state)
{
    struct str sealed = sealed_text("a secret"), plain = STR_NONE;
    char *bytes = arena_cstr(&arena, sealed);

    (void)state;
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
        assert_int_not_equal(seal_open(&arena, &ring, &place, str_range(bytes, sealed.len), &plain),
                             OK);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_not_equal(seal_open(&arena, &ring, &place, str_first(sealed, len), &plain), OK);
    ASSERT_STR(plain, NULL);
    assert_int_equal(seal_open(&arena, &ring, &place, str_range(bytes, sealed.len), &plain), OK);
}

static void other_places(void **state)
{
    struct seal_binding others[] = {place, place, place, place, place};
    struct str sealed = sealed_text("a secret"), plain = STR_NONE;

    (void)state;
    others[0].tenant = STR("u");
    others[1].table = STR("rule");
    others[2].column = STR("key");
    others[3].row = STR("43");
    others[4].table = STR("endpoin"); /* the same letters, cut elsewhere */
    others[4].column = STR("theaders");
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(seal_open(&arena, &ring, &others[i], sealed, &plain), ERR_DENIED);
    ASSERT_STR(plain, NULL);
}

static void lengths_count(void **state)
{
    struct seal_binding one = {.tenant = STR("a\0\0\0\0b"), .table = STR("c")};
    struct seal_binding other = {.tenant = STR("a"), .table = STR("b\0\0\0\0c")};
    struct str plain = STR_NONE;
    struct buf out;

    (void)state;
    buf_init(&out, 1000);
    seal_write(&out, &ring, &one, STR("a secret"));
    assert_int_equal(seal_open(&arena, &ring, &other, buf_str(&out), &plain), ERR_DENIED);
    assert_int_equal(seal_open(&arena, &ring, &one, buf_str(&out), &plain), OK);
    buf_release(&out);
}

static void key_id_counts(void **state)
{
    struct seal_key twins[] = {keys[0], keys[0]};
    struct seal_ring twin_ring = {.keys = twins, .count = 2};
    struct str sealed = sealed_text("a secret"), plain = STR_NONE;
    char *bytes = arena_cstr(&arena, sealed);

    (void)state;
    twins[1].id = 0x01020305;
    bytes[4] = 5;
    assert_int_equal(seal_open(&arena, &twin_ring, &place, str_range(bytes, sealed.len), &plain),
                     ERR_DENIED);
}

static void ring_changes(void **state)
{
    struct seal_key newer[3] = {{.id = 9, .bytes = {5}}};
    struct seal_ring ring_later = {.keys = newer, .count = 3};
    struct seal_ring ring_without = {.keys = newer, .count = 1};
    struct str sealed = sealed_text("a secret"), plain = STR_NONE;

    (void)state;
    memcpy(newer + 1, keys, sizeof(keys));
    assert_int_equal(seal_open(&arena, &ring_later, &place, sealed, &plain), OK);
    assert_int_equal(seal_open(&arena, &ring_without, &place, sealed, &plain), ERR_NOT_FOUND);
    newer[0].id = 0x01020304; /* the same id, another key */
    assert_int_equal(seal_open(&arena, &ring_without, &place, sealed, &plain), ERR_DENIED);
}

static void key_text(void **state)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "1:",
                                      "1:AAAA",
                                      ":AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                      "-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                      "4294967296:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
                                      "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"};
    struct seal_key key, again;
    struct buf out;

    (void)state;
    buf_init(&out, 100);
    seal_key_make(&key, UINT32_MAX);
    seal_key_write(&out, &key);
    assert_int_equal(seal_key_parse(buf_str(&out), &again), OK);
    assert_int_equal(again.id, UINT32_MAX);
    assert_memory_equal(key.bytes, again.bytes, sizeof(key.bytes));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (seal_key_parse(str_of(bad[i]), &again) != ERR_INVALID)
            fail_msg("%s", bad[i]);
    buf_release(&out);
}

static void maximum(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, SEAL_OVERHEAD_BYTES);
    seal_write(&out, &ring, &place, STR("x"));
    assert_true(out.failed);
    ASSERT_STR(buf_str(&out), "");
    buf_release(&out);
}

static const struct CMUnitTest tests[] = {
    TEST("what is sealed opens, and no two seals are alike", round_trip),
    TEST("whichever bit is changed, wherever it is cut, it does not open", every_bit),
    TEST("it does not open in another row, column, table or tenant", other_places),
    TEST("the parts of a place cannot be cut elsewhere", lengths_count),
    TEST("its key id cannot be changed, not even to an id of the same key", key_id_counts),
    TEST("it opens as long as its key is in the ring", ring_changes),
    TEST("a key's text is read back, other text is refused", key_text),
    TEST("a buffer too small is not half written", maximum),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, end_arena);
}
