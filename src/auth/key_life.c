/* The life of a key. */
#include "auth/key_life.h"

#include "base/time.h"
#include "store/workspaces.h"

void key_draft_make(struct key_draft *draft, struct uuid id)
{
    draft->row.key_id = uuid_write(id, &draft->id);
    draft->row.key_hash = api_key_hash(api_key_make(&draft->text), &draft->hash);
}

/* ---- fields ---- */

enum err key_name_check(struct str name, const char **why)
{
    *why = "must be at most 256 bytes of text on one line";
    if (name.len > KEY_NAME_BYTES_MAX || !str_is_utf8(name))
        return ERR_INVALID;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.data[i] < 0x20 || name.data[i] == 0x7f)
            return ERR_INVALID;
    return OK;
}

/* Not more than can be said without sending a mail. */
enum err key_email_check(struct str email, const char **why)
{
    size_t at = str_find_char(email, '@');

    *why = "must be an address such as ann@example.com, at most 254 bytes";
    if (email.len > KEY_EMAIL_BYTES_MAX || !str_is_utf8(email) || at == 0 || at + 1 >= email.len ||
        str_find_char(str_from(email, at + 1), '@') < email.len - at - 1)
        return ERR_INVALID;
    for (size_t i = 0; i < email.len; i++)
        if ((unsigned char)email.data[i] <= 0x20 || email.data[i] == 0x7f)
            return ERR_INVALID;
    return OK;
}

static int64_t seconds_of(char unit)
{
    switch (unit) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 24 * 3600;
    case 'w':
        return 7 * 24 * 3600;
    default:
        return 0;
    }
}

#define SPAN_S_MAX (INT64_C(100) * 366 * 24 * 3600)

static enum err span_parse(struct str text, int64_t *span_us)
{
    int64_t unit_s = text.len > 1 ? seconds_of(text.data[text.len - 1]) : 0;
    int64_t number;

    if (unit_s == 0 || str_to_i64(str_first(text, text.len - 1), &number) || number <= 0 ||
        number > SPAN_S_MAX / unit_s)
        return ERR_INVALID;
    *span_us = number * unit_s * US_PER_SECOND;
    return OK;
}

enum err key_expiry_parse(struct str text, int64_t now_us, int64_t *expires_us, const char **why)
{
    int64_t span_us, when_us;

    *why = "must be a span such as 90d, 12h, 30m, 2w, or a time such as 2027-01-31T12:00:00Z";
    if (!span_parse(text, &span_us)) {
        *expires_us = now_us + span_us;
        return OK;
    }
    if (time_parse_iso(text, &when_us))
        return ERR_INVALID;
    *why = "must be later than now";
    if (when_us <= now_us)
        return ERR_INVALID;
    *expires_us = when_us;
    return OK;
}

static bool is_repeated(const struct str *list, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_eq(list[i], list[index]))
            return true;
    return false;
}

enum err key_workspaces_set(struct api_key_row *row, const struct str *list, size_t count,
                            const char **why)
{
    *why = "must be 1 to 100 ids of workspaces, or * alone";
    if (count == 0 || count > API_KEY_WORKSPACES_MAX)
        return ERR_INVALID;
    row->workspaces = list;
    row->workspace_count = count;
    row->tenant = list[0];
    if (api_key_opens_all(row)) {
        row->tenant = STR("default");
        return OK;
    }
    for (size_t i = 0; i < count; i++) {
        *why = "an id of a workspace is 1 to 64 of a-z A-Z 0-9 . _ -";
        if (!workspace_id_is_valid(list[i]))
            return ERR_INVALID;
        *why = "names a workspace twice";
        if (is_repeated(list, i))
            return ERR_INVALID;
    }
    return OK;
}

enum err key_workspaces_find(struct tx *tx, const struct api_key_row *row, struct str *missing)
{
    struct workspace workspace;

    for (size_t i = 0; !api_key_opens_all(row) && i < row->workspace_count; i++) {
        enum err err = workspace_get(tx, row->workspaces[i], tx->arena, &workspace);

        *missing = row->workspaces[i];
        if (err || workspace.closed_us)
            return err ? err : ERR_NOT_FOUND;
    }
    return OK;
}

/* ---- rotation ---- */

enum err key_rotate(struct tx *tx, const struct api_key_row *old, int64_t overlap_us,
                    struct key_draft *draft)
{
    struct api_key_row row = *old;
    enum err err;

    row.key_id = draft->row.key_id;
    row.key_hash = draft->row.key_hash;
    row.created_us = tx->now_us;
    row.used_us = 0;
    if (old->expires_us)
        row.expires_us = tx->now_us + (old->expires_us - old->created_us);
    draft->row = row;
    err = api_key_insert(tx, &draft->row);
    if (err)
        return err;
    return overlap_us ? api_key_expire(tx, old->key_id, tx->now_us + overlap_us)
                      : api_key_revoke(tx, old->key_id);
}

/* ---- as JSON ---- */

void key_write(struct json_writer *json, const struct api_key_row *row, struct str key)
{
    json_begin_object(json);
    json_put_str(json, "key_id", row->key_id);
    json_put_str(json, "name", row->name);
    json_put_str(json, "role", row->role);
    json_key(json, "workspaces");
    json_begin_array(json);
    for (size_t i = 0; i < row->workspace_count; i++)
        json_str_out(json, row->workspaces[i]);
    json_end_array(json);
    if (!str_is_none(key))
        json_put_str(json, "key", key);
    json_put_str(json, "email", row->email);
    json_put_raw(json, "limits", str_is_none(row->limits) ? STR("{}") : row->limits);
    json_put_time(json, "created_at", row->created_us);
    json_put_time(json, "expires_at", row->expires_us);
    json_put_time(json, "last_used_at", row->used_us);
    json_end_object(json);
}
