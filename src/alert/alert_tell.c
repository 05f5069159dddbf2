/* alert_tell.c -- see alert_tell.h. */
#include "alert/alert_tell.h"

#include "alert/alert_action.h"
#include "base/log.h"
#include "store/outbox.h"
#include "store/projects.h"
#include "trace/span_json.h"

#define BODY_BYTES_MAX (256 * KIB)
#define MINUTE_US (60 * US_PER_SECOND)
#define MINUTES_KEPT (2 * ALERT_WINDOW_MINUTES_MAX + 1)

/* ---- letters ---- */

static void news_make(struct alert_news *news, const struct alert_setup *setup,
                      const struct alert_row *alert, const struct alert_rule *rule,
                      const struct project_row *project, struct arena *arena)
{
    struct uuid_text tenant_text;
    struct str tenant_id = trace_tenant_id(alert->tenant, &tenant_text);
    struct str url = arena_printf(arena, "%.*s/o/%.*s/projects/p/%.*s", STR_ARG(setup->base_url),
                                  STR_ARG(tenant_id), STR_ARG(project->project_id));

    *news = (struct alert_news){
        .alert_id = alert->alert_id,
        .rule = rule,
        .project_name = project->name,
        .workspace_name = alert->tenant,
        .project_url = url,
        .alert_url = arena_printf(arena, "%.*s?tab=alerts&alert_id=%.*s", STR_ARG(url),
                                  STR_ARG(alert->alert_id)),
        .runs_url = arena_printf(arena, "%.*s?runtab=0", STR_ARG(url)),
        .value = alert->value,
        .limit = alert->threshold,
    };
}

enum err alert_letters_make(struct tx *tx, const struct alert_setup *setup,
                            const struct alert_row *alert, const struct alert_rule *rule,
                            struct str what, struct alert_letters *letters)
{
    struct project_row project;
    struct alert_news news;
    struct str text, key, why;
    size_t position = 0;
    enum err err = projects_get_by_no(tx, alert->project_no, tx->arena, &project);

    letters->count = 0;
    if (err)
        return err;
    news_make(&news, setup, alert, rule, &project, tx->arena);
    news.at_us = tx->now_us;
    news.is_resolved = str_eq(what, STR("recovered"));
    while (letters->count < ALERT_ACTIONS_MAX &&
           json_raw_next(alert->actions, &position, &key, &text)) {
        struct alert_action *action = ARENA_NEW(tx->arena, struct alert_action);
        const struct json *json = NULL;
        struct buf out;

        if (json_parse(tx->arena, text, &json, NULL) ||
            alert_action_read(text, letters->count, tx->arena, action, &why))
            return ERR_INVALID;
        buf_init(&out, BODY_BYTES_MAX);
        alert_body_write(&out, action, &news);
        err = out.failed ? ERR_LIMIT : OK;
        letters->list[letters->count++] = (struct alert_letter){
            .endpoint_id = json_string(json_get(json, "endpoint_id")),
            .url = action->url,
            .body = arena_str(tx->arena, buf_str(&out)),
        };
        buf_release(&out);
        if (err)
            return err;
    }
    return OK;
}

enum err alert_tell(struct tx *tx, const struct alert_setup *setup, const struct alert_row *alert,
                    const struct alert_rule *rule, struct str what)
{
    struct alert_letters letters;
    struct alert_event event = {.what = what, .value = alert->value, .threshold = alert->threshold};
    struct json_writer json;
    struct buf ids;
    enum err err = alert_letters_make(tx, setup, alert, rule, what, &letters);

    buf_init(&ids, 4 * KIB);
    json_writer_init(&json, &ids);
    json_begin_array(&json);
    for (size_t i = 0; !err && i < letters.count; i++) {
        int64_t delivery_id = 0;

        err = outbox_add_one(tx,
                             &(struct outbox_event){.tenant = alert->tenant,
                                                    .kind = STR("alert"),
                                                    .object_id = alert->alert_id,
                                                    .url = letters.list[i].url,
                                                    .content_type = STR("application/json"),
                                                    .body = letters.list[i].body,
                                                    .policy = setup->policy,
                                                    .endpoint_id = letters.list[i].endpoint_id},
                             &delivery_id);
        json_i64_out(&json, delivery_id);
    }
    json_end_array(&json);
    event.deliveries = arena_str(tx->arena, buf_str(&ids));
    buf_release(&ids);
    return err ? err : alert_event_add(tx, alert, &event);
}

