/* `runbell import langsmith`: takes over rules and alerts from the hosted API's own answers.
 *
 * What is there already (a rule or an alert of this name in the project) stays as it is, so the
 * command may be run again. What this server would not do is not taken, and the reason is printed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"
#include "format/query.h"

#define BODY_BYTES_MAX (4 * MIB)
#define NO_PROJECT STR("00000000-0000-0000-0000-000000000000") /* of a dry run */
#define FROM_DEFAULT "https://api.smith.langchain.com"

static const struct arg_flag flags[] = {
    {"from", "URL", "whose rules and alerts (default: " FROM_DEFAULT ")", NULL},
    {"from-key", "KEY", "its API key; else LANGSMITH_API_KEY", NULL},
    {"dry-run", NULL, "only print what would be taken", NULL},
    ARG_JSON,
    ARG_SERVER,
    ARG_API_KEY,
};

static const struct arg_command langsmith_command = {
    .name = "runbell import langsmith",
    .operands = "",
    .summary = "Takes over rules and alerts from LangSmith, into projects of the same names.",
    .more = "Values of headers are never shown by an API: where they come as ***, give them again "
            "with a PATCH.\n",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

/* What became of one of them. */
enum fate { FATE_TAKEN, FATE_THERE, FATE_REFUSED, FATE_COUNT };

struct import {
    struct remote *to;
    struct remote from;
    struct arena arena;
    bool is_dry;
    size_t counts[FATE_COUNT];
};

/* ---- asking ---- */

/* The answer's JSON in the arena, NULL if it is none; *status 0: no answer, and that was said. */
static const struct json *ask(struct import *im, struct remote *remote, const char *method,
                              struct str path, struct str body, int *status)
{
    const struct json *root = NULL;
    struct remote_answer answer = {0};

    buf_init(&answer.body, REMOTE_BODY_BYTES_MAX);
    *status = 0;
    if (remote_ask(remote, method, path, body, &answer) == CLI_OK) {
        *status = answer.status;
        if (json_parse(&im->arena, arena_str(&im->arena, buf_str(&answer.body)), &root, NULL))
            root = NULL;
    }
    buf_release(&answer.body);
    return root;
}

static bool is_good(int status)
{
    return status >= 200 && status < 300;
}

/* The sentence of an error, whichever API's it is. */
static struct str words_of(struct import *im, const struct json *answer, int status)
{
    struct str words = json_string(json_get(answer, "detail"));

    if (str_is_empty(words))
        words = json_string(json_get(answer, "error"));
    return str_is_empty(words) ? arena_printf(&im->arena, "it answered %d", status) : words;
}

static const struct {
    const char *word; /* for programs */
    const char *said, *said_dry;
} fates[FATE_COUNT] = {
    [FATE_TAKEN] = {"taken", "taken", "would be taken"},
    [FATE_THERE] = {"there", "is there already", "is there already"},
    [FATE_REFUSED] = {"refused", "not taken", "would not be taken"},
};

static void line_begin(struct json_writer *json, struct buf *line)
{
    buf_init(line, BODY_BYTES_MAX);
    json_writer_init(json, line);
    json_begin_object(json);
}

static void line_end(struct json_writer *json, struct buf *line)
{
    json_end_object(json);
    output_line(buf_str(line));
    buf_release(line);
}

/* `why` may be STR_NONE. */
static void tell(struct import *im, const char *kind, struct str name, enum fate fate,
                 struct str why)
{
    struct json_writer json;
    struct buf line;

    im->counts[fate]++;
    if (session_value(im->to->session, "json")) {
        line_begin(&json, &line);
        json_put_str(&json, "kind", str_of(kind));
        json_put_str(&json, "name", name);
        json_put_str(&json, "result", str_of(fates[fate].word));
        json_put_str(&json, "why", why);
        line_end(&json, &line);
        return;
    }
    printf("%-5s ", kind);
    output_safe(name, 80);
    printf(": %s%s", im->is_dry ? fates[fate].said_dry : fates[fate].said, why.len > 0 ? ": " : "");
    output_safe(why, 400);
    putchar('\n');
}

static void tell_all(struct import *im)
{
    const size_t *counts = im->counts;
    struct json_writer json;
    struct buf line;

    if (!session_value(im->to->session, "json")) {
        printf("%zu %s, %zu there already, %zu not taken\n", counts[FATE_TAKEN],
               im->is_dry ? "would be taken" : "taken", counts[FATE_THERE], counts[FATE_REFUSED]);
        return;
    }
    line_begin(&json, &line);
    json_put_bool(&json, "dry_run", im->is_dry);
    for (size_t i = 0; i < FATE_COUNT; i++)
        json_put_i64(&json, fates[i].word, (int64_t)counts[i]);
    line_end(&json, &line);
}

/* ---- projects ---- */

static struct str project_find(struct import *im, struct str name)
{
    struct buf path;
    const struct json *found;
    int status;

    buf_init(&path, 64 * KIB);
    buf_add(&path, STR("/api/v1/sessions"));
    remote_add_query(&path, "name", arena_cstr(&im->arena, name));
    found = ask(im, im->to, "GET", buf_str(&path), STR_NONE, &status);
    buf_release(&path);
    return json_string(json_get(json_item(found, 0), "id"));
}

/* The project of this name here, made if there is none (but not in a dry run); STR_NONE: there is
 * none. */
static struct str project_here(struct import *im, struct str name)
{
    const struct json *answer;
    struct json_writer json;
    struct buf body;
    int status;

    if (im->is_dry)
        return project_find(im, name);

    buf_init(&body, BODY_BYTES_MAX);
    json_writer_init(&json, &body);
    json_begin_object(&json);
    json_put_str(&json, "name", name);
    json_end_object(&json);
    answer = ask(im, im->to, "POST", STR("/api/v1/sessions?upsert=true"), buf_str(&body), &status);
    buf_release(&body);
    return is_good(status) ? json_string(json_get(answer, "id")) : STR_NONE;
}

/* Is one of this name in the list? `member`: where the name's object stands, NULL: at the top. */
static bool has_name(const struct json *list, const char *member, const char *key, struct str name)
{
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *item = json_item(list, i);

        if (str_eq(json_string(json_get(member ? json_get(item, member) : item, key)), name))
            return true;
    }
    return false;
}

