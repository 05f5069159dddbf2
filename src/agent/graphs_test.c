/* graphs_test.c -- finding graphs, and the ids of their own assistants, which clients compute too.
 */
#include "base/test.h"

#include "agent/graphs.h"
#include "base/json.h"

static const struct graph list[] = {
    {.id = {"agent", 5}, .kind = GRAPH_BUILTIN},
    {.id = {"my \"graph\"", 10}, .kind = GRAPH_PYTHON, .path = {"./a.py:g", 8}},
};
static const struct graphs graphs = {list, 2};

static void graphs_are_found_by_name(void **state)
{
    (void)state;
    assert_ptr_equal(graphs_find(&graphs, STR("agent")), &list[0]);
    assert_ptr_equal(graphs_find(&graphs, STR("my \"graph\"")), &list[1]);
    assert_null(graphs_find(&graphs, STR("Agent")));
    assert_null(graphs_find(&graphs, STR("")));
    assert_null(graphs_find(&graphs, STR("agent2")));
}

static void an_assistants_id_is_made_of_its_graph(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    /* UUIDv5 in the name space 6ba7b821-9dad-11d1-80b4-00c04fd430c8, as every server makes it. */
    ASSERT_STR(graph_assistant_id(&arena, STR("agent")), "fe096781-5601-53d2-b2f6-0d3403f7e9ca");
    ASSERT_STR(graph_assistant_id(&arena, STR("trivial")), "014e7ba3-a6dc-5ad3-8da5-be77b72b54c9");
    arena_release(&arena);
}

static void ids_are_a_json_array(void **state)
{
    const struct graphs none = {list, 0};
    struct arena arena;

    (void)state;
    arena_init(&arena);
    ASSERT_STR(graphs_ids_json(&graphs, &arena), "[\"agent\",\"my \\\"graph\\\"\"]");
    ASSERT_STR(graphs_ids_json(&none, &arena), "[]");
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("graphs are found by their whole name", graphs_are_found_by_name),
    TEST("an assistant's id is made of its graph's", an_assistants_id_is_made_of_its_graph),
    TEST("the ids are a JSON array", ids_are_a_json_array),
};

int main(void)
{
    return RUN_TESTS(tests);
}
