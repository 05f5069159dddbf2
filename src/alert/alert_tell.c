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

/* The window with the running minute, in which what a clock that was ahead has counted stays. */
static struct alert_stretch stretch_now(const struct tx *tx, const struct alert_entry *entry)
{
    const struct alert_rule *rule = &entry->page->rule;
    int64_t from = tx->now_us / MINUTE_US - alert_minutes_of(rule) + 1;

    return (struct alert_stretch){
        .alert_no = entry->row.alert_no,
        .before = rule->is_change ? from - rule->baseline_minutes : from,
        .from = from,
        .until = INT64_MAX,
    };
}

/* The last one of whole minutes. */
static struct alert_stretch stretch_whole(const struct tx *tx, const struct alert_entry *entry)
{
    const struct alert_rule *rule = &entry->page->rule;
    int64_t until = tx->now_us / MINUTE_US, from = until - rule->window_minutes;

    return (struct alert_stretch){
        .alert_no = entry->row.alert_no,
        .before = rule->is_change ? from - rule->baseline_minutes : from,
        .from = from,
        .until = until,
    };
}

/* What each has counted: all of them until now, the firing ones in whole minutes too; both in the
 * order of the entries. */
struct stretches {
    struct alert_stretch *now, *whole;
};

static enum err stretches_read(struct tx *tx, const struct alert_count *count,
                               struct stretches *stretches)
{
    size_t firing = 0;
    enum err err;

    stretches->now = ARENA_ARRAY(tx->arena, struct alert_stretch, count->entry_count + 1);
    stretches->whole = ARENA_ARRAY(tx->arena, struct alert_stretch, count->entry_count + 1);
    for (size_t i = 0; i < count->entry_count; i++) {
        stretches->now[i] = stretch_now(tx, &count->entries[i]);
        if (count->entries[i].row.is_firing)
            stretches->whole[firing++] = stretch_whole(tx, &count->entries[i]);
    }
    err = alert_minutes_sum(tx, stretches->now, count->entry_count);
    return err || firing == 0 ? err : alert_minutes_sum(tx, stretches->whole, firing);
}

static struct alert_measure measure_of(const struct alert_entry *entry,
                                       const struct alert_scores *scores,
                                       const struct alert_stretch *stretch)
{
    const struct alert_rule *rule = &entry->page->rule;
    bool of_scores = rule->attribute == ALERT_FEEDBACK_SCORE;
    struct alert_sums window = of_scores ? scores->window : sums_of(&stretch->window);
    struct alert_sums before = of_scores ? scores->baseline : sums_of(&stretch->baseline);
    struct alert_measure measure = alert_measure_of(rule, &window, &before);

    measure.is_part = alert_is_part(rule, stretch->from, entry->row.begun_us);
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

/* What is over is told with the window that says so. */
static enum err step(struct tx *tx, struct steps *steps, const struct alert_entry *entry,
                     const struct alert_sight *sight)
{
    const struct alert_rule *rule = &entry->page->rule;
    struct alert_row row = entry->row;
    struct alert_memory memory = {row.is_firing, row.since_us, row.told_us};
    enum alert_act act = alert_step(rule, sight, tx->now_us, &memory);
    struct alert_measure measure = act == ALERT_RECOVERED ? sight->whole : sight->now;
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
    struct stretches stretches;
    enum err err = stretches_read(tx, count, &stretches);

    for (size_t i = 0, firing = 0; !err && i < count->entry_count; i++) {
        const struct alert_entry *entry = &count->entries[i];
        struct alert_sight sight = {.now = measure_of(entry, &entry->now, &stretches.now[i])};

        if (entry->row.is_firing)
            sight.whole = measure_of(entry, &entry->whole, &stretches.whole[firing++]);
        if (entry->page->is_readable)
            err = step(tx, &steps, entry, &sight);
    }
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
