/* key_life.h -- how a key begins, is shown, and gives way to another: for the API and the command
 * line. */
#ifndef AUTH_KEY_LIFE_H
#define AUTH_KEY_LIFE_H

#include "base/json.h"
#include "base/uuid.h"
#include "crypto/api_key.h"
#include "store/keys.h"

#define KEY_NAME_BYTES_MAX 256
#define KEY_EMAIL_BYTES_MAX 254
#define KEY_OVERLAP_S_MAX (30 * 24 * 3600)

/* A key that is to be: its row, whose id and hash stand here, and the key itself. */
struct key_draft {
    struct api_key_row row;
    struct api_key_text text; /* to be wiped when shown */
    struct sha256_text hash;
    struct uuid_text id;
};

/* Gives it an id and a secret; the rest of the row is the caller's. */
void key_draft_make(struct key_draft *draft, struct uuid id);

/* Fields of a key as its owner wrote them. ERR_INVALID: *why says how they must be (static). */
enum err key_name_check(struct str name, const char **why) MUST_USE;
enum err key_email_check(struct str email, const char **why) MUST_USE;
/* "90d", "12h", "30m", "2w", or a time; it must be later than now. */
enum err key_expiry_parse(struct str text, int64_t now_us, int64_t *expires_us,
                          const char **why) MUST_USE;
/* The ids of workspaces, or "*" alone: sets the row's list and tenant. The list stays borrowed. */
enum err key_workspaces_set(struct api_key_row *row, const struct str *list, size_t count,
                            const char **why) MUST_USE;

/* Every workspace of the row is there and open. ERR_NOT_FOUND: *missing is not. */
enum err key_workspaces_find(struct tx *tx, const struct api_key_row *row,
                             struct str *missing) MUST_USE;
/* The draft becomes a key like this one, with its name, email, role and workspaces, that lives as
 * long from now on; the old one ends after the overlap (0: at once). */
enum err key_rotate(struct tx *tx, const struct api_key_row *old, int64_t overlap_us,
                    struct key_draft *draft) MUST_USE;

/* The row as JSON; `key` STR_NONE: without the key itself. */
void key_write(struct json_writer *json, const struct api_key_row *row, struct str key);

#endif
