/* What a call is to do, in the words of auth handlers: resource, action and the value that they may
 * look at and change. */
#include "api/access_priv.h"

#include "api/store_priv.h"

static const struct kind {
    const char *resource, *action;
    enum access_object of;
    bool takes_changes; /* of what is only looked up, a changed value means nothing */
} kinds[ACCESS_COUNT] = {
    [ACCESS_ASSISTANTS_CREATE] = {"assistants", "create", ACCESS_OF_ASSISTANTS, true},
    [ACCESS_ASSISTANTS_READ] = {"assistants", "read", ACCESS_OF_ASSISTANTS, false},
    [ACCESS_ASSISTANTS_UPDATE] = {"assistants", "update", ACCESS_OF_ASSISTANTS, true},
    [ACCESS_ASSISTANTS_DELETE] = {"assistants", "delete", ACCESS_OF_ASSISTANTS, false},
    [ACCESS_ASSISTANTS_SEARCH] = {"assistants", "search", ACCESS_OF_ASSISTANTS, true},
    [ACCESS_THREADS_CREATE] = {"threads", "create", ACCESS_OF_THREADS, true},
    [ACCESS_THREADS_READ] = {"threads", "read", ACCESS_OF_THREADS, false},
    [ACCESS_THREADS_UPDATE] = {"threads", "update", ACCESS_OF_THREADS, true},
    [ACCESS_THREADS_DELETE] = {"threads", "delete", ACCESS_OF_THREADS, false},
    [ACCESS_THREADS_SEARCH] = {"threads", "search", ACCESS_OF_THREADS, true},
    [ACCESS_THREADS_COPY] = {"threads", "create", ACCESS_OBJECTS, true},
    [ACCESS_RUNS_CREATE] = {"threads", "create_run", ACCESS_OF_THREADS, true},
    [ACCESS_RUNS_BATCH] = {"threads", "create_run", ACCESS_OF_THREADS, true},
    [ACCESS_RUNS_FOLLOW] = {"threads", "read", ACCESS_OF_THREADS, false},
    [ACCESS_COMMAND] = {"threads", "create_run", ACCESS_OF_THREADS, true},
    [ACCESS_CRONS_CREATE] = {"crons", "create", ACCESS_OF_CRONS, true},
    [ACCESS_CRONS_READ] = {"crons", "read", ACCESS_OF_CRONS, false},
    [ACCESS_CRONS_UPDATE] = {"crons", "update", ACCESS_OF_CRONS, true},
    [ACCESS_CRONS_DELETE] = {"crons", "delete", ACCESS_OF_CRONS, false},
    [ACCESS_CRONS_SEARCH] = {"crons", "search", ACCESS_OF_CRONS, true},
    [ACCESS_STORE_PUT] = {"store", "put", ACCESS_OBJECTS, true},
    [ACCESS_STORE_GET] = {"store", "get", ACCESS_OBJECTS, true},
    [ACCESS_STORE_DELETE] = {"store", "delete", ACCESS_OBJECTS, true},
    [ACCESS_STORE_SEARCH] = {"store", "search", ACCESS_OBJECTS, true},
    [ACCESS_STORE_LIST_NAMESPACES] = {"store", "list_namespaces", ACCESS_OBJECTS, true},
};

/* ---- members of objects ---- */

/* Of a run's body these stand beside its "kwargs", of a cron's beside its "payload". */
static bool is_of_run(struct str key)
{
    static const char *const words[] = {
        "thread_id",     "assistant_id",  "run_id", "metadata", "multitask_strategy",
        "if_not_exists", "after_seconds", "status", NULL};

    return str_is_one_of(key, words);
}

static bool is_of_cron(struct str key)
{
    static const char *const words[] = {"thread_id",        "cron_id",  "user_id",  "schedule",
                                        "timezone",         "end_time", "metadata", "enabled",
                                        "on_run_completed", NULL};

    return str_is_one_of(key, words);
}

static bool is_not_of_run(struct str key)
{
    return !is_of_run(key);
}

static bool is_not_of_cron(struct str key)
{
    return !is_of_cron(key);
}

