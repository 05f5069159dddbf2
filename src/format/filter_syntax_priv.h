/* filter_syntax_priv.h -- a filter as it is written: parts, and the names that may stand in them.
 */
#ifndef FORMAT_FILTER_SYNTAX_PRIV_H
#define FORMAT_FILTER_SYNTAX_PRIV_H

#include "format/filter.h"

/* ---- as it is written ---- */

enum filter_part_kind {
    PART_CALL,
    PART_STRING,
    PART_NUMBER,
    PART_DURATION,
    PART_BOOL,
    PART_NULL,
    PART_LIST,
    PART_PATH
};

struct filter_part {
    enum filter_part_kind kind;
    size_t position, end;             /* of a call: behind its bracket; else 0 */
    struct str text;                  /* a string decoded; all else as written; a call's operator */
    double number;                    /* of a number; of a duration in seconds; of a bool 0 or 1 */
    struct filter_part *first, *next; /* arguments of a call, items of a list */
    size_t count;
};

/* Fills *error and gives `err`. */
enum err filter_refuse(struct filter_error *error, enum err err, size_t position,
                       const char *format, ...) PRINTF_LIKE(4, 5);

enum err filter_syntax_parse(struct arena *arena, struct str text, struct filter_part **root,
                             struct filter_error *error) MUST_USE;

/* ---- attributes ---- */

enum filter_class {
    CLASS_ID,
    CLASS_TEXT,
    CLASS_WORD, /* of a fixed set: in any letter case */
    CLASS_ERROR,
    CLASS_BOOL,
    CLASS_TIME,
    CLASS_SECONDS,
    CLASS_NUMBER,
    CLASS_MONEY,
    CLASS_TAGS,
    CLASS_DOCUMENT,
    CLASS_PAIR, /* one side of a family's pairs */
    CLASS_PATH  /* the value under one key of a document */
};

enum filter_field { FIELD_KEY, FIELD_VALUE, FIELD_SCORE, FIELD_SOURCE, FIELD_COMMENT, FIELD_COUNT };

struct filter_target {
    const char *name;
    enum filter_attribute attribute; /* of pairs and paths: the family */
    enum filter_class class;
    enum filter_field field; /* of pairs */
    struct str path;         /* of paths */
};

enum filter_comparator {
    COMPARE_EQ,
    COMPARE_NEQ,
    COMPARE_GT,
    COMPARE_GTE,
    COMPARE_LT,
    COMPARE_LTE,
    COMPARE_IN,
    COMPARE_HAS,
    COMPARE_SEARCH,
    COMPARE_LIKE,
    COMPARE_NOTLIKE,
    COMPARE_EXISTS,
    COMPARE_COUNT
};

/* `part` is a path, or a string that holds one. */
enum err filter_target_find(const struct filter_part *part, struct filter_target *target,
                            struct filter_error *error) MUST_USE;
bool filter_comparator_find(struct str name, enum filter_comparator *comparator);
const char *filter_comparator_name(enum filter_comparator comparator);
bool filter_class_takes(enum filter_class class, enum filter_comparator comparator);

#endif
