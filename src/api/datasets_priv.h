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
enum err datasets_as_of(struct tx *tx, struct call *call, struct str dataset_id,
                        int64_t *wall_us) MUST_USE;
void examples_write(struct json_writer *json, const struct example_row *example);

/* What a client says of an example; what it does not say is STR_NONE. */
struct example_draft {
    struct str example_id, dataset_id, name, inputs, outputs, metadata, source_run_id;
    struct str splits; /* JSON array of texts */
    int64_t created_us;
    bool takes_source; /* inputs and outputs are those of its run */
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
/* All of them or none; an error's reply is filled. ids are given to those without. */
enum err example_drafts_insert(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts) MUST_USE;
enum err example_drafts_update(struct tx *tx, struct call *call,
                               const struct example_drafts *drafts) MUST_USE;

#endif
