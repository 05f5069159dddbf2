/* keys_test.c -- API keys and replies kept for repeated requests, on both databases. */
#include "store/keys.h"
#include "store/table_rig.h"

static void add(struct table *t, const char *tenant, const char *id, const char *hash,
                int64_t created_us)
{
    struct api_key_row key = {.tenant = str_of(tenant),
                              .key_id = str_of(id),
                              .name = STR("a key"),
                              .key_hash = str_of(hash),
                              .created_us = created_us};

    assert_int_equal(api_key_insert(t->tx, &key), OK);
}

static struct str list(struct table *t)
{
    struct api_key_row *found = NULL;
    struct str ids = STR("");
    size_t count = 0;

    assert_int_equal(api_key_list(t->tx, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &ids, found[i].key_id);
    return ids;
}

static void keys_are_listed_until_they_are_revoked(void **state)
{
    struct table *t = *state;
    struct api_key_row *found = NULL;
    size_t count = 0;

    ASSERT_STR(list(t), "");
    add(t, "t", "k2", "h2", 2);
    add(t, "t", "k1", "h1", 1);
    add(t, "other", "k1b", "h3", 3); /* of all tenants: the server keeps them all */
    ASSERT_STR(list(t), "k1,k2,k1b");
    assert_int_equal(api_key_list(t->tx, &t->arena, &found, &count), OK);
    ASSERT_STR(found[2].tenant, "other");
    ASSERT_STR(found[0].name, "a key");
    ASSERT_STR(found[0].key_hash, "h1");
    assert_int_equal(found[0].created_us, 1);
    assert_int_equal(api_key_revoke(t->tx, STR("other"), STR("k1")), ERR_NOT_FOUND);
    assert_int_equal(api_key_revoke(t->tx, TENANT, STR("k1")), OK);
    assert_int_equal(api_key_revoke(t->tx, TENANT, STR("k1")), ERR_NOT_FOUND);
    ASSERT_STR(list(t), "k2,k1b");
}

static void a_hash_is_taken_once(void **state)
{
    struct table *t = *state;
    struct api_key_row key = {.tenant = STR("other"),
                              .key_id = STR("k2"),
                              .name = STR("n"),
                              .key_hash = STR("h1"),
                              .created_us = 1};

    add(t, "t", "k1", "h1", 1);
    table_try(t);
    assert_int_equal(api_key_insert(t->tx, &key), ERR_CONFLICT);
    table_undo(t);
    assert_int_equal(api_key_revoke(t->tx, TENANT, STR("k1")), OK);
    table_try(t);
    assert_int_equal(api_key_insert(t->tx, &key), ERR_CONFLICT); /* a revoked key stays revoked */
    table_undo(t);
}

static void a_reply_is_kept_under_its_key(void **state)
{
    struct table *t = *state;
    struct idempotent_reply in = {.request_hash = STR("hash"),
                                  .status = 200,
                                  .headers = STR("Content-Location: /x\n"),
                                  .body = STR("{\"a\":\"\0\"}")};
    struct idempotent_reply out;

    assert_int_equal(idempotency_find(t->tx, TENANT, STR("k"), &t->arena, &out), ERR_NOT_FOUND);
    assert_int_equal(idempotency_insert(t->tx, TENANT, STR("k"), &in), OK);
    assert_int_equal(idempotency_find(t->tx, TENANT, STR("k"), &t->arena, &out), OK);
    ASSERT_STR(out.request_hash, "hash");
    assert_int_equal(out.status, 200);
    ASSERT_STR(out.headers, "Content-Location: /x\n");
    assert_true(str_eq(out.body, in.body));
    table_try(t);
    assert_int_equal(idempotency_insert(t->tx, TENANT, STR("k"), &in), ERR_CONFLICT);
    table_undo(t);
    assert_int_equal(idempotency_find(t->tx, STR("other"), STR("k"), &t->arena, &out),
                     ERR_NOT_FOUND);
    in.body = STR(""); /* 204 */
    assert_int_equal(idempotency_insert(t->tx, STR("other"), STR("k"), &in), OK);
    assert_int_equal(idempotency_find(t->tx, STR("other"), STR("k"), &t->arena, &out), OK);
    ASSERT_STR(out.body, "");
}

static const struct CMUnitTest tests[] = {
    TEST("keys are listed until they are revoked", keys_are_listed_until_they_are_revoked),
    TEST("a key's hash is taken once, for ever", a_hash_is_taken_once),
    TEST("a reply is kept under its key", a_reply_is_kept_under_its_key),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
