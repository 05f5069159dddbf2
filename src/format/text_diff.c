/* text_diff.c -- Myers' O(ND) on lines: the furthest-reaching paths of every length are kept, and
 * walked back from the end. */
#include "format/text_diff.h"

#include "base/arena.h"

struct lines {
    struct str *list; /* with their line ends */
    size_t count;
};

enum mark { KEPT, REMOVED, ADDED };

struct step {
    enum mark mark;
    size_t before, after; /* the lines it is about, from 0 */
};

struct diff {
    struct arena arena;
    struct lines before, after;
    size_t head, tail; /* lines both have at the start and at the end */
    struct step *steps;
    size_t count;
};

/* ---- lines ---- */

static struct lines lines_of(struct arena *arena, struct str text)
{
    struct lines lines = {0};
    struct str rest = text;

    for (size_t i = 0; i < text.len; i++)
        lines.count += text.data[i] == '\n' || i + 1 == text.len;
    lines.list = ARENA_ARRAY(arena, struct str, lines.count + 1);
    for (size_t i = 0; i < lines.count; i++) {
        size_t end = str_find_char(rest, '\n');

        lines.list[i] = str_first(rest, end + 1);
        rest = str_from(rest, end + 1);
    }
    return lines;
}

static void find_common(struct diff *d)
{
    size_t least = d->before.count < d->after.count ? d->before.count : d->after.count;

    while (d->head < least && str_eq(d->before.list[d->head], d->after.list[d->head]))
        d->head++;
    while (d->tail < least - d->head && str_eq(d->before.list[d->before.count - 1 - d->tail],
                                               d->after.list[d->after.count - 1 - d->tail]))
        d->tail++;
}

/* ---- the shortest way ---- */

/* Of the part between head and tail. reach[k + offset]: how far in `before` a path on diagonal
 * k = x - y has come; one such row for every length. */
struct search {
    const struct diff *d;
    ptrdiff_t n, m;
    int32_t *reach;
    ptrdiff_t offset;
};

static bool same(const struct search *s, ptrdiff_t x, ptrdiff_t y)
{
    return str_eq(s->d->before.list[s->d->head + (size_t)x],
                  s->d->after.list[s->d->head + (size_t)y]);
}

/* From which diagonal a path of this length comes to k. */
static bool comes_from_above(const struct search *s, const int32_t *row, ptrdiff_t length,
                             ptrdiff_t k)
{
    return k == -length || (k != length && row[k - 1 + s->offset] < row[k + 1 + s->offset]);
}

/* One more step on every diagonal; true: the end is reached. */
static bool extend(struct search *s, int32_t *row, ptrdiff_t length)
{
    for (ptrdiff_t k = -length; k <= length; k += 2) {
        ptrdiff_t x = comes_from_above(s, row, length, k) ? row[k + 1 + s->offset]
                                                          : row[k - 1 + s->offset] + 1;
        ptrdiff_t y = x - k;

        while (x < s->n && y < s->m && x >= 0 && y >= 0 && same(s, x, y)) {
            x++;
            y++;
        }
        row[k + s->offset] = (int32_t)x;
        if (x >= s->n && y >= s->m)
            return true;
    }
    return false;
}

static void put(struct diff *d, enum mark mark, ptrdiff_t x, ptrdiff_t y)
{
    d->steps[d->count++] = (struct step){mark, d->head + (size_t)x, d->head + (size_t)y};
}

/* Backwards, so the steps come out in reverse order. */
static void walk_back(struct diff *d, const struct search *s, int32_t *const *rows,
                      ptrdiff_t length)
{
    ptrdiff_t x = s->n, y = s->m;

    for (ptrdiff_t l = length; l > 0; l--) {
        const int32_t *row = rows[l - 1];
        ptrdiff_t k = x - y;
        bool above = comes_from_above(s, row, l, k);
        ptrdiff_t from_k = above ? k + 1 : k - 1, from_x = row[from_k + s->offset];
        ptrdiff_t from_y = from_x - from_k;

        while (x > from_x && y > from_y)
            put(d, KEPT, --x, --y);
        if (above)
            put(d, ADDED, x, --y);
        else
            put(d, REMOVED, --x, y);
    }
    while (x > 0 && y > 0)
        put(d, KEPT, --x, --y);
}

static void reverse(struct step *steps, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct step step = steps[i];

        steps[i] = steps[count - 1 - i];
        steps[count - 1 - i] = step;
    }
}

