/* trees_test.c -- folders of files with versions, on both databases. */
#include "store/table_rig.h"
#include "store/trees.h"

static const struct tree_key key_a = {{"t", 1}, {"a", 1}}, key_b = {{"t", 1}, {"b", 1}};

/* "path=content" writes, "path" removes. */
static enum err commit_on(struct table *t, const struct tree_key *key, const char *const *edits,
                          size_t count, struct tree_version *made)
{
    struct tree_change *changes = ARENA_ARRAY(&t->arena, struct tree_change, count + 1);

    for (size_t i = 0; i < count; i++) {
        struct str edit = str_of(edits[i]);
        size_t at = str_find_char(edit, '=');

        changes[i].path = str_first(edit, at);
        if (at < edit.len)
            changes[i].content = str_from(edit, at + 1);
    }
    return tree_commit(
        t->tx, key,
        &(struct tree_commit){
            .changes = changes, .count = count, .author_id = STR("ann"), .message = STR("why")},
        &t->arena, made);
}

static struct tree_version commit(struct table *t, const struct tree_key *key, const char *first,
                                  const char *second)
{
    const char *const edits[] = {first, second};
    struct tree_version made;

    assert_int_equal(commit_on(t, key, edits, second ? 2 : 1, &made), OK);
    return made;
}

/* "path=content path=content" of a version. */
static struct str shown(struct table *t, const struct tree_key *key, int64_t version)
{
    struct tree_files files;
    struct str text = STR("");

    assert_int_equal(tree_read(t->tx, key, version, &t->arena, &files), OK);
    for (size_t i = 0; i < files.count; i++)
        text = arena_printf(&t->arena, "%.*s%s%.*s=%.*s", STR_ARG(text), i ? " " : "",
                            STR_ARG(files.list[i].path), STR_ARG(files.list[i].content));
    return text;
}

static void make(struct table *t)
{
    assert_int_equal(tree_insert(t->tx, &key_a), OK);
    assert_int_equal(tree_insert(t->tx, &key_b), OK);
}

static void every_version_stays(void **state)
{
    struct table *t = *state;
    struct str content;

    make(t);
    assert_int_equal(commit(t, &key_a, "b=1", "a/x=2").version, 1);
    assert_int_equal(commit(t, &key_a, "b=3", "c=4").version, 2);
    assert_int_equal(commit(t, &key_a, "b", "c=5").version, 3);
    assert_int_equal(commit(t, &key_a, "b=1", NULL).version, 4);
    ASSERT_STR(shown(t, &key_a, 1), "a/x=2 b=1");
    ASSERT_STR(shown(t, &key_a, 2), "a/x=2 b=3 c=4");
    ASSERT_STR(shown(t, &key_a, 3), "a/x=2 c=5");
    ASSERT_STR(shown(t, &key_a, 4), "a/x=2 b=1 c=5");
    assert_int_equal(tree_read_file(t->tx, &key_a, 2, STR("b"), &t->arena, &content), OK);
    ASSERT_STR(content, "3");
    assert_int_equal(tree_read_file(t->tx, &key_a, 3, STR("b"), &t->arena, &content),
                     ERR_NOT_FOUND);
}

static void what_changes_nothing_makes_no_version(void **state)
{
    struct table *t = *state;
    struct tree_version first;

    make(t);
    assert_int_equal(commit(t, &key_a, "missing", NULL).version, 0);
    first = commit(t, &key_a, "a=1", NULL);
    assert_int_equal(commit(t, &key_a, "a=1", "missing").version, 1);
    ASSERT_STR(commit(t, &key_a, "a=1", NULL).commit_hash,
               arena_cstr(&t->arena, first.commit_hash));
}

static void the_same_tree_has_the_same_commit(void **state)
{
    struct table *t = *state;
    struct tree_version a, b, found;

    make(t);
    commit(t, &key_a, "x=1", "y=2");
    a = commit(t, &key_a, "z=3", "x");
    b = commit(t, &key_b, "z=3", "y=2");
    assert_int_equal(a.version, 2);
    assert_int_equal(b.version, 1);
    assert_true(str_eq(a.commit_hash, b.commit_hash));
    assert_int_equal(a.commit_hash.len, 64);
    assert_false(str_eq(commit(t, &key_b, "z=2", "y=3").commit_hash, b.commit_hash));
    assert_int_equal(tree_version_find(t->tx, &key_a, a.commit_hash, &t->arena, &found), OK);
    assert_int_equal(found.version, 2);
    assert_int_equal(tree_version_find(t->tx, &key_a, STR("no"), &t->arena, &found), ERR_NOT_FOUND);
}

