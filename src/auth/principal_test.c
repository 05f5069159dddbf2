/* principal_test.c -- who is admitted by a set of keys, and as whom. */
#include "base/test.h"

#include <ctype.h>

#include "auth/principal.h"
#include "crypto/api_key.h"

#define NOW_US 1000

enum { ONE, BOTH, ALL, BRIEF, KEY_COUNT };

struct keys {
    struct api_key_text text[KEY_COUNT];
    struct sha256_text hash[KEY_COUNT];
    struct api_key_row rows[KEY_COUNT];
    struct key_set *set;
};

static const struct workspace workspaces[] = {
    {.tenant = {"default", 7}},
    {.tenant = {"one", 3}},
    {.tenant = {"two", 3}},
};

static struct api_key_row *row_make(struct keys *keys, int i, const char *id)
{
    struct api_key_row *row = &keys->rows[i];

    *row = (struct api_key_row){.key_id = str_of(id), .role = STR("viewer"), .tenant = STR("one")};
    row->key_hash = api_key_hash(api_key_make(&keys->text[i]), &keys->hash[i]);
    return row;
}

static struct key_set *set_make(const struct keys *keys, size_t count, const struct key_set *before)
{
    return key_set_new(&(struct key_set_source){.keys = keys->rows,
                                                .key_count = count,
                                                .workspaces = workspaces,
                                                .workspace_count = ARRAY_LEN(workspaces),
                                                .open = true},
                       before);
}

/* Whatever the set was made of is overwritten afterwards. */
static void keys_make(struct keys *keys)
{
    struct str both[] = {STR("one"), STR("two")}, all[] = {STR("*")};
    struct api_key_row *row;

    row = row_make(keys, ONE, "k-one");
    row->workspaces = both;
    row->workspace_count = 1;
    row = row_make(keys, BOTH, "k-both");
    row->workspaces = both;
    row->workspace_count = 2;
    row = row_make(keys, ALL, "k-all");
    row->workspaces = all;
    row->workspace_count = 1;
    row->tenant = STR("default");
    row->role = STR("admin");
    row = row_make(keys, BRIEF, "k-brief");
    row->workspaces = both;
    row->workspace_count = 1;
    row->expires_us = NOW_US;
    keys->set = set_make(keys, KEY_COUNT, NULL);
    memset(both, 'x', sizeof(both));
    memset(keys->hash, 'x', sizeof(keys->hash));
    memset(keys->rows, 'x', sizeof(keys->rows));
}

static void admitted(const struct keys *keys, int key, const char *workspace, enum admission wanted,
                     const char *tenant)
{
    struct principal principal;

    assert_int_equal(key_set_admit(keys->set, str_of(keys->text[key].text), str_of(workspace),
                                   NOW_US, &principal),
                     wanted);
    if (wanted == ADMITTED)
        ASSERT_STR(principal.tenant, tenant);
}

static void a_key_opens_its_workspaces(void **state)
{
    struct keys keys;
    struct uuid_text uuid;
    struct str two = workspace_uuid(STR("two"), &uuid);

    (void)state;
    keys_make(&keys);
    admitted(&keys, ONE, NULL, ADMITTED, "one");
    admitted(&keys, ONE, "one", ADMITTED, "one");
    admitted(&keys, ONE, "two", ADMISSION_WRONG_WORKSPACE, NULL);
    admitted(&keys, ONE, "nowhere", ADMISSION_WRONG_WORKSPACE, NULL);
    admitted(&keys, BOTH, NULL, ADMISSION_NO_WORKSPACE, NULL);
    admitted(&keys, BOTH, "two", ADMITTED, "two");
    admitted(&keys, BOTH, "default", ADMISSION_WRONG_WORKSPACE, NULL);
    admitted(&keys, ALL, NULL, ADMITTED, "default");
    admitted(&keys, ALL, "two", ADMITTED, "two");
    admitted(&keys, ALL, "nowhere", ADMISSION_WRONG_WORKSPACE, NULL);
    uuid.text[UUID_TEXT_BYTES] = '\0';
    admitted(&keys, ALL, two.data, ADMITTED, "two");
    for (size_t i = 0; i < UUID_TEXT_BYTES; i++)
        uuid.text[i] = (char)toupper((unsigned char)uuid.text[i]);
    admitted(&keys, ALL, uuid.text, ADMITTED, "two");
    /* As links and the tracing API have always said. */
    admitted(&keys, ALL, "977d7de6edbe5d6fbc50978861c6a365", ADMITTED, "two");
    admitted(&keys, BRIEF, NULL, ADMISSION_EXPIRED_KEY, NULL);
    key_set_unref(keys.set);
}

static void a_principal_is_what_its_key_says(void **state)
{
    struct keys keys;
    struct principal principal;

    (void)state;
    keys_make(&keys);
    assert_int_equal(
        key_set_admit(keys.set, str_of(keys.text[ALL].text), STR("one"), NOW_US, &principal),
        ADMITTED);
    ASSERT_STR(principal.key_id, "k-all");
    assert_int_equal(principal.role, ROLE_ADMIN);
    assert_true(principal.opens_all);
    assert_int_equal(
        key_set_admit(keys.set, str_of(keys.text[ONE].text), STR_NONE, NOW_US, &principal),
        ADMITTED);
    assert_int_equal(principal.role, ROLE_VIEWER);
    assert_false(principal.opens_all);
    ASSERT_STR(principal.key->role, "viewer");
    key_set_unref(keys.set);
}

