/* fleet_servers_priv.h -- what is said of an MCP server: a body, over what is known already.
 *
 * A row is a secret of the workspace: its value is the object of the headers, its about
 *
 *   {"name", "url", "auth_type", "oauth_mode", "oauth_provider_id", "scopes",
 *    "header_names": […], "secret_names": […]}
 *
 * where secret_names is what somebody else needs to be let in: never a value. */
#ifndef API_FLEET_SERVERS_PRIV_H
#define API_FLEET_SERVERS_PRIV_H

#include "api/fleet_priv.h"
#include "store/secrets.h"

#define SERVER_NAME_BYTES_MAX 200

struct server_body {
    struct str id;                                         /* STR_NONE: a new one */
    bool is_patch;                                         /* what it leaves out stays */
    struct str name, url, auth_type, oauth_mode, provider; /* STR_NONE: not said */
    const struct json *scopes;                             /* NULL: not said */
    bool has_headers;
};

/* Checks every member; call->body holds the headers. ERR_INVALID: the reply is filled. */
enum err server_body_read(struct call *call, struct server_body *body) MUST_USE;
/* The row that it comes to, over `was` (with value; NULL: there is none). ERR_INVALID: the reply is
 * filled. */
enum err server_body_apply(struct call *call, const struct server_body *body,
                           const struct secret *was, struct secret *row) MUST_USE;

/* An auth provider as it is shown: without the client's secret. */
void fleet_provider_out(struct json_writer *json, const struct secret *provider);

#endif
