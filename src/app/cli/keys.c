/* `runbell keys`: API keys, made and revoked where the store is. */
#include <stdio.h>

#include "app/cli/keys_remote.h"
#include "app/cli/remote.h"
#include "auth/key_life.h"
#include "auth/limits.h"
#include "auth/role.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "store/workspaces.h"

#define REPLY_BYTES_MAX (16 * MIB)
/* Rows of a table of flags: the store where it lies, or a running server. */
#define WHERE                                                                                      \
    ARG_DATA, ARG_STORE, ARG_CONFIG,                                                               \
        {"server", "URL", "ask a running server, instead of opening its store", NULL}, ARG_API_KEY

/* The store's own words do not know that a running server can do it too. */
static int fail(const struct session *session, enum err err, const char *why, const char *instead)
{
    if (err == ERR_CONFLICT && why)
        return session_fail(session, "%s. A running server does it itself: --server URL, or %s",
                            why, instead);
    if (why)
        return session_fail(session, "%s", why);
    return session_fail(session, "the store answered \"%s\"; the lines above may say more",
                        err_name(err));
}

static void print_json(const struct buf *out)
{
    printf("%.*s\n", STR_ARG(buf_str(out)));
}

/* ---- create ---- */

static const struct arg_flag create_flags[] = {
    {"name", "NAME", "what it is for, as keys list shows it", NULL},
    {"email", "ADDRESS", "whose it is: agents and publishes are theirs", NULL},
    {"role", "ROLE", "admin (default), editor, viewer, ingest or operator", NULL},
    {"workspace", "ID,…", "the workspaces it opens; they are made if need be (default: * for all)",
     NULL},
    {"limits", "NAME=N,…", "e.g. requests_per_s=5,runs_per_day=100 (docs/keys.md)", NULL},
    {"expires", "WHEN", "a span (90d, 12h, 30m, 2w) or a time (default: never)", NULL},
    ARG_JSON,
    WHERE,
};

static const struct arg_command create_command = {
    .name = "runbell keys create",
    .operands = "",
    .summary = "Makes an API key and prints it once; only its digest is kept.",
    .more =
        "From then on every request needs a key (header X-Api-Key). What each role may do is in\n"
        "docs/keys.md. With SQLite the folder is the server's while it runs: --server asks it.",
    .flags = create_flags,
    .flag_count = ARRAY_LEN(create_flags),
};

struct create {
    struct key_draft draft;
    struct str expires; /* STR_NONE: never */
    const char *wrong;  /* what is wrong with it */
};

static enum err create_apply(struct tx *tx, void *context)
{
    struct create *create = context;
    struct api_key_row *row = &create->draft.row;
    enum err err = OK;

    key_draft_make(&create->draft, uuid_v7(tx->rng, tx->now_us));
    row->created_us = tx->now_us;
    if (!str_is_none(create->expires))
        err = key_expiry_parse(create->expires, tx->now_us, &row->expires_us, &create->wrong);
    if (err)
        return err;
    create->wrong = NULL;
    for (size_t i = 0; !err && !api_key_opens_all(row) && i < row->workspace_count; i++)
        err = workspace_ensure(tx, row->workspaces[i]);
    if (!err)
        err = api_key_insert(tx, row);
    if (!err)
        tx_notify(tx, TOPIC_KEYS, row->key_id);
    return err;
}

static void draft_print(const struct session *session, const struct key_draft *draft)
{
    struct str key = str_of(draft->text.text);
    struct json_writer json;
    struct buf out;

    if (!session_value(session, "json")) {
        fprintf(stderr, "Key %.*s (%.*s); keep it, it is shown this once:\n",
                STR_ARG(draft->row.key_id), STR_ARG(draft->row.role));
        printf("%.*s\n", STR_ARG(key));
        return;
    }
    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    key_write(&json, &draft->row, key);
    print_json(&out);
    buf_release(&out);
}

/* "a,b" as a list in the arena. */
static struct str *split(struct arena *arena, struct str text, size_t *count)
{
    struct str *list = ARENA_ARRAY(arena, struct str, API_KEY_WORKSPACES_MAX + 1);

    *count = 0;
    while (*count <= API_KEY_WORKSPACES_MAX && str_split(&text, ',', &list[*count]))
        ++*count;
    return list;
}

static int wrong(const struct session *session, const char *flag, const char *why)
{
    return session_fail(session, "--%s: %s", flag, why);
}

static int limits_read(const struct session *session, struct arena *arena, struct api_key_row *row)
{
    const char *given = session_value(session, "limits");
    struct limits limits;
    struct str why;

    if (!given)
        return CLI_OK;
    if (limits_parse_flags(arena, str_of(given), &limits, &why))
        return wrong(session, "limits", arena_cstr(arena, why));
    row->limits = limits_text(arena, &limits);
    return CLI_OK;
}