/* False: it is too long. */
static bool find_shortest(struct diff *d, ptrdiff_t n, ptrdiff_t m)
{
    ptrdiff_t most = n + m < TEXT_DIFF_STEPS_MAX ? n + m : TEXT_DIFF_STEPS_MAX;
    struct search s = {.d = d, .n = n, .m = m, .offset = most + 1};
    size_t width = (size_t)(2 * most + 3);
    int32_t **rows = ARENA_ARRAY(&d->arena, int32_t *, (size_t)most + 1);
    int32_t *row = ARENA_ARRAY(&d->arena, int32_t, width);

    for (ptrdiff_t length = 0; length <= most; length++) {
        if (extend(&s, row, length)) {
            size_t first = d->count;

            walk_back(d, &s, rows, length);
            reverse(d->steps + first, d->count - first);
            return true;
        }
        rows[length] = ARENA_ARRAY(&d->arena, int32_t, width);
        memcpy(rows[length], row, width * sizeof(*row));
    }
    return false;
}

static void replace_all(struct diff *d, ptrdiff_t n, ptrdiff_t m)
{
    for (ptrdiff_t x = 0; x < n; x++)
        put(d, REMOVED, x, 0);
    for (ptrdiff_t y = 0; y < m; y++)
        put(d, ADDED, n, y);
}

/* All steps, from the first line to the last. */
static void find_steps(struct diff *d)
{
    ptrdiff_t n = (ptrdiff_t)(d->before.count - d->head - d->tail);
    ptrdiff_t m = (ptrdiff_t)(d->after.count - d->head - d->tail);

    d->steps = ARENA_ARRAY(&d->arena, struct step, d->before.count + d->after.count + 1);
    for (size_t i = 0; i < d->head; i++)
        d->steps[d->count++] = (struct step){KEPT, i, i};
    if (n + m > TEXT_DIFF_LINES_MAX || !find_shortest(d, n, m))
        replace_all(d, n, m);
    for (size_t i = 0; i < d->tail; i++)
        put(d, KEPT, n + (ptrdiff_t)i, m + (ptrdiff_t)i);
}

/* ---- hunks ---- */

static void write_line(struct buf *out, char sign, struct str line)
{
    buf_add_char(out, sign);
    buf_add(out, line);
    if (!str_ends(line, STR("\n")))
        buf_add(out, STR("\n\\ No newline at end of file\n"));
}

static void write_range(struct buf *out, char sign, size_t first, size_t count)
{
    buf_add_char(out, sign);
    buf_add_i64(out, (int64_t)(count ? first + 1 : first));
    if (count != 1)
        buf_addf(out, ",%zu", count);
}

static void write_hunk(struct buf *out, const struct diff *d, size_t from, size_t to)
{
    size_t before = 0, after = 0;

    for (size_t i = from; i < to; i++) {
        before += d->steps[i].mark != ADDED;
        after += d->steps[i].mark != REMOVED;
    }
    buf_add(out, STR("@@ "));
    write_range(out, '-', d->steps[from].before, before);
    buf_add_char(out, ' ');
    write_range(out, '+', d->steps[from].after, after);
    buf_add(out, STR(" @@\n"));
    for (size_t i = from; i < to; i++) {
        const struct step *step = &d->steps[i];

        if (step->mark == ADDED)
            write_line(out, '+', d->after.list[step->after]);
        else
            write_line(out, step->mark == KEPT ? ' ' : '-', d->before.list[step->before]);
    }
}

/* The end of the hunk that begins with the change at `at`: behind the last change that is not more
 * than two contexts away from the one before it. */
static size_t end_of_hunk(const struct diff *d, size_t at, size_t context)
{
    size_t last = at;

    for (size_t i = at; i < d->count && i - last <= 2 * context + 1; i++)
        if (d->steps[i].mark != KEPT)
            last = i;
    return last + 1;
}

static void write_hunks(struct buf *out, const struct diff *d, size_t context)
{
    size_t at = 0, written = 0;

    while (at < d->count) {
        size_t from, end;

        if (d->steps[at].mark == KEPT) {
            at++;
            continue;
        }
        from = at - written < context ? written : at - context;
        end = end_of_hunk(d, at, context);
        at = end;
        end = d->count - end < context ? d->count : end + context;
        write_hunk(out, d, from, end);
        written = end;
    }
}

struct text_diff_count text_diff(struct buf *out, struct str before, struct str after,
                                 size_t context)
{
    struct text_diff_count count = {0};
    struct diff d = {.count = 0};

    arena_init(&d.arena);
    d.before = lines_of(&d.arena, before);
    d.after = lines_of(&d.arena, after);
    find_common(&d);
    find_steps(&d);
    write_hunks(out, &d, context);
    for (size_t i = 0; i < d.count; i++) {
        count.added += d.steps[i].mark == ADDED;
        count.removed += d.steps[i].mark == REMOVED;
    }
    arena_release(&d.arena);
    return count;
}
