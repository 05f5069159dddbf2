/* items_test.c -- the key-value store that graphs share, on both databases. Namespaces are written
 * with "/" behind each label here. */
#include "store/item_vectors.h"
#include "store/items.h"
#include "store/table_rig.h"

static struct str namespace_of(struct table *t, const char *labels)
{
    char *copy = arena_cstr(&t->arena, str_of(labels));

    for (char *c = copy; *c; c++)
        if (*c == '/')
            *c = ITEM_LABEL_END;
    return str_of(copy);
}

static struct str labels_of(struct table *t, struct str namespace_text)
{
    char *copy = arena_cstr(&t->arena, namespace_text);

    for (char *c = copy; *c; c++)
        if (*c == ITEM_LABEL_END)
            *c = '/';
    return str_of(copy);
}

static void put_until(struct table *t, const char *labels, const char *key, const char *value,
                      int64_t expires_us)
{
    struct item item = {.namespace_text = namespace_of(t, labels),
                        .key = str_of(key),
                        .value = str_of(value),
                        .ttl_us = expires_us ? expires_us - t->tx->now_us : 0};

    assert_int_equal(item_put(t->tx, TENANT, &item), OK);
}

static void put(struct table *t, const char *labels, const char *key, const char *value)
{
    put_until(t, labels, key, value, 0);
}

static enum err get(struct table *t, const char *labels, const char *key, struct item *item)
{
    return item_get(t->tx, TENANT, namespace_of(t, labels), str_of(key), &t->arena, item);
}

/* The keys found. */
static struct str search(struct table *t, const char *prefix, const char *value)
{
    struct item_filter filter = {
        .tenant = TENANT, .prefix = namespace_of(t, prefix), .value = str_of(value), .limit = 100};
    struct str keys = STR("");
    struct items found;

    assert_int_equal(item_search(t->tx, &filter, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &keys, found.list[i].key);
    return keys;
}

static struct str namespaces(struct table *t, const char *prefix, int64_t limit)
{
    struct item_filter filter = {
        .tenant = TENANT, .prefix = namespace_of(t, prefix), .limit = limit};
    struct str text = STR("");
    struct items found;

