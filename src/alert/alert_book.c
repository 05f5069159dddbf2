/* alert_book.c -- see alert_book.h. */
#include "alert/alert_book.h"

#include "base/mem.h"

struct alert_book {
    struct arena arena; /* of all that follows */
    struct str *texts;  /* what the pages were read from */
    int64_t *project_nos;
    struct alert_page *pages;
    size_t count;
    struct alert_chapter *chapters;
    size_t chapter_count;
};

struct alert_book *alert_book_new(void)
{
    struct alert_book *book = MEM_NEW(struct alert_book);

    arena_init(&book->arena);
    return book;
}

void alert_book_free(struct alert_book *book)
{
    arena_release(&book->arena);
    mem_free(book);
}

static bool is_current(const struct alert_book *book, const struct alert_rows *rows)
{
    if (book->count != rows->count)
        return false;
    for (size_t i = 0; i < rows->count; i++)
        if (book->project_nos[i] != rows->list[i].project_no ||
            !str_eq(book->texts[i], rows->list[i].rule))
            return false;
    return true;
}

static bool text_eq(struct str a, struct str b)
{
    return str_is_none(a) == str_is_none(b) && str_eq(a, b);
}

static bool counts_the_same(const struct alert_rule *a, const struct alert_rule *b)
{
    return a->attribute == b->attribute &&
           (a->aggregation == ALERT_PCT) == (b->aggregation == ALERT_PCT) &&
           text_eq(a->filter_text, b->filter_text) &&
           text_eq(a->denominator_text, b->denominator_text);
}

static void page_read(struct alert_book *book, size_t i)
{
    struct alert_page *page = &book->pages[i];
    const struct json *json = NULL;
    struct str why;

    page->is_readable = json_parse(&book->arena, book->texts[i], &json, NULL) == OK &&
                        alert_rule_read(json, &book->arena, &page->rule, &why) == OK;
}

static void series_find(struct alert_chapter *chapter, struct alert_page *page)
{
    size_t n = 0;

    while (n < chapter->series_count && !counts_the_same(chapter->series[n], &page->rule))
        n++;
    if (n == chapter->series_count)
        chapter->series[chapter->series_count++] = &page->rule;
    page->series = n;
}

static void chapter_read(struct alert_book *book, struct alert_chapter *chapter)
{
    chapter->series = ARENA_ARRAY(&book->arena, const struct alert_rule *, chapter->count);
    for (size_t i = chapter->first; i < chapter->first + chapter->count; i++) {
        struct alert_page *page = &book->pages[i];

        page_read(book, i);
        if (page->is_readable && page->rule.attribute != ALERT_FEEDBACK_SCORE)
            series_find(chapter, page);
    }
    for (size_t i = chapter->first; i < chapter->first + chapter->count; i++)
        if (!book->pages[i].is_readable || book->pages[i].rule.attribute == ALERT_FEEDBACK_SCORE)
            book->pages[i].series = chapter->series_count;
}

void alert_book_open(struct alert_book *book, const struct alert_rows *rows)
{
    if (is_current(book, rows))
        return;
    arena_reset(&book->arena);
    book->count = rows->count;
    book->chapter_count = 0;
    book->texts = ARENA_ARRAY(&book->arena, struct str, rows->count + 1);
    book->project_nos = ARENA_ARRAY(&book->arena, int64_t, rows->count + 1);
    book->pages = ARENA_ARRAY(&book->arena, struct alert_page, rows->count + 1);
    book->chapters = ARENA_ARRAY(&book->arena, struct alert_chapter, rows->count + 1);
    for (size_t i = 0, end; i < rows->count; i = end) {
        struct alert_chapter *chapter = &book->chapters[book->chapter_count++];

        for (end = i; end < rows->count && rows->list[end].project_no == rows->list[i].project_no;
             end++) {
            book->texts[end] = arena_str(&book->arena, rows->list[end].rule);
            book->project_nos[end] = rows->list[end].project_no;
        }
        *chapter = (struct alert_chapter){.first = i, .count = end - i};
        chapter_read(book, chapter);
    }
}

const struct alert_page *alert_book_pages(const struct alert_book *book)
{
    return book->pages;
}

const struct alert_chapter *alert_book_chapters(const struct alert_book *book, size_t *count)
{
    *count = book->chapter_count;
    return book->chapters;
}