/* In a dry run the server checks all, in a project of this name even if there is none yet, and
 * saves nothing. */
static struct str where_to(struct import *im, struct str path, struct str project)
{
    struct buf out;

    if (!im->is_dry)
        return path;
    buf_init(&out, 64 * KIB);
    buf_add(&out, path);
    remote_add_query(&out, "dry_run", "true");
    remote_add_query(&out, "session_name", arena_cstr(&im->arena, project));
    path = arena_str(&im->arena, buf_str(&out));
    buf_release(&out);
    return path;
}

/* POSTs it; says what came of it. */
static void take(struct import *im, const char *kind, struct str name, struct str path,
                 struct str body)
{
    int status;
    const struct json *answer = ask(im, im->to, "POST", path, body, &status);

    if (is_good(status))
        tell(im, kind, name, FATE_TAKEN, STR_NONE);
    else
        tell(im, kind, name, FATE_REFUSED, words_of(im, answer, status));
}

/* ---- rules ---- */

/* What the other server says about a rule, and nobody asks for. */
static bool is_told(struct str key)
{
    static const char *const told[] = {"id",
                                       "tenant_id",
                                       "session_id",
                                       "session_name",
                                       "dataset_name",
                                       "created_at",
                                       "updated_at",
                                       "add_to_annotation_queue_name",
                                       "backfill_id",
                                       "add_to_dataset_name",
                                       "backfill_status",
                                       "backfill_progress",
                                       "backfill_from",
                                       "backfill_error",
                                       "backfill_completed_at",
                                       "corrections_dataset_id",
                                       "alignment_annotation_queue_id",
                                       "evaluator_version",
                                       NULL};

    return str_is_one_of(key, told);
}

