/* payload.h -- what the receiver of a Fleet webhook gets (E10), key by key in the documented order.
 *
 *   action  input  publisher{user_id, email}  agent{name, description}  tool_auth_requirements
 *   files{type: "zip", filename, content_base64}  fields
 *
 * The publisher is always the caller, whatever a body says. Pure. */
#ifndef FLEET_PAYLOAD_H
#define FLEET_PAYLOAD_H

#include "base/json.h"
#include "fleet/agents.h"

struct payload {
    struct str action; /* the webhook's name */
    struct str input;  /* JSON object */
    const struct person *publisher;
    struct str agent_name, agent_description;
    struct str tool_auth; /* JSON array */
    struct str file_name;
    struct str archive; /* bytes */
    struct str fields;  /* JSON array */
};

/* Appends; out->failed: it does not fit. */
void payload_write(struct buf *out, const struct payload *payload);

/* What a payload made elsewhere holds of an agent: name, description, tool_auth, file_name,
 * archive, in the arena. ERR_INVALID with *why in the arena. */
enum err payload_read(struct arena *arena, struct str body, struct payload *payload,
                      struct str *why) MUST_USE;

#endif
