/* rules_actions.c -- what rules do besides telling webhooks, and how far they have looked back. */
#include "api/rules_priv.h"

#include "store/datasets.h"
#include "store/queues.h"
#include "store/rule_backfills.h"

enum err rules_check_actions(struct tx *tx, struct call *call, struct rule_body *body)
{
    struct str tenant = call->principal.tenant;
    struct dataset_row dataset;
    struct queue_row queue;
    enum err err = OK;

    if (!str_is_none(body->spec.dataset_id))
        err = datasets_get(tx, tenant, body->spec.dataset_id, tx->arena, &dataset);
    if (err == ERR_NOT_FOUND) {
        call_fail(call, 422, "add_to_dataset_id: there is no such dataset");
        return ERR_INVALID;
    }
    if (!err && !str_is_none(body->spec.queue_id))
        err = queues_get(tx, tenant, body->spec.queue_id, tx->arena, &queue);
    if (err == ERR_NOT_FOUND) {
        call_fail(call, 422, "add_to_annotation_queue_id: there is no such annotation queue");
        return ERR_INVALID;
    }
    return err;
}

enum err rules_backfill_begin(struct tx *tx, struct call *call, const struct rule_body *body)
{
    const struct span_range range = {.start_min_us = body->spec.backfill_from_us,
                                     .ascending = true};

    if (!body->spec.backfill_from_us)
        return OK;
    if (body->spec.backfill_from_us > tx->now_us) {
        call_fail(call, 422, "backfill_from must not be in the future");
        return ERR_INVALID;
    }
    tx_notify(tx, TOPIC_RULES, STR_NONE);
    return rule_backfills_add(tx, &(struct rule_backfill){
                                      .rule_no = body->row.rule_no,
                                      .backfill_id = call_new_id(call),
                                      .from_us = body->spec.backfill_from_us,
                                      .until_us = tx->now_us,
                                      .at = span_place_start(&range),
                                  });
}

static double progress_of(const struct rule_backfill *b)
{
    int64_t done_us = b->at.start_us - b->from_us;

    if (b->is_done || b->until_us <= b->from_us)
        return 1;
    return done_us <= 0 ? 0 : (double)done_us / (double)(b->until_us - b->from_us);
}

static enum err backfill_write(struct tx *tx, struct json_writer *json, const struct rule_row *rule)
{
    struct rule_backfill b;
    enum err err = rule_backfills_get(tx, rule->rule_no, tx->arena, &b);
    bool is_there = err == OK;

    if (err && err != ERR_NOT_FOUND)
        return err;
    json_put_str(json, "backfill_id", is_there ? b.backfill_id : STR_NONE);
    json_put_str(json, "backfill_status",
                 !is_there   ? STR_NONE
                 : b.is_done ? STR("completed")
                             : STR("running"));
    json_key(json, "backfill_progress");
    if (is_there)
        json_double_out(json, progress_of(&b));
    else
        json_null_out(json);
    json_put_null(json, "backfill_error");
    json_put_time(json, "backfill_completed_at", is_there ? b.completed_us : 0);
    if (is_there) {
        json_put_i64(json, "backfill_looked", b.looked);
        json_put_i64(json, "backfill_matched", b.matched);
    }
    return OK;
}

enum err rules_actions_write(struct tx *tx, struct json_writer *json, const struct rule_row *rule)
{
    const struct json *body = NULL;
    struct dataset_row dataset = {.name = STR_NONE};
    struct queue_row queue = {.name = STR_NONE};
    struct str dataset_id, queue_id;
    enum err err = json_parse(tx->arena, rule->body, &body, NULL);

    if (err)
        return err;
    dataset_id = json_string(json_get(body, "add_to_dataset_id"));
    queue_id = json_string(json_get(body, "add_to_annotation_queue_id"));
    if (!str_is_none(dataset_id))
        err = datasets_get(tx, rule->tenant, dataset_id, tx->arena, &dataset);
    if ((!err || err == ERR_NOT_FOUND) && !str_is_none(queue_id))
        err = queues_get(tx, rule->tenant, queue_id, tx->arena, &queue);
    if (err && err != ERR_NOT_FOUND)
        return err;
    json_put_str(json, "add_to_dataset_name", dataset.name);
    json_put_str(json, "add_to_annotation_queue_name", queue.name);
    return backfill_write(tx, json, rule);
}