static void rule_body_write(const struct json *rule, struct str project_id, struct buf *body)
{
    struct json_iter iter = json_iter(rule);
    const struct json *value;
    struct json_writer json;
    struct str key;

    json_writer_init(&json, body);
    json_begin_object(&json);
    json_put_str(&json, "session_id", project_id);
    while (json_next(&iter, &key, &value)) {
        if (is_told(key) || json_is_null(value))
            continue;
        json_key_str(&json, key);
        json_value_out(&json, value);
    }
    json_end_object(&json);
}

static void rule_take(struct import *im, const struct json *rule)
{
    struct str name = json_string(json_get(rule, "display_name"));
    struct str project = json_string(json_get(rule, "session_name")), project_id;
    const struct json *here = NULL;
    struct buf body;
    int status;

    if (str_is_empty(project)) {
        tell(im, "rule", name, FATE_REFUSED, STR("it watches a dataset, not a project"));
        return;
    }
    project_id = project_here(im, project);
    if (!str_is_none(project_id))
        here =
            ask(im, im->to, "GET",
                arena_printf(&im->arena, "/api/v1/runs/rules?session_id=%.*s", STR_ARG(project_id)),
                STR_NONE, &status);
    if (has_name(here, NULL, "display_name", name)) {
        tell(im, "rule", name, FATE_THERE, STR_NONE);
        return;
    }
    buf_init(&body, BODY_BYTES_MAX);
    rule_body_write(rule, str_is_none(project_id) ? NO_PROJECT : project_id, &body);
    take(im, "rule", name, where_to(im, STR("/api/v1/runs/rules"), project), buf_str(&body));
    buf_release(&body);
}

/* ---- alerts ---- */

