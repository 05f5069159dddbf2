/* bench_bodies.h -- for programs that measure the taking in of traces: the bodies of a file that
 * bench/recorder.py wrote, unpacked and taken apart as a request's are.
 *
 * The file: for each body a line `content-type <tab> content-encoding <tab> bytes`, then the bytes.
 */
#ifndef TRACE_BENCH_BODIES_H
#define TRACE_BENCH_BODIES_H

#include "base/arena.h"
#include "format/inflate.h"

struct bench_body {
    struct str content_type;
    enum inflate_kind kind;
    struct str bytes; /* as they were sent */
};

struct bench_bodies {
    struct arena arena;
    struct bench_body *list;
    size_t count, cap;
};

void bench_bodies_read(struct bench_bodies *bodies, const char *path);
void bench_bodies_release(struct bench_bodies *bodies);

bool bench_body_is_multipart(const struct bench_body *body);
/* All of it, unpacked, in the arena. */
struct str bench_body_plain(const struct bench_body *body, struct arena *arena);
/* Each part of a multipart body; name and text live in the arena. Returns the bytes unpacked. */
size_t bench_body_parts(const struct bench_body *body, struct arena *arena,
                        void (*take)(void *context, struct str name, struct str text),
                        void *context);

#endif
