/* fleet_agents_test.c -- the table fleet_agents, on both databases. */
#include "store/fleet_agents.h"
#include "store/table_rig.h"
#include "store/trees.h"

static void add(struct table *t, const char *id, const char *owner, const char *visibility)
{
    const struct tree_key key = {TENANT, str_of(id)};
    const struct tree_change change = {STR("AGENTS.md"), STR("x")};
    const struct fleet_agent agent = {
        .tenant = TENANT,
        .agent_id = str_of(id),
        .name = arena_printf(&t->arena, "Agent 100%% %s", id),
        .description = STR("d"),
        .owner_id = str_of(owner),
        .visibility = str_of(visibility),
        .access = STR("run"),
        .metadata = STR("{}"),
        .created_us = 100 + id[0],
        .updated_us = 100,
    };
    struct tree_version made;

    assert_int_equal(tree_insert(t->tx, &key), OK);
    assert_int_equal(tree_commit(t->tx, &key,
                                 &(struct tree_commit){
                                     .changes = &change, .count = 1, .author_id = str_of(owner)},
                                 &t->arena, &made),
                     OK);
    assert_int_equal(fleet_agent_insert(t->tx, &agent), OK);
}

static struct str listed(struct table *t, struct fleet_agent_filter filter)
{
    struct fleet_agent *found;
    struct str ids = STR("");
    size_t count;

    filter.tenant = TENANT;
    filter.limit = filter.limit ? filter.limit : 10;
    assert_int_equal(fleet_agent_list(t->tx, &filter, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &ids, found[i].agent_id);
    return ids;
}

static void what_goes_in_comes_out(void **state)
{
    struct table *t = *state;
    struct fleet_agent agent;

    add(t, "a", "ann", "tenant");
    assert_int_equal(fleet_agent_get(t->tx, TENANT, STR("a"), &t->arena, &agent), OK);
    ASSERT_STR(agent.name, "Agent 100% a");
    ASSERT_STR(agent.owner_email, NULL);
    assert_int_equal(agent.version, 1);
    assert_int_equal(agent.commit_hash.len, 64);
    agent.name = STR("Other");
    agent.visibility = STR("user");
    agent.owner_email = STR("ann@example.com");
    agent.updated_us = 7;
    assert_int_equal(fleet_agent_update(t->tx, &agent), OK);
    assert_int_equal(fleet_agent_get(t->tx, TENANT, STR("a"), &t->arena, &agent), OK);
    ASSERT_STR(agent.name, "Other");
    ASSERT_STR(agent.owner_email, "ann@example.com");
    assert_int_equal(agent.updated_us, 7);
    assert_int_equal(fleet_agent_get(t->tx, STR("other"), STR("a"), &t->arena, &agent),
                     ERR_NOT_FOUND);
    assert_int_equal(fleet_agent_delete(t->tx, STR("other"), STR("a")), ERR_NOT_FOUND);
    assert_int_equal(fleet_agent_delete(t->tx, TENANT, STR("a")), OK);
    assert_int_equal(fleet_agent_update(t->tx, &agent), ERR_NOT_FOUND);
}

static void lists_hold_what_a_user_may_see(void **state)
{
    struct table *t = *state;
    const struct str ann = STR("ann");

    add(t, "a", "ann", "user");
    add(t, "b", "bob", "user");
    add(t, "c", "bob", "tenant");
    add(t, "d", "ann", "tenant");
    ASSERT_STR(listed(t, (struct fleet_agent_filter){0}), "d,c,b,a");
    ASSERT_STR(listed(t, (struct fleet_agent_filter){.user_id = ann}), "d,c,a");
    ASSERT_STR(listed(t, (struct fleet_agent_filter){.user_id = ann, .only_own = true}), "d,a");
    ASSERT_STR(listed(t, (struct fleet_agent_filter){.user_id = ann, .only_shared = true}), "d,c");
    ASSERT_STR(listed(t, (struct fleet_agent_filter){.name = STR("0% C")}), "c");
    ASSERT_STR(listed(t, (struct fleet_agent_filter){.name = STR("0_")}), "");
}

static void lists_go_on_where_they_ended(void **state)
{
    struct table *t = *state;
    struct fleet_agent *found;
    struct fleet_agent_filter filter = {.tenant = TENANT, .limit = 2};
    size_t count;

    add(t, "a", "ann", "user");
    add(t, "b", "bob", "user");
    add(t, "c", "bob", "tenant");
    assert_int_equal(fleet_agent_list(t->tx, &filter, &t->arena, &found, &count), OK);
    assert_int_equal(count, 2);
    filter.before_us = found[1].created_us;
    filter.before_id = found[1].agent_id;
    ASSERT_STR(listed(t, filter), "a");
}

static const struct CMUnitTest tests[] = {
    TEST("what goes in comes out", what_goes_in_comes_out),
    TEST("lists hold what a user may see", lists_hold_what_a_user_may_see),
    TEST("lists go on where they ended", lists_go_on_where_they_ended),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
