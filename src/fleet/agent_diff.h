/* agent_diff.h -- what is different between two trees of files, file by file. Pure. */
#ifndef FLEET_AGENT_DIFF_H
#define FLEET_AGENT_DIFF_H

#include "base/json.h"
#include "store/trees.h"

/* An array of {"path", "status": added | removed | changed, "binary", "added", "removed", "diff"}:
 * lines that came and went, and the hunks (format/text_diff.h); null where the bytes are no text.
 * Both trees with contents. */
void agent_diff_out(struct json_writer *json, const struct tree_files *before,
                    const struct tree_files *after);

#endif