/* Handlers know all of these as "namespace". */
static bool is_namespace(struct str key)
{
    static const char *const words[] = {"namespace", "namespace_prefix", "prefix", NULL};

    return str_is_one_of(key, words);
}

/* Not for handlers to change. */
static bool is_fixed(struct str key)
{
    static const char *const words[] = {
        "thread_id", "assistant_id", "run_id", "cron_id", "user_id",
        "status",    "action",       "kwargs", "payload", "prevent_insert_if_inflight",
        NULL};

    return str_is_one_of(key, words) || is_namespace(key);
}

static struct str without(struct call *call, struct str object, bool (*drops)(struct str key))
{
    struct str text;
    struct buf out;

    buf_init(&out, ACCESS_TEXT_MAX);
    json_without(&out, object, drops);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static bool is_object(struct str raw)
{
    return raw.len > 0 && raw.data[0] == '{';
}

static struct str object_of(struct str object, const char *key)
{
    struct str member = json_raw(object, str_of(key));

    return is_object(member) ? member : STR("{}");
}

/* ---- the value of a check ---- */

/* The names of the path's segments, in order; false at the end. */
static bool param_next(struct str *path, struct str *name)
{
    struct str segment;

    while (str_split(path, '/', &segment)) {
        if (segment.len < 2 || segment.data[0] != '{')
            continue;
        *name = str_range(segment.data + 1, segment.len - 2);
        return true;
    }
    return false;
}

struct str access_param(const struct call *call, const char *name)
{
    struct str path = str_of(call->route->path), found;

    for (size_t i = 0; param_next(&path, &found); i++)
        if (str_eq(found, str_of(name)))
            return call->params[i];
    return STR_NONE;
}

static void params_put(struct json_writer *json, const struct call *call)
{
    struct str path = str_of(call->route->path), name;

    for (size_t i = 0; param_next(&path, &name); i++) {
        json_key_str(json, name);
        json_str_out(json, call->params[i]);
    }
}

static void namespace_put(struct json_writer *json, struct call *call, struct str root,
                          const char *key)
{
    const struct json *labels = NULL;
    struct str given = key ? json_raw(root, str_of(key)) : STR_NONE;

    json_key(json, "namespace");
    if (key) {
        json_raw_out(json, given.len > 0 && given.data[0] == '[' ? given : STR("[]"));
        return;
    }
    if (store_query_labels(call, &labels) || !labels)
        json_raw_out(json, STR("[]"));
    else
        json_value_out(json, labels);
    json_put_str(json, "key", query_get(&call->query, "key"));
}

/* What stands in the value besides the members of the body, or in their place. */
static void specials_put(struct json_writer *json, struct call *call, enum access kind,
                         struct str root)
{
    struct str strategy = json_raw(root, STR("multitask_strategy"));

    switch ((int)kind) {
    case ACCESS_RUNS_CREATE:
    case ACCESS_RUNS_BATCH:
    case ACCESS_COMMAND:
        json_put_raw(json, "kwargs", without(call, root, is_of_run));
        json_put_str(json, "status", STR("pending"));
        json_put_bool(json, "prevent_insert_if_inflight", str_eq(strategy, STR("\"reject\"")));
        break;
    case ACCESS_CRONS_CREATE:
    case ACCESS_CRONS_UPDATE:
        json_put_raw(json, "payload", without(call, root, is_of_cron));
        break;
    case ACCESS_STORE_GET:
        namespace_put(json, call, root, NULL);
        break;
    case ACCESS_STORE_SEARCH:
        namespace_put(json, call, root, "namespace_prefix");
        break;
    case ACCESS_STORE_LIST_NAMESPACES:
        namespace_put(json, call, root, "prefix");
        break;
    case ACCESS_STORE_PUT:
    case ACCESS_STORE_DELETE:
        namespace_put(json, call, root, "namespace");
        break;
    case ACCESS_THREADS_UPDATE:
        if (!str_is_empty(query_get(&call->query, "action")))
            json_put_str(json, "action", query_get(&call->query, "action"));
        break;
    default:
        break;
    }
}

static bool is_store(enum access kind)
{
    return kind >= ACCESS_STORE_PUT && kind <= ACCESS_STORE_LIST_NAMESPACES;
}

static struct str plain_members(struct call *call, enum access kind, struct str root)
{
    if (kind == ACCESS_RUNS_CREATE || kind == ACCESS_RUNS_BATCH || kind == ACCESS_COMMAND)
        return without(call, root, is_not_of_run);
    if (kind == ACCESS_CRONS_CREATE || kind == ACCESS_CRONS_UPDATE)
        return without(call, root, is_not_of_cron);
    return is_store(kind) ? without(call, root, is_namespace) : root;
}

static struct str value_make(struct call *call, enum access kind, struct str root)
{
    struct json_writer json;
    struct buf over;
    struct str text;

