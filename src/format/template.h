/* template.h -- JSON that a user wrote, with placeholders in its strings.
 *
 *   "{alert_name} triggered"     "{{alert_name}} triggered"     "<{project-url}|open>"
 *
 * A known name is replaced, in one pair of braces or two; '-' counts as '_'. A string that is
 * nothing but one placeholder takes over the value's type. What is not known stays as it is. Keys,
 * numbers and the order of members are carried over byte for byte. Pure. */
#ifndef FORMAT_TEMPLATE_H
#define FORMAT_TEMPLATE_H

#include "base/json.h"

#define TEMPLATE_NAME_BYTES_MAX 64

struct template_variable {
    struct str name; /* with '_' */
    struct str text;
    struct str json; /* what a string that is just its placeholder becomes; STR_NONE: the text */
};

struct template_fill {
    const struct template_variable *variables;
    size_t count;
    bool is_verbatim;    /* nothing is replaced */
    bool escapes_markup; /* & < > of values become entities, as Slack wants it */
};

/* The members of `object_text`, a valid JSON object, into an object that the writer has begun,
 * without those named in `hidden` (they are written by the caller). */
void template_write_members(struct json_writer *w, struct str object_text,
                            const struct template_fill *fill,
                            const struct template_variable *hidden, size_t hidden_count);

/* The placeholders that stay as they are, each once, in the arena; at most `max` of them. */
size_t template_unknown(struct str json_text, const struct template_fill *fill, struct arena *arena,
                        struct str *names, size_t max);
/* The members that template_write_members leaves out, likewise. */
size_t template_hidden(struct str object_text, const struct template_variable *hidden,
                       size_t hidden_count, struct arena *arena, struct str *names, size_t max);

#endif
