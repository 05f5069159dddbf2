/* idempotency_test.c -- replies kept for repeated requests, on both databases. */
#include "store/idempotency.h"
#include "store/table_rig.h"

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
    TEST("a reply is kept under its key", a_reply_is_kept_under_its_key),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
