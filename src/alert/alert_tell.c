/* alert_tell.c -- see alert_tell.h. */
#include "alert/alert_tell.h"

#include "alert/alert_action.h"
#include "base/log.h"
#include "store/outbox.h"
#include "store/projects.h"
#include "trace/span_json.h"

#define BODY_BYTES_MAX (256 * KIB)
#define TRIM_MINUTES 60 /* so often what is too old of an alert is forgotten */

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

static int64_t window_start(const struct tx *tx, const struct alert_rule *rule)
{
    return tx->now_us / MINUTE_US - alert_minutes_of(rule) + 1;
}

/* What each has counted, in the order of the entries. What a clock that was ahead has counted
 * stays in. */
static enum err stretches_read(struct tx *tx, const struct alert_count *count,
                               struct alert_stretch **list)
{
    *list = ARENA_ARRAY(tx->arena, struct alert_stretch, count->entry_count + 1);
    for (size_t i = 0; i < count->entry_count; i++) {
        const struct alert_rule *rule = &count->entries[i].page->rule;
        int64_t from = window_start(tx, rule);

        (*list)[i] = (struct alert_stretch){
            .alert_no = count->entries[i].row.alert_no,
            .from = from,
            .before = rule->is_change ? from - rule->baseline_minutes : from,
        };
    }
    return alert_minutes_sum(tx, *list, count->entry_count);
}

static struct alert_measure measure_of(const struct tx *tx, const struct alert_entry *entry,
                                       const struct alert_stretch *stretch)
{
    const struct alert_rule *rule = &entry->page->rule;
    bool of_scores = rule->attribute == ALERT_FEEDBACK_SCORE;
    struct alert_sums window = of_scores ? entry->window_scores : sums_of(&stretch->window);
    struct alert_sums before = of_scores ? entry->baseline_scores : sums_of(&stretch->baseline);
    struct alert_measure measure = alert_measure_of(rule, &window, &before);

    measure.is_part = alert_is_part(rule, window_start(tx, rule), entry->row.updated_us);
    return measure;
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

/* The steps of one project's alerts: what tells nobody is written together. */
struct steps {
    const struct alert_setup *setup;
    struct alert_row *silent;
    size_t silent_count;
};

static enum err step(struct tx *tx, struct steps *steps, const struct alert_entry *entry,
                     const struct alert_stretch *stretch)
{
    const struct alert_rule *rule = &entry->page->rule;
    struct alert_row row = entry->row;
    struct alert_memory memory = {row.is_firing, row.since_us, row.told_us};
    struct alert_measure measure = measure_of(tx, entry, stretch);
    enum alert_act act = alert_step(rule, &measure, tx->now_us, &memory);
    enum err err;

    row.is_firing = memory.is_firing;
    row.since_us = memory.since_us;
    row.told_us = memory.told_us;
    row.has_value = measure.has_value;
    row.value = measure.has_value ? measure.value : 0;
    row.threshold = measure.has_value || !rule->is_change ? measure.limit : 0;
    if (!is_changed(&row, &entry->row))
        return OK;
    if (act == ALERT_SILENT) {
        steps->silent[steps->silent_count++] = row;
        return OK;
    }
    err = alerts_step(tx, &row);
    return err ? err : alert_tell(tx, steps->setup, &row, rule, name_of(act));
}

static enum err steps_take(struct tx *tx, const struct alert_setup *setup,
                           const struct alert_count *count)
{
    struct steps steps = {setup, ARENA_ARRAY(tx->arena, struct alert_row, count->entry_count + 1),
                          0};
    struct alert_stretch *stretches;
    enum err err = stretches_read(tx, count, &stretches);

    for (size_t i = 0; !err && i < count->entry_count; i++)
        if (count->entries[i].page->is_readable)
            err = step(tx, &steps, &count->entries[i], &stretches[i]);
    return err ? err : alerts_step_all(tx, steps.silent, steps.silent_count);
}

/* Each alert has its minute of the hour for it. */
static enum err trim(struct tx *tx, const struct alert_count *count)
{
    int64_t *nos = ARENA_ARRAY(tx->arena, int64_t, count->entry_count + 1);
    int64_t now = tx->now_us / MINUTE_US;
    size_t n = 0;

    for (size_t i = 0; i < count->entry_count; i++)
        if ((count->entries[i].row.alert_no + now) % TRIM_MINUTES == 0)
            nos[n++] = count->entries[i].row.alert_no;
    return alert_minutes_trim(tx, nos, n, now - ALERT_MINUTES_KEPT);
}

enum err alert_count_write(struct tx *tx, const struct alert_setup *setup,
                           const struct alert_count *count)
{
    enum err err = OK;

    if (count->to_seq != count->from_seq)
        err = alerts_watch_move(tx, count->project_no, count->from_seq, count->to_seq);
    if (!err)
        err = alert_minutes_add(tx, count->minutes, count->minute_count);
    if (!err && !count->has_more)
        err = steps_take(tx, setup, count);
    return err || count->minute_count == 0 ? err : trim(tx, count);
}