    buf_init(&over, ACCESS_TEXT_MAX);
    json_writer_init(&json, &over);
    json_begin_object(&json);
    if (!is_store(kind))
        json_put_raw(&json, "metadata", object_of(root, "metadata"));
    specials_put(&json, call, kind, root);
    params_put(&json, call);
    json_end_object(&json);
    text =
        call_merge(call, plain_members(call, kind, root), arena_str(call->arena, buf_str(&over)));
    buf_release(&over);
    return text;
}

/* {"thread_id": …, "metadata": {}} */
static struct str named_value(struct call *call, const char *key, struct str id)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    if (!str_is_none(id))
        json_put_str(&json, key, id);
    json_put_raw(&json, "metadata", STR("{}"));
    json_end_object(&json);
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* ---- the checks ---- */

static void add(struct access_checks *checks, enum access kind, struct str value, size_t item)
{
    checks->list[checks->count++] = (struct access_check){
        .resource = kinds[kind].resource,
        .action = kinds[kind].action,
        .value = value,
        .of = kinds[kind].of,
        .takes_changes = kinds[kind].takes_changes,
        .item = item,
    };
}

static void add_implied(struct access_checks *checks, enum access kind, struct str value,
                        size_t item)
{
    add(checks, kind, value, item);
    checks->list[checks->count - 1].is_implied = true;
    checks->list[checks->count - 1].takes_changes = false;
}

/* Runs are made with an assistant that their maker may read. */
static void add_assistant(struct call *call, struct access_checks *checks, struct str root,
                          size_t item)
{
    const struct json *body = NULL;
    struct str assistant = STR_NONE;

    if (!json_parse(call->arena, root, &body, NULL))
        assistant = json_string(json_get(body, "assistant_id"));
    add_implied(checks, ACCESS_ASSISTANTS_READ, named_value(call, "assistant_id", assistant), item);
}

static void add_run(struct call *call, struct access_checks *checks, enum access kind,
                    struct str root, size_t item)
{
    add(checks, kind, value_make(call, kind, root), item);
    add_assistant(call, checks, root, item);
}

static void add_batch(struct call *call, struct access_checks *checks)
{
    size_t position = 0, count = json_type(call->body) == JSON_ARRAY ? json_count(call->body) : 0;
    struct str key, item;

    checks->list = ARENA_ARRAY(call->arena, struct access_check, 2 * count + 2);
    for (size_t i = 0; i < count && json_raw_next(call->body_text, &position, &key, &item); i++)
        add_run(call, checks, ACCESS_RUNS_BATCH, is_object(item) ? item : STR("{}"), i);
    if (checks->count == 0)
        add_run(call, checks, ACCESS_RUNS_BATCH, STR("{}"), 0);
}

static bool makes_run(const struct call *call)
{
    struct str method = json_string(json_get(call->body, "method"));

    return str_eq(method, STR("run.start")) || str_eq(method, STR("input.respond"));
}

static void add_all(struct call *call, struct access_checks *checks, enum access kind,
                    struct str root)
{
    struct str thread_id = access_param(call, "thread_id");
    bool takes_threads = false;

