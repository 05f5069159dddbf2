/* span_batch.h -- what one request says of many spans, gathered until it is written.
 *
 * Parts and objects are added in any order; what belongs to one span comes together. What is wrong
 * is a problem in words and leaves the rest as it is: a bad part never takes good ones with it.
 * Everything added lives in the batch's arena. */
#ifndef TRACE_SPAN_BATCH_H
#define TRACE_SPAN_BATCH_H

#include "base/map.h"
#include "trace/span_parse.h"

#define SPAN_PROBLEMS_MAX 10 /* that are told in words; the others are counted */
#define SPAN_PARTS_MAX 100000

enum span_part_kind { SPAN_PART_RUN, SPAN_PART_VALUE, SPAN_PART_ATTACHMENT, SPAN_PART_FEEDBACK };

/* post.<id>, patch.<id>, post.<id>.inputs, attachment.<id>.<name>, feedback.<id> */
struct span_part {
    enum span_part_kind kind;
    enum span_layer layer;
    struct uuid span_id; /* not of feedback */
    enum span_field field;
    struct str attachment; /* its name */
};

/* ERR_INVALID: no such part. `attachment` borrows the name. */
enum err span_part_parse(struct str name, struct span_part *part) MUST_USE;

struct span_batch_entry; /* both layers of one span */

struct span_batch {
    struct arena arena;
    struct map by_id, by_alias; /* entries, by the 16 bytes of their id */
    struct span_batch_entry *first, **last;
    size_t entry_count;
    struct str *feedback; /* JSON objects, in order */
    size_t feedback_count, feedback_cap;
    struct str problems[SPAN_PROBLEMS_MAX];
    size_t problem_count;  /* may be more than are kept */
    size_t gathered_count; /* of those: found before the writing, which may be repeated */
    size_t writings;       /* that have begun */
};

struct span_batch_entry {
    struct uuid span_id;
    struct span_draft drafts[SPAN_LAYER_COUNT];
    bool is_bad[SPAN_LAYER_COUNT]; /* its object was refused: the layer is left out */
    struct span_attachment *attachments;
    size_t attachment_count;
    struct span_batch_entry *next;
    size_t taken;                   /* by which writing, from 1 */
    struct span_batch_entry *below; /* of one that is being taken: its child, to be taken next */
};

void span_batch_init(struct span_batch *batch);
void span_batch_release(struct span_batch *batch);

/* `text` lives in batch->arena and may be changed in place. */
void span_batch_add_part(struct span_batch *batch, struct str name, const struct span_part *part,
                         struct str mime_type, struct span_value value);
/* One object with its values inside; NULL: the id stands in it. */
void span_batch_add_object(struct span_batch *batch, enum span_layer layer,
                           const struct uuid *span_id, struct str text);
/* Children of the span may name it so, whether they came before or come later (spans.h). */
void span_batch_add_alias(struct span_batch *batch, struct uuid span_id, struct uuid alias);
/* The body of POST /runs/batch: {"post": […], "patch": […]}. ERR_INVALID: not that; *why says so.
 */
enum err span_batch_add_batch(struct span_batch *batch, struct str text, struct str *why) MUST_USE;

/* The problems of an earlier writing are forgotten. */
void span_batch_begin_write(struct span_batch *batch);
/* The entry's parent, if it is in the batch and the entry's place is to be derived from it. */
struct span_batch_entry *span_batch_parent(const struct span_batch *batch,
                                           const struct span_batch_entry *entry);
/* Takes over the problems of one that was written. */
void span_batch_inherit(struct span_batch *batch, const struct span_batch *from);
void span_batch_problem(struct span_batch *batch, struct str about, struct str why);
/* All problems as one text: "post.…: …; …; and 3 more". STR_NONE: none. */
struct str span_batch_words(const struct span_batch *batch, struct arena *arena);

#endif
