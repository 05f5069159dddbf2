/* The YAML block at the top of Markdown files. */
#include "base/buf.h"
#include "base/test.h"
#include "format/frontmatter.h"

static struct arena arena;
static struct frontmatter front;
static struct str why;

static enum err parse(const char *text)
{
    why = STR("");
    return frontmatter_parse(&arena, str_of(text), &front, &why);
}

static void reads_a_skill(void **state UNUSED)
{
    assert_int_equal(parse("---\n"
                           "name: research # a comment\n"
                           "description: >\n"
                           "  Finds things\n"
                           "  out.\n"
                           "license: \"MIT: really\"\n"
                           "metadata:\n"
                           "  author: us\n"
                           "  version: '1.0'\n"
                           "allowed-tools: [Read, Grep]\n"
                           "---\n"
                           "# Body\n"),
                     OK);
    assert_true(front.is_there);
    ASSERT_STR(frontmatter_text(&front, "name"), "research");
    ASSERT_STR(frontmatter_text(&front, "description"), "Finds things out.\n");
    ASSERT_STR(frontmatter_text(&front, "license"), "MIT: really");
    ASSERT_STR(frontmatter_text(&front, "metadata"), NULL);
    ASSERT_STR(frontmatter_text(&front, "author"), NULL);
    assert_int_equal(frontmatter_find(&front, "metadata")->kind, FRONTMATTER_MAP);
    assert_int_equal(frontmatter_find(&front, "allowed-tools")->kind, FRONTMATTER_LIST);
    assert_int_equal(front.count, 9);
    ASSERT_STR(front.entries[5].value, "1.0");
    ASSERT_STR(front.entries[5].parent, "metadata");
    ASSERT_STR(front.entries[8].value, "Grep");
    ASSERT_STR(front.body, "# Body\n");
}

static void without_a_block(void **state UNUSED)
{
    assert_int_equal(parse("# Title\n---\nname: x\n---\n"), OK);
    assert_false(front.is_there);
    ASSERT_STR(front.body, "# Title\n---\nname: x\n---\n");
    assert_int_equal(parse(""), OK);
    ASSERT_STR(front.body, "");
}

static void line_ends(void **state UNUSED)
{
    assert_int_equal(parse("\xef\xbb\xbf---\r\nname: x\r\n---\r\nbody"), OK);
    ASSERT_STR(frontmatter_text(&front, "name"), "x");
    ASSERT_STR(front.body, "body");
    assert_int_equal(parse("---\n---"), OK);
    assert_true(front.is_there);
    assert_int_equal(front.count, 0);
}

static void refusals(void **state UNUSED)
{
    static const struct {
        const char *text, *word;
    } bad[] = {
        {"---\nname: x\n", "no end"},
        {"---\n- a\n---\n", "not a mapping"},
        {"---\njust words\n---\n", "not a mapping"},
        {"---\nname: x\nname: y\n---\n", "twice"},
        {"---\na: &x 1\nb: *x\n---\n", "anchor"},
        {"---\na: !!str 1\n---\n", "tag"},
        {"---\na: {b: {c: d}}\n---\n", "nested"},
        {"---\na: [[x]]\n---\n", "nested"},
        {"---\n? [a]\n: b\n---\n", "nested"},
        {"---\nname: \"open\n---\n", "not YAML"},
        {"---\na: b: c\n---\n", "in line 2"},
        {"---\na: \xff\n---\n", "UTF-8"},
        {"---\na: \"x\\0y\"\n---\n", "NUL"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(parse(bad[i].text), ERR_INVALID);
        if (!str_contains(why, str_of(bad[i].word)))
            fail_msg("%s: %.*s", bad[i].text, STR_ARG(why));
    }
}

static void many_entries(void **state UNUSED)
{
    struct buf text;

    buf_init(&text, MIB);
    buf_add(&text, STR("---\n"));
    for (int i = 0; i <= FRONTMATTER_ENTRIES_MAX; i++)
        buf_addf(&text, "k%d: v\n", i);
    buf_add(&text, STR("---\n"));
    assert_int_equal(parse(buf_cstr(&text)), ERR_INVALID);
    assert_true(str_contains(why, STR("64")));
    buf_release(&text);
}

static const struct CMUnitTest tests[] = {
    TEST("a skill's block: quoted, folded, nested, listed", reads_a_skill),
    TEST("a text without a block is all body", without_a_block),
    TEST("a byte order mark and CRLF are understood", line_ends),
    TEST("what it does not understand is refused, in words", refusals),
    TEST("64 entries are the most", many_entries),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
