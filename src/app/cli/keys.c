/* `runbell keys`: API keys, made and revoked where the store is. */
#include <stdio.h>

#include "app/cli/session.h"
#include "auth/principal.h"
#include "base/json.h"
#include "base/time.h"
#include "base/uuid.h"
#include "crypto/api_key.h"
#include "crypto/secret.h"

#define NAME_BYTES_MAX 256
#define REPLY_BYTES_MAX (16 * MIB)

/* The store's own words do not know that a running server can do it too. */
static int fail(const struct session *session, enum err err, const char *why, const char *instead)
{
    if (err == ERR_CONFLICT && why)
        return session_fail(session, "%s. A running server does it by HTTP: %s", why, instead);
    if (why)
        return session_fail(session, "%s", why);
    return session_fail(session, "the store answered \"%s\"; the lines above may say more",
                        err_name(err));
}

static void print_json(const struct buf *out)
{
    printf("%.*s\n", STR_ARG(buf_str(out)));
}

static void write_key(struct json_writer *json, const struct api_key_row *row, struct str key)
{
    json_begin_object(json);
    json_put_str(json, "key_id", row->key_id);
    json_put_str(json, "name", row->name);
    json_put_str(json, "tenant", row->tenant);
    if (!str_is_none(key))
        json_put_str(json, "key", key);
    json_put_time(json, "created_at", row->created_us);
    json_end_object(json);
}

/* ---- create ---- */

static const struct arg_flag create_flags[] = {
    {"name", "NAME", "what it is for, as keys list shows it", NULL},
    {"tenant", "TENANT", "whose data it opens (default: default)", NULL},
    ARG_JSON,
    ARG_DATA,
    ARG_STORE,
    ARG_CONFIG,
};

static const struct arg_command create_command = {
    .name = "runbell keys create",
    .operands = "",
    .summary = "Makes an API key and prints it once; only its digest is kept.",
    .more =
        "From then on every request needs a key (header X-Api-Key). With SQLite the server must\n"
        "not run; a running one makes keys by POST /v1/keys.",
    .flags = create_flags,
    .flag_count = ARRAY_LEN(create_flags),
};

struct create {
    struct api_key_row row;
    struct api_key_text text;
    struct sha256_text hash;
    struct uuid_text id;
};

static enum err create_apply(struct tx *tx, void *context)
{
    struct create *create = context;
    enum err err;

    create->row.created_us = tx->now_us;
    create->row.key_id = uuid_write(uuid_v7(tx->rng, tx->now_us), &create->id);
    err = api_key_insert(tx, &create->row);
    if (!err)
        tx_notify(tx, TOPIC_KEYS, create->row.key_id);
    return err;
}

static void create_print(const struct session *session, const struct create *create)
{
    struct str key = str_of(create->text.text);
    struct json_writer json;
    struct buf out;

    if (!session_value(session, "json")) {
        fprintf(stderr, "Key %.*s of tenant %.*s; keep it, it is shown this once:\n",
                STR_ARG(create->row.key_id), STR_ARG(create->row.tenant));
        printf("%.*s\n", STR_ARG(key));
        return;
    }
    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    write_key(&json, &create->row, key);
    print_json(&out);
    buf_release(&out);
}

static bool is_word(struct str text, bool may_be_empty)
{
    if ((str_is_empty(text) && !may_be_empty) || text.len > NAME_BYTES_MAX || !str_is_utf8(text))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static int create_run(struct session *session)
{
    const char *name = session_value(session, "name"), *tenant = session_value(session, "tenant");
    struct create create = {.row = {.tenant = tenant ? str_of(tenant) : TENANT_DEFAULT,
                                    .name = name ? str_of(name) : STR("")}};
    struct session_work work = {create_apply, &create, .is_write = true, .may_create = true};
    const char *why;
    enum err err;

    if (!is_word(create.row.tenant, false) || !is_word(create.row.name, true))
        return session_fail(session,
                            "--name and --tenant must be at most %d bytes of text on one "
                            "line",
                            NAME_BYTES_MAX);
    create.row.key_hash = api_key_hash(api_key_make(&create.text), &create.hash);
    err = session_run(session, &work, &why);
    if (!err)
        create_print(session, &create);
    secret_wipe(&create.text, sizeof(create.text));
    return err ? fail(session, err, why, "POST /v1/keys") : CLI_OK;
}

/* ---- list ---- */

static const struct arg_flag list_flags[] = {ARG_JSON, ARG_DATA, ARG_STORE, ARG_CONFIG};

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
    struct api_key_row *rows;
    size_t count;
};

