/* serve.h -- `runbell serve` on the real world. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "base/str.h"

struct config;
struct disk;

/* Reads the configuration again, as at the start. On an error *why is the sentence; config_release
 * `config` in both cases. */
struct serve_source {
    enum err (*read)(void *context, struct disk *disk, struct config *config, struct str *why);
    void *context;
};

/* Until SIGTERM or SIGINT. SIGHUP: the source is read again and what can change does. The process's
 * exit code: 0 stopped in order, 1 it could not start or go on. */
int serve_run(const struct config *config, const struct serve_source *source);

#endif
