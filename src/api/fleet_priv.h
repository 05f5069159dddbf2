/* fleet_priv.h -- what the files of Fleet's resources share: who asks, pages, an agent found. */
#ifndef API_FLEET_PRIV_H
#define API_FLEET_PRIV_H

#include "api/route.h"
#include "fleet/agent_json.h"
#include "fleet/agents.h"
#include "fleet/tool_auth.h"
#include "store/secrets.h"

/* Who asks, as the key says it: texts live as long as the call. */
struct person fleet_person(const struct call *call);

/* ---- pages: {"items": […], "next_cursor": …}, newest first ---- */

#define FLEET_PAGE_MAX 100

struct fleet_page {
    int64_t size;
    int64_t before_us; /* 0: the first page */
    struct str before_id;
};

/* page_size and cursor of the query string. */
enum err fleet_page_read(struct call *call, struct fleet_page *page) MUST_USE;
void fleet_page_begin(struct call *call, struct json_writer **json);
/* More follow behind the one with this time and id; id STR_NONE: it is the last page. */
void fleet_page_end(struct call *call, int64_t last_us, struct str last_id);

/* ---- agents ---- */

/* The one the path names. On an error the reply is filled: 404, 403. */
enum err fleet_agent_of(struct tx *tx, struct call *call, enum agent_right right,
                        struct fleet_agent *agent) MUST_USE;
/* Fills the reply for what fleet/agents.h returned, with its words. Returns the error, so that the
 * transaction undoes what was begun. */
enum err fleet_failed(struct call *call, const struct agent_work *work, enum err err);
struct agent_work fleet_work(struct tx *tx, struct call *call, const struct person *person);
/* The agent with its settings; `with_files`: with the contents of all files. */
enum err fleet_agent_reply(struct tx *tx, struct call *call, int status,
                           const struct fleet_agent *agent, bool with_files) MUST_USE;

/* ---- the workspace's secrets (store/secrets.h) ---- */

/* Of one kind, without values. */
enum err fleet_secrets_of(struct tx *tx, const struct call *call, enum secret_kind kind,
                          struct secrets *found) MUST_USE;
/* All of them, with values: whoever gets them wipes them. ERR_DENIED: one of them cannot be opened,
 * and the reply (503) says which. */
enum err fleet_secrets_open(struct tx *tx, struct call *call, struct secrets *all) MUST_USE;
/* The one that the path names; the reply is 204. ERR_NOT_FOUND: there is none, and no reply. */
enum err fleet_secret_remove(struct tx *tx, struct call *call, enum secret_kind kind) MUST_USE;
/* What the workspace knows of MCP servers, for bundles: names, never values. In the call's arena.
 */
enum err fleet_server_auths(struct tx *tx, struct call *call, struct server_auths *auths) MUST_USE;
/* Has the workspace a value for this name, or for FLEET_<name>? `secrets`: of SECRET_WORKSPACE. */
bool fleet_has_secret(struct arena *arena, const struct secrets *secrets, struct str name);
/* "version" of a body or "1" of a query: the number of a version; 0 is the newest. */
enum err fleet_version_read(struct call *call, struct str text, const char *where,
                            int64_t *version) MUST_USE;

#endif
