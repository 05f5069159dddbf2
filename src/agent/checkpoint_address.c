/* Which checkpoint of a thread is meant. */
#include "agent/checkpoint_address.h"

static enum err refuse(char *text, size_t text_bytes, const char *field, size_t bytes_max)
{
    if (bytes_max > 0)
        snprintf(text, text_bytes, "%s: must be a string of at most %zu bytes", field, bytes_max);
    else
        snprintf(text, text_bytes, "%s: must be an object", field);
    return ERR_INVALID;
}

static bool is_text(const struct json *value, size_t bytes_max)
{
    return json_is_absent(value) ||
           (json_type(value) == JSON_STRING && json_string(value).len <= bytes_max);
}

enum err checkpoint_address_check(const struct json *checkpoint, struct str checkpoint_id,
                                  char *text, size_t text_bytes)
{
    const struct json *map = json_get(checkpoint, "checkpoint_map");

    if (!str_is_none(checkpoint_id) && checkpoint_id.len > CHECKPOINT_ID_BYTES_MAX)
        return refuse(text, text_bytes, "checkpoint_id", CHECKPOINT_ID_BYTES_MAX);
    if (!is_text(json_get(checkpoint, "checkpoint_id"), CHECKPOINT_ID_BYTES_MAX))
        return refuse(text, text_bytes, "checkpoint.checkpoint_id", CHECKPOINT_ID_BYTES_MAX);
    if (!is_text(json_get(checkpoint, "checkpoint_ns"), CHECKPOINT_NS_BYTES_MAX))
        return refuse(text, text_bytes, "checkpoint.checkpoint_ns", CHECKPOINT_NS_BYTES_MAX);
    if (!json_is_absent(map) && json_type(map) != JSON_OBJECT)
        return refuse(text, text_bytes, "checkpoint.checkpoint_map", 0);
    return OK;
}
