/* keys_remote.h -- `runbell keys … --server URL`: the same at a running server, by its API. With
 * SQLite that is the only way while it runs. Each prints what keys.c would, and gives an exit code.
 */
#ifndef APP_CLI_KEYS_REMOTE_H
#define APP_CLI_KEYS_REMOTE_H

#include "app/cli/session.h"
#include "store/keys.h"

/* The head of a list, in columns. */
#define KEYS_HEAD                                                                                  \
    "KEY_ID                                ROLE      WORKSPACES        CREATED     EXPIRES     "   \
    "LAST USED   NAME"

/* Was a server named? */
bool keys_remote_wanted(const struct session *session);
/* Role, name, email, limits and workspaces of the row; `expires` as it was written, STR_NONE:
 * never.
 */
int keys_remote_create(struct session *session, const struct api_key_row *row, struct str expires);
int keys_remote_list(struct session *session);
int keys_remote_rotate(struct session *session, struct str key_id, int64_t overlap_s);
int keys_remote_revoke(struct session *session, struct str key_id);

#endif
