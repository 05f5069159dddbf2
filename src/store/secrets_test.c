/* secrets_test.c -- secrets of endpoints: put, listed, opened, moved, sealed again (requirements
 * B10, B11, E2; defects 18 and 25 of delivery.md §8.3). On both databases. */
#include "store/secrets.h"
#include "store/table_rig.h"

static struct keyring_keys keys;
static struct keyring *ring;

/* One new key, at the start of each test. */
static void fresh_ring(struct table *t)
{
    keyring_free(ring);
    keys.count = 0;
    assert_int_equal(keyring_keys_add(&keys), OK);
    ring = keyring_new(&keys);
    t->tx->keyring = ring;
}

static struct secret_owner owner_of(struct table *t, const char *host)
{
    static const struct db_statement find = {
        "test_endpoint_by_url", "SELECT endpoint_id FROM endpoints WHERE origin = $1", NULL};
    struct str origin = arena_printf(&t->arena, "https://%s.test:443", host);
    struct outbox_event event = {.tenant = TENANT,
                                 .kind = STR("run"),
                                 .object_id = STR("run-1"),
                                 .url = arena_printf(&t->arena, "https://%s.test/", host),
                                 .content_type = STR("application/json"),
                                 .body = STR("{}"),
                                 .policy = STR("once")};
    struct secret_owner owner = {.tenant = TENANT};
    struct db_rows rows = {0};

    if (t->tx->keyring != ring || !ring)
        fresh_ring(t);
    assert_int_equal(outbox_add(t->tx, &event, NULL), OK);
    assert_int_equal(db_query_one(t->tx->db, &find, DB_ARGS(db_text(origin)), &rows), OK);
    owner.endpoint_id = db_get_keep(&rows, 0, &t->arena);
    assert_int_equal(db_rows_end(&rows), OK);
    return owner;
}

static void put(struct table *t, struct secret_owner owner, const char *id, const char *value,
                int64_t expires_us)
{
    struct secret secret = {.kind = SECRET_HEADER,
                            .secret_id = str_of(id),
                            .name = str_of(id),
                            .value = str_of(value),
                            .created_us = t->tx->now_us,
                            .expires_us = expires_us};

    assert_int_equal(secret_put(t->tx, &owner, &secret), OK);
}

/* "name=value,…" of what can be opened. */
static struct str opened(struct table *t, struct secret_owner owner)
{
    struct secrets found = {0};
    struct str text = STR(""), why = STR_NONE;

    assert_int_equal(secrets_open(t->tx, &owner, &t->arena, &found, &why), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &text,
                   arena_printf(&t->arena, "%.*s=%.*s", STR_ARG(found.list[i].name),
                                STR_ARG(found.list[i].value)));
    secrets_wipe(&found);
    for (size_t i = 0; i < found.count; i++)
        ASSERT_STR(found.list[i].value, NULL);
    return text;
}

static void found_by_kind_and_id(void **state UNUSED)
{
    struct secret list[] = {
        {.kind = SECRET_HEADER, .secret_id = STR("a"), .name = STR("1")},
        {.kind = SECRET_OAUTH, .secret_id = STR("b"), .name = STR("2")},
        {.kind = SECRET_OAUTH, .secret_id = STR("a"), .name = STR("b")},
        {.kind = SECRET_OAUTH, .secret_id = STR("a"), .name = STR("4")},
    };
    const struct secrets all = {list, ARRAY_LEN(list)}, none = {NULL, 0};

    assert_ptr_equal(secrets_find(&all, SECRET_OAUTH, STR("a")), &list[2]);
    assert_ptr_equal(secrets_find(&all, SECRET_HEADER, STR("a")), &list[0]);
    assert_null(secrets_find(&all, SECRET_HEADER, STR("b")));
    assert_null(secrets_find(&all, SECRET_OAUTH, STR("")));
    assert_null(secrets_find(&none, SECRET_OAUTH, STR("a")));
}

static int64_t version_of(struct table *t, struct secret_owner owner)
{
    static const struct db_statement get = {
        "test_secrets_version", "SELECT secrets_version FROM endpoints WHERE endpoint_id = $1",
        NULL};
    struct db_rows rows = {0};
    int64_t version;

    assert_int_equal(db_query_one(t->tx->db, &get, DB_ARGS(db_text(owner.endpoint_id)), &rows), OK);
    version = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return version;
}