static void alert_body_write(const struct json *alert, struct buf *body)
{
    static const char *const told[] = {"id",         "session_id", "session_name",
                                       "created_at", "updated_at", NULL};
    struct json_iter iter = json_iter(json_get(alert, "rule"));
    const struct json *value;
    struct json_writer json;
    struct str key;

    json_writer_init(&json, body);
    json_begin_object(&json);
    json_key(&json, "rule");
    json_begin_object(&json);
    while (json_next(&iter, &key, &value)) {
        if (json_is_null(value) || str_is_one_of(key, told))
            continue;
        json_key_str(&json, key);
        json_value_out(&json, value);
    }
    json_end_object(&json);
    json_key(&json, "actions");
    json_begin_array(&json);
    for (size_t i = 0; i < json_count(json_get(alert, "actions")); i++) {
        const struct json *action = json_item(json_get(alert, "actions"), i);

        json_begin_object(&json);
        json_put_str(&json, "target", json_string(json_get(action, "target")));
        json_key(&json, "config");
        json_value_out(&json, json_get(action, "config"));
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
}

static void alert_take(struct import *im, const struct json *alert, struct str project_id,
                       struct str project)
{
    struct str name = json_string(json_get(json_get(alert, "rule"), "name"));
    struct str path = arena_printf(&im->arena, "/api/v1/platform/alerts/%.*s",
                                   STR_ARG(str_is_none(project_id) ? NO_PROJECT : project_id));
    const struct json *here = NULL;
    struct buf body;
    int status;

    if (!str_is_none(project_id))
        here = ask(im, im->to, "GET", path, STR_NONE, &status);

    if (has_name(here, "rule", "name", name)) {
        tell(im, "alert", name, FATE_THERE, STR_NONE);
        return;
    }
    buf_init(&body, BODY_BYTES_MAX);
    alert_body_write(alert, &body);
    take(im, "alert", name, where_to(im, path, project), buf_str(&body));
    buf_release(&body);
}

/* False: the other API has no list of them. */
static bool alerts_take(struct import *im, const struct json *project)
{
    int status;
    const struct json *list = ask(im, &im->from, "GET",
                                  arena_printf(&im->arena, "/api/v1/platform/alerts/%.*s",
                                               STR_ARG(json_string(json_get(project, "id")))),
                                  STR_NONE, &status);
    struct str name = json_string(json_get(project, "name")), project_id = STR_NONE;

    if (!is_good(status) || json_type(list) != JSON_ARRAY)
        return false;
    if (json_count(list) > 0)
        project_id = project_here(im, name);
    for (size_t i = 0; i < json_count(list); i++)
        alert_take(im, json_item(list, i), project_id, name);
    return true;
}

/* ---- all ---- */

static int rules_take_all(struct import *im)
{
    int status;
    const struct json *rules =
        ask(im, &im->from, "GET", STR("/api/v1/runs/rules"), STR_NONE, &status);

    if (status == 0)
        return CLI_FAILED;
    if (!is_good(status) || json_type(rules) != JSON_ARRAY)
        return session_fail(im->to->session, "%.*s gave no rules: %.*s", STR_ARG(im->from.base),
                            STR_ARG(words_of(im, rules, status)));
    for (size_t i = 0; i < json_count(rules); i++)
        rule_take(im, json_item(rules, i));
    return CLI_OK;
}

static int alerts_take_all(struct import *im)
{
    const struct json *projects;
    bool has_list = true;
    int64_t offset = 0;
    int status;

    do {
        projects = ask(
            im, &im->from, "GET",
            arena_printf(&im->arena, "/api/v1/sessions?limit=100&offset=%lld", (long long)offset),
            STR_NONE, &status);
        if (!is_good(status) || json_type(projects) != JSON_ARRAY)
            return status == 0 ? CLI_FAILED
                               : session_fail(im->to->session, "%.*s gave no projects: %.*s",
                                              STR_ARG(im->from.base),
                                              STR_ARG(words_of(im, projects, status)));
        for (size_t i = 0; has_list && i < json_count(projects); i++)
            has_list = alerts_take(im, json_item(projects, i));
        offset += (int64_t)json_count(projects);
    } while (has_list && json_count(projects) == 100);
    if (!has_list)
        fprintf(stderr, "Alerts were not taken: that server has no list of them.\n");
    return CLI_OK;
}

static int from_open(struct import *im)
{
    struct session *session = im->to->session;
    const char *url = session_value(session, "from"), *key = session_value(session, "from-key");
    const char *why;
    struct url parsed;

    im->from = (struct remote){.session = session, .base = str_of(url ? url : FROM_DEFAULT)};
    im->from.api_key = str_of(key ? key : getenv("LANGSMITH_API_KEY"));
    while (str_ends(im->from.base, STR("/")))
        im->from.base.len--;
    arena_init(&im->from.arena);
    if (url_parse(&im->arena, im->from.base, &parsed, &why) || parsed.is_relative)
        return session_fail(session, "--from must be a URL such as " FROM_DEFAULT ", not %.*s",
                            STR_ARG(im->from.base));
    return CLI_OK;
}

static int langsmith_run(struct remote *remote)
{
    struct import im = {.to = remote, .is_dry = session_value(remote->session, "dry-run") != NULL};
    int code;

    arena_init(&im.arena);
    code = from_open(&im);
    if (code == CLI_OK)
        code = rules_take_all(&im);
    if (code == CLI_OK)
        code = alerts_take_all(&im);
    if (code == CLI_OK) {
        tell_all(&im);
        code = im.counts[FATE_REFUSED] ? CLI_FAILED : CLI_OK;
    }
    arena_release(&im.from.arena);
    arena_release(&im.arena);
    return code;
}

static const struct cli_command commands[] = {
    {"langsmith", "rules and alerts of LangSmith", &langsmith_command, .ask = langsmith_run},
};

const struct cli_table import_table = {"runbell import", commands, ARRAY_LEN(commands)};
