/* Flags, world, configuration, and one look into the store. */
#include "app/cli/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/disk.h"
#include "io/loop.h"
#include "io/real_world.h"
#include "store/store_files.h"

#define PATH_BYTES_MAX 4096
#define EXIT_STORE_LOST 70

/* ---- flags ---- */

static bool parse_flags(struct session *session, int argc, char **argv, int *code)
{
    enum args_outcome outcome;
    struct buf text;

    buf_init(&text, ARGS_TEXT_BYTES_MAX);
    outcome = args_parse(session->command, argc, argv, &session->args, &text);
    if (outcome != ARGS_OK)
        fputs(buf_cstr(&text), outcome == ARGS_HELP ? stdout : stderr);
    *code = outcome == ARGS_WRONG ? CLI_USAGE : CLI_OK;
    buf_release(&text);
    return outcome == ARGS_OK;
}

const char *session_value(const struct session *session, const char *flag)
{
    return args_value(session->command, &session->args, flag);
}

int session_fail(const struct session *session, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: ", session->command->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return CLI_FAILED;
}

/* ---- configuration ---- */

static const char *const *environment(void)
{
    union {
        char **in;
        const char *const *out; /* config only reads them */
    } cast = {.in = environ};

    return cast.out;
}

static size_t flags_of(const struct session *session, struct config_flag *flags)
{
    size_t count = 0;

    for (size_t i = 0; i < session->command->flag_count; i++)
        if (session->command->flags[i].setting && session->args.values[i])
            flags[count++] =
                (struct config_flag){session->command->flags[i].setting, session->args.values[i]};
    return count;
}

enum err session_load(const struct session *session, struct disk *disk, bool settings_only,
                      struct config *config, struct str *why)
{
    char working_dir[PATH_BYTES_MAX];
    struct config_flag flags[ARGS_FLAGS_MAX];
    struct config_sources sources = {
        .disk = disk,
        .working_dir = working_dir,
        .file = session_value(session, "config"),
        .environment = environment(),
        .flags = flags,
        .flag_count = flags_of(session, flags),
        .settings_only = settings_only,
    };

    if (getcwd(working_dir, sizeof(working_dir)))
        return config_load(&sources, config, why);
    config_init(config);
    *why = STR("the working folder cannot be found; change to one that exists");
    return ERR_NOT_FOUND;
}

enum err session_read_config(struct session *session, bool settings_only, struct str *why)
{
    config_release(&session->config);
    return session_load(session, session->world->disk, settings_only, &session->config, why);
}

static bool load_config(struct session *session, bool settings_only, int *code)
{
    struct str why;

    if (!session_read_config(session, settings_only, &why))
        return true;
    *code = session_fail(session, "%.*s", STR_ARG(why));
    return false;
}

bool session_open(struct session *session, const struct arg_command *command,
                  enum session_config wanted, int argc, char **argv, int *code)
{
    *session = (struct session){.command = command};
    if (!parse_flags(session, argc, argv, code))
        return false;
    log_set_level(LOG_WARN); /* a command speaks for itself */
    session->world = real_world_new();
    config_init(&session->config);
    if (wanted == SESSION_NO_CONFIG)
        return true;
    if (load_config(session, wanted == SESSION_SETTINGS, code))
        return true;
    session_close(session);
    return false;
}

void session_close(struct session *session)
{
    session_end_world(session);
    config_release(&session->config);
}

void session_end_world(struct session *session)
{
    if (session->world)
        real_world_free(session->world);
    session->world = NULL;
}

/* ---- the store ---- */

struct run {
    struct store_work work;
    const struct session_work *what;
    struct loop *loop;
    enum err err;
};

static enum err run_apply(struct tx *tx, struct store_work *work)
{
    struct run *run = CONTAINER_OF(work, struct run, work);

    return run->what->apply(tx, run->what->context);
}

static void run_done(struct store_work *work, enum err err)
{
    struct run *run = CONTAINER_OF(work, struct run, work);

    run->err = err;
    loop_stop(run->loop);
}

/* What is on the disk is unknown: no answer is better than a wrong one. */
static void on_fatal(void *context, const char *why)
{
    const struct session *session = context;

    (void)session_fail(session, "the store is lost: %s", why);
    _Exit(EXIT_STORE_LOST);
}

static bool has_store(const struct session *session)
{
    char *path = store_path(session->config.data_dir, STORE_DB_FILE);
    bool exists = session->world->disk->exists(session->world->disk, path);

    mem_free(path);
    return exists || session->config.store_url;
}

enum err session_run(struct session *session, const struct session_work *what, const char **why)
{
    const struct store_config config = {
        .world = session->world,
        .data_dir = session->config.data_dir,
        .postgres_url = session->config.store_url,
        .reader_count = 1,
        .on_fatal = on_fatal,
        .context = session,
    };
    struct run run = {.what = what};
    struct store *store;
    enum err err;

    if (!what->may_create && !has_store(session)) {
        *why = arena_cstr(&session->config.arena,
                          arena_printf(&session->config.arena,
                                       "there is no store in %s: --data or --store says where "
                                       "another is; the first runbell serve, or keys create, "
                                       "makes one",
                                       session->config.data_dir));
        return ERR_NOT_FOUND;
    }
    err = store_open(&config, &store, why);
    if (err)
        return err;
    *why = NULL;
    run.loop = world_loop_new(session->world, "main");
    run.work.apply = run_apply;
    run.work.done = run_done;
    run.work.reply_to = run.loop;
    if (what->is_write)
        store_write(store, &run.work);
    else
        store_read(store, &run.work);
    loop_run(run.loop);
    store_close(store);
    loop_free(run.loop);
    return run.err;
}