static enum err list_apply(struct tx *tx, void *context)
{
    struct list_keys *list = context;

    return api_key_list(tx, &list->arena, &list->rows, &list->count);
}

static void list_print_json(const struct list_keys *list)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < list->count; i++)
        write_key(&json, &list->rows[i], STR_NONE);
    json_end_array(&json);
    print_json(&out);
    buf_release(&out);
}

static void list_print(const struct list_keys *list)
{
    struct time_text created;

    if (list->count == 0)
        fprintf(stderr, "There are no keys: everybody who reaches the server may use it.\n");
    else
        printf("%-36s  %-19s  %-16s  %s\n", "KEY_ID", "CREATED", "TENANT", "NAME");
    for (size_t i = 0; i < list->count; i++) {
        const struct api_key_row *row = &list->rows[i];

        printf("%.*s  %.19s  %-16.*s  %.*s\n", STR_ARG(row->key_id),
               time_write_iso(row->created_us, &created).data, STR_ARG(row->tenant),
               STR_ARG(row->name));
    }
}

static int list_run(struct session *session)
{
    struct list_keys list = {.rows = NULL};
    struct session_work work = {.apply = list_apply, .context = &list};
    const char *why;
    enum err err;

    arena_init(&list.arena);
    err = session_run(session, &work, &why);
    if (!err && session_value(session, "json"))
        list_print_json(&list);
    else if (!err)
        list_print(&list);
    arena_release(&list.arena);
    return err ? fail(session, err, why, "GET /v1/keys") : CLI_OK;
}

/* ---- revoke ---- */

static const struct arg_flag revoke_flags[] = {ARG_DATA, ARG_STORE, ARG_CONFIG};

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
    struct api_key_row *rows;
    size_t count;
    enum err err = api_key_list(tx, tx->arena, &rows, &count);

    for (size_t i = 0; !err && i < count; i++) {
        if (!str_eq(rows[i].key_id, *key_id))
            continue;
        err = api_key_revoke(tx, rows[i].tenant, *key_id);
        if (!err)
            tx_notify(tx, TOPIC_KEYS, *key_id);
        return err;
    }
    return err ? err : ERR_NOT_FOUND;
}

static int revoke_run(struct session *session)
{
    struct str key_id = str_of(session->args.operands[0]);
    struct session_work work = {revoke_apply, &key_id, .is_write = true};
    const char *why;
    enum err err;

    if (api_key_is_ours(key_id))
        return session_fail(session, "this is a key; its KEY_ID is in runbell keys list");
    err = session_run(session, &work, &why);
    if (err == ERR_NOT_FOUND && !why)
        return session_fail(session,
                            "there is no key %.*s; runbell keys list shows which there are",
                            STR_ARG(key_id));
    if (err)
        return fail(session, err, why, "DELETE /v1/keys/{key_id}");
    fprintf(stderr, "Revoked %.*s.\n", STR_ARG(key_id));
    return CLI_OK;
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

static int cli_revoke(int argc, char **argv)
{
    return run_with(&revoke_command, revoke_run, argc, argv);
}

static const struct cli_command commands[] = {
    {"create", cli_create, "make a key and print it once", &create_command, NULL},
    {"list", cli_list, "the keys there are", &list_command, NULL},
    {"revoke", cli_revoke, "end a key's life", &revoke_command, NULL},
};

const struct cli_table keys_table = {"runbell keys", commands, ARRAY_LEN(commands)};

int cli_keys(int argc, char **argv)
{
    return cli_dispatch(&keys_table, argc, argv);
}
