/* feedback_parse.h -- what clients say of spans and projects: JSON into a feedback row, and the row
 * as JSON (FeedbackSchema).
 *
 * null is absent; keys that are not known are passed over. `why` is a text for people in the arena.
 */
#ifndef TRACE_FEEDBACK_PARSE_H
#define TRACE_FEEDBACK_PARSE_H

#include "base/json.h"
#include "store/feedback.h"

#define FEEDBACK_KEY_CHARS_MAX 180

/* Feedback on its way: the project is named by its id, not yet found. */
struct feedback_draft {
    struct feedback_row row;
    bool has_id;
    struct str project_id; /* UUID text; STR_NONE */
    struct str config;     /* JSON object: how its key is to be read; STR_NONE */
};

/* The body of POST /feedback, or a part feedback.<id>: a JSON object. ERR_INVALID. */
enum err feedback_parse(struct arena *arena, struct str text, struct feedback_draft *draft,
                        struct str *why) MUST_USE;
/* What PATCH may change: score, value, comment, correction, feedback_config. What is absent stays.
 */
enum err feedback_parse_change(struct arena *arena, struct str text, struct feedback_draft *draft,
                               struct str *why) MUST_USE;

/* What is wrong with a configuration, which is an object; NULL: nothing. */
const char *feedback_config_problem(const struct json *config);

/* `project_id` STR_NONE: not known yet. */
void feedback_json_write(struct json_writer *json, const struct feedback_row *row,
                         struct str project_id);

#endif
