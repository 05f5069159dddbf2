/* replays.h -- how a bulk replay is shown and watched, for the commands that start one or look. */
#ifndef APP_CLI_REPLAYS_H
#define APP_CLI_REPLAYS_H

#include "app/cli/remote.h"

/* "1840", or "at least 200000". */
void replays_print_count(const struct json *object, const char *key, const char *exact_key);
/* One, as the API answered it. `judges`: CLI_FAILED, with a sentence, unless all has arrived. */
int replays_print(struct remote *remote, const struct buf *body, bool judges);
/* "/v1/replays/ID": until it has ended and nothing of it waits any more. Returns an exit code. */
int replays_watch(struct remote *remote, struct str path);

#endif
