/* The user of auth handlers in config.configurable. */
#include "agent/auth_user.h"

#define PREFIX "langgraph_auth_"
#define USER PREFIX "user"
#define TEXT_MAX (256 * MIB)

bool auth_user_is_member(struct str key)
{
    return str_starts(key, STR(PREFIX));
}

struct str auth_user_strip(struct arena *arena, struct str configurable)
{
    struct str text;
    struct buf out;

    if (str_is_empty(configurable) || configurable.data[0] != '{')
        return configurable;
    buf_init(&out, TEXT_MAX);
    json_without(&out, configurable, auth_user_is_member);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void put_raw(struct json_writer *json, const char *key, struct str user, const char *member)
{
    struct str raw = json_raw(user, str_of(member));

    if (!str_is_none(raw))
        json_put_raw(json, key, raw);
}

void auth_user_put(struct json_writer *json, struct str user)
{
    if (str_is_none(user))
        return;
    json_put_raw(json, USER, user);
    put_raw(json, PREFIX "user_id", user, "identity");
    put_raw(json, PREFIX "permissions", user, "permissions");
}

struct str auth_user_of(struct str configurable)
{
    struct str user = str_is_none(configurable) ? STR_NONE : json_raw(configurable, STR(USER));

    return user.len > 0 && user.data[0] == '{' ? user : STR_NONE;
}

struct str auth_user_identity(struct arena *arena, struct str user)
{
    const struct json *parsed;

    if (str_is_none(user) || json_parse(arena, user, &parsed, NULL))
        return STR_NONE;
    return json_string(json_get(parsed, "identity"));
}
