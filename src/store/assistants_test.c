/* assistants_test.c -- assistants and their versions, on both databases. */
#include "store/assistants.h"
#include "store/table_rig.h"

static struct assistant assistant_of(const char *id)
{
    return (struct assistant){.tenant = TENANT,
                              .assistant_id = str_of(id),
                              .graph_id = STR("agent"),
                              .name = str_of(id),
                              .config = STR("{\"b\": 1,\"a\":1.50}"),
                              .context = STR("{}"),
                              .metadata = STR("{}"),
                              .version = 1,
                              .created_us = 100,
                              .updated_us = 100};
}

static void add(struct table *t, const struct assistant *assistant)
{
    assert_int_equal(assistant_insert(t->tx, assistant), OK);
}

static int64_t next_version(struct table *t, const char *id)
{
    int64_t version = 0;

    assert_int_equal(assistant_next_version(t->tx, TENANT, str_of(id), &version), OK);
    return version;
}

static void what_is_added_is_found_as_it_was(void **state)
{
    struct table *t = *state;
    struct assistant in = assistant_of("a"), out;

    assert_int_equal(assistant_get(t->tx, TENANT, STR("a"), &t->arena, &out), ERR_NOT_FOUND);
    in.updated_us = 200;
    add(t, &in);
    assert_int_equal(assistant_get(t->tx, TENANT, STR("a"), &t->arena, &out), OK);
    ASSERT_STR(out.tenant, "t");
    ASSERT_STR(out.graph_id, "agent");
    ASSERT_STR(out.description, NULL);
    ASSERT_STR(out.config, "{\"b\": 1,\"a\":1.50}");
    assert_int_equal(out.version, 1);
    assert_int_equal(out.created_us, 100);
    assert_int_equal(out.updated_us, 200);
    assert_int_equal(assistant_get(t->tx, STR("other"), STR("a"), &t->arena, &out), ERR_NOT_FOUND);
}

static void an_id_is_taken_once_per_tenant(void **state)
{
    struct table *t = *state;
    struct assistant assistant = assistant_of("a");

    add(t, &assistant);
    table_try(t);
    assert_int_equal(assistant_insert(t->tx, &assistant), ERR_CONFLICT);
    table_undo(t);
    assistant.tenant = STR("other");
    add(t, &assistant);
}

static void each_change_is_a_version(void **state)
{
    struct table *t = *state;
    struct assistant assistant = assistant_of("a"), out;

    assert_int_equal(next_version(t, "a"), 1);
    add(t, &assistant);
    assert_int_equal(next_version(t, "a"), 2);
    assistant.version = 2;
    assistant.name = STR("b");
    assistant.graph_id = STR("g");
    assistant.description = STR("d");
    assistant.metadata = STR("{\"m\":1}");
    assistant.created_us = 999; /* stays what it was */
    assistant.updated_us = 300;
    assert_int_equal(assistant_update(t->tx, &assistant), OK);
    assert_int_equal(next_version(t, "a"), 3);
    assert_int_equal(assistant_get(t->tx, TENANT, STR("a"), &t->arena, &out), OK);
    ASSERT_STR(out.name, "b");
    ASSERT_STR(out.graph_id, "g");
    ASSERT_STR(out.description, "d");
    ASSERT_STR(out.metadata, "{\"m\":1}");
    assert_int_equal(out.version, 2);
    assert_int_equal(out.created_us, 100);
    assert_int_equal(out.updated_us, 300);
    table_try(t);
    assert_int_equal(assistant_update(t->tx, &assistant), ERR_CONFLICT); /* that version exists */
    table_undo(t);
}

static void only_true_pauses(void **state)
{
    static const struct {
        const char *metadata;
        bool is_paused;
    } cases[] = {
        {"{\"a\":1,\"triggers_paused\":true}", true},  {"{\"triggers_paused\":false}", false},
        {"{\"triggers_paused\":\"true\"}", false},     {"{}", false},
        {"{\"a\":{\"triggers_paused\":true}}", false}, {"", false},
    };
    struct table *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct assistant one = assistant_of("a");

        one.metadata = str_of(cases[i].metadata);
        assert_int_equal(assistant_is_paused(&one, &t->arena), cases[i].is_paused);
    }
}