    assert_int_equal(item_namespaces(t->tx, &filter, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++)
        table_join(t, &text, labels_of(t, found.list[i].namespace_text));
    return text;
}

static void what_is_put_is_got(void **state)
{
    struct table *t = *state;
    struct item item;

    assert_int_equal(get(t, "a/", "k", &item), ERR_NOT_FOUND);
    put(t, "a/", "k", "{\"x\": 1.50}");
    assert_int_equal(get(t, "a/", "k", &item), OK);
    ASSERT_STR(labels_of(t, item.namespace_text), "a/");
    ASSERT_STR(item.key, "k");
    ASSERT_STR(item.value, "{\"x\": 1.50}");
    assert_int_equal(item.created_us, t->tx->now_us);
    assert_int_equal(item.updated_us, t->tx->now_us);
    assert_int_equal(get(t, "a/b/", "k", &item), ERR_NOT_FOUND);
    assert_int_equal(
        item_get(t->tx, STR("other"), namespace_of(t, "a/"), STR("k"), &t->arena, &item),
        ERR_NOT_FOUND);
    assert_int_equal(item_delete(t->tx, STR("other"), namespace_of(t, "a/"), STR("k")), OK);
    assert_int_equal(get(t, "a/", "k", &item), OK);
    assert_int_equal(item_delete(t->tx, TENANT, namespace_of(t, "a/"), STR("k")), OK);
    assert_int_equal(get(t, "a/", "k", &item), ERR_NOT_FOUND);
    assert_int_equal(item_delete(t->tx, TENANT, namespace_of(t, "a/"), STR("k")), OK);
}

static void updated_at_rises_with_every_put(void **state)
{
    struct table *t = *state;
    int64_t now = t->tx->now_us, last = 0;
    struct item item;

    for (int i = 0; i < 3; i++) { /* within one instant */
        put(t, "a/", "k", "{}");
        assert_int_equal(get(t, "a/", "k", &item), OK);
        assert_true(item.updated_us > last);
        last = item.updated_us;
        assert_int_equal(item.created_us, now);
    }
    t->tx->now_us = now - 5 * US_PER_SECOND; /* the clock was set back */
    put(t, "a/", "k", "{}");
    assert_int_equal(get(t, "a/", "k", &item), OK);
    /* Seen in milliseconds, as clients do, it rises as well. */
    assert_true(item.updated_us / US_PER_MS > last / US_PER_MS);
    t->tx->now_us = now + 5 * US_PER_SECOND;
    put(t, "a/", "k", "{}");
    assert_int_equal(get(t, "a/", "k", &item), OK);
    assert_int_equal(item.updated_us, now + 5 * US_PER_SECOND);
    assert_int_equal(item.created_us, now);
}

static void an_item_expires(void **state)
{
    struct table *t = *state;
    int64_t now = t->tx->now_us;
    struct item item;

    put_until(t, "a/", "k", "{}", now + 10);
    put(t, "b/", "stays", "{}");
    t->tx->now_us = now + 9;
    assert_int_equal(get(t, "a/", "k", &item), OK);
    ASSERT_STR(namespaces(t, "", 10), "a/,b/");
    t->tx->now_us = now + 10;
    assert_int_equal(get(t, "a/", "k", &item), ERR_NOT_FOUND);
    ASSERT_STR(search(t, "", NULL), "stays");
    ASSERT_STR(namespaces(t, "", 10), "b/");
    put(t, "a/", "k", "{\"new\":1}"); /* in its place: for good */
    t->tx->now_us = now + 1000;
    assert_int_equal(get(t, "a/", "k", &item), OK);
}

/* ---- searching ---- */

static void a_prefix_is_made_of_whole_labels(void **state)
{
    static const char *const places[] = {
        "a/", "a/b/", "a/b/c/", "ab/", "a /", "b/a/", "a\x01/", "\xc3\xa9/", "\xf0\x9f\x98\x80/x/",
        "~/"};
    struct table *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        put(t, places[i], places[i], "{}");
        t->tx->now_us -= US_PER_SECOND; /* so that they are found in this order */
    }
    ASSERT_STR(search(t, "a/", NULL), "a/,a/b/,a/b/c/");
    ASSERT_STR(search(t, "a/b/", NULL), "a/b/,a/b/c/");
    ASSERT_STR(search(t, "a/b/c/", NULL), "a/b/c/");
    ASSERT_STR(search(t, "c/", NULL), "");
    ASSERT_STR(search(t, "\xc3\xa9/", NULL), "\xc3\xa9/");
    ASSERT_STR(search(t, "\xf0\x9f\x98\x80/", NULL), "\xf0\x9f\x98\x80/x/");
    ASSERT_STR(search(t, "", NULL), "a/,a/b/,a/b/c/,ab/,a /,b/a/,a\x01/,\xc3\xa9/,"
                                    "\xf0\x9f\x98\x80/x/,~/");
    ASSERT_STR(namespaces(t, "a/", 10), "a/,a/b/,a/b/c/");
    ASSERT_STR(namespaces(t, "", 100), "a\x01/,a/,a/b/,a/b/c/,a /,ab/,b/a/,~/,\xc3\xa9/,"
                                       "\xf0\x9f\x98\x80/x/");
    ASSERT_STR(namespaces(t, "", 2), "a\x01/,a/");
}

static void searches_filter_by_value(void **state)
{
    struct table *t = *state;

    put(t, "a/", "1", "{\"kind\":\"x\",\"n\":1,\"deep\":{\"er\":[1,2]}}");
    t->tx->now_us++;
    put(t, "a/", "2", "{\"kind\":\"y\",\"n\":1.0}");
    t->tx->now_us++;
    put(t, "b/", "3", "{\"kind\":\"x\"}");
    ASSERT_STR(search(t, "a/", "{\"kind\":\"x\"}"), "1");
    ASSERT_STR(search(t, "", "{\"kind\":\"x\"}"), "3,1");
    ASSERT_STR(search(t, "", "{\"n\":1}"), "2,1");
    ASSERT_STR(search(t, "", "{\"deep\":{\"er\":[2]}}"), "1");
    ASSERT_STR(search(t, "", "{\"kind\":\"z\"}"), "");
    ASSERT_STR(search(t, "", "{}"), "3,2,1");
}

static void searches_page_last_updated_first(void **state)
{
    struct table *t = *state;
    struct item_filter filter = {.tenant = TENANT, .prefix = STR(""), .limit = 2, .offset = 1};
    struct items found;

    put(t, "b/", "1", "{}");
    put(t, "a/", "3", "{}"); /* of the same instant: by namespace, then key */
    put(t, "a/", "2", "{}");
    t->tx->now_us++;
    put(t, "z/", "4", "{}");
    ASSERT_STR(search(t, "", NULL), "4,2,3,1");
    assert_int_equal(item_search(t->tx, &filter, &t->arena, &found), OK);
    assert_int_equal(found.count, 2);
    ASSERT_STR(found.list[0].key, "2");
    ASSERT_STR(found.list[1].key, "3");
    filter.tenant = STR("other");
    assert_int_equal(item_search(t->tx, &filter, &t->arena, &found), OK);
    assert_int_equal(found.count, 0);
}

static void put_alike(struct table *t, const char *labels, const char *key, const char *value,
                      const float two[2])
{
    struct item item = {
        .namespace_text = namespace_of(t, labels), .key = str_of(key), .value = str_of(value)};

    assert_int_equal(item_vectors_pack(&t->arena, str_range((const char *)two, 2 * sizeof(float)),
                                       2, &item.vectors),
                     OK);
    assert_int_equal(item_put(t->tx, TENANT, &item), OK);
}

static struct str alike(struct table *t, const char *prefix, const char *value, int64_t limit,
                        int64_t offset)
{
    static const float up[2] = {0, 3};
    struct item_filter filter = {.tenant = TENANT,
                                 .prefix = namespace_of(t, prefix),
                                 .value = str_of(value),
                                 .limit = limit,
                                 .offset = offset};
    struct str text = STR("");
    struct items found;

    assert_int_equal(
        item_vectors_pack(&t->arena, str_range((const char *)up, sizeof(up)), 2, &filter.vector),
        OK);
    assert_int_equal(item_search(t->tx, &filter, &t->arena, &found), OK);
    for (size_t i = 0; i < found.count; i++) {
        assert_true(found.list[i].has_score);
        table_join(t, &text, found.list[i].key);
    }
    return text;
}

static void the_most_alike_come_first(void **state)
{
    struct table *t = *state;
    char key[16];

    put_alike(t, "a/", "up", "{\"n\": 1}", (float[]){0, 1});
    put_alike(t, "a/b/", "steep", "{\"n\": 2}", (float[]){1, 9});
    put_alike(t, "a/", "flat", "{\"n\": 3}", (float[]){5, 0});
    put_alike(t, "a/", "down", "{\"n\": 4}", (float[]){0, -1});
    put_alike(t, "z/", "else", "{}", (float[]){0, 1});
    put(t, "a/", "none", "{\"n\": 1}");
    ASSERT_STR(alike(t, "a/", NULL, 10, 0), "up,steep,flat,down");
    ASSERT_STR(alike(t, "a/", NULL, 2, 1), "steep,flat");
    ASSERT_STR(alike(t, "a/b/", NULL, 10, 0), "steep");
    ASSERT_STR(alike(t, "a/", "{\"n\": 3}", 10, 0), "flat");
    ASSERT_STR(alike(t, "a/", "{\"n\": {\"$lt\": 4}}", 10, 1), "steep,flat");
    put(t, "a/", "up", "{}");
    ASSERT_STR(alike(t, "a/", NULL, 1, 0), "steep");
    /* more than one page, the best in the last */
    for (int i = 0; i < 450; i++) {
        snprintf(key, sizeof(key), "%03d", i);
        put_alike(t, "many/", key, "{}", (float[]){1, (float)i / 100});
    }
    ASSERT_STR(alike(t, "many/", NULL, 3, 0), "449,448,447");
    ASSERT_STR(alike(t, "many/", NULL, 3, 448), "001,000");
}

static const struct CMUnitTest tests[] = {
    TEST("what is put is got, and deleted, by its tenant", what_is_put_is_got),
    TEST("updated_at rises with every put, whatever the clock does",
         updated_at_rises_with_every_put),
    TEST("an item expires, unless it is put again", an_item_expires),
    TEST("a prefix is made of whole labels, in any script", a_prefix_is_made_of_whole_labels),
    TEST("searches filter by value", searches_filter_by_value),
    TEST("searches page, last updated first", searches_page_last_updated_first),
    TEST("the most alike come first, within filter and prefix (issue 4)",
         the_most_alike_come_first),
};

int main(void)
{
    return TABLE_RUN_TESTS(tests);
}
