/* project_json.h -- a project as the tracing API shows it: TracerSession. */
#ifndef TRACE_PROJECT_JSON_H
#define TRACE_PROJECT_JSON_H

#include "base/json.h"
#include "store/projects.h"

/* `stats` are members to be added, as JSON text without braces; STR_NONE: none. */
void project_json_write(struct json_writer *json, const struct project_row *project,
                        struct str stats);

#endif
