/* env_name.h -- names of secrets, which are those of environment variables. Pure. */
#ifndef FLEET_ENV_NAME_H
#define FLEET_ENV_NAME_H

#include "base/arena.h"

/* "my-models" is MY_MODELS: upper case, what is neither letter nor digit as '_'. In the arena. */
struct str env_name(struct arena *arena, struct str text);

#endif
