/* rule_apply.c -- see rule_apply.h. */
#include "rule/rule_apply.h"

#include "rule/rule_action.h"
#include "rule/rule_payload.h"
#include "store/outbox.h"

#define IDS_BYTES_MAX (16 * KIB)
#define BODY_BYTES_LIMIT (128 * MIB)

/* Some of a rule's matches: one body. */
struct batch {
    struct str runs[RULE_RUNS_MAX];
    struct feedback_rows *feedback[RULE_RUNS_MAX];
    const struct rule_match *matches[RULE_RUNS_MAX];
    size_t count, bytes;
};

static enum err log_add(struct tx *tx, const struct rule_entry *entry,
                        const struct rule_window *window, const struct rule_match *match,
                        struct str deliveries)
{
    struct str actions = STR_NONE;
    enum err err = match->in_sample ? rule_actions_do(tx, entry, match, &actions) : OK;

    return err ? err
               : rule_log_add(tx, entry->row.rule_no,
                              &(struct rule_application){
                                  .span_no = match->span.span_no,
                                  .span_id = match->span.span_id,
                                  .span_name = match->span.name,
                                  .thread_id = match->span.thread_id,
                                  .span_type = match->span.type,
                                  .start_us = window->start_us,
                                  .end_us = window->end_us,
                                  .outcome = match->in_sample ? STR("success") : STR("skipped"),
                                  .deliveries = deliveries,
                                  .actions = actions,
                                  .is_backfill = window->is_backfill,
                              });
}

/* To each webhook; *ids: of the deliveries, JSON. */
static enum err send(struct tx *tx, struct str policy, const struct rule_entry *entry,
                     struct str body, struct str *ids)
{
    const struct json *webhooks = NULL;
    struct json_writer json;
    struct buf out;
    enum err err = json_parse(tx->arena, entry->row.webhooks, &webhooks, NULL);

    buf_init(&out, IDS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; !err && i < json_count(webhooks); i++) {
        const struct json *webhook = json_item(webhooks, i);
        int64_t delivery_id = 0;

        err = outbox_add_one(
            tx,
            &(struct outbox_event){.tenant = entry->row.tenant,
                                   .kind = STR("rule"),
                                   .object_id = entry->row.rule_id,
                                   .url = json_string(json_get(webhook, "url")),
                                   .content_type = STR("application/json"),
                                   .body = body,
                                   .policy = policy,
                                   .endpoint_id = json_string(json_get(webhook, "endpoint_id"))},
            &delivery_id);
        json_i64_out(&json, delivery_id);
    }
    json_end_array(&json);
    *ids = arena_str(tx->arena, buf_str(&out));
    buf_release(&out);
    return err;
}

static enum err batch_send(struct tx *tx, struct str policy, const struct rule_entry *entry,
                           const struct rule_window *window, struct batch *batch)
{
    const struct rule_letter letter = {window, batch->runs, batch->feedback, batch->count};
    struct str ids = STR("[]");
    enum err err = OK;
    struct buf body;

    if (batch->count == 0)
        return OK;
    if (entry->spec.webhook_count > 0) {
        buf_init(&body, BODY_BYTES_LIMIT);
        rule_payload_write(&body, &letter, tx->arena);
        err = body.failed ? ERR_LIMIT : send(tx, policy, entry, buf_str(&body), &ids);
        buf_release(&body);
    }
    for (size_t i = 0; !err && i < batch->count; i++)
        err = log_add(tx, entry, window, batch->matches[i], ids);
    batch->count = batch->bytes = 0;
    return err;
}

static enum err apply(struct tx *tx, struct str policy, const struct rule_entry *entry,
                      const struct rule_window *window)
{
    struct batch *batch = ARENA_NEW(tx->arena, struct batch);
    enum err err = OK;

    for (size_t i = 0; !err && i < entry->match_count; i++) {
        const struct rule_match *match = &entry->matches[i];

        if (!match->in_sample) {
            err = log_add(tx, entry, window, match, STR("[]"));
            continue;
        }
        if (batch->count == RULE_RUNS_MAX ||
            (batch->count > 0 && batch->bytes + match->run.len > RULE_BODY_BYTES_MAX))
            err = batch_send(tx, policy, entry, window, batch);
        batch->runs[batch->count] = match->run;
        batch->feedback[batch->count] = match->feedback;
        batch->matches[batch->count++] = match;
        batch->bytes += match->run.len;
    }
    return err ? err : batch_send(tx, policy, entry, window, batch);
}

static enum err move(struct tx *tx, const struct rule_scan *scan)
{
    return scan->backfill
               ? rule_backfills_move(tx, &scan->backfill->at, &scan->to)
               : rules_watch_move(tx, scan->project_no, scan->watch.change_seq, scan->to_seq);
}

/* Of what was there before the rule: the starts of the spans that were looked at. */
static struct rule_window window_of(const struct tx *tx, const struct rule_scan *scan,
                                    const struct rule_entry *entry)
{
    const struct rule_backfill *from = scan->backfill;

    if (!from)
        return (struct rule_window){entry->row.rule_id, scan->watch.at_us, tx->now_us, false};
    return (struct rule_window){
        entry->row.rule_id, from->at.start_us > from->from_us ? from->at.start_us : from->from_us,
        scan->to.is_done ? from->until_us : scan->to.at.start_us, true};
}

enum err rule_scan_write(struct tx *tx, struct str policy, const struct rule_scan *scan)
{
    enum err err = move(tx, scan);

    for (size_t i = 0; !err && i < scan->entry_count; i++) {
        const struct rule_entry *entry = &scan->entries[i];
        const struct rule_window window = window_of(tx, scan, entry);

        err = apply(tx, policy, entry, &window);
    }
    return err;
}
