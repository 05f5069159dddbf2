/* text_diff_test.c -- hunks as people know them, and that they lead from one text to the other. */
#include "base/arena.h"
#include "base/rng.h"
#include "base/test.h"
#include "format/text_diff.h"

static void expect(const char *before, const char *after, size_t context, const char *hunks)
{
    struct buf out;

    buf_init(&out, KIB);
    text_diff(&out, str_of(before), str_of(after), context);
    ASSERT_STR(buf_str(&out), hunks);
    buf_release(&out);
}

static void hunks(void **state UNUSED)
{
    expect("", "", 3, "");
    expect("a\nb\n", "a\nb\n", 3, "");
    expect("", "a\n", 3, "@@ -0,0 +1 @@\n+a\n");
    expect("a\n", "", 3, "@@ -1 +0,0 @@\n-a\n");
    expect("a\nb\nc\n", "a\nB\nc\n", 3, "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n");
    expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n", 1,
           "@@ -4,3 +4,3 @@\n 4\n-5\n+x\n 6\n");
}

static void two_hunks(void **state UNUSED)
{
    expect("a\n1\n2\n3\n4\nb\n", "A\n1\n2\n3\n4\nB\n", 1,
           "@@ -1,2 +1,2 @@\n-a\n+A\n 1\n@@ -5,2 +5,2 @@\n 4\n-b\n+B\n");
    expect("a\n1\n2\nb\n", "A\n1\n2\nB\n", 1, "@@ -1,4 +1,4 @@\n-a\n+A\n 1\n 2\n-b\n+B\n");
}

static void no_line_end(void **state UNUSED)
{
    expect("a\nb", "a\nb\n", 3, "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n");
}

/* ---- what leads from one to the other ---- */

static struct str random_text(struct arena *arena, struct rng *rng, size_t lines, uint64_t letters)
{
    char *text = arena_alloc(arena, 2 * lines + 1);

    for (size_t i = 0; i < lines; i++) {
        text[2 * i] = (char)('a' + rng_below(rng, letters));
        text[2 * i + 1] = '\n';
    }
    return str_range(text, 2 * lines);
}

/* With the whole text as context, the kept and added lines are `after`, the others `before`. */
static void check(struct str before, struct str after)
{
    struct buf out, old, new;
    struct text_diff_count count;
    struct str rest, line;

    buf_init(&out, MIB);
    buf_init(&old, MIB);
    buf_init(&new, MIB);
    count = text_diff(&out, before, after, 1 << 20);
    rest = buf_str(&out);
    str_split(&rest, '\n', &line); /* the one head */
    while (str_split(&rest, '\n', &line) && line.len) {
        if (line.data[0] != '+')
            buf_addf(&old, "%.*s\n", STR_ARG(str_from(line, 1)));
        if (line.data[0] != '-')
            buf_addf(&new, "%.*s\n", STR_ARG(str_from(line, 1)));
        count.added -= line.data[0] == '+';
        count.removed -= line.data[0] == '-';
    }
    assert_int_equal(count.added + count.removed, 0);
    if (!str_eq(before, after)) {
        assert_true(str_eq(buf_str(&old), before));
        assert_true(str_eq(buf_str(&new), after));
    }
    buf_release(&out);
    buf_release(&old);
    buf_release(&new);
}

static void random_pairs(void **state UNUSED)
{
    struct arena arena;
    struct rng rng;

    rng_seed(&rng, 7);
    arena_init(&arena);
    for (int i = 0; i < 300; i++) {
        struct str before = random_text(&arena, &rng, rng_below(&rng, 40), 1 + rng_below(&rng, 4));
        struct str after = random_text(&arena, &rng, rng_below(&rng, 40), 1 + rng_below(&rng, 4));

        check(before, after);
        arena_reset(&arena);
    }
    check(random_text(&arena, &rng, 3000, 26), random_text(&arena, &rng, 3000, 26));
    arena_release(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("one change with what stands around it", hunks),
    TEST("changes far apart are two hunks, near ones one", two_hunks),
    TEST("a missing line end is told", no_line_end),
    TEST("the hunks lead from any text to any other", random_pairs),
};

int main(void)
{
    return RUN_TESTS(tests);
}