static void deleting_takes_the_versions_along(void **state)
{
    struct table *t = *state;
    struct assistant assistant = assistant_of("a"), out;

    add(t, &assistant);
    assistant.tenant = STR("other");
    add(t, &assistant);
    assert_int_equal(assistant_delete(t->tx, TENANT, STR("a")), OK);
    assert_int_equal(assistant_delete(t->tx, TENANT, STR("a")), ERR_NOT_FOUND);
    assert_int_equal(next_version(t, "a"), 1);
    assert_int_equal(assistant_get(t->tx, STR("other"), STR("a"), &t->arena, &out), OK);
}

/* ---- searching ---- */

static struct assistant_filter everything(void)
{
    return (struct assistant_filter){.tenant = TENANT, .limit = 100};
}

/* The ids found; the count must agree, whatever the page. */
static struct str search(struct table *t, const struct assistant_filter *filter)
{
    struct assistant_filter whole = *filter;
    struct assistant *found = NULL;
    struct str ids = STR("");
    int64_t counted = -1;
    size_t count = 0;

    assert_int_equal(assistant_search(t->tx, filter, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &ids, found[i].assistant_id);
    assert_int_equal(assistant_count(t->tx, filter, &counted), OK);
    whole.limit = 100;
    whole.offset = 0;
    assert_int_equal(assistant_search(t->tx, &whole, &t->arena, &found, &count), OK);
    assert_int_equal(counted, count);
    return ids;
}

static void add_three(struct table *t)
{
    struct assistant a = assistant_of("a"), b = assistant_of("b"), c = assistant_of("c");
    struct assistant stranger = assistant_of("s");

    a.name = STR("Weather 100%");
    a.metadata = STR("{\"tags\":[\"x\",\"y\"],\"n\":1}");
    a.created_us = 3;
    a.updated_us = 1;
    b.name = STR("Under_score!");
    b.graph_id = STR("other");
    b.metadata = STR("{\"n\":1.0,\"deep\":{\"er\":{\"z\":true}}}");
    b.created_us = 2;
    b.updated_us = 3;
    c.name = STR("weather");
    c.created_us = 1;
    c.updated_us = 2;
    stranger.tenant = STR("other");
    add(t, &a);
    add(t, &b);
    add(t, &c);
    add(t, &stranger);
}

static void searches_filter(void **state)
{
    static const struct {
        const char *graph_id, *metadata, *name, *expected;
    } cases[] = {
        {NULL, NULL, NULL, "a,b,c"},
        {"agent", NULL, NULL, "a,c"},
        {"nothing", NULL, NULL, ""},
        {NULL, "{}", NULL, "a,b,c"},
        {NULL, "{\"n\":1}", NULL, "a,b"}, /* 1 and 1.0 are one number */
        {NULL, "{\"tags\":[\"y\"]}", NULL, "a"},
        {NULL, "{\"tags\":\"y\"}", NULL, ""},
        {NULL, "{\"deep\":{\"er\":{}}}", NULL, "b"},
        {NULL, "{\"deep\":{\"z\":true}}", NULL, ""},
        {NULL, "{\"n\":null}", NULL, ""},
        {NULL, NULL, "WEATHER", "a,c"},
        {NULL, NULL, "eath", "a,c"},
        {NULL, NULL, "%", "a"},
        {NULL, NULL, "_", "b"},
        {NULL, NULL, "!", "b"},
        {NULL, NULL, "", "a,b,c"},
        {"agent", "{\"n\":1}", "weather", "a"},
    };
    struct table *t = *state;

    add_three(t);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct assistant_filter filter = everything();

        filter.graph_id = str_of(cases[i].graph_id);
        filter.metadata = str_of(cases[i].metadata);
        filter.name = str_of(cases[i].name);
        ASSERT_STR(search(t, &filter), cases[i].expected);
    }
}

