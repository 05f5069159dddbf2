/* role.h -- what a key may do: one table, from which requests are admitted, openapi.json is written
 * and the tests are generated.
 *
 * A route names the one permission it needs (api/route.h); a role is a set of permissions. A route
 * that names none needs PERMIT_ADMIN. */
#ifndef AUTH_ROLE_H
#define AUTH_ROLE_H

#include "base/str.h"

enum permission {
    PERMIT_ADMIN,   /* keys, workspaces, numbers of the whole server, test hooks */
    PERMIT_READ,    /* see what agents made: assistants, threads, runs, items, traces */
    PERMIT_RUN,     /* make and change threads, runs, crons, items */
    PERMIT_EDIT,    /* make and change what all runs and webhooks depend on: assistants, endpoints,
                       their secrets */
    PERMIT_TRACE,   /* send traces */
    PERMIT_WATCH,   /* see deliveries, endpoints, inspectors */
    PERMIT_ANSWERS, /* see what receivers answered, beyond its status; no route needs it alone */
    PERMIT_DELIVER, /* resend, cancel, pause, resume, test; inspectors */
    PERMIT_KNOWN,   /* see what one's own key is and opens: every role */
    PERMIT_ANYONE,  /* no key is needed */
    PERMISSION_COUNT
};

enum role { ROLE_ADMIN, ROLE_EDITOR, ROLE_VIEWER, ROLE_INGEST, ROLE_OPERATOR, ROLE_COUNT };

const char *permission_name(enum permission permission);        /* "read" */
const char *role_name(enum role role);                          /* "viewer" */
extern const char *const role_names[ROLE_COUNT + 1];            /* by role; ends with NULL */
enum err role_parse(struct str name, enum role *role) MUST_USE; /* ERR_INVALID: no such role */
bool role_permits(enum role role, enum permission permission);

#endif
