/* fleet_webhooks_test.c -- the tables fleet_webhooks and fleet_publishes, on both databases. */
#include "store/fleet_webhooks.h"
#include "store/table_rig.h"

static const struct fleet_place first_page = {.before_id = {"", 0}, .limit = 10};

static void add(struct table *t, const char *id, const char *creator)
{
    const struct fleet_webhook webhook = {
        .tenant = TENANT,
        .webhook_id = str_of(id),
        .name = STR("Publish"),
        .url = STR("https://example.com/hook"),
        .endpoint_id = STR("e"),
        .form_schema = STR("{}"),
        .creator_id = str_of(creator),
        .created_us = 100 + id[0],
        .updated_us = 100,
    };

    assert_int_equal(fleet_webhook_insert(t->tx, &webhook), OK);
}

static struct str listed(struct table *t, const char *creator, struct fleet_place place)
{
    struct fleet_webhook_rows found;
    struct str ids = STR("");

    assert_int_equal(fleet_webhook_list(t->tx, TENANT, str_of(creator), &place, &t->arena, &found),
                     OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &ids, found.list[i].webhook_id);
    return ids;
}

static void webhooks(void **state)
{
    struct table *t = *state;
    struct fleet_webhook one;
    struct fleet_place second = {.before_us = 100 + 'b', .before_id = STR("b"), .limit = 10};

    add(t, "a", "ann");
    add(t, "b", "bob");
    add(t, "c", "ann");
    ASSERT_STR(listed(t, NULL, first_page), "c,b,a");
    ASSERT_STR(listed(t, "ann", first_page), "c,a");
    ASSERT_STR(listed(t, NULL, second), "a");
    assert_int_equal(fleet_webhook_get(t->tx, TENANT, STR("a"), &t->arena, &one), OK);
    ASSERT_STR(one.url, "https://example.com/hook");
    ASSERT_STR(one.creator_email, NULL);
    one.name = STR("Other");
    one.form_schema = STR("{\"fields\":[]}");
    one.updated_us = 7;
    assert_int_equal(fleet_webhook_update(t->tx, &one), OK);
    assert_int_equal(fleet_webhook_get(t->tx, TENANT, STR("a"), &t->arena, &one), OK);
    ASSERT_STR(one.name, "Other");
    ASSERT_STR(one.form_schema, "{\"fields\":[]}");
    assert_int_equal(fleet_webhook_get(t->tx, STR("other"), STR("a"), &t->arena, &one),
                     ERR_NOT_FOUND);
    assert_int_equal(fleet_webhook_delete(t->tx, TENANT, STR("a")), OK);
    assert_int_equal(fleet_webhook_delete(t->tx, TENANT, STR("a")), ERR_NOT_FOUND);
    assert_int_equal(fleet_webhook_update(t->tx, &one), ERR_NOT_FOUND);
}

static enum err publish(struct table *t, const char *id, const char *agent, const char *key)
{
    const struct fleet_publish row = {
        .tenant = TENANT,
        .publish_id = str_of(id),
        .webhook_id = STR("w"),
        .webhook_name = STR("Publish"),
        .agent_id = str_of(agent),
        .agent_name = STR("A"),
        .agent_version = 3,
        .commit_hash = STR("c"),
        .bundle_sha256 = STR("s"),
        .publisher_id = STR("ann"),
        .publisher_email = STR("ann@example.com"),
        .input = STR("{}"),
        .delivery_id = 7,
        .request_key = str_of(key),
        .created_us = 100 + id[0],
    };

    return fleet_publish_insert(t->tx, &row);
}

static void publishes(void **state)
{
    struct table *t = *state;
    struct fleet_publish one;
    struct fleet_publish_rows found;
    struct fleet_publish_filter filter = {.tenant = TENANT, .place = first_page};

    assert_int_equal(publish(t, "a", "x", "key"), OK);
    assert_int_equal(publish(t, "b", "y", NULL), OK);
    assert_int_equal(publish(t, "c", NULL, NULL), OK);
    assert_int_equal(fleet_publish_list(t->tx, &filter, &t->arena, &found), OK);
    assert_int_equal(found.count, 3);
    ASSERT_STR(found.list[0].publish_id, "c");
    ASSERT_STR(found.list[0].agent_id, NULL);
    filter.agent_id = STR("x");
    assert_int_equal(fleet_publish_list(t->tx, &filter, &t->arena, &found), OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.list[0].agent_version, 3);
    assert_int_equal(fleet_publish_find(t->tx, TENANT, STR("key"), &t->arena, &one), OK);
    assert_int_equal(one.delivery_id, 7);
    ASSERT_STR(one.publisher_email, "ann@example.com");
    assert_int_equal(fleet_publish_find(t->tx, STR("other"), STR("key"), &t->arena, &one),
                     ERR_NOT_FOUND);
    table_try(t);
    assert_int_equal(publish(t, "d", "x", "key"), ERR_CONFLICT);
    table_undo(t);
}

static const struct CMUnitTest tests[] = {
    TEST("webhooks are made, listed, changed, deleted", webhooks),
    TEST("publishes are listed, and found by their key", publishes),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