/* CLI_OK: the row is filled from the flags. */
static int row_read(const struct session *session, struct arena *arena, struct api_key_row *row)
{
    const char *name = session_value(session, "name"), *role = session_value(session, "role");
    const char *workspace = session_value(session, "workspace");
    const char *email = session_value(session, "email");
    struct str *list;
    enum role known;
    const char *why;
    size_t count;

    row->name = name ? str_of(name) : STR("");
    row->role = role ? str_of(role) : str_of(role_name(ROLE_ADMIN));
    if (key_name_check(row->name, &why))
        return wrong(session, "name", why);
    row->email = str_of(email);
    if (email && key_email_check(row->email, &why))
        return wrong(session, "email", why);
    if (role_parse(row->role, &known))
        return wrong(session, "role", "must be admin, editor, viewer, ingest or operator");
    if (limits_read(session, arena, row))
        return CLI_FAILED;
    list = split(arena, workspace ? str_of(workspace) : WORKSPACE_EVERY, &count);
    return key_workspaces_set(row, list, count, &why) ? wrong(session, "workspace", why) : CLI_OK;
}

static int create_with(struct session *session, struct create *create)
{
    struct session_work work = {create_apply, create, .is_write = true, .may_create = true};
    const char *why;
    enum err err = session_run(session, &work, &why);

    if (err && create->wrong)
        return wrong(session, "expires", create->wrong);
    if (err)
        return fail(session, err, why, "POST /v1/keys");
    draft_print(session, &create->draft);
    return CLI_OK;
}

static int create_run(struct session *session)
{
    struct create create = {.expires = str_of(session_value(session, "expires"))};
    struct arena arena;
    int code;

    arena_init(&arena);
    code = row_read(session, &arena, &create.draft.row);
    if (code == CLI_OK && keys_remote_wanted(session))
        code = keys_remote_create(session, &create.draft.row, create.expires);
    else if (code == CLI_OK)
        code = create_with(session, &create);
    secret_wipe(&create.draft.text, sizeof(create.draft.text));
    arena_release(&arena);
    return code;
}

/* ---- list ---- */

static const struct arg_flag list_flags[] = {ARG_JSON, WHERE};

static const struct arg_command list_command = {
    .name = "runbell keys list",
    .operands = "",
    .summary = "Lists the API keys that are not revoked, without the keys themselves.",
    .more = "",
    .flags = list_flags,
    .flag_count = ARRAY_LEN(list_flags),
};

struct list_keys {
    struct arena arena;
    struct api_keys keys;
};

static enum err list_apply(struct tx *tx, void *context)
{
    struct list_keys *list = context;

    return api_key_list(tx, &list->arena, &list->keys);
}

static void list_print_json(const struct list_keys *list)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < list->keys.count; i++)
        key_write(&json, &list->keys.list[i], STR_NONE);
    json_end_array(&json);
    print_json(&out);
    buf_release(&out);
}

/* "a,b" */
static struct str joined(struct arena *arena, const struct api_key_row *row)
{
    struct str text = row->workspaces[0];

    for (size_t i = 1; i < row->workspace_count; i++)
        text = arena_printf(arena, "%.*s,%.*s", STR_ARG(text), STR_ARG(row->workspaces[i]));
    return text;
}

static struct str day(struct arena *arena, int64_t when_us, const char *never)
{
    struct time_text text;

    return when_us ? arena_str(arena, str_first(time_write_iso(when_us, &text), 10))
                   : str_of(never);
}

static void list_print(struct list_keys *list)
{
    if (list->keys.count == 0)
        fprintf(stderr, "There are no keys: everybody who reaches the server may use it.\n");
    else
        puts(KEYS_HEAD);
    for (size_t i = 0; i < list->keys.count; i++) {
        const struct api_key_row *row = &list->keys.list[i];

        printf("%.*s  %-8.*s  %-16.*s  %.*s  %-10.*s  %-10.*s  %.*s\n", STR_ARG(row->key_id),
               STR_ARG(row->role), STR_ARG(joined(&list->arena, row)),
               STR_ARG(day(&list->arena, row->created_us, "")),
               STR_ARG(day(&list->arena, row->expires_us, "never")),
               STR_ARG(day(&list->arena, row->used_us, "never")), STR_ARG(row->name));
    }
}

static int list_run(struct session *session)
{
    struct list_keys list = {.keys = {0}};
    struct session_work work = {.apply = list_apply, .context = &list};
    const char *why;
    enum err err;

    if (keys_remote_wanted(session))
        return keys_remote_list(session);
    arena_init(&list.arena);
    err = session_run(session, &work, &why);
    if (!err && session_value(session, "json"))
        list_print_json(&list);
    else if (!err)
        list_print(&list);
    arena_release(&list.arena);
    return err ? fail(session, err, why, "GET /v1/keys") : CLI_OK;
}

/* ---- rotate ---- */

static const struct arg_flag rotate_flags[] = {
    {"overlap", "SECONDS", "how long the old key still opens (default: 0)", NULL},
    ARG_JSON,
    WHERE,
};

static const struct arg_command rotate_command = {
    .name = "runbell keys rotate",
    .operands = "KEY_ID",
    .summary = "Makes another key in place of this one, and prints it once.",
    .more = "It has the same name, role and workspaces, and lives as long.",
    .operand_count = 1,
    .flags = rotate_flags,
    .flag_count = ARRAY_LEN(rotate_flags),
};

