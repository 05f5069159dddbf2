/* outcome.c -- see outcome.h. */
#include "gateway/outcome.h"

#include "base/time.h"
#include "gateway/rewrite.h"
#include "gateway/upstream.h"
#include "shape/shape.h"

#define ID_BYTES_MAX 128

bool outcome_id_is_plain(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return id.len > 0 && id.len <= ID_BYTES_MAX;
}

/* NULL: it is not an object. */
static const struct json *object_of(struct arena *arena, struct str text)
{
    const struct json *root;

    if (str_is_none(text) || json_parse(arena, text, &root, NULL) || json_type(root) != JSON_OBJECT)
        return NULL;
    return root;
}

/* The raw value of a member of this type. */
static struct str raw_of(struct str text, const struct json *object, const char *key,
                         enum json_type type)
{
    return json_type(json_get(object, key)) == type ? json_raw(text, str_of(key)) : STR_NONE;
}

struct str outcome_text(struct arena *arena, struct str object, const char *key)
{
    return json_string(json_get(object_of(arena, object), key));
}

struct str outcome_find(struct arena *arena, struct str list, struct str intent_id)
{
    const struct json *root;
    struct str key, text;
    size_t position = 0;

    if (json_parse(arena, list, &root, NULL) || json_type(root) != JSON_ARRAY)
        return STR_NONE;
    for (size_t i = 0; json_raw_next(list, &position, &key, &text); i++) {
        const struct json *metadata = json_get(json_item(root, i), "metadata");

        if (str_eq(json_string(json_get(metadata, UPSTREAM_MARKER)), intent_id))
            return text;
    }
    return STR_NONE;
}

/* Servers have words of their own for runs that go on. */
static bool is_live(struct str status)
{
    static const char *const words[] = {"pending",   "running",     "queued",
                                        "streaming", "in_progress", NULL};

    return str_is_one_of(status, words);
}

enum err outcome_has_ended(struct arena *arena, struct str run, bool *ended)
{
    struct str status = outcome_text(arena, run, "status");

    if (str_is_none(status))
        return ERR_INVALID;
    *ended = !is_live(status);
    return OK;
}

/* ---- the webhook ---- */

static int64_t time_of(const struct json *object, const char *key)
{
    int64_t us = 0;

    return time_parse_iso(json_string(json_get(object, key)), &us) ? 0 : us;
}

static bool is_empty_json(struct str text)
{
    return str_is_none(text) || str_eq(text, STR("[]")) || str_eq(text, STR("{}")) ||
           str_eq(text, STR("null"));
}

static struct str error_make(struct arena *arena, const char *type, const char *message)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    shape_error(&json, str_of(type), str_of(message));
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* Servers tell a thread's error as {"error", "message"}, or as a text. */
static struct str error_of_thread(struct arena *arena, struct str thread, struct str status)
{
    const struct json *root = object_of(arena, thread);
    const struct json *error = json_get(root, "error");
    struct json_writer json;
    struct str text;
    struct buf out;

    if (json_type(error) == JSON_OBJECT && json_get(error, "message"))
        return json_raw(thread, STR("error"));
    if (json_type(error) != JSON_STRING)
        return str_eq(status, RUN_TIMEOUT)
                   ? error_make(arena, "TimeoutError", "The run took too long.")
                   : error_make(arena, "RunError", "The run failed; the server tells no more.");
    buf_init(&out, json_string(error).len * 6 + KIB);
    json_writer_init(&json, &out);
    shape_error(&json, STR("RunError"), json_string(error));
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* The run that the upstream told of. */
static void run_read(struct arena *arena, const struct intent *intent,
                     const struct outcome *outcome, struct run *run)
{
    struct str text = outcome->run;
    const struct json *root = object_of(arena, text);
    bool has_failed;

    run->assistant_id = json_string(json_get(root, "assistant_id"));
    run->status = json_string(json_get(root, "status"));
    run->created_us = time_of(root, "created_at");
    run->updated_us = time_of(root, "updated_at");
    run->started_us = run->created_us;
    run->ended_us = run->updated_us;
    run->metadata = rewrite_unmark(arena, raw_of(text, root, "metadata", JSON_OBJECT));
    run->kwargs = raw_of(text, root, "kwargs", JSON_OBJECT);
    run->multitask_strategy = json_string(json_get(root, "multitask_strategy"));
    if (str_is_none(run->assistant_id))
        run->assistant_id = intent->assistant_id;
    has_failed = str_eq(run->status, RUN_ERROR) || str_eq(run->status, RUN_TIMEOUT);
    if (has_failed)
        run->error = error_of_thread(arena, outcome->thread, run->status);
}

/* It is not there any more, or nobody answers. */
static void run_missing(struct arena *arena, const struct intent *intent,
                        const struct outcome *outcome, int64_t now_us, struct run *run)
{
    run->assistant_id = intent->assistant_id;
    run->created_us = intent->created_us;
    run->updated_us = run->ended_us = now_us;
    run->metadata = run->kwargs = STR("{}");
    run->status = outcome->is_given_up ? RUN_ERROR : RUN_INTERRUPTED;
    run->error =
        outcome->is_given_up
            ? error_make(arena, "UpstreamUnreachable",
                         "The server that executes the run could not be asked for its outcome.")
            : error_make(arena, "RunVanished",
                         "The server that executed the run does not know it any more: it was "
                         "deleted, rolled back, or lost.");
}

void outcome_write(struct buf *out, struct arena *arena, const struct intent *intent,
                   const struct outcome *outcome, int64_t now_us)
{
    struct run run = {.tenant = intent->tenant,
                      .run_id = intent->run_id,
                      .thread_id = intent->thread_id,
                      .attempt = 1};
    struct webhook_payload payload = {
        .run = &run, .sent_us = now_us, .error_is_text = outcome->error_is_text};
    const struct json *thread = object_of(arena, outcome->thread);
    const struct json *state = object_of(arena, outcome->state);
    struct json_writer json;

    if (str_is_none(outcome->run))
        run_missing(arena, intent, outcome, now_us, &run);
    else
        run_read(arena, intent, outcome, &run);
    if (thread && !intent->drops_thread) {
        struct str next = raw_of(outcome->state, state, "next", JSON_ARRAY);
        struct str interrupts = raw_of(outcome->thread, thread, "interrupts", JSON_OBJECT);

        payload.values = json_raw(outcome->thread, STR("values"));
        payload.thread_status = json_string(json_get(thread, "status"));
        if (!is_empty_json(next) || !is_empty_json(interrupts)) {
            payload.next = next;
            payload.interrupts = is_empty_json(interrupts) ? STR("{}") : interrupts;
        }
    }
    json_writer_init(&json, out);
    shape_webhook(&json, &payload);
}
