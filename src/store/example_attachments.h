/* example_attachments.h -- the table example_attachments: files that belong to examples.
 *
 * A version of an example says which it has (example_row.attachments): {"name": {"id": "…",
 * "mime_type": "image/png", "size": 3}, …}. Their bytes stand here once for all versions, until the
 * example or its dataset is gone for good. */
#ifndef STORE_EXAMPLE_ATTACHMENTS_H
#define STORE_EXAMPLE_ATTACHMENTS_H

#include "store/store.h"

struct example_attachment {
    struct str attachment_id; /* UUID text */
    struct str mime_type;
    struct str bytes;
};

enum err example_attachments_add(struct tx *tx, struct str tenant, struct str example_id,
                                 const struct example_attachment *attachment) MUST_USE;
/* By its id; mime_type and bytes live in the arena. ERR_NOT_FOUND. */
enum err example_attachments_get(struct tx *tx, struct str tenant, struct str example_id,
                                 struct arena *arena,
                                 struct example_attachment *attachment) MUST_USE;
/* All of an example, of a dataset whose examples are still there. */
enum err example_attachments_delete(struct tx *tx, struct str tenant,
                                    struct str example_id) MUST_USE;
enum err example_attachments_delete_all(struct tx *tx, struct str tenant,
                                        struct str dataset_id) MUST_USE;

#endif
