/* session.h -- what every command needs first: its flags, the outside world, the configuration. */
#ifndef APP_CLI_SESSION_H
#define APP_CLI_SESSION_H

#include "app/cli/args.h"
#include "app/cli/commands.h"
#include "app/config.h"
#include "store/store.h"

/* Rows of a table of flags. */
#define ARG_CONFIG                                                                                 \
    {                                                                                              \
        "config", "FILE", "instead of langgraph.json in this folder", NULL                         \
    }
#define ARG_DATA                                                                                   \
    {                                                                                              \
        "data", "FOLDER", "where the server keeps everything (default: .runbell)", "data"          \
    }
#define ARG_STORE                                                                                  \
    {                                                                                              \
        "store", "URL", "postgres://… instead of SQLite in the data folder", "store"               \
    }
#define ARG_JSON                                                                                   \
    {                                                                                              \
        "json", NULL, "for programs", NULL                                                         \
    }

struct disk;

struct session {
    const struct arg_command *command;
    struct args args;
    struct world *world;
    struct config config;
};

enum session_config { SESSION_NO_CONFIG, SESSION_SETTINGS, SESSION_WHOLE_CONFIG };

/* False: the command ends here with *code; what is to be said has been said. Otherwise
 * session_close it. */
bool session_open(struct session *session, const struct arg_command *command,
                  enum session_config wanted, int argc, char **argv, int *code);
void session_close(struct session *session);
/* In place of the defaults, after session_open with SESSION_NO_CONFIG; the command has --config. On
 * an error *why is the sentence. */
enum err session_read_config(struct session *session, bool settings_only, struct str *why) MUST_USE;
/* The same into another config, and with another world's disk; config_release it in both cases. */
enum err session_load(const struct session *session, struct disk *disk, bool settings_only,
                      struct config *config, struct str *why) MUST_USE;
/* Earlier than session_close: there is one world per process, and the server makes its own. */
void session_end_world(struct session *session);
const char *session_value(const struct session *session, const char *flag);
/* Prints "runbell keys create: …" on standard error; returns CLI_FAILED. */
int session_fail(const struct session *session, const char *format, ...) PRINTF_LIKE(2, 3);

/* One piece of work in the store, which is opened for it and closed. `apply` as in store.h. */
struct session_work {
    enum err (*apply)(struct tx *tx, void *context);
    void *context;
    bool is_write;
    bool may_create; /* make the store if there is none */
};
/* On an error *why says it for a person, or is NULL: then the error is `apply`'s. */
enum err session_run(struct session *session, const struct session_work *work,
                     const char **why) MUST_USE;

#endif
