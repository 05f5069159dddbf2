/* keyring_test.c -- the file's text, and a ring whose keys change. */
#include "base/test.h"
#include "crypto/keyring.h"

#define KEY_A "7:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define KEY_B "4294967295:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct seal_binding place = {
    .tenant = {"t", 1}, .table = {"secrets", 7}, .column = {"sealed", 6}, .row = {"42", 2}};

static void a_file_is_read_as_it_was_written(void **state)
{
    struct keyring_keys keys, again;
    const char *why = NULL;
    struct buf out;

    (void)state;
    assert_int_equal(keyring_keys_parse(STR("# mine\n\n " KEY_A "\r\n" KEY_B), &keys, &why), OK);
    assert_int_equal(keys.count, 2);
    assert_int_equal(keys.keys[0].id, 7);
    assert_int_equal(keys.keys[0].bytes[31], 32);
    buf_init(&out, KEYRING_FILE_BYTES_MAX);
    keyring_keys_write(&out, &keys);
    assert_false(out.failed);
    assert_int_equal(keyring_keys_parse(buf_str(&out), &again, &why), OK);
    assert_memory_equal(again.keys, keys.keys, 2 * sizeof(keys.keys[0]));
    buf_release(&out);
}

static void what_is_no_file_of_keys_is_refused_with_words(void **state)
{
    static const char *const wrong[] = {"",        "# nothing\n",      "7:AQID\n",       "x" KEY_A,
                                        KEY_A "x", KEY_A "\nsecret\n", KEY_A "\n" KEY_A, "-" KEY_A};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct keyring_keys keys;
        const char *why = NULL;

        assert_int_equal(keyring_keys_parse(str_of(wrong[i]), &keys, &why), ERR_INVALID);
        assert_non_null(why);
        assert_int_equal(keys.count, 0);
    }
}

static void a_full_file_takes_no_more(void **state)
{
    struct keyring_keys keys = {.count = 0};
    const char *why = NULL;
    struct buf out;

    (void)state;
    while (keys.count < KEYRING_KEYS_MAX)
        assert_int_equal(keyring_keys_add(&keys), OK);
    assert_int_equal(keyring_keys_add(&keys), ERR_LIMIT);
    buf_init(&out, KEYRING_FILE_BYTES_MAX);
    keyring_keys_write(&out, &keys);
    assert_false(out.failed);
    assert_int_equal(keyring_keys_parse(buf_str(&out), &keys, &why), OK);
    buf_add(&out, STR(KEY_A));
    assert_int_equal(keyring_keys_parse(buf_str(&out), &keys, &why), ERR_LIMIT);
    buf_release(&out);
}

static struct str sealed_by(struct keyring *ring, struct arena *arena, uint32_t *id)
{
    struct buf out;
    struct str sealed;

    buf_init(&out, KIB);
    keyring_seal(ring, &out, &place, STR("Bearer abc"), id);
    sealed = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return sealed;
}

static void a_new_key_seals_and_an_old_one_still_opens(void **state)
{
    struct keyring_keys keys = {.count = 0};
    uint32_t ids[KEYRING_KEYS_MAX], old_id = 0, new_id = 0;
    struct str old, new, plain;
    struct keyring *ring;
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_int_equal(keyring_keys_add(&keys), OK);
    ring = keyring_new(&keys);
    old = sealed_by(ring, &arena, &old_id);
    assert_false(keyring_replace(ring, &keys));
    assert_int_equal(keyring_keys_add(&keys), OK);
    assert_true(keyring_replace(ring, &keys));
    new = sealed_by(ring, &arena, &new_id);
    assert_int_equal(keyring_ids(ring, ids), 2);
    assert_int_equal(ids[0], new_id);
    assert_int_equal(ids[1], old_id);
    assert_int_equal(keyring_open(ring, &arena, &place, old, &plain), OK);
    ASSERT_STR(plain, "Bearer abc");
    assert_int_equal(keyring_open(ring, &arena, &place, new, &plain), OK);

    assert_int_equal(keyring_keys_remove(&keys, new_id), ERR_CONFLICT);
    assert_int_equal(keyring_keys_remove(&keys, new_id ^ old_id), ERR_NOT_FOUND);
    assert_int_equal(keyring_keys_remove(&keys, old_id), OK);
    assert_true(keyring_replace(ring, &keys));
    assert_int_equal(keyring_open(ring, &arena, &place, old, &plain), ERR_NOT_FOUND);
    assert_int_equal(keyring_open(ring, &arena, &place, new, &plain), OK);
    keyring_free(ring);
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("a file of keys is read as it was written", a_file_is_read_as_it_was_written),
    TEST("what is no file of keys is refused with words",
         what_is_no_file_of_keys_is_refused_with_words),
    TEST("a full file takes no more", a_full_file_takes_no_more),
    TEST("a new key seals and an old one still opens, until it is dropped",
         a_new_key_seals_and_an_old_one_still_opens),
};

int main(void)
{
    return RUN_TESTS(tests);
}
