/* agent_json.h -- agents, their versions and files as the API shows them. */
#ifndef FLEET_AGENT_JSON_H
#define FLEET_AGENT_JSON_H

#include "base/json.h"
#include "store/fleet_agents.h"
#include "store/trees.h"

/* What is shown beyond the row. */
struct agent_contents {
    const struct tree_files *definition; /* those of agent_is_definition with contents, or all */
    bool with_files;                     /* all of them, as "files" */
};

/* Is the file shown as members too: config.json, the prompts, what says which tools? */
bool agent_is_definition(struct str path);

void agent_json_out(struct json_writer *json, const struct fleet_agent *agent,
                    const struct agent_contents *contents);
void agent_json_out_version(struct json_writer *json, const struct tree_version *version);
/* {path: {"content": …}}, base64 where the bytes are no text; without contents {path: {"hash": …,
 * "size": …}}. */
void agent_json_out_files(struct json_writer *json, const struct tree_files *files);

#endif