    switch ((int)kind) {
    case ACCESS_RUNS_CREATE:
        add_run(call, checks, kind, root, 0);
        break;
    case ACCESS_COMMAND:
        if (makes_run(call))
            add_run(call, checks, kind, object_of(root, "params"), 0);
        else
            add(checks, ACCESS_THREADS_READ, named_value(call, "thread_id", thread_id), 0);
        break;
    case ACCESS_THREADS_COPY:
        add(checks, kind, named_value(call, "thread_id", STR_NONE), 0);
        add_implied(checks, ACCESS_THREADS_READ, named_value(call, "thread_id", thread_id), 0);
        break;
    case ACCESS_CRONS_CREATE:
        add_run(call, checks, kind, root, 0);
        if (!str_is_none(thread_id))
            add_implied(checks, ACCESS_RUNS_CREATE, value_make(call, ACCESS_RUNS_CREATE, root), 0);
        break;
    case ACCESS_CRONS_UPDATE:
        add_run(call, checks, kind, root, 0);
        break;
    case ACCESS_ASSISTANTS_DELETE:
        add(checks, kind, value_make(call, kind, root), 0);
        if (!call_query_bool(call, "delete_threads", &takes_threads) && takes_threads)
            add_implied(checks, ACCESS_THREADS_DELETE, named_value(call, "thread_id", STR_NONE), 0);
        break;
    default:
        add(checks, kind, value_make(call, kind, root), 0);
        break;
    }
}

struct access_checks access_checks(struct call *call)
{
    struct access_checks checks = {.list = ARENA_ARRAY(call->arena, struct access_check, 4)};
    struct json_error error;
    bool is_json;

    if (access_of(call) == ACCESS_APP)
        return checks;
    is_json = !call_body_parse(call, &error);
    if (access_of(call) == ACCESS_RUNS_BATCH)
        add_batch(call, &checks);
    else
        add_all(call, &checks, access_of(call),
                is_json && json_type(call->body) == JSON_OBJECT ? call->body_text : STR("{}"));
    return checks;
}

/* ---- what was changed ---- */

static struct str wrap(struct call *call, const char *key, struct str value)
{
    return arena_printf(call->arena, "{\"%s\":%.*s}", key, STR_ARG(value));
}

/* The body's object, with the changes in it. */
static struct str changed_object(struct call *call, enum access kind, struct str root,
                                 struct str changed)
{
    struct str labels = json_raw(changed, STR("namespace"));

    root = call_merge(call, root, object_of(changed, "kwargs"));
    root = call_merge(call, root, object_of(changed, "payload"));
    root = call_merge(call, root, without(call, changed, is_fixed));
    if (str_is_none(labels) || !is_store(kind))
        return root;
    return call_merge(call, root,
                      wrap(call,
                           kind == ACCESS_STORE_SEARCH            ? "namespace_prefix"
                           : kind == ACCESS_STORE_LIST_NAMESPACES ? "prefix"
                                                                  : "namespace",
                           labels));
}

/* The body's array, with another item. */
static struct str changed_item(struct call *call, struct str array, size_t index,
                               struct str changed)
{
    struct str key, item, text;
    size_t position = 0;
    struct buf out;

    buf_init(&out, ACCESS_TEXT_MAX);
    for (size_t i = 0; json_raw_next(array, &position, &key, &item); i++) {
        buf_add_char(&out, i == 0 ? '[' : ',');
        buf_add(&out, i == index ? changed_object(call, ACCESS_RUNS_BATCH, item, changed) : item);
    }
    buf_add_char(&out, ']');
    text = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

void access_change(struct call *call, const struct access_check *check, struct str changed)
{
    struct str body = str_is_none(call->access.body) ? call->body_text : call->access.body;
    enum access kind = access_of(call);
    struct str metadata = json_raw(changed, STR("metadata"));

    if (!check->takes_changes || !is_object(changed))
        return;
    if (is_object(metadata))
        call->access.metadata = metadata;
    if (kind == ACCESS_STORE_GET)
        call->access.namespace_labels = json_raw(changed, STR("namespace"));
    else if (json_type(call->body) == JSON_ARRAY)
        call->access.body = changed_item(call, body, check->item, changed);
    else if (json_type(call->body) == JSON_OBJECT && kind == ACCESS_COMMAND)
        call->access.body = call_merge(
            call, body,
            wrap(call, "params", changed_object(call, kind, object_of(body, "params"), changed)));
    else if (json_type(call->body) == JSON_OBJECT)
        call->access.body = changed_object(call, kind, body, changed);
}
