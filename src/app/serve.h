/* serve.h -- `runbell serve` on the real world. */
#ifndef APP_SERVE_H
#define APP_SERVE_H

struct config;

/* Until SIGTERM or SIGINT. The process's exit code: 0 stopped in order, 1 it could not start or go
 * on. */
int serve_run(const struct config *config);

#endif
