/* span.h -- a span as the store knows it: what clients say of it (struct span_change) and what has
 * come of that (struct span_row).
 *
 * Clients tell of a span in two layers, post (it began) and patch (what became of it), each in any
 * number of pieces and in any order. A field's value is the patch's, else the post's; within a
 * layer the later one; an absent one changes nothing. `posted` and `patched` of a row say which
 * layer has given which field, so a post that comes late does not undo what a patch has said. What
 * no layer gave is derived: start from the dotted order or the receipt, trace and place from parent
 * and start. */
#ifndef STORE_SPAN_H
#define STORE_SPAN_H

#include "base/str.h"
#include "base/uuid.h"
#include "format/marks.h"

enum span_type {
    SPAN_TYPE_NONE, /* not said: shown as chain */
    SPAN_CHAIN,
    SPAN_LLM,
    SPAN_TOOL,
    SPAN_RETRIEVER,
    SPAN_EMBEDDING,
    SPAN_PROMPT,
    SPAN_PARSER,
    SPAN_TYPE_COUNT
};

enum span_status { SPAN_PENDING, SPAN_SUCCESS, SPAN_ERROR };

enum span_layer { SPAN_POST, SPAN_PATCH, SPAN_LAYER_COUNT };

/* JSON values that are kept as they came, apart from the row (span_values.h). */
enum span_field {
    SPAN_INPUTS,
    SPAN_OUTPUTS,
    SPAN_EVENTS,
    SPAN_EXTRA, /* both layers are merged, and their `metadata`, key by key */
    SPAN_ERROR_TEXT,
    SPAN_SERIALIZED,
    SPAN_FIELD_COUNT
};

/* Bits of span_change.given, span_row.posted, span_row.patched. */
enum span_has {
    SPAN_HAS_NAME = 1 << 0,
    SPAN_HAS_TYPE = 1 << 1,
    SPAN_HAS_START = 1 << 2,
    SPAN_HAS_END = 1 << 3,
    SPAN_HAS_TRACE = 1 << 4,
    SPAN_HAS_PARENT = 1 << 5,
    SPAN_HAS_ORDER = 1 << 6, /* dotted order */
    SPAN_HAS_TAGS = 1 << 7,
    SPAN_HAS_EXAMPLE = 1 << 8,
    SPAN_HAS_FIRST_TOKEN = 1 << 9,
    SPAN_HAS_PROJECT = 1 << 10,
    /* Which key of extra.metadata gave the thread; an earlier one wins over a later one. */
    SPAN_HAS_SESSION_ID = 1 << 11,
    SPAN_HAS_CONVERSATION_ID = 1 << 12,
    SPAN_HAS_THREAD_ID = 1 << 13,
    /* Of the row's `posted` only: where to look, and what to discard with the span. */
    SPAN_HAS_ATTACHMENT = 1 << 14,
    SPAN_HAS_BLOB = 1 << 15,
    SPAN_HAS_VALUE = 1 << 16, /* shifted by enum span_field: six bits */
    SPAN_HAS_ALIAS = 1 << 22
};
#define SPAN_HAS_FIELD(field) ((unsigned)SPAN_HAS_VALUE << (unsigned)(field))
#define SPAN_HAS_THREAD (SPAN_HAS_SESSION_ID | SPAN_HAS_CONVERSATION_ID | SPAN_HAS_THREAD_ID)

/* Bytes here, or in the blob store. */
struct span_value {
    struct str bytes;    /* STR_NONE: absent, or in the blob store */
    struct str blob_key; /* STR_NONE: not there */
    int64_t size;        /* of the value itself */
};

struct span_attachment {
    struct str name;
    struct str mime_type;
    struct span_value value;
};

/* What values say of tokens and costs (span_usage.c has the JSON); STR_NONE: nothing. */
struct span_says {
    struct str outputs_usage, extra_usage; /* JSON */
    struct str inputs_model, metadata_model, invoked_model, provider;
};

/* One client's word on one span. All borrowed. */
struct span_change {
    enum span_layer layer;
    unsigned given; /* SPAN_HAS_… */
    struct uuid span_id, trace_id, parent_id, example_id;
    struct uuid alias_id; /* what children may say instead of span_id */
    struct str dotted_order;
    struct str name;
    enum span_type type;
    int64_t start_us, end_us, first_token_us;
    struct str tags;          /* JSON array of strings */
    struct str thread_id;     /* by the one SPAN_HAS_THREAD bit that is given */
    int64_t project_no;       /* without SPAN_HAS_PROJECT: where a post goes that names none; 0: a
                                 patch that names none waits, unplaced, for its post */
    struct str error_preview; /* the text's beginning, with SPAN_ERROR_TEXT */
    struct span_says says;
    struct span_value values[SPAN_FIELD_COUNT];
    const struct span_attachment *attachments;
    size_t attachment_count;
    /* Of tags and metadata. `marked`: which of SPAN_HAS_TAGS and SPAN_HAS_FIELD(SPAN_EXTRA) it
     * tells of; with one that is given and not marked, the span may hold anything. */
    struct marks marks;
    unsigned marked;
};

struct span_row {
    int64_t span_no;
    struct str tenant;
    struct uuid span_id, trace_id, parent_id, example_id, alias_id;
    bool has_parent, has_example, has_alias;
    int64_t project_no; /* 0: not placed yet, and so not to be seen */
    struct str dotted_order;
    int64_t depth; /* 0: root, or a child whose parent has not come */
    bool is_root;
    struct str name;
    enum span_type type;
    enum span_status status;
    int64_t start_us, end_us, first_token_us; /* 0: not yet, never */
    struct str tags;                          /* JSON array; STR_NONE */
    struct str thread_id;                     /* STR_NONE */
    struct str error_preview;                 /* STR_NONE */
    /* Of the span and all below it. */
    int64_t prompt_tokens, completion_tokens, total_tokens;
    bool has_cost;
    int64_t prompt_cost, completion_cost, total_cost; /* picodollars */
    struct str usage;                                 /* span_usage.h: JSON; STR_NONE */
    unsigned posted, patched;                         /* SPAN_HAS_… */
    struct marks marks;                               /* of all that was ever said */
    int64_t change_seq; /* rises with each change, in the order of commits */
    int64_t received_us, modified_us;
};

/* "llm" … ; SPAN_TYPE_NONE gives "chain". */
struct str span_type_name(enum span_type type);
/* SPAN_TYPE_NONE: no such type. */
enum span_type span_type_of(struct str name);
struct str span_status_name(enum span_status status); /* "pending", "success", "error" */
struct str span_field_name(enum span_field field);    /* "inputs" … as the wire says */

#endif
