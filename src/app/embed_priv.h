/* embed_priv.h -- the tables that tools/embed writes at build time. */
#ifndef APP_EMBED_PRIV_H
#define APP_EMBED_PRIV_H

#include "base/base.h"

struct embedded_file {
    const char *folder; /* "" or "runbell_worker": from the program's own */
    const char *name;
    const unsigned char *bytes;
    size_t len;
};

struct embedded_program {
    const char *name;
    const char *digest; /* of all paths and bytes */
    const char *entry;
    const struct embedded_file *files;
    size_t count;
};

extern const struct embedded_program embedded_python, embedded_js;

#endif
