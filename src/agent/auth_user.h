/* auth_user.h -- how the user whom the auth handlers named reaches graphs: as members of
 * config.configurable that only the server sets.
 *
 *   langgraph_auth_user         the user as the handler said it
 *   langgraph_auth_user_id      its identity
 *   langgraph_auth_permissions  its permissions
 *
 * A user is a JSON object with a text "identity" and an array "permissions"; STR_NONE is nobody. */
#ifndef AGENT_AUTH_USER_H
#define AGENT_AUTH_USER_H

#include "base/arena.h"
#include "base/json.h"

/* `configurable` (a JSON object, or STR_NONE) without the members that only the server sets. */
struct str auth_user_strip(struct arena *arena, struct str configurable);
bool auth_user_is_member(struct str key); /* is it the name of one of these? */
/* Adds the members to an object that is being written; nothing for nobody. */
void auth_user_put(struct json_writer *json, struct str user);
/* The one of these members that holds the whole user; STR_NONE. */
struct str auth_user_of(struct str configurable);
/* In `arena`; STR_NONE for nobody. */
struct str auth_user_identity(struct arena *arena, struct str user);
#endif
