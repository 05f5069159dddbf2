/* bundle.h -- an agent as one ZIP archive, and back.
 *
 * The same version gives the same bytes. What is taken in may be such an archive, one whose files
 * stand in a folder of their own, or a Fleet webhook's payload with the archive in it. Pure but for
 * the reading of the tree. */
#ifndef FLEET_BUNDLE_H
#define FLEET_BUNDLE_H

#include "fleet/agents.h"

#define BUNDLE_BYTES_MAX (TREE_BYTES_MAX + 2 * MIB) /* of an archive */

struct bundle {
    struct str archive; /* in the arena */
    struct str sha256;  /* hex */
    struct str file_name;
    int64_t version;
    struct str commit_hash;
};

struct bundle_options {
    bool only_composite_keys; /* interrupt_config as it stands, without bare names (tools.h) */
};

/* `version` 0: the newest. ERR_NOT_FOUND: no such version. */
enum err bundle_make(struct tx *tx, const struct fleet_agent *agent, int64_t version,
                     const struct bundle_options *options, struct arena *arena,
                     struct bundle *bundle) MUST_USE;

/* "My Agent" → "My_Agent.zip". */
struct str bundle_file_name(struct arena *arena, struct str agent_name);

/* An edit that replaces the tree by what the archive holds. ERR_INVALID, ERR_LIMIT with *why in the
 * arena. */
enum err bundle_read(struct arena *arena, struct str archive, struct agent_edit *edit,
                     struct str *why) MUST_USE;
/* The archive in {"files": {"type": "zip", "content_base64": …}}. ERR_INVALID with *why. */
enum err bundle_of_payload(struct arena *arena, struct str body, struct str *archive,
                           struct str *why) MUST_USE;

#endif
