/* spec_priv.h -- what the files share that read an agent. */
#ifndef NATIVE_SPEC_PRIV_H
#define NATIVE_SPEC_PRIV_H

#include "native/spec.h"

struct spec_loading {
    struct spec *spec;
    struct arena *arena;
    struct tree_files tree;
    struct str *why;
};

/* *why is `what` and `more`; returns ERR_INVALID. */
enum err spec_refuse(struct spec_loading *l, const char *what, struct str more);
/* The text, in the arena; releases `out`. */
struct str spec_take(struct spec_loading *l, struct buf *out);
/* FLEET_X beats X. STR_NONE: there is none. */
struct str spec_secret(const struct spec *spec, struct str name);
/* The servers of all tools of all agents. */
enum err spec_servers_load(struct spec_loading *l) MUST_USE;

#endif
