/* Names as of environment variables. */
#include "fleet/env_name.h"

struct str env_name(struct arena *arena, struct str text)
{
    char *name = arena_cstr(arena, text);

    for (size_t i = 0; i < text.len; i++) {
        bool is_small = name[i] >= 'a' && name[i] <= 'z';
        bool is_plain = (name[i] >= 'A' && name[i] <= 'Z') || (name[i] >= '0' && name[i] <= '9');

        name[i] = is_small ? (char)(name[i] - 'a' + 'A') : is_plain ? name[i] : '_';
    }
    return str_range(name, text.len);
}