static void versions_say_who_and_when(void **state)
{
    struct table *t = *state;
    struct tree_versions found;
    struct tree_version one;

    make(t);
    for (int i = 0; i < 3; i++)
        commit(t, &key_a, i == 0 ? "a=0" : i == 1 ? "a=1" : "a=2", NULL);
    assert_int_equal(tree_version_list(t->tx, &key_a, 0, 10, &t->arena, &found), OK);
    assert_int_equal(found.count, 3);
    assert_int_equal(found.list[0].version, 3);
    ASSERT_STR(found.list[0].author_id, "ann");
    ASSERT_STR(found.list[0].author_email, NULL);
    ASSERT_STR(found.list[0].message, "why");
    assert_int_equal(found.list[0].created_us, t->tx->now_us);
    assert_int_equal(tree_version_list(t->tx, &key_a, 3, 1, &t->arena, &found), OK);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.list[0].version, 2);
    assert_int_equal(tree_version_get(t->tx, &key_a, 0, &t->arena, &one), OK);
    assert_int_equal(one.version, 3);
    assert_int_equal(tree_version_get(t->tx, &key_a, 9, &t->arena, &one), ERR_NOT_FOUND);
}

static int64_t count_blobs(struct table *t)
{
    static const struct db_statement count = {"test_blobs", "SELECT COUNT(*) FROM tree_blobs",
                                              NULL};
    struct db_rows rows = {0};
    int64_t found;

    assert_int_equal(db_query_one(t->tx->db, &count, DB_NO_ARGS, &rows), OK);
    found = db_get_int(&rows, 0);
    assert_int_equal(db_rows_end(&rows), OK);
    return found;
}

static void contents_go_with_their_last_row(void **state)
{
    struct table *t = *state;

    make(t);
    commit(t, &key_a, "x=shared", "y=shared");
    commit(t, &key_a, "x=own", NULL);
    commit(t, &key_b, "z=shared", NULL);
    assert_int_equal(count_blobs(t), 2);
    assert_int_equal(tree_delete(t->tx, &key_a), OK);
    assert_int_equal(count_blobs(t), 1);
    ASSERT_STR(shown(t, &key_b, 1), "z=shared");
    ASSERT_STR(shown(t, &key_a, 1), "");
    assert_int_equal(tree_delete(t->tx, &key_b), OK);
    assert_int_equal(count_blobs(t), 0);
    assert_int_equal(tree_delete(t->tx, &key_b), ERR_NOT_FOUND);
}

static void a_tree_has_its_limits(void **state)
{
    struct table *t = *state;
    struct tree_change *changes = ARENA_ARRAY(&t->arena, struct tree_change, TREE_FILES_MAX + 1);
    struct tree_commit many = {.changes = changes, .author_id = STR("ann")};
    struct tree_version made;

    make(t);
    for (size_t i = 0; i <= TREE_FILES_MAX; i++) {
        changes[i].path = arena_printf(&t->arena, "f%zu", i);
        changes[i].content = STR("");
    }
    many.count = TREE_FILES_MAX;
    assert_int_equal(tree_commit(t->tx, &key_a, &many, &t->arena, &made), OK);
    assert_int_equal(commit_on(t, &key_a, (const char *const[]){"one=more"}, 1, &made), ERR_LIMIT);
    changes[0].path = STR("large");
    changes[0].content = str_range(arena_alloc_zero(&t->arena, TREE_BYTES_MAX + 1), TREE_BYTES_MAX);
    many.count = 1;
    assert_int_equal(tree_commit(t->tx, &key_b, &many, &t->arena, &made), OK);
    changes[0].content.len++;
    assert_int_equal(tree_commit(t->tx, &key_b, &many, &t->arena, &made), ERR_LIMIT);
}

static void a_change_is_found_by_its_path(void **state UNUSED)
{
    const struct tree_change changes[] = {{STR("a/b"), STR("1")}, {STR("a"), STR_NONE}};

    assert_int_equal(tree_change_find(changes, 2, STR("a")), 1);
    assert_int_equal(tree_change_find(changes, 2, STR("a/b")), 0);
    assert_int_equal(tree_change_find(changes, 1, STR("a")), 1);
    assert_int_equal(tree_change_find(changes, 2, STR("b")), 2);
    assert_int_equal(tree_change_find(NULL, 0, STR("a")), 0);
}

static const struct CMUnitTest tests[] = {
    TEST("every version stays readable", every_version_stays),
    TEST("what changes nothing makes no version", what_changes_nothing_makes_no_version),
    TEST("the same tree has the same commit, whatever way it came to be",
         the_same_tree_has_the_same_commit),
    TEST("versions say who made them and when", versions_say_who_and_when),
    TEST("a content goes with the last row that names it", contents_go_with_their_last_row),
    TEST("a change is found by its path", a_change_is_found_by_its_path),
    TEST("1000 files and 10 MiB are the most", a_tree_has_its_limits),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
