/* principal.h -- who calls: a role in a workspace, known by an API key; on a server without keys
 * everybody, as an admin of all.
 *
 * The set of keys is an immutable object, replaced as a whole when keys change: lookups on any
 * thread take no lock. What is noted about a caller (caller.h) goes on from set to set. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "auth/caller.h"
#include "auth/role.h"
#include "base/uuid.h"
#include "store/keys.h"
#include "store/workspaces.h"

#define TENANT_DEFAULT STR("default")

/* What somebody may use, and has used. */
struct purse {
    struct limits limits;
    struct caller *caller;
    struct str payer; /* usage.h */
    bool is_workspace;
};

/* Its strings and purses live as long as the key set they came from: copy what outlasts the call.
 */
struct principal {
    struct str tenant; /* the workspace */
    struct str key_id; /* STR_NONE: no key was needed */
    enum role role;
    bool opens_all;                /* every workspace; so it may do what concerns the server */
    const struct api_key_row *key; /* NULL: none */
    bool is_guest;                 /* no key: the user's own auth handlers have to say who it is */
    struct str user; /* JSON object: who the user's own auth handlers say it is; STR_NONE: they
                        were not asked */
    const struct purse *purse;           /* the key's; NULL: none */
    const struct purse *workspace_purse; /* NULL: the workspace is not limited */
};

struct key_set;

struct key_set_source {
    const struct api_key_row *keys;
    size_t key_count;
    const struct workspace *workspaces;
    size_t workspace_count;
    struct limits limits; /* of each key that says nothing else */
    bool open;            /* without any key everybody is admitted; else, without any key, nobody */
};

/* Copies the rows. Callers go on from `before` (NULL: none); those of keys that are no more end. A
 * key of an unknown role is left out. */
struct key_set *key_set_new(const struct key_set_source *source, const struct key_set *before);
struct key_set *key_set_ref(struct key_set *set);
void key_set_unref(struct key_set *set); /* NULL is fine */
size_t key_set_count(const struct key_set *set);
bool key_set_is_open(const struct key_set *set); /* it admits everybody */
/* Of a workspace; NULL: it is not limited, or not there. */
const struct purse *key_set_workspace(const struct key_set *set, struct str tenant);
/* What a caller without a key may. */
const struct limits *key_set_limits(const struct key_set *set);

/* What is wrong, and so how it can be mended. */
enum admission {
    ADMITTED,
    ADMISSION_NO_KEY,
    ADMISSION_UNKNOWN_KEY, /* or revoked */
    ADMISSION_EXPIRED_KEY,
    ADMISSION_NO_WORKSPACE,   /* the key opens several: one must be named */
    ADMISSION_WRONG_WORKSPACE /* the key does not open it, or there is none of that name */
};

/* `workspace` is what the caller named, its id or its UUID; STR_NONE: nothing. */
enum admission key_set_admit(const struct key_set *set, struct str key, struct str workspace,
                             int64_t now_us, struct principal *principal) MUST_USE;

/* A workspace's id as the UUID by which the tracing API knows it: itself if it is one. */
struct str workspace_uuid(struct str tenant, struct uuid_text *text);

#define KEY_USED_GRAIN_US (60 * US_PER_SECOND)
/* Keys whose last use is newer than what is stored by this much, at most `room`; the ids are the
 * set's. */
size_t key_set_uses(const struct key_set *set, struct api_key_use *uses, size_t room);

#endif
