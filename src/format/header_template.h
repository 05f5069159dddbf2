/* header_template.h -- header values with environment variables in them.
 *
 *   value = *(text | "${{" blanks "env." NAME blanks "}}")
 *   NAME  = a letter or '_', then letters, digits and '_'; must begin with the given prefix
 *
 * Resolved once, at the start of the server, which refuses to start on any error: so the errors
 * name the variable. A variable's value is taken as it is, never resolved again. The result is a
 * valid header value (format/header.h), blanks at its ends cut off. No I/O: the caller looks up. */
#ifndef FORMAT_HEADER_TEMPLATE_H
#define FORMAT_HEADER_TEMPLATE_H

#include "base/arena.h"

#define HEADER_TEMPLATE_PREFIX "LG_WEBHOOK_"

struct header_variables {
    /* The variable's value; STR_NONE if it is not set. */
    struct str (*find)(void *context, struct str name);
    void *context;
    struct str prefix; /* "" admits every name */
};

/* ERR_NOT_FOUND: not set. ERR_DENIED: another prefix. ERR_INVALID: no such form, not closed, or a
 * character that no header may have. ERR_LIMIT: too long. *why (in the arena) says it for people
 * and never contains a variable's value. */
enum err header_template_resolve(struct arena *arena, struct str text,
                                 const struct header_variables *variables, struct str *value,
                                 struct str *why) MUST_USE;

#endif
