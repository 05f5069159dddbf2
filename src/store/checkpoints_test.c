/* checkpoints_test.c -- what graphs remember, on both databases. */
#include "store/checkpoints.h"

#include "store/runs.h"
#include "store/table_rig.h"

static struct checkpoint checkpoint_of(const char *thread_id, const char *ns, const char *id)
{
    return (struct checkpoint){.tenant = TENANT,
                               .thread_id = str_of(thread_id),
                               .ns = str_of(ns),
                               .checkpoint_id = str_of(id),
                               .serde = STR("msgpack"),
                               .body = STR("\0body\xff"),
                               .metadata = STR("{}")};
}

static void put(struct table *t, const struct checkpoint *checkpoint)
{
    assert_int_equal(checkpoint_put(t->tx, checkpoint), OK);
}

static void put_id(struct table *t, const char *thread_id, const char *ns, const char *id)
{
    struct checkpoint checkpoint = checkpoint_of(thread_id, ns, id);

    put(t, &checkpoint);
}

/* The id of the head of a namespace; "none". */
static struct str head(struct table *t, const char *thread_id, const char *ns)
{
    struct checkpoint key = checkpoint_of(thread_id, ns, NULL), found;

    if (checkpoint_get(t->tx, &key, &t->arena, &found))
        return STR("none");
    return found.checkpoint_id;
}

static struct str list(struct table *t, struct checkpoint_filter filter)
{
    struct checkpoint *found = NULL;
    struct str ids = STR("");
    size_t count = 0;

    filter.tenant = TENANT;
    if (filter.limit == 0)
        filter.limit = 100;
    assert_int_equal(checkpoint_list(t->tx, &filter, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &ids, found[i].checkpoint_id);
    return ids;
}

static void what_is_put_is_got_byte_by_byte(void **state)
{
    struct table *t = *state;
    struct checkpoint in = checkpoint_of("t1", "", "1f-1"), out, key = in;

    assert_int_equal(checkpoint_get(t->tx, &key, &t->arena, &out), ERR_NOT_FOUND);
    in.metadata = STR("{\"step\": 1}");
    put(t, &in);
    assert_int_equal(checkpoint_get(t->tx, &key, &t->arena, &out), OK);
    ASSERT_STR(out.serde, "msgpack");
    assert_true(str_eq(out.body, in.body));
    ASSERT_STR(out.metadata, "{\"step\": 1}");
    ASSERT_STR(out.parent_id, NULL);
    ASSERT_STR(out.run_id, NULL);
    key.tenant = STR("other");
    assert_int_equal(checkpoint_get(t->tx, &key, &t->arena, &out), ERR_NOT_FOUND);
}

static void a_second_put_replaces(void **state)
{
    struct table *t = *state;
    struct checkpoint in = checkpoint_of("t1", "", "1f-1"), out;

    put(t, &in);
    in.parent_id = STR("1f-0");
    in.run_id = STR("run");
    in.serde = STR("json");
    in.body = STR("");
    in.metadata = STR("{\"a\":1}");
    put(t, &in);
    assert_int_equal(checkpoint_get(t->tx, &in, &t->arena, &out), OK);
    ASSERT_STR(out.parent_id, "1f-0");
    ASSERT_STR(out.run_id, "run");
    ASSERT_STR(out.serde, "json");
    ASSERT_STR(out.body, "");
    ASSERT_STR(out.metadata, "{\"a\":1}");
    ASSERT_STR(list(t, (struct checkpoint_filter){0}), "1f-1");
}

static void the_head_is_the_greatest_id_of_its_namespace(void **state)
{
    struct table *t = *state;

    ASSERT_STR(head(t, "t1", ""), "none");
    put_id(t, "t1", "", "1f-2");
    put_id(t, "t1", "", "1f-1");
    put_id(t, "t1", "sub:x", "1f-9");
    put_id(t, "t2", "", "1f-8");
    ASSERT_STR(head(t, "t1", ""), "1f-2");
    ASSERT_STR(head(t, "t1", "sub:x"), "1f-9");
    ASSERT_STR(head(t, "t1", "sub"), "none");
}

/* ---- lists ---- */

static void put_history(struct table *t)
{
    struct checkpoint loop = checkpoint_of("t1", "", "1f-2");

    loop.metadata = STR("{\"source\":\"loop\",\"step\":1,\"writes\":{\"a\":{\"b\":1}}}");
    put_id(t, "t1", "", "1f-1");
    put(t, &loop);
    put_id(t, "t1", "", "1f-4");
    put_id(t, "t1", "sub", "1f-3");
    put_id(t, "t2", "", "1f-5");
}

static void lists_are_newest_first(void **state)
{
    struct table *t = *state;
    struct checkpoint_filter thread = {.thread_id = STR("t1"), .ns = STR("")}, filter;

    put_history(t);
    ASSERT_STR(list(t, thread), "1f-4,1f-2,1f-1");
    filter = thread;
    filter.limit = 2;
    ASSERT_STR(list(t, filter), "1f-4,1f-2");
    filter.before = STR("1f-4");
    ASSERT_STR(list(t, filter), "1f-2,1f-1");
    filter.before = STR("1f-3"); /* need not be one of them */
    ASSERT_STR(list(t, filter), "1f-2,1f-1");
    filter.before = STR("1f-1");
    ASSERT_STR(list(t, filter), "");
}

static void lists_filter(void **state)
{
    struct table *t = *state;
    struct checkpoint_filter thread = {.thread_id = STR("t1"), .ns = STR("")}, filter;

    put_history(t);
    ASSERT_STR(list(t, (struct checkpoint_filter){0}), "1f-5,1f-4,1f-3,1f-2,1f-1");
    ASSERT_STR(list(t, (struct checkpoint_filter){.thread_id = STR("t1")}), "1f-4,1f-3,1f-2,1f-1");
    ASSERT_STR(list(t, (struct checkpoint_filter){.ns = STR("sub")}), "1f-3");
    ASSERT_STR(list(t, (struct checkpoint_filter){.thread_id = STR("t1"), .before = STR("1f-3")}),
               "1f-2,1f-1");
    filter = thread;
    filter.checkpoint_id = STR("1f-2");
    ASSERT_STR(list(t, filter), "1f-2");
    filter = thread;
    filter.metadata = STR("{\"source\":\"loop\",\"writes\":{\"a\":{}}}");
    ASSERT_STR(list(t, filter), "1f-2");
    filter.metadata = STR("{\"source\":\"input\"}");
    ASSERT_STR(list(t, filter), "");
    filter.metadata = STR("{\"step\":1}");
    filter.before = STR("1f-2");
    ASSERT_STR(list(t, filter), "");
}

/* ---- writes ---- */

static struct checkpoint_write write_of(const char *task_id, int64_t idx, const char *body)
{
    return (struct checkpoint_write){.task_id = str_of(task_id),
                                     .task_path = STR("p"),
                                     .idx = idx,
                                     .channel = STR("c"),
                                     .serde = STR("json"),
                                     .body = str_of(body)};
}

static void put_write_of(struct table *t, const struct checkpoint *of, int64_t run_position,
                         struct checkpoint_write write)
{
    assert_int_equal(checkpoint_writes_put(t->tx, of, run_position, &write, 1), OK);
}

static void put_write(struct table *t, const struct checkpoint *of, struct checkpoint_write write)
{
    put_write_of(t, of, 0, write);
}

/* "task:idx=body,…" in the order of the list. */
static struct str writes(struct table *t, const struct checkpoint *of)
{
    struct checkpoint_write *found = NULL;
    struct str text = STR("");
    size_t count = 0;