static void what_is_put_is_opened_and_listed_without_its_value(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a"), other = owner_of(t, "b");
    struct secrets found;
    int64_t count = 0;

    assert_int_equal(version_of(t, owner), 0);
    put(t, owner, "x-one", "1", 0);
    t->tx->now_us++;
    put(t, owner, "x-two", "", 0);
    put(t, other, "x-one", "other", 0);
    assert_int_equal(version_of(t, owner), 2);
    ASSERT_STR(opened(t, owner), "x-two=,x-one=1");
    put(t, owner, "x-one", "11", 0);
    ASSERT_STR(opened(t, owner), "x-one=11,x-two=");
    assert_int_equal(secret_list(t->tx, &owner, SECRET_HEADER, &t->arena, &found), OK);
    assert_int_equal(found.count, 2);
    ASSERT_STR(found.list[0].value, NULL);
    assert_int_equal(secret_list(t->tx, &owner, SECRET_OAUTH, &t->arena, &found), OK);
    assert_int_equal(found.count, 0);
    assert_int_equal(secret_delete(t->tx, &owner, SECRET_HEADER, STR("x-one"), &count), OK);
    assert_int_equal(count, 1);
    ASSERT_STR(opened(t, owner), "x-two=");
    assert_int_equal(secret_delete(t->tx, &owner, SECRET_HEADER, STR_NONE, &count), OK);
    ASSERT_STR(opened(t, owner), "");
    ASSERT_STR(opened(t, other), "x-one=other");
    assert_int_equal(version_of(t, owner), 5);
}

static void an_endpoint_that_is_not_there_has_no_secrets(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a"), stranger = {STR("other"), owner.endpoint_id};
    struct secret secret = {.secret_id = STR("x"), .name = STR("x"), .value = STR("v")};
    struct secrets found;
    int64_t count = 0;

    assert_int_equal(secret_put(t->tx, &stranger, &secret), ERR_NOT_FOUND);
    assert_int_equal(secret_list(t->tx, &stranger, SECRET_HEADER, &t->arena, &found),
                     ERR_NOT_FOUND);
    assert_int_equal(secret_delete(t->tx, &stranger, SECRET_HEADER, STR_NONE, &count),
                     ERR_NOT_FOUND);
    assert_int_equal(secret_expire(t->tx, &stranger, SECRET_HEADER, STR("x"), 1), ERR_NOT_FOUND);
}

