/* alert_body.c -- the body of an alert's webhook; see alert_action.h. */
#include "alert/alert_action.h"

#include <math.h>

#include "base/time.h"
#include "format/template.h"

#define OWN_KEYS 12
#define NUMBER_BYTES 32
#define WHOLE_MAX 1e15
#define VARIABLES_MAX (OWN_KEYS + 8 + ALERT_VARIABLES_MAX)

/* Everything that placeholders can stand for: the keys of A6 first, then their other names, then
 * the user's own. */
struct words {
    struct template_variable list[VARIABLES_MAX];
    size_t count;
    char value[NUMBER_BYTES], limit[NUMBER_BYTES];
    struct time_text time;
};

static void add(struct words *words, const char *name, struct str text)
{
    words->list[words->count++] = (struct template_variable){str_of(name), text, STR_NONE};
}

static void add_number(struct words *words, const char *name, double number, char *text)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, NUMBER_BYTES - 1);
    json_writer_init(&w, &out);
    if (number == floor(number) && fabs(number) < WHOLE_MAX)
        json_i64_out(&w, (int64_t)number); /* 42, not 42.0 */
    else
        json_double_out(&w, number);
    memcpy(text, buf_str(&out).data, out.len);
    words->list[words->count++] = (struct template_variable){str_of(name), str_range(text, out.len),
                                                             str_range(text, out.len)};
    buf_release(&out);
}

static void add_own(struct words *words, const struct alert_news *news)
{
    const struct alert_rule *rule = news->rule;

    add(words, "project_name", news->project_name);
    add(words, "workspace_name", news->workspace_name);
    add(words, "alert_rule_id", news->alert_id);
    add(words, "alert_rule_name", rule->name);
    add(words, "alert_rule_description", rule->description);
    add(words, "alert_rule_type", rule->is_change ? STR("change") : STR("threshold"));
    add(words, "alert_rule_attribute", alert_attribute_name(rule->attribute));
    add(words, "alert_rule_url", news->alert_url);
    add(words, "runs_url", news->runs_url);
    add_number(words, "triggered_metric_value", news->value, words->value);
    add_number(words, "triggered_threshold", news->limit, words->limit);
    add(words, "timestamp", time_write_iso(news->at_us, &words->time));
    REQUIRE(words->count == OWN_KEYS);
}

static void words_make(struct words *words, const struct alert_action *action,
                       const struct alert_news *news)
{
    words->count = 0;
    add_own(words, news);
    add(words, "alert_name", news->rule->name);
    add(words, "project_url", news->project_url);
    add_number(words, "metric_value", news->value, words->value);
    add_number(words, "threshold", news->limit, words->limit);
    add(words, "event_action", news->is_resolved ? STR("resolve") : STR("trigger"));
    add(words, "alert_status", news->is_resolved ? STR("resolved") : STR("firing"));
    for (size_t i = 0; i < action->variable_count; i++)
        words->list[words->count++] = (struct template_variable){
            action->variables[i].name, action->variables[i].text, STR_NONE};
}

static bool is_for_slack(struct str url)
{
    return str_starts_nocase(url, STR("https://slack.com/")) ||
           str_starts_nocase(url, STR("https://hooks.slack.com/"));
}

void alert_body_write(struct buf *out, const struct alert_action *action,
                      const struct alert_news *news)
{
    struct words words;
    struct json_writer w;

    words_make(&words, action, news);
    json_writer_init(&w, out);
    json_begin_object(&w);
    if (action->body.data)
        template_write_members(&w, action->body,
                               &(struct template_fill){.variables = words.list,
                                                       .count = words.count,
                                                       .is_verbatim = action->is_verbatim,
                                                       .escapes_markup = is_for_slack(action->url)},
                               words.list, action->merges ? OWN_KEYS : 0);
    for (size_t i = 0; action->merges && i < OWN_KEYS; i++) {
        json_key_str(&w, words.list[i].name);
        if (words.list[i].json.data)
            json_raw_out(&w, words.list[i].json);
        else
            json_str_out(&w, words.list[i].text);
    }
    if (action->merges && news->is_resolved)
        json_put_str(&w, "alert_status", STR("resolved"));
    json_end_object(&w);
}

/* The names alone are of interest. */
static void names_make(struct words *words, const struct alert_action *action)
{
    static const struct alert_rule rule = {.name = {"", 0}, .description = {"", 0}};
    const struct alert_news news = {.rule = &rule};

    words_make(words, action, &news);
}

size_t alert_action_unknown(const struct alert_action *action, struct arena *arena,
                            struct str *names, size_t max)
{
    struct words words;

    if (!action->body.data || action->is_verbatim)
        return 0;
    names_make(&words, action);
    return template_unknown(action->body,
                            &(struct template_fill){.variables = words.list, .count = words.count},
                            arena, names, max);
}

size_t alert_action_hidden(const struct alert_action *action, struct arena *arena,
                           struct str *names, size_t max)
{
    struct words words;

    if (!action->body.data || !action->merges)
        return 0;
    names_make(&words, action);
    return template_hidden(action->body, words.list, OWN_KEYS, arena, names, max);
}
