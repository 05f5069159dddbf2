/* alert_book.h -- the rules of all alerts, read and compiled once, and kept from look to look as
 * long as no text has changed.
 *
 * Alerts of one project that count the same (attribute, filters) share a series: a span is tested
 * once for all of them. */
#ifndef ALERT_ALERT_BOOK_H
#define ALERT_ALERT_BOOK_H

#include "alert/alert_rule.h"
#include "store/alerts.h"

struct alert_page {
    struct alert_rule rule;
    bool is_readable; /* its rule could be read */
    size_t series;    /* of its project; scores have none: it is the number of series then */
};

struct alert_chapter {   /* one project */
    size_t first, count; /* of the rows and of the pages */
    const struct alert_rule **series;
    size_t series_count;
};

struct alert_book;

struct alert_book *alert_book_new(void);
void alert_book_free(struct alert_book *book);

/* Those of a project stand together in `rows`. What is given lives until the next call. */
void alert_book_open(struct alert_book *book, const struct alert_rows *rows);
const struct alert_page *alert_book_pages(const struct alert_book *book); /* one for each row */
const struct alert_chapter *alert_book_chapters(const struct alert_book *book, size_t *count);

#endif
