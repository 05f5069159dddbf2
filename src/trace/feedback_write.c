/* Feedback into the store. */
#include "trace/feedback_write.h"

#include "store/feedback_configs.h"
#include "store/projects.h"

enum err feedback_write(struct tx *tx, struct str tenant, struct feedback_draft *draft)
{
    struct feedback_row *row = &draft->row, before;
    struct project_row project;
    enum err err = OK;

    if (!draft->has_id) {
        row->feedback_id = uuid_v4(tx->rng);
        draft->has_id = true;
    }
    if (!row->has_span) {
        err = projects_get(tx, tenant, draft->project_id, tx->arena, &project);
        row->project_no = err ? 0 : project.project_no;
    }
    if (err)
        return err;
    err = feedback_get(tx, tenant, row->feedback_id, tx->arena, &before);
    if (!err)
        row->created_us = before.created_us;
    if (err && err != ERR_NOT_FOUND)
        return err;
    if (!str_is_none(draft->config) &&
        (err = feedback_config_keep(tx, tenant, row->key, draft->config)))
        return err;
    return feedback_put(tx, tenant, row);
}

enum err feedback_write_batch(struct tx *tx, struct str tenant, struct span_batch *batch)
{
    enum err err = OK;

    for (size_t i = 0; !err && i < batch->feedback_count; i++) {
        struct feedback_draft draft;
        struct str why;

        if (feedback_parse(tx->arena, batch->feedback[i], &draft, &why)) {
            span_batch_problem(batch, STR("feedback"), why);
            continue;
        }
        err = feedback_write(tx, tenant, &draft);
        if (err != ERR_NOT_FOUND)
            continue;
        span_batch_problem(batch, STR("feedback"), STR("there is no project with this session_id"));
        err = OK;
    }
    return err;
}
