/* datasets_priv.h -- what the files about datasets, examples and annotation queues share. */
#ifndef API_DATASETS_PRIV_H
#define API_DATASETS_PRIV_H

#include "api/call.h"
#include "store/datasets.h"

/* A dataset, by parameter 0. */
enum err datasets_one_prepare(struct call *call);
/* A JSON object in the query. ERR_INVALID: the reply is filled. */
enum err datasets_query_object(struct call *call, const char *key, struct str *text) MUST_USE;
/* What as_of of the query means: a time, or the name of a version of the dataset (whose id may be
 * STR_NONE: then it can only be "latest"). 0: as it is. ERR_INVALID: the reply is filled. */
enum err datasets_as_of(struct tx *tx, struct call *call, struct str tenant, struct str dataset_id,
                        int64_t *wall_us) MUST_USE;
/* Which examples the query asks for. ERR_INVALID: the reply is filled. */
enum err examples_filter_read(struct call *call, struct example_filter *filter) MUST_USE;
/* Answers with them; the query's as_of and filter are read here. */
enum err examples_list(struct tx *tx, struct call *call,
                       const struct example_filter *filter) MUST_USE;
/* The query's `filter`, in the language of spans (example_search.c): those that match, the newest
 * first. ERR_INVALID: the reply is filled. */
enum err example_filter_check(struct call *call) MUST_USE;
enum err example_search(struct tx *tx, struct call *call, const struct example_filter *filter,
                        struct example_rows *found) MUST_USE;
/* ERR_NOT_FOUND: the reply is filled. Returns `err`, or OK in its stead. */
enum err datasets_not_found(struct call *call, enum err err) MUST_USE;
void datasets_write(struct json_writer *json, const struct dataset_row *dataset);
/* As it stands in the store. */
enum err datasets_reply(struct tx *tx, struct call *call, struct str dataset_id) MUST_USE;
bool datasets_type_is_known(struct str data_type);
void examples_write(struct json_writer *json, struct call *call, const struct example_row *example);
/* Its members, without braces. */
void examples_members(struct json_writer *json, struct call *call,
                      const struct example_row *example);

#define EXAMPLE_LINK_PREFIX "example." /* of the name in links to attachments (auth/link.h) */

/* A file that a client sends with an example. */
struct draft_attachment {
    struct str name, mime_type, bytes;
};

/* What a client says of an example; what it does not say is STR_NONE. */
struct example_draft {
    struct str example_id, dataset_id, name, inputs, outputs, metadata, source_run_id;
    struct str splits; /* JSON array of texts */
    int64_t created_us;
    bool takes_source; /* inputs, outputs and attachments are those of its run */
    const struct json *source_attachments; /* array: also these of its run; NULL: none */
    struct draft_attachment *attachments;
    size_t attachment_count, attachment_capacity;
    struct str operations; /* JSON object: what becomes of those there are */
};

struct example_drafts {
    struct example_draft *list; /* in the call's arena */
    size_t count;
};

/* From a JSON object's text. ERR_INVALID: *why, in the arena, names the field. */
enum err example_draft_read(struct arena *arena, struct str text, struct example_draft *draft,
                            struct str *why) MUST_USE;
/* The parts of a multipart body (example_parts.c). ERR_INVALID: the reply is filled. */
enum err example_parts_read(struct call *call, struct example_drafts *drafts) MUST_USE;
/* The member attachment_urls. */
void example_attachments_put(struct json_writer *json, struct call *call,
                             const struct example_row *row);
/* Sets row->attachments. An error's reply is filled. */
enum err example_attachments_apply(struct tx *tx, struct call *call,
                                   const struct example_draft *draft,
                                   struct example_row *row) MUST_USE;
/* All of them or none; an error's reply is filled. ids are given to those without. */
enum err example_drafts_insert(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts) MUST_USE;
enum err example_drafts_update(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts) MUST_USE;
/* Those that are there are changed. */
enum err example_drafts_upsert(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts) MUST_USE;

#endif
