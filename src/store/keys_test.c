/* keys_test.c -- API keys and the workspaces that they open, on both databases. */
#include "store/keys.h"
#include "store/table_rig.h"
#include "store/workspaces.h"

static const struct str one[] = {{"t", 1}}, two[] = {{"t", 1}, {"other", 5}}, all[] = {{"*", 1}};

static struct api_key_row key_of(const char *id, const struct str *workspaces, size_t count)
{
    return (struct api_key_row){.tenant = workspaces[0],
                                .key_id = str_of(id),
                                .name = STR("a key"),
                                .email = STR("ann@example.com"),
                                .key_hash = str_of(id), /* as good as any */
                                .role = STR("viewer"),
                                .workspaces = workspaces,
                                .workspace_count = count};
}

static void add(struct table *t, const char *id, const struct str *workspaces, size_t count)
{
    struct api_key_row key = key_of(id, workspaces, count);

    t->tx->now_us++;
    assert_int_equal(api_key_insert(t->tx, &key), OK);
}

/* "k1:t,other k2:*" */
static struct str list(struct table *t)
{
    struct api_keys keys;
    struct str text = STR("");

    assert_int_equal(api_key_list(t->tx, &t->arena, &keys), OK);
    for (size_t i = 0; i < keys.count; i++) {
        const struct api_key_row *key = &keys.list[i];
        struct str workspaces = STR("");

        for (size_t k = 0; k < key->workspace_count; k++)
            table_join(t, &workspaces, key->workspaces[k]);
        text = arena_printf(&t->arena, "%.*s%s%.*s:%.*s", STR_ARG(text), i ? " " : "",
                            STR_ARG(key->key_id), STR_ARG(workspaces));
    }
    return text;
}

static void keys_are_listed_until_they_are_revoked(void **state)
{
    struct table *t = *state;

    ASSERT_STR(list(t), "");
    add(t, "k2", two, 2);
    add(t, "k1", one, 1);
    add(t, "k3", all, 1);
    ASSERT_STR(list(t), "k2:t,other k1:t k3:*");
    assert_int_equal(api_key_revoke(t->tx, STR("k1")), OK);
    assert_int_equal(api_key_revoke(t->tx, STR("k1")), ERR_NOT_FOUND);
    assert_int_equal(api_key_revoke(t->tx, STR("nobody")), ERR_NOT_FOUND);
    ASSERT_STR(list(t), "k2:t,other k3:*");
}

static void a_key_comes_back_as_it_went_in(void **state)
{
    struct table *t = *state;
    struct api_key_row in = key_of("k1", two, 2), out;

    in.expires_us = 77;
    assert_int_equal(api_key_insert(t->tx, &in), OK);
    assert_int_equal(api_key_get(t->tx, STR("k2"), &t->arena, &out), ERR_NOT_FOUND);
    assert_int_equal(api_key_get(t->tx, STR("k1"), &t->arena, &out), OK);
    ASSERT_STR(out.tenant, "t");
    ASSERT_STR(out.name, "a key");
    ASSERT_STR(out.email, "ann@example.com");
    ASSERT_STR(out.key_hash, "k1");
    ASSERT_STR(out.role, "viewer");
    assert_int_equal(out.workspace_count, 2);
    assert_int_equal(out.created_us, t->tx->now_us);
    assert_int_equal(out.expires_us, 77);
    assert_int_equal(out.used_us, 0);
    assert_true(str_is_none(out.limits));
    out.limits = STR("{}");
    out.name = STR("another");
    assert_int_equal(api_key_change(t->tx, &out), OK);
    assert_int_equal(api_key_get(t->tx, STR("k1"), &t->arena, &out), OK);
    ASSERT_STR(out.limits, "{}");
    ASSERT_STR(out.name, "another");
    out.key_id = STR("nobody");
    assert_int_equal(api_key_change(t->tx, &out), ERR_NOT_FOUND);
}

static void a_hash_is_taken_once(void **state)
{
    struct table *t = *state;
    struct api_key_row key = key_of("k2", two, 2);

    add(t, "k1", one, 1);
    key.key_hash = STR("k1");
    table_try(t);
    assert_int_equal(api_key_insert(t->tx, &key), ERR_CONFLICT);
    table_undo(t);
    assert_int_equal(api_key_revoke(t->tx, STR("k1")), OK);
    table_try(t);
    assert_int_equal(api_key_insert(t->tx, &key), ERR_CONFLICT); /* a revoked key stays revoked */
    table_undo(t);
}

static void uses_only_move_forward(void **state)
{
    struct table *t = *state;
    const struct api_key_use uses[] = {{STR("k1"), 50}, {STR("k2"), 60}, {STR("gone"), 70}},
                             older = {STR("k1"), 40};
    struct api_key_row key;

    add(t, "k1", one, 1);
    add(t, "k2", one, 1);
    assert_int_equal(api_keys_touch(t->tx, uses, 3), OK);
    assert_int_equal(api_keys_touch(t->tx, &older, 1), OK);
    assert_int_equal(api_keys_touch(t->tx, NULL, 0), OK);
    assert_int_equal(api_key_get(t->tx, STR("k1"), &t->arena, &key), OK);
    assert_int_equal(key.used_us, 50);
    assert_int_equal(api_key_get(t->tx, STR("k2"), &t->arena, &key), OK);
    assert_int_equal(key.used_us, 60);
}

