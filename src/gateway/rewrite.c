/* rewrite.c -- see rewrite.h. */
#include "gateway/rewrite.h"

#include "gateway/upstream.h"

#define BODY_BYTES_MAX (256 * MIB)

static bool is_webhook(struct str key)
{
    return str_eq(key, STR("webhook"));
}

/* What speaks of the thread that a run without one would get. */
static bool is_of_stateless(struct str key)
{
    return is_webhook(key) || str_eq(key, STR("on_completion")) ||
           str_eq(key, STR("if_not_exists"));
}

static bool is_marker(struct str key)
{
    return str_eq(key, STR(UPSTREAM_MARKER));
}

bool rewrite_keeps_thread(const struct json *root)
{
    return str_eq(json_string(json_get(root, "on_completion")), STR("keep"));
}

/* Metadata of another type than object is left for the upstream to refuse. */
static void metadata_put(struct json_writer *json, const struct rewrite *rewrite)
{
    const struct json *metadata = json_get(rewrite->root, "metadata");
    struct str given =
        json_type(metadata) == JSON_OBJECT ? json_raw(rewrite->body, STR("metadata")) : STR_NONE;
    struct json_writer inner;
    struct buf mark, merged;

    if (str_is_none(rewrite->intent_id) || (!json_is_absent(metadata) && !given.data))
        return;
    buf_init(&mark, KIB);
    json_writer_init(&inner, &mark);
    json_begin_object(&inner);
    json_put_str(&inner, UPSTREAM_MARKER, rewrite->intent_id);
    json_end_object(&inner);
    buf_init(&merged, given.len + KIB);
    json_merge(&merged, given, buf_str(&mark));
    json_put_raw(json, "metadata", buf_str(&merged));
    buf_release(&merged);
    buf_release(&mark);
}

enum err rewrite_run(struct arena *arena, const struct rewrite *rewrite, struct str *body)
{
    struct buf bare, over, out;
    struct json_writer json;
    enum err err = ERR_LIMIT;

    buf_init(&bare, rewrite->body.len + KIB);
    json_without(&bare, rewrite->body, rewrite->makes_thread ? is_of_stateless : is_webhook);
    buf_init(&over, rewrite->body.len + 2 * KIB);
    json_writer_init(&json, &over);
    json_begin_object(&json);
    metadata_put(&json, rewrite);
    if (rewrite->makes_thread)
        json_put_str(&json, "if_not_exists", STR("create"));
    json_end_object(&json);
    buf_init(&out, BODY_BYTES_MAX);
    json_merge(&out, buf_str(&bare), buf_str(&over));
    if (!out.failed && !bare.failed && !over.failed) {
        *body = arena_str(arena, buf_str(&out));
        err = OK;
    }
    buf_release(&out);
    buf_release(&over);
    buf_release(&bare);
    return err;
}

struct str rewrite_unmark(struct arena *arena, struct str metadata)
{
    struct str text;
    struct buf out;

    if (str_is_none(metadata) || !str_starts(metadata, STR("{")))
        return metadata;
    buf_init(&out, metadata.len + KIB);
    json_without(&out, metadata, is_marker);
    text = buf_keep(&out, arena);
    return str_is_none(text) ? metadata : text;
}
