/* fleet_skills_test.c -- the table fleet_skills, on both databases. */
#include "store/fleet_skills.h"
#include "store/table_rig.h"

static void add(struct table *t, const char *name, const char *owner, const char *visibility)
{
    const struct fleet_skill skill = {
        .tenant = TENANT,
        .name = str_of(name),
        .description = STR("Looks"),
        .owner_id = str_of(owner),
        .visibility = str_of(visibility),
        .created_us = 100 + name[0],
        .updated_us = 100,
    };
    const struct tree_key key = fleet_skill_tree(&t->arena, TENANT, skill.name);
    const struct tree_change change = {STR("SKILL.md"), str_of(name)};
    const struct tree_commit commit = {.changes = &change,
                                       .count = 1,
                                       .author_id = STR("u"),
                                       .author_email = STR_NONE,
                                       .message = STR_NONE};
    struct tree_version made;

    assert_int_equal(tree_insert(t->tx, &key), OK);
    assert_int_equal(tree_commit(t->tx, &key, &commit, &t->arena, &made), OK);
    assert_int_equal(fleet_skill_insert(t->tx, &skill), OK);
}

static struct str listed(struct table *t, struct str owner, struct fleet_place place)
{
    struct fleet_skills found;
    struct str names = STR("");

    assert_int_equal(fleet_skill_list(t->tx, TENANT, owner, &place, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &names, found.list[i].name);
    return names;
}

static void skills(void **state)
{
    struct table *t = *state;
    const struct fleet_place first = {.before_id = {"", 0}, .limit = 10};
    const struct fleet_place second = {.before_us = 100 + 'b', .before_id = {"b", 1}, .limit = 10};
    struct fleet_skill one;

    add(t, "a", "ann", "workspace");
    add(t, "b", "ann", "user");
    add(t, "c", "bob", "user");
    ASSERT_STR(listed(t, STR_NONE, first), "c,b,a");
    ASSERT_STR(listed(t, STR("ann"), first), "b,a");
    ASSERT_STR(listed(t, STR("bob"), first), "c,a");
    ASSERT_STR(listed(t, STR_NONE, second), "a");
    assert_int_equal(fleet_skill_get(t->tx, TENANT, STR("b"), &t->arena, &one), OK);
    assert_int_equal(one.version, 1);
    assert_int_equal(one.commit_hash.len, 64);
    one.description = STR("Sees");
    one.visibility = STR("workspace");
    assert_int_equal(fleet_skill_update(t->tx, &one), OK);
    ASSERT_STR(listed(t, STR("bob"), first), "c,b,a");
    assert_int_equal(fleet_skill_delete(t->tx, TENANT, STR("b")), OK);
    assert_int_equal(fleet_skill_get(t->tx, TENANT, STR("b"), &t->arena, &one), ERR_NOT_FOUND);
    assert_int_equal(fleet_skill_delete(t->tx, TENANT, STR("b")), ERR_NOT_FOUND);
    assert_int_equal(fleet_skill_update(t->tx, &one), ERR_NOT_FOUND);
}

static const struct CMUnitTest tests[] = {
    TEST("skills are made, listed for whom they are, changed, deleted", skills),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
