/* The table of roles. */
#include "auth/role.h"

#define MAY(permission) (1u << PERMIT_##permission)
#define MAY_ALL_ROLES (MAY(KNOWN) | MAY(ANYONE))

static const unsigned may[ROLE_COUNT] = {
    [ROLE_ADMIN] = MAY_ALL_ROLES | MAY(ADMIN) | MAY(READ) | MAY(RUN) | MAY(EDIT) | MAY(TRACE) |
                   MAY(WATCH) | MAY(ANSWERS) | MAY(DELIVER),
    [ROLE_EDITOR] = MAY_ALL_ROLES | MAY(READ) | MAY(RUN) | MAY(EDIT) | MAY(TRACE) | MAY(WATCH) |
                    MAY(ANSWERS) | MAY(DELIVER),
    [ROLE_VIEWER] = MAY_ALL_ROLES | MAY(READ) | MAY(WATCH),
    [ROLE_INGEST] = MAY_ALL_ROLES | MAY(TRACE),
    [ROLE_OPERATOR] = MAY_ALL_ROLES | MAY(WATCH) | MAY(ANSWERS) | MAY(DELIVER),
};

const char *const role_names[ROLE_COUNT + 1] = {
    [ROLE_ADMIN] = "admin",   [ROLE_EDITOR] = "editor",     [ROLE_VIEWER] = "viewer",
    [ROLE_INGEST] = "ingest", [ROLE_OPERATOR] = "operator", [ROLE_COUNT] = NULL,
};

static const char *const permission_names[PERMISSION_COUNT] = {
    [PERMIT_ADMIN] = "admin",     [PERMIT_READ] = "read",   [PERMIT_RUN] = "run",
    [PERMIT_EDIT] = "edit",       [PERMIT_TRACE] = "trace", [PERMIT_WATCH] = "watch",
    [PERMIT_DELIVER] = "deliver", [PERMIT_KNOWN] = "known", [PERMIT_ANYONE] = "anyone",
    [PERMIT_ANSWERS] = "answers",
};

const char *permission_name(enum permission permission)
{
    REQUIRE(permission < PERMISSION_COUNT);
    return permission_names[permission];
}

const char *role_name(enum role role)
{
    REQUIRE(role < ROLE_COUNT);
    return role_names[role];
}

enum err role_parse(struct str name, enum role *role)
{
    for (int i = 0; i < ROLE_COUNT; i++) {
        if (str_eq(name, str_of(role_names[i]))) {
            *role = (enum role)i;
            return OK;
        }
    }
    return ERR_INVALID;
}

bool role_permits(enum role role, enum permission permission)
{
    REQUIRE(role < ROLE_COUNT && permission < PERMISSION_COUNT);
    return may[role] & 1u << permission;
}