static void an_end_only_comes_nearer(void **state)
{
    struct table *t = *state;
    struct api_key_row key;

    add(t, "k1", one, 1);
    assert_int_equal(api_key_expire(t->tx, STR("k1"), 100), OK);
    assert_int_equal(api_key_expire(t->tx, STR("k1"), 200), OK);
    assert_int_equal(api_key_get(t->tx, STR("k1"), &t->arena, &key), OK);
    assert_int_equal(key.expires_us, 100);
    assert_int_equal(api_key_expire(t->tx, STR("k1"), 50), OK);
    assert_int_equal(api_key_get(t->tx, STR("k1"), &t->arena, &key), OK);
    assert_int_equal(key.expires_us, 50);
    assert_int_equal(api_key_expire(t->tx, STR("k2"), 50), ERR_NOT_FOUND);
}

static void a_key_covers_what_opens_less(void **state)
{
    const struct api_key_row a = key_of("a", one, 1), b = key_of("b", two, 2),
                             c = key_of("c", all, 1);

    (void)state;
    assert_true(api_key_opens_all(&c));
    assert_false(api_key_opens_all(&b));
    assert_true(api_key_covers(&a, &a));
    assert_true(api_key_covers(&b, &a));
    assert_false(api_key_covers(&a, &b));
    assert_true(api_key_covers(&c, &b));
    assert_true(api_key_covers(&c, &c));
    assert_false(api_key_covers(&b, &c));
}

static void a_closed_workspace_is_opened_by_no_key(void **state)
{
    struct table *t = *state;
    struct workspace workspace;

    assert_int_equal(workspace_ensure(t->tx, STR("other")), OK);
    assert_int_equal(workspace_ensure(t->tx, STR("t")), OK);
    add(t, "k1", one, 1);
    add(t, "k2", two, 2);
    add(t, "k3", all, 1);
    assert_int_equal(workspace_close(t->tx, STR("t")), OK);
    assert_int_equal(workspace_close(t->tx, STR("t")), ERR_NOT_FOUND);
    ASSERT_STR(list(t), "k2:other k3:*");
    assert_int_equal(workspace_get(t->tx, STR("t"), &t->arena, &workspace), OK);
    assert_int_equal(workspace.closed_us, t->tx->now_us);
}

static void workspaces_are_made_renamed_and_closed(void **state)
{
    struct table *t = *state;
    const struct workspace acme = {.tenant = STR("acme"), .name = STR("Acme Ltd")},
                           renamed = {.tenant = STR("acme"),
                                      .name = STR("Acme plc"),
                                      .limits = STR("{\"burst\":1}")};
    struct workspace found;
    struct workspaces open;

    assert_int_equal(workspace_get(t->tx, STR("acme"), &t->arena, &found), ERR_NOT_FOUND);
    assert_int_equal(workspace_insert(t->tx, &acme), OK);
    assert_int_equal(workspace_insert(t->tx, &acme), ERR_CONFLICT);
    assert_int_equal(workspace_ensure(t->tx, STR("acme")), OK);
    assert_int_equal(workspace_get(t->tx, STR("acme"), &t->arena, &found), OK);
    ASSERT_STR(found.name, "Acme Ltd");
    assert_int_equal(workspace_change(t->tx, &renamed), OK);
    assert_int_equal(workspace_ensure(t->tx, STR("b")), OK);
    assert_int_equal(workspace_list(t->tx, &t->arena, &open), OK);
    assert_int_equal(open.count, 2);
    ASSERT_STR(open.list[0].name, "Acme plc");
    ASSERT_STR(open.list[0].limits, "{\"burst\":1}");
    assert_true(str_is_none(open.list[1].limits));
    assert_int_equal(workspace_close(t->tx, STR("acme")), OK);
    assert_int_equal(workspace_change(t->tx, &renamed), ERR_NOT_FOUND);
    assert_int_equal(workspace_insert(t->tx, &acme), ERR_CONFLICT); /* what is in it stands */
    assert_int_equal(workspace_list(t->tx, &t->arena, &open), OK);
    assert_int_equal(open.count, 1);
    assert_true(workspace_id_is_valid(STR("a-Z_0.9")));
    assert_false(workspace_id_is_valid(STR("")));
    assert_false(workspace_id_is_valid(STR("a b")));
    assert_false(workspace_id_is_valid(STR("*")));
}

static const struct CMUnitTest tests[] = {
    TEST("keys are listed until they are revoked", keys_are_listed_until_they_are_revoked),
    TEST("a key comes back as it went in", a_key_comes_back_as_it_went_in),
    TEST("a key's hash is taken once, for ever", a_hash_is_taken_once),
    TEST("the last use only moves forward", uses_only_move_forward),
    TEST("an end only comes nearer", an_end_only_comes_nearer),
    TEST("a key covers what opens less", a_key_covers_what_opens_less),
    TEST("a closed workspace is opened by no key", a_closed_workspace_is_opened_by_no_key),
    TEST("workspaces are made, renamed, closed", workspaces_are_made_renamed_and_closed),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