    assert_int_equal(checkpoint_writes_list(t->tx, of, &t->arena, &found, &count), OK);
    for (size_t i = 0; i < count; i++)
        table_join(t, &text,
                   arena_printf(&t->arena, "%.*s:%lld=%.*s", STR_ARG(found[i].task_id),
                                (long long)found[i].idx, STR_ARG(found[i].body)));
    return text;
}

static void special_writes_overwrite_others_keep_the_first(void **state)
{
    struct table *t = *state;
    struct checkpoint of = checkpoint_of("t1", "", "1f-1"); /* may come before its checkpoint */
    struct checkpoint_write again = write_of("a", -1, "second");

    put_write(t, &of, write_of("a", 0, "first"));
    put_write(t, &of, write_of("a", 0, "second"));
    put_write(t, &of, write_of("a", -1, "first"));
    again.channel = STR("__error__");
    again.serde = STR("msgpack");
    again.task_path = STR("q");
    put_write(t, &of, again);
    put_write(t, &of, write_of("b", 0, "first")); /* another task's */
    ASSERT_STR(writes(t, &of), "a:0=first,b:0=first,a:-1=second");
}

static void writes_are_listed_by_path_task_and_index(void **state)
{
    struct table *t = *state;
    struct checkpoint of = checkpoint_of("t1", "", "1f-1"), other = of;
    struct checkpoint_write list[20];

    for (int64_t i = 0; i < 20; i++) { /* more than the first array holds */
        list[i] = write_of("a", 19 - i, "x");
        list[i].task_path = i < 10 ? STR("p2") : STR("p10");
    }
    assert_int_equal(checkpoint_writes_put(t->tx, &of, 0, list, 20), OK);
    other.ns = STR("sub");
    put_write(t, &other, write_of("s", 0, "x"));
    ASSERT_STR(writes(t, &of), "a:0=x,a:1=x,a:2=x,a:3=x,a:4=x,a:5=x,a:6=x,a:7=x,a:8=x,a:9=x,"
                               "a:10=x,a:11=x,a:12=x,a:13=x,a:14=x,a:15=x,a:16=x,a:17=x,a:18=x,"
                               "a:19=x");
    ASSERT_STR(writes(t, &other), "s:0=x");
}

/* ---- of runs, copies, pruning ---- */

static void put_of_run(struct table *t, const char *thread_id, const char *ns, const char *id,
                       const char *run_id)
{
    struct checkpoint checkpoint = checkpoint_of(thread_id, ns, id);

    checkpoint.run_id = str_of(run_id);
    put(t, &checkpoint);
    put_write(t, &checkpoint, write_of(id, 0, "x"));
}

static bool exists_of_run(struct table *t, const char *thread_id, const char *run_id)
{
    bool exists = false;

    assert_int_equal(
        checkpoint_exists_of_run(t->tx, TENANT, str_of(thread_id), str_of(run_id), &exists), OK);
    return exists;
}

static void a_run_has_left_something_only_in_the_root(void **state)
{
    struct table *t = *state;

    assert_false(exists_of_run(t, "t1", "r1"));
    put_of_run(t, "t1", "sub", "1f-1", "r1");
    assert_false(exists_of_run(t, "t1", "r1"));
    put_of_run(t, "t1", "", "1f-2", "r1");
    assert_true(exists_of_run(t, "t1", "r1"));
    assert_false(exists_of_run(t, "t1", "r2"));
    assert_false(exists_of_run(t, "t2", "r1"));
}

static void deleting_a_runs_leaves_the_others(void **state)
{
    struct table *t = *state;
    struct checkpoint kept = checkpoint_of("t1", "", "1f-1"),
                      gone = checkpoint_of("t1", "", "1f-2");
    struct checkpoint below = checkpoint_of("t1", "sub", "1f-3");

    put_of_run(t, "t1", "", "1f-1", "r1");
    put_of_run(t, "t1", "", "1f-2", "r2");
    put_of_run(t, "t1", "sub", "1f-3", "r2");
    put_of_run(t, "t1", "", "1f-4", NULL); /* of an update */
    assert_int_equal(checkpoints_delete_run(t->tx, TENANT, STR("r2")), OK);
    ASSERT_STR(list(t, (struct checkpoint_filter){0}), "1f-4,1f-1");
    ASSERT_STR(writes(t, &kept), "1f-1:0=x");
    ASSERT_STR(writes(t, &gone), "");
    ASSERT_STR(writes(t, &below), "");
    assert_int_equal(checkpoints_delete_run(t->tx, TENANT, STR("r2")), OK);
}

/* A run on thread t1; its position. */
static int64_t add_run(struct table *t, const char *run_id)
{
    struct run run = {.tenant = TENANT,
                      .run_id = str_of(run_id),
                      .thread_id = STR("t1"),
                      .assistant_id = STR("a"),
                      .graph_id = STR("g"),
                      .metadata = STR("{}"),
                      .kwargs = STR("{}"),
                      .multitask_strategy = STR("enqueue")};

    assert_int_equal(run_insert(t->tx, &run), OK);
    return run.position;
}

static void deleting_a_runs_takes_back_what_it_wrote_elsewhere(void **state)
{
    struct table *t = *state;
    struct checkpoint of = checkpoint_of("t1", "", "1f-1"), copy = checkpoint_of("t2", "", "1f-1");
    int64_t first = add_run(t, "r1"), second = add_run(t, "r2");

    put_of_run(t, "t1", "", "1f-1", "r1");
    put_write_of(t, &of, first, write_of("a", -3, "asks"));
    put_write_of(t, &of, second, write_of("a", -3, "asks again"));
    put_write_of(t, &of, second, write_of("a", -4, "answer"));
    put_write_of(t, &of, second, write_of("a", 0, "done"));
    put_write_of(t, &of, second, write_of("1f-1", 0, "too late")); /* the first stays */
    ASSERT_STR(writes(t, &of), "1f-1:0=x,a:-4=answer,a:-3=asks again,a:0=done");
    assert_int_equal(checkpoints_copy(t->tx, TENANT, STR("t1"), STR("t2")), OK);
    ASSERT_STR(writes(t, &copy), "1f-1:0=x,a:-4=answer,a:-3=asks again,a:0=done");
    assert_int_equal(checkpoints_delete_run(t->tx, TENANT, STR("r2")), OK);
    ASSERT_STR(writes(t, &of), "1f-1:0=x,a:-3=asks");
    ASSERT_STR(writes(t, &copy), "1f-1:0=x,a:-4=answer,a:-3=asks again,a:0=done");
    put_write_of(t, &copy, 1, write_of("a", -3, "newer than a copy"));
    ASSERT_STR(writes(t, &copy), "1f-1:0=x,a:-4=answer,a:-3=newer than a copy,a:0=done");
}

static void deleting_a_threads_leaves_the_others(void **state)
{
    struct table *t = *state;
    struct checkpoint gone = checkpoint_of("t1", "", "1f-1");
    struct checkpoint kept = checkpoint_of("t2", "", "1f-1");

    put_of_run(t, "t1", "", "1f-1", NULL);
    put_of_run(t, "t2", "", "1f-1", NULL);
    assert_int_equal(checkpoints_delete_thread(t->tx, TENANT, STR("t1")), OK);
    ASSERT_STR(head(t, "t1", ""), "none");
    ASSERT_STR(writes(t, &gone), "");
    ASSERT_STR(head(t, "t2", ""), "1f-1");
    ASSERT_STR(writes(t, &kept), "1f-1:0=x");
}

static void a_copy_has_the_same_ids_and_a_life_of_its_own(void **state)
{
    struct table *t = *state;
    struct checkpoint copied = checkpoint_of("t2", "", "1f-1"), out;

    put_of_run(t, "t1", "", "1f-1", "r1");
    put_of_run(t, "t1", "sub", "1f-2", "r1");
    assert_int_equal(checkpoints_copy(t->tx, TENANT, STR("t1"), STR("t2")), OK);
    ASSERT_STR(list(t, (struct checkpoint_filter){.thread_id = STR("t2")}), "1f-2,1f-1");
    assert_int_equal(checkpoint_get(t->tx, &copied, &t->arena, &out), OK);
    assert_true(str_eq(out.body, copied.body));
    ASSERT_STR(writes(t, &copied), "1f-1:0=x");
    assert_int_equal(checkpoints_delete_thread(t->tx, TENANT, STR("t1")), OK);
    ASSERT_STR(writes(t, &copied), "1f-1:0=x");
}

static void pruning_keeps_each_namespaces_head(void **state)
{
    struct table *t = *state;
    struct checkpoint head_of = checkpoint_of("t1", "", "1f-3");
    struct checkpoint gone = checkpoint_of("t1", "", "1f-1"),
                      early = checkpoint_of("t1", "", "1f-9");

    put_of_run(t, "t1", "", "1f-1", NULL);
    put_of_run(t, "t1", "", "1f-3", NULL);
    put_of_run(t, "t1", "sub", "1f-2", NULL);
    put_of_run(t, "t2", "", "1f-0", NULL);
    put_write(t, &early, write_of("early", 0, "x")); /* its checkpoint is still to come */
    assert_int_equal(checkpoints_keep_latest(t->tx, TENANT, STR("t1")), OK);
    ASSERT_STR(list(t, (struct checkpoint_filter){0}), "1f-3,1f-2,1f-0");
    ASSERT_STR(writes(t, &head_of), "1f-3:0=x");
    ASSERT_STR(writes(t, &gone), "");
    ASSERT_STR(writes(t, &early), "early:0=x");
}

static const struct CMUnitTest tests[] = {
    TEST("what is put is got, byte by byte", what_is_put_is_got_byte_by_byte),
    TEST("a second put replaces the first", a_second_put_replaces),
    TEST("the head is the greatest id of its namespace",
         the_head_is_the_greatest_id_of_its_namespace),
    TEST("lists are newest first, before an id, up to a limit", lists_are_newest_first),
    TEST("lists filter by thread, namespace, id and metadata", lists_filter),
    TEST("special writes overwrite, others keep the first",
         special_writes_overwrite_others_keep_the_first),
    TEST("writes are listed by path, task and index", writes_are_listed_by_path_task_and_index),
    TEST("a run has left something only in the root namespace",
         a_run_has_left_something_only_in_the_root),
    TEST("deleting a run's checkpoints leaves the others", deleting_a_runs_leaves_the_others),
    TEST("deleting a run's takes back what it wrote on others' checkpoints",
         deleting_a_runs_takes_back_what_it_wrote_elsewhere),
    TEST("deleting a thread's checkpoints leaves the others", deleting_a_threads_leaves_the_others),
    TEST("a copy has the same ids and a life of its own",
         a_copy_has_the_same_ids_and_a_life_of_its_own),
    TEST("pruning keeps each namespace's head", pruning_keeps_each_namespaces_head),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