static void what_has_expired_is_gone(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a");
    struct secret_sweep sweep = {0};
    int64_t now_us = t->tx->now_us;
    struct secret_use *uses;
    size_t count;

    put(t, owner, "old", "1", now_us + 10);
    put(t, owner, "new", "2", 0);
    assert_int_equal(secret_expire(t->tx, &owner, SECRET_HEADER, STR("new"), now_us + 20), OK);
    assert_int_equal(secret_expire(t->tx, &owner, SECRET_HEADER, STR("old"), now_us + 20), OK);
    ASSERT_STR(opened(t, owner), "new=2,old=1");
    t->tx->now_us = now_us + 10;
    ASSERT_STR(opened(t, owner), "new=2");
    assert_int_equal(secret_sweep(t->tx, &sweep, 10), OK);
    assert_false(sweep.more);
    assert_int_equal(secret_uses(t->tx, &t->arena, &uses, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(uses[0].count, 1);
}

static void execute(struct table *t, const char *sql)
{
    assert_int_equal(db_script(t->tx->db, sql), OK);
}

static void a_value_in_another_row_does_not_open(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a"), other = owner_of(t, "b");
    struct secrets found = {0};
    struct str why = STR_NONE;

    put(t, owner, "x-one", "1", 0);
    put(t, other, "x-one", "2", 0);
    table_try(t);
    execute(t,
            "UPDATE secrets SET sealed = (SELECT sealed FROM secrets ORDER BY secret_no LIMIT 1)");
    ASSERT_STR(opened(t, owner), "x-one=1");
    assert_int_equal(secrets_open(t->tx, &other, &t->arena, &found, &why), ERR_DENIED);
    ASSERT_STR(why, "the header x-one was changed in the store, or sealed by a stranger");
    assert_int_equal(found.count, 0);
    table_undo(t);
    ASSERT_STR(opened(t, other), "x-one=2");
}

static void sweep_all(struct table *t, size_t limit, size_t *resealed, size_t *unreadable)
{
    struct secret_sweep sweep = {0};

    *resealed = *unreadable = 0;
    do {
        assert_int_equal(secret_sweep(t->tx, &sweep, limit), OK);
        *resealed += sweep.resealed;
        *unreadable += sweep.unreadable;
    } while (sweep.more);
}

static void keys_change_while_all_is_read(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a");
    struct secret_sweep sweep = {0};
    struct secret_use *uses;
    size_t resealed, unreadable, count;

    for (int i = 0; i < 7; i++)
        put(t, owner, arena_cstr(&t->arena, arena_printf(&t->arena, "x-%d", i)), "v", 0);
    assert_int_equal(keyring_keys_add(&keys), OK);
    assert_true(keyring_replace(ring, &keys));
    put(t, owner, "x-7", "v", 0);
    assert_int_equal(secret_sweep(t->tx, &sweep, 3), OK); /* interrupted here */
    assert_true(sweep.more);
    assert_int_equal(sweep.resealed, 3);
    assert_int_equal(opened(t, owner).len, 8 * strlen("x-0=v,") - 1);
    assert_int_equal(secret_uses(t->tx, &t->arena, &uses, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(uses[0].count, 4);
    assert_int_equal(uses[1].count, 4);

    sweep_all(t, 3, &resealed, &unreadable);
    assert_int_equal(resealed, 4);
    assert_int_equal(unreadable, 0);
    assert_int_equal(secret_uses(t->tx, &t->arena, &uses, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(uses[0].key_id, keys.keys[0].id);
    assert_int_equal(keyring_keys_remove(&keys, keys.keys[1].id), OK);
    assert_true(keyring_replace(ring, &keys));
    assert_int_equal(opened(t, owner).len, 8 * strlen("x-0=v,") - 1);
}

static void a_lost_key_is_named_and_nothing_is_changed(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a");
    uint32_t lost = keys.keys[0].id;
    struct keyring_keys others = {.count = 0};
    size_t resealed, unreadable;
    struct secrets found = {0};
    struct str why = STR_NONE;

    put(t, owner, "Authorization", "Bearer x", 0);
    assert_int_equal(keyring_keys_add(&others), OK);
    assert_true(keyring_replace(ring, &others));
    assert_int_equal(secrets_open(t->tx, &owner, &t->arena, &found, &why), ERR_DENIED);
    assert_true(str_contains(why, arena_printf(&t->arena, "under the key %u", (unsigned)lost)));
    assert_true(str_contains(why, STR("the header Authorization")));
    sweep_all(t, 3, &resealed, &unreadable);
    assert_int_equal(resealed, 0);
    assert_true(keyring_replace(ring, &keys));
    ASSERT_STR(opened(t, owner), "Authorization=Bearer x");
    /* A key of the same number but other bytes is noticed too, and the rest is sealed again. */
    others.keys[0].id = lost;
    assert_int_equal(keyring_keys_add(&others), OK);
    assert_true(keyring_replace(ring, &others));
    sweep_all(t, 3, &resealed, &unreadable);
    assert_int_equal(unreadable, 1);
}

static void public_halves_are_found_by_endpoint_alone(void **state)
{
    struct table *t = *state;
    struct secret_owner owner = owner_of(t, "a");
    struct secret secret = {.kind = SECRET_SIGNING_KEY,
                            .secret_id = STR("key_1"),
                            .name = STR("ed25519"),
                            .about = STR("whpk_x"),
                            .value = STR("whsk_x")};
    struct secrets found;

    assert_int_equal(secret_put(t->tx, &owner, &secret), OK);
    secret = (struct secret){.kind = SECRET_SIGNING_KEY,
                             .secret_id = STR("key_2"),
                             .name = STR("hmac"),
                             .value = STR("whsec_x")};
    assert_int_equal(secret_put(t->tx, &owner, &secret), OK);
    assert_int_equal(secret_public_keys(t->tx, owner.endpoint_id, &t->arena, &found), OK);
    assert_int_equal(found.count, 1);
    ASSERT_STR(found.list[0].about, "whpk_x");
    ASSERT_STR(found.list[0].value, NULL);
}

static const struct CMUnitTest tests[] = {
    TEST("what is put is opened, and listed without its value",
         what_is_put_is_opened_and_listed_without_its_value),
    TEST("an endpoint that is not there, or another tenant's, has no secrets",
         an_endpoint_that_is_not_there_has_no_secrets),
    TEST("one is found by its kind and id", found_by_kind_and_id),
    TEST("what has expired is gone", what_has_expired_is_gone),
    TEST("a value in another row does not open", a_value_in_another_row_does_not_open),
    TEST("keys change while all is read", keys_change_while_all_is_read),
    TEST("a lost key is named, and nothing is changed", a_lost_key_is_named_and_nothing_is_changed),
    TEST("public halves are found by the endpoint alone",
         public_halves_are_found_by_endpoint_alone),
};

int main(void)
{
    int failed = TABLE_RUN_TESTS(tests);

    keyring_free(ring);
    return failed;
}