static void searches_sort_and_page(void **state)
{
    static const struct {
        const char *sort_by;
        const char *descending, *ascending;
    } orders[] = {
        {NULL, "a,b,c", "c,b,a"},
        {"created_at", "a,b,c", "c,b,a"},
        {"updated_at", "b,c,a", "a,c,b"},
        {"name", "c,a,b", "b,a,c"}, /* byte by byte: capitals first */
        {"graph_id", "b,c,a", "a,c,b"},
        {"assistant_id", "c,b,a", "a,b,c"},
        {"no such column", "a,b,c", "c,b,a"},
    };
    struct table *t = *state;
    struct assistant_filter filter;

    add_three(t);
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        filter = everything();
        filter.sort_by = str_of(orders[i].sort_by);
        ASSERT_STR(search(t, &filter), orders[i].descending);
        filter.ascending = true;
        ASSERT_STR(search(t, &filter), orders[i].ascending);
    }
    filter = everything();
    filter.limit = 2;
    ASSERT_STR(search(t, &filter), "a,b");
    filter.offset = 2;
    ASSERT_STR(search(t, &filter), "c");
    filter.offset = 3;
    ASSERT_STR(search(t, &filter), "");
}

static void a_version_comes_back_whole(void **state)
{
    struct table *t = *state;
    struct assistant assistant = assistant_of("a"), *found, out;
    const struct assistant_versions all = {TENANT, STR("a"), STR_NONE, 10, 0};
    const struct assistant_versions dry = {TENANT, STR("a"), STR("{\"tone\":\"dry\"}"), 10, 0};
    const struct assistant_versions rest = {TENANT, STR("a"), STR_NONE, 10, 1};
    size_t count;

    add(t, &assistant);
    assistant.version = 2;
    assistant.graph_id = STR("other");
    assistant.metadata = STR("{\"tone\":\"dry\",\"n\":1}");
    assert_int_equal(assistant_update(t->tx, &assistant), OK);
    assert_int_equal(assistant_list_versions(t->tx, &all, &t->arena, &found, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(found[0].version, 2);
    assert_int_equal(found[1].version, 1);
    assert_int_equal(assistant_list_versions(t->tx, &dry, &t->arena, &found, &count), OK);
    assert_int_equal(count, 1);
    ASSERT_STR(found[0].graph_id, "other");
    assert_int_equal(assistant_list_versions(t->tx, &rest, &t->arena, &found, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(assistant_get_version(t->tx, TENANT, STR("a"), 3, &t->arena, &out),
                     ERR_NOT_FOUND);
    assert_int_equal(assistant_get_version(t->tx, TENANT, STR("a"), 1, &t->arena, &out), OK);
    assert_int_equal(assistant_set_version(t->tx, &out), OK);
    assert_int_equal(assistant_get(t->tx, TENANT, STR("a"), &t->arena, &out), OK);
    assert_int_equal(out.version, 1);
    ASSERT_STR(out.graph_id, "agent");
    ASSERT_STR(out.metadata, "{}");
    assert_int_equal(next_version(t, "a"), 3); /* a choice is no version */
}

static const struct CMUnitTest tests[] = {
    TEST("what is added is found as it was, by its tenant", what_is_added_is_found_as_it_was),
    TEST("an id is taken once per tenant", an_id_is_taken_once_per_tenant),
    TEST("each change is a version", each_change_is_a_version),
    TEST("a version comes back whole (issue 4)", a_version_comes_back_whole),
    TEST("triggers are paused by true alone", only_true_pauses),
    TEST("deleting takes the versions along", deleting_takes_the_versions_along),
    TEST("searches filter by graph, metadata and name", searches_filter),
    TEST("searches sort and page", searches_sort_and_page),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