/* ---- steps ---- */

static struct alert_sums sums_of(const struct alert_minute *minute)
{
    return (struct alert_sums){minute->sum, minute->count, minute->total};
}

static enum err sums_read(struct tx *tx, const struct alert_entry *entry, struct alert_sums *window,
                          struct alert_sums *baseline)
{
    const struct alert_rule *rule = &entry->rule;
    int64_t now = tx->now_us / MINUTE_US, from = now - rule->window_minutes + 1;
    struct alert_minute sums = {0};
    enum err err = OK;

    if (rule->attribute == ALERT_FEEDBACK_SCORE) {
        *window = entry->window_scores;
        *baseline = entry->baseline_scores;
        return OK;
    }
    /* What a clock that was ahead has counted stays in. */
    err = alert_minutes_sum(tx, entry->row.alert_no, from, INT64_MAX, &sums);
    *window = sums_of(&sums);
    if (!err && rule->is_change)
        err = alert_minutes_sum(tx, entry->row.alert_no, from - rule->baseline_minutes, from - 1,
                                &sums);
    *baseline = sums_of(&sums);
    return err;
}

static struct str name_of(enum alert_act act)
{
    return act == ALERT_FIRED         ? STR("fired")
           : act == ALERT_FIRED_AGAIN ? STR("fired_again")
                                      : STR("recovered");
}

static bool is_changed(const struct alert_row *a, const struct alert_row *b)
{
    return a->is_firing != b->is_firing || a->told_us != b->told_us ||
           a->has_value != b->has_value || a->value < b->value || a->value > b->value ||
           a->threshold < b->threshold || a->threshold > b->threshold;
}

static enum err step(struct tx *tx, const struct alert_setup *setup,
                     const struct alert_entry *entry)
{
    struct alert_row row = entry->row;
    struct alert_memory memory = {row.is_firing, row.since_us, row.told_us};
    struct alert_sums window, baseline;
    struct alert_measure measure;
    enum alert_act act;
    enum err err = sums_read(tx, entry, &window, &baseline);

    if (err)
        return err;
    measure = alert_measure_of(&entry->rule, &window, &baseline);
    act = alert_step(&entry->rule, &measure, tx->now_us, &memory);
    row.is_firing = memory.is_firing;
    row.since_us = memory.since_us;
    row.told_us = memory.told_us;
    row.has_value = measure.has_value;
    row.value = measure.has_value ? measure.value : 0;
    row.threshold = measure.has_value || !entry->rule.is_change ? measure.limit : 0;
    if (!is_changed(&row, &entry->row))
        return OK;
    if ((err = alerts_step(tx, &row)))
        return err;
    return act == ALERT_SILENT ? OK : alert_tell(tx, setup, &row, &entry->rule, name_of(act));
}

enum err alert_count_write(struct tx *tx, const struct alert_setup *setup,
                           const struct alert_count *count)
{
    int64_t old = tx->now_us / MINUTE_US - MINUTES_KEPT;
    enum err err = OK;

    if (count->to_seq != count->from_seq)
        err = alerts_watch_move(tx, count->project_no, count->from_seq, count->to_seq);
    if (!err)
        err = alert_minutes_add(tx, count->minutes, count->minute_count);
    for (size_t i = 0; !err && !count->has_more && i < count->entry_count; i++) {
        if (!count->entries[i].is_readable)
            continue;
        err = step(tx, setup, &count->entries[i]);
        if (!err && count->minute_count > 0)
            err = alert_minutes_trim(tx, count->entries[i].row.alert_no, old);
    }
    return err;
}