static void no_other_key_is_admitted(void **state)
{
    struct keys keys;
    struct api_key_text stranger;
    struct principal principal;
    struct sha256_text hash;
    struct str key;

    (void)state;
    keys_make(&keys);
    key = str_of(keys.text[ONE].text);
    const struct str wrong[] = {api_key_make(&stranger), str_first(key, key.len - 1),
                                api_key_hash(key, &hash), STR("x")};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(key_set_admit(keys.set, wrong[i], STR_NONE, NOW_US, &principal),
                         ADMISSION_UNKNOWN_KEY);
    assert_int_equal(key_set_admit(keys.set, STR_NONE, STR_NONE, NOW_US, &principal),
                     ADMISSION_NO_KEY);
    assert_int_equal(key_set_admit(keys.set, STR(""), STR_NONE, NOW_US, &principal),
                     ADMISSION_NO_KEY);
    key_set_unref(keys.set);
}

static void an_empty_set_admits_everybody_or_nobody(void **state)
{
    const struct keys none = {0};
    struct key_set *open = set_make(&none, 0, NULL);
    struct key_set *closed = key_set_new(&(struct key_set_source){.open = false}, NULL);
    struct principal principal;

    (void)state;
    assert_true(key_set_is_open(open));
    assert_int_equal(key_set_admit(open, STR_NONE, STR_NONE, NOW_US, &principal), ADMITTED);
    ASSERT_STR(principal.tenant, "default");
    ASSERT_STR(principal.key_id, NULL);
    assert_true(principal.opens_all);
    assert_int_equal(key_set_admit(open, STR("whatever"), STR("two"), NOW_US, &principal),
                     ADMITTED);
    ASSERT_STR(principal.tenant, "two");
    assert_int_equal(key_set_admit(open, STR_NONE, STR("nowhere"), NOW_US, &principal), ADMITTED);
    ASSERT_STR(principal.tenant, "default");
    assert_int_equal(key_set_admit(closed, STR("whatever"), STR_NONE, NOW_US, &principal),
                     ADMISSION_UNKNOWN_KEY);
    key_set_unref(open);
    key_set_unref(closed);
}

static void what_is_noted_goes_on_in_the_next_set(void **state)
{
    struct keys keys;
    struct api_key_use uses[KEY_COUNT];
    struct str every[] = {STR("*")};
    struct api_key_row row;
    struct key_set *next, *last;

    (void)state;
    keys_make(&keys);
    assert_int_equal(key_set_uses(keys.set, uses, KEY_COUNT), 0);
    row = (struct api_key_row){.key_id = STR("k-all"),
                               .role = STR("admin"),
                               .key_hash = STR("h"),
                               .workspaces = every,
                               .workspace_count = 1};
    struct principal principal;
    assert_int_equal(key_set_admit(keys.set, str_of(keys.text[ALL].text), STR_NONE,
                                   2 * KEY_USED_GRAIN_US, &principal),
                     ADMITTED);
    const struct key_set_source source = {.keys = &row, .key_count = 1};
    next = key_set_new(&source, keys.set);
    key_set_unref(keys.set);
    assert_int_equal(key_set_uses(next, uses, KEY_COUNT), 1);
    assert_int_equal(uses[0].used_us, 2 * KEY_USED_GRAIN_US);
    row.used_us = 2 * KEY_USED_GRAIN_US - 1; /* it is written down */
    last = key_set_new(&source, next);
    assert_int_equal(key_set_uses(last, uses, KEY_COUNT), 0);
    key_set_unref(next);
    key_set_unref(key_set_ref(last));
    key_set_unref(last);
    key_set_unref(NULL);
}

static void an_unknown_role_opens_nothing(void **state)
{
    struct api_key_text text;
    struct sha256_text hash;
    struct str every[] = {STR("*")};
    struct api_key_row row = {.key_id = STR("k"),
                              .role = STR("of a newer runbell"),
                              .key_hash = api_key_hash(api_key_make(&text), &hash),
                              .workspaces = every,
                              .workspace_count = 1};
    struct key_set *set = key_set_new(&(struct key_set_source){.keys = &row, .key_count = 1}, NULL);
    struct principal principal;

    (void)state;
    assert_int_equal(key_set_admit(set, str_of(text.text), STR_NONE, NOW_US, &principal),
                     ADMISSION_UNKNOWN_KEY);
    key_set_unref(set);
}

static const struct CMUnitTest tests[] = {
    TEST("a key opens its workspaces, by id or UUID", a_key_opens_its_workspaces),
    TEST("a principal is what its key says", a_principal_is_what_its_key_says),
    TEST("no other key is admitted, nor a key's hash", no_other_key_is_admitted),
    TEST("an empty set admits everybody, or nobody", an_empty_set_admits_everybody_or_nobody),
    TEST("what is noted about a key goes on in the next set",
         what_is_noted_goes_on_in_the_next_set),
    TEST("a key of an unknown role opens nothing", an_unknown_role_opens_nothing),
};

int main(void)
{
    return RUN_TESTS(tests);
}
