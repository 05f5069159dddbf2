/* `runbell secrets`: the keys that seal headers and signing keys in the store. */
#include <stdio.h>
#include <time.h>

#include "app/cli/session.h"
#include "app/secret_file.h"
#include "base/json.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "store/secrets.h"
#include "store/store_files.h"

#define REPLY_BYTES_MAX (64 * KIB)
/* A running server looks at the file every two seconds: by then it seals with the newest key. */
#define SETTLE_S 5

static const struct arg_flag flags[] = {ARG_JSON, ARG_DATA, ARG_STORE, ARG_CONFIG};

static const struct arg_command status_command = {
    .name = "runbell secrets status",
    .operands = "",
    .summary = "Lists the keys, and how many secrets in the store stand under each.",
    .more = "Works while the server runs. Keys themselves are never shown.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

static const struct arg_command rotate_command = {
    .name = "runbell secrets rotate",
    .operands = "",
    .summary = "Adds a key that seals from now on; the older ones still open.",
    .more = "A running server takes it in within seconds and seals again, while it serves, what "
            "stands\n"
            "under older keys. When secrets status shows none under an older key, secrets drop "
            "removes\n"
            "it. Run it as the user that the server runs as.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

static const struct arg_command drop_command = {
    .name = "runbell secrets drop",
    .operands = "KEY_ID",
    .summary = "Removes a key that no secret needs any more.",
    .more = "Backups that were made before the change still need it: keep a copy as long as them.",
    .operand_count = 1,
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

/* What a command works on. */
struct keys_view {
    struct session session;
    struct arena arena;
    struct secret_file file;
    struct secret_use *uses;
    size_t use_count;
};

/* ---- how many secrets stand under which key ---- */

static enum err uses_apply(struct tx *tx, void *context)
{
    struct keys_view *view = context;

    return secret_uses(tx, &view->arena, &view->uses, &view->use_count);
}

static enum err count_uses(struct keys_view *view, const char **why)
{
    const struct session_work work = {.apply = uses_apply, .context = view};
    char *path;
    enum err err = OK;

    *why = NULL;
    view->use_count = 0;
    if (view->session.config.store_url)
        return session_run(&view->session, &work, why);
    path = store_path(view->session.config.data_dir, STORE_DB_FILE);
    if (view->session.world->disk->exists(view->session.world->disk, path))
        err = secret_uses_beside(path, &view->arena, &view->uses, &view->use_count, why);
    mem_free(path);
    return err;
}

static int64_t uses_of(const struct keys_view *view, uint32_t key_id)
{
    for (size_t i = 0; i < view->use_count; i++)
        if (view->uses[i].key_id == key_id)
            return view->uses[i].count;
    return 0;
}

static int fail_count(struct keys_view *view, const char *why)
{
    return session_fail(&view->session, "the store cannot be asked which keys it needs: %s",
                        why ? why : "the lines above may say why");
}

/* ---- status ---- */

static const char *state_of(const struct keyring_keys *keys, uint32_t id)
{
    for (size_t i = 0; i < keys->count; i++)
        if (keys->keys[i].id == id)
            return i == 0 ? "seals" : "opens";
    return "missing";
}

static void write_one(struct json_writer *json, const struct keyring_keys *keys, uint32_t id,
                      int64_t count)
{
    json_begin_object(json);
    json_put_i64(json, "key_id", id);
    json_put_str(json, "state", str_of(state_of(keys, id)));
    json_put_i64(json, "secrets", count);
    json_end_object(json);
}

static void print_json(const struct keys_view *view, const struct keyring_keys *keys)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, REPLY_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_array(&json);
    for (size_t i = 0; i < keys->count; i++)
        write_one(&json, keys, keys->keys[i].id, uses_of(view, keys->keys[i].id));
    for (size_t i = 0; i < view->use_count; i++)
        if (strcmp(state_of(keys, view->uses[i].key_id), "missing") == 0)
            write_one(&json, keys, view->uses[i].key_id, view->uses[i].count);
    json_end_array(&json);
    printf("%.*s\n", STR_ARG(buf_str(&out)));
    buf_release(&out);
}

static void print_table(const struct keys_view *view, const struct keyring_keys *keys)
{
    printf("%-12s %-8s %s\n", "KEY_ID", "STATE", "SECRETS");
    for (size_t i = 0; i < keys->count; i++)
        printf("%-12u %-8s %lld\n", (unsigned)keys->keys[i].id, i == 0 ? "seals" : "opens",
               (long long)uses_of(view, keys->keys[i].id));
    for (size_t i = 0; i < view->use_count; i++)
        if (strcmp(state_of(keys, view->uses[i].key_id), "missing") == 0)
            printf("%-12u %-8s %lld\n", (unsigned)view->uses[i].key_id, "missing",
                   (long long)view->uses[i].count);
}

static int status_run(struct keys_view *view)
{
    struct keyring_keys keys = {.count = 0};
    const char *why_not;
    struct str why;

    if (secret_file_read(&view->file, &view->arena, &keys, &why))
        return session_fail(&view->session, "%.*s", STR_ARG(why));
    if (count_uses(view, &why_not)) {
        secret_wipe(&keys, sizeof(keys));
        return fail_count(view, why_not);
    }
    if (session_value(&view->session, "json"))
        print_json(view, &keys);
    else
        print_table(view, &keys);
    secret_wipe(&keys, sizeof(keys));
    return CLI_OK;
}

/* ---- rotate ---- */

static enum err add_key(void *context, struct keyring_keys *keys, struct arena *arena,
                        struct str *why)
{
    uint32_t *id = context;

    if (keyring_keys_add(keys)) {
        *why = arena_printf(arena, "there are %d keys already: drop those that no secret needs",
                            KEYRING_KEYS_MAX);
        return ERR_LIMIT;
    }
    *id = keys->keys[0].id;
    return OK;
}

static int rotate_run(struct keys_view *view)
{
    uint32_t id = 0;
    struct str why;

    if (secret_file_change(&view->file, &view->arena, add_key, &id, &why))
        return session_fail(&view->session, "%.*s", STR_ARG(why));
    if (session_value(&view->session, "json"))
        printf("{\"key_id\":%u}\n", (unsigned)id);
    else
        fprintf(stderr,
                "The key %u seals from now on. Copy %s to a safe place, apart from backups of "
                "the store.\n",
                (unsigned)id, view->file.path);
    return CLI_OK;
}

/* ---- drop ---- */

static enum err remove_key(void *context, struct keyring_keys *keys, struct arena *arena,
                           struct str *why)
{
    uint32_t id = *(const uint32_t *)context;
    enum err err = keyring_keys_remove(keys, id);

    if (err == ERR_CONFLICT)
        *why = arena_printf(arena,
                            "the key %u is the one that seals; runbell secrets rotate adds a "
                            "newer one first",
                            (unsigned)id);
    else if (err)
        *why =
            arena_printf(arena, "there is no key %u; runbell secrets status shows which there are",
                         (unsigned)id);
    return err;
}

/* Counts twice: what a server that does not know the newest key yet may have sealed is seen. */
static enum err find_idle(struct keys_view *view, uint32_t id, int64_t *count, const char **why)
{
    const struct timespec settle = {.tv_sec = SETTLE_S};
    enum err err = count_uses(view, why);

    *count = uses_of(view, id);
    if (err || *count > 0)
        return err;
    (void)nanosleep(&settle, NULL);
    err = count_uses(view, why);
    *count = uses_of(view, id);
    return err;
}

static int drop_run(struct keys_view *view)
{
    int64_t number = 0, count = 0;
    const char *why_not;
    struct str why;
    uint32_t id;

    if (str_to_i64(str_of(view->session.args.operands[0]), &number) || number < 0 ||
        number > UINT32_MAX)
        return session_fail(&view->session,
                            "KEY_ID is a number; runbell secrets status shows them");
    id = (uint32_t)number;
    if (find_idle(view, id, &count, &why_not))
        return fail_count(view, why_not);
    if (count > 0)
        return session_fail(
            &view->session,
            "%lld secrets still stand under the key %u. A running server seals them "
            "again after runbell secrets rotate; wait for it",
            (long long)count, (unsigned)id);
    if (secret_file_change(&view->file, &view->arena, remove_key, &id, &why))
        return session_fail(&view->session, "%.*s", STR_ARG(why));
    fprintf(stderr, "The key %u is dropped.\n", (unsigned)id);
    return CLI_OK;
}

/* ---- all ---- */

static int run_with(const struct arg_command *command, int (*run)(struct keys_view *view), int argc,
                    char **argv)
{
    struct keys_view view = {0};
    int code;

    if (!session_open(&view.session, command, SESSION_SETTINGS, argc, argv, &code))
        return code;
    arena_init(&view.arena);
    view.file = secret_file_of(&view.session.config, view.session.world->disk, &view.arena);
    code = run(&view);
    arena_release(&view.arena);
    session_close(&view.session);
    return code;
}

static int cli_status(int argc, char **argv)
{
    return run_with(&status_command, status_run, argc, argv);
}

static int cli_rotate(int argc, char **argv)
{
    return run_with(&rotate_command, rotate_run, argc, argv);
}

static int cli_drop(int argc, char **argv)
{
    return run_with(&drop_command, drop_run, argc, argv);
}

static const struct cli_command commands[] = {
    {"status", "the keys, and what stands under each", &status_command, .run = cli_status},
    {"rotate", "a new key that seals from now on", &rotate_command, .run = cli_rotate},
    {"drop", "remove a key that nothing needs", &drop_command, .run = cli_drop},
};

const struct cli_table secrets_table = {"runbell secrets", commands, ARRAY_LEN(commands)};