struct rotation {
    struct str key_id;
    int64_t overlap_s;
    struct arena arena;
    struct key_draft draft;
};

static enum err rotate_apply(struct tx *tx, void *context)
{
    struct rotation *rotation = context;
    struct api_key_row old;
    enum err err = api_key_get(tx, rotation->key_id, &rotation->arena, &old);

    if (err)
        return err;
    key_draft_make(&rotation->draft, uuid_v7(tx->rng, tx->now_us));
    err = key_rotate(tx, &old, rotation->overlap_s * US_PER_SECOND, &rotation->draft);
    if (!err)
        tx_notify(tx, TOPIC_KEYS, old.key_id);
    return err;
}

static int no_such_key(const struct session *session, struct str key_id)
{
    return session_fail(session, "there is no key %.*s; runbell keys list shows which there are",
                        STR_ARG(key_id));
}

static int rotate_with(struct session *session, struct rotation *rotation)
{
    struct session_work work = {rotate_apply, rotation, .is_write = true};
    const char *why;
    enum err err = session_run(session, &work, &why);

    if (err == ERR_NOT_FOUND && !why)
        return no_such_key(session, rotation->key_id);
    if (err)
        return fail(session, err, why, "POST /v1/keys/{key_id}/rotate");
    draft_print(session, &rotation->draft);
    return CLI_OK;
}

static int rotate_run(struct session *session)
{
    struct rotation rotation = {.key_id = str_of(session->args.operands[0])};
    const char *overlap = session_value(session, "overlap");
    int code;

    if (overlap && (str_to_i64(str_of(overlap), &rotation.overlap_s) || rotation.overlap_s < 0 ||
                    rotation.overlap_s > KEY_OVERLAP_S_MAX))
        return wrong(session, "overlap", "must be 0 to 2592000 seconds (30 days)");
    if (keys_remote_wanted(session))
        return keys_remote_rotate(session, rotation.key_id, rotation.overlap_s);
    arena_init(&rotation.arena);
    code = rotate_with(session, &rotation);
    secret_wipe(&rotation.draft.text, sizeof(rotation.draft.text));
    arena_release(&rotation.arena);
    return code;
}

/* ---- revoke ---- */

static const struct arg_flag revoke_flags[] = {ARG_JSON, WHERE};

static const struct arg_command revoke_command = {
    .name = "runbell keys revoke",
    .operands = "KEY_ID",
    .summary = "Revokes an API key: who has it is let in no more.",
    .more = "KEY_ID is what keys list shows, not the key itself.",
    .operand_count = 1,
    .flags = revoke_flags,
    .flag_count = ARRAY_LEN(revoke_flags),
};

static enum err revoke_apply(struct tx *tx, void *context)
{
    const struct str *key_id = context;
    enum err err = api_key_revoke(tx, *key_id);

    if (!err)
        tx_notify(tx, TOPIC_KEYS, *key_id);
    return err;
}

static int revoke_with(struct session *session, struct str key_id)
{
    struct session_work work = {revoke_apply, &key_id, .is_write = true};
    const char *why;
    enum err err = session_run(session, &work, &why);

    if (err == ERR_NOT_FOUND && !why)
        return no_such_key(session, key_id);
    return err ? fail(session, err, why, "DELETE /v1/keys/{key_id}") : CLI_OK;
}

static int revoke_run(struct session *session)
{
    struct str key_id = str_of(session->args.operands[0]);
    int code;

    if (api_key_is_ours(key_id))
        return session_fail(session, "this is a key; its KEY_ID is in runbell keys list");
    code = keys_remote_wanted(session) ? keys_remote_revoke(session, key_id)
                                       : revoke_with(session, key_id);
    if (code == CLI_OK && session_value(session, "json"))
        printf("{\"revoked\":\"%.*s\"}\n", STR_ARG(key_id));
    else if (code == CLI_OK)
        fprintf(stderr, "Revoked %.*s.\n", STR_ARG(key_id));
    return code;
}

/* ---- all ---- */

static int run_with(const struct arg_command *command, int (*run)(struct session *session),
                    int argc, char **argv)
{
    struct session session;
    int code;

    if (!session_open(&session, command, SESSION_SETTINGS, argc, argv, &code))
        return code;
    code = run(&session);
    session_close(&session);
    return code;
}

static int cli_create(int argc, char **argv)
{
    return run_with(&create_command, create_run, argc, argv);
}

static int cli_list(int argc, char **argv)
{
    return run_with(&list_command, list_run, argc, argv);
}

static int cli_rotate(int argc, char **argv)
{
    return run_with(&rotate_command, rotate_run, argc, argv);
}

static int cli_revoke(int argc, char **argv)
{
    return run_with(&revoke_command, revoke_run, argc, argv);
}

static const struct cli_command commands[] = {
    {"create", "make a key and print it once", &create_command, .run = cli_create},
    {"list", "the keys there are", &list_command, .run = cli_list},
    {"rotate", "another key in place of one", &rotate_command, .run = cli_rotate},
    {"revoke", "end a key's life", &revoke_command, .run = cli_revoke},
};

const struct cli_table keys_table = {"runbell keys", commands, ARRAY_LEN(commands)};
