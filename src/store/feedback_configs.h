/* feedback_configs.h -- the table feedback_configs: how the scores and values of a feedback key are
 * to be read. */
#ifndef STORE_FEEDBACK_CONFIGS_H
#define STORE_FEEDBACK_CONFIGS_H

#include "store/store.h"

#define FEEDBACK_CONFIGS_MAX 1000 /* of one list */

struct feedback_config_row {
    struct str key;
    struct str config;         /* JSON object */
    int is_lower_score_better; /* 1, 0; -1: not said */
    int64_t created_us, modified_us;
};

struct feedback_config_rows {
    struct feedback_config_row *list; /* in the arena given */
    size_t count;
};

/* The first one stays. */
enum err feedback_config_keep(struct tx *tx, struct str tenant, struct str key,
                              struct str config) MUST_USE;
/* Added, or in the place of what stands under the key. */
enum err feedback_config_put(struct tx *tx, struct str tenant,
                             const struct feedback_config_row *row) MUST_USE;
/* ERR_NOT_FOUND. */
enum err feedback_config_get(struct tx *tx, struct str tenant, struct str key, struct arena *arena,
                             struct feedback_config_row *row) MUST_USE;
enum err feedback_config_delete(struct tx *tx, struct str tenant, struct str key) MUST_USE;
/* All, by key. */
enum err feedback_config_list(struct tx *tx, struct str tenant, struct arena *arena,
                              struct feedback_config_rows *found) MUST_USE;

#endif
