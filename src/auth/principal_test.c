/* principal_test.c -- who is admitted by a set of keys, and as whom. */
#include "base/test.h"

#include "auth/principal.h"
#include "crypto/api_key.h"

/* Two keys of two tenants; everything the set was made of is overwritten afterwards. */
static struct key_set *two_keys(struct api_key_text keys[2])
{
    char tenants[2][8] = {"one", "two"};
    struct sha256_text hashes[2];
    struct api_key_row rows[2];
    struct key_set *set;

    for (int i = 0; i < 2; i++)
        rows[i] =
            (struct api_key_row){.tenant = str_of(tenants[i]),
                                 .key_id = str_of(i ? "k2" : "k1"),
                                 .key_hash = api_key_hash(api_key_make(&keys[i]), &hashes[i])};
    set = key_set_new(rows, 2, true);
    memset(tenants, 'x', sizeof(tenants));
    memset(hashes, 'x', sizeof(hashes));
    return set;
}

static void a_key_is_its_tenants(void **state)
{
    struct api_key_text keys[2];
    struct key_set *set = two_keys(keys);
    struct principal principal;

    (void)state;
    assert_int_equal(key_set_count(set), 2);
    assert_int_equal(key_set_admit(set, str_of(keys[1].text), &principal), OK);
    ASSERT_STR(principal.tenant, "two");
    ASSERT_STR(principal.key_id, "k2");
    assert_int_equal(key_set_admit(set, str_of(keys[0].text), &principal), OK);
    ASSERT_STR(principal.tenant, "one");
    key_set_unref(set);
}

static void no_other_key_is_admitted(void **state)
{
    struct api_key_text keys[2], stranger;
    struct key_set *set = two_keys(keys);
    struct principal principal;
    struct sha256_text hash;
    struct str key = str_of(keys[0].text);

    (void)state;
    assert_int_equal(key_set_admit(set, STR_NONE, &principal), ERR_DENIED);
    assert_int_equal(key_set_admit(set, STR(""), &principal), ERR_DENIED);
    assert_int_equal(key_set_admit(set, api_key_make(&stranger), &principal), ERR_DENIED);
    assert_int_equal(key_set_admit(set, str_first(key, key.len - 1), &principal), ERR_DENIED);
    assert_int_equal(key_set_admit(set, api_key_hash(key, &hash), &principal), ERR_DENIED);
    key_set_unref(set);
}

static void an_empty_set_admits_everybody_or_nobody(void **state)
{
    struct key_set *open = key_set_new(NULL, 0, true), *closed = key_set_new(NULL, 0, false);
    struct principal principal;

    (void)state;
    assert_int_equal(key_set_admit(open, STR_NONE, &principal), OK);
    ASSERT_STR(principal.tenant, "default");
    ASSERT_STR(principal.key_id, NULL);
    assert_int_equal(key_set_admit(open, STR("whatever"), &principal), OK);
    assert_int_equal(key_set_admit(closed, STR_NONE, &principal), ERR_DENIED);
    assert_int_equal(key_set_admit(closed, STR("whatever"), &principal), ERR_DENIED);
    key_set_unref(open);
    key_set_unref(closed);
}

static void a_set_lives_as_long_as_somebody_has_it(void **state)
{
    struct api_key_text keys[2];
    struct key_set *set = two_keys(keys), *same = key_set_ref(set);
    struct principal principal;

    (void)state;
    assert_ptr_equal(same, set);
    key_set_unref(set);
    assert_int_equal(key_set_admit(same, str_of(keys[0].text), &principal), OK);
    key_set_unref(same);
    key_set_unref(NULL);
}

static const struct CMUnitTest tests[] = {
    TEST("a key is its tenant's", a_key_is_its_tenants),
    TEST("no other key is admitted, nor a key's hash", no_other_key_is_admitted),
    TEST("an empty set admits everybody, or nobody", an_empty_set_admits_everybody_or_nobody),
    TEST("a set lives as long as somebody has it", a_set_lives_as_long_as_somebody_has_it),
};

int main(void)
{
    return RUN_TESTS(tests);
}
