/* bench_ingest.c -- what it costs to read what SDKs send, without storing it: bodies of a file that
 * bench/recorder.py wrote are unpacked, taken apart and parsed as a request's are, SECONDS long.
 *
 *   bench_ingest FILE SECONDS     prints one JSON object: spans of the file, its bytes unpacked,
 * and microseconds of CPU per span
 *
 * The file: for each body a line `content-type <tab> content-encoding <tab> bytes`, then the bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "format/inflate.h"
#include "format/multipart.h"
#include "trace/span_batch.h"

#define BODY_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct body {
    struct str content_type;
    enum inflate_kind kind;
    struct str bytes;
};

struct bodies {
    struct arena arena;
    struct body *list;
    size_t count, cap;
};

/* One body on its way. */
struct reading {
    struct span_batch batch;
    struct multipart multipart;
    struct span_part part;
    struct str name;
    char *text;
    size_t len, plain_bytes;
};

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the file ---- */

static void body_add(struct bodies *b, struct str line, FILE *file)
{
    size_t type_end = str_find_char(line, '\t');
    struct str rest = str_from(line, type_end + 1);
    size_t encoding_end = str_find_char(rest, '\t');
    struct body body = {.content_type = arena_str(&b->arena, str_first(line, type_end))};
    int64_t len = 0;
    char *bytes;

    REQUIRE(!inflate_kind_of(str_first(rest, encoding_end), &body.kind));
    REQUIRE(!str_to_i64(str_trim(str_from(rest, encoding_end + 1)), &len) && len >= 0);
    bytes = arena_alloc(&b->arena, (size_t)len + 1);
    REQUIRE(fread(bytes, 1, (size_t)len, file) == (size_t)len);
    body.bytes = str_range(bytes, (size_t)len);
    b->list = arena_more(&b->arena, b->list, b->count, &b->cap, sizeof(*b->list));
    b->list[b->count++] = body;
}

static void bodies_read(struct bodies *b, const char *path)
{
    FILE *file = fopen(path, "rb");
    char line[1024];

    REQUIRE(file);
    arena_init(&b->arena);
    while (fgets(line, sizeof(line), file))
        body_add(b, str_of(line), file);
    fclose(file);
}

/* ---- one body ---- */

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct reading *r = context;

    REQUIRE(part->length >= 0 && !span_part_parse(part->name, &r->part));
    r->name = arena_str(&r->batch.arena, part->name);
    r->text = arena_alloc(&r->batch.arena, (size_t)part->length + 1);
    r->len = 0;
    return OK;
}

static enum err on_data(void *context, struct str piece)
{
    struct reading *r = context;

    memcpy(r->text + r->len, piece.data, piece.len);
    r->len += piece.len;
    return OK;
}

static enum err on_part_end(void *context)
{
    struct reading *r = context;
    const struct span_value value = {.bytes = str_range(r->text, r->len), .size = (int64_t)r->len};

    span_batch_add_part(&r->batch, r->name, &r->part, STR("application/json"), value);
    return OK;
}

static enum err on_plain(void *context, struct str piece)
{
    struct reading *r = context;

    r->plain_bytes += piece.len;
    return multipart_feed(&r->multipart, piece);
}

static void body_parse(const struct body *body, size_t *spans, size_t *plain_bytes)
{
    struct reading r = {.plain_bytes = 0};
    const struct multipart_handler handler = {on_part, on_data, on_part_end, &r};
    struct inflate *inflate = inflate_new(body->kind, BODY_BYTES_MAX, on_plain, &r);
    struct str boundary;

    span_batch_init(&r.batch);
    REQUIRE(!multipart_boundary(body->content_type, &boundary) &&
            !multipart_init(&r.multipart, boundary, &handler));
    REQUIRE(!inflate_feed(inflate, body->bytes) && !inflate_end(inflate));
    REQUIRE(!multipart_end(&r.multipart) && r.batch.problem_count == 0);
    *spans += r.batch.entry_count;
    *plain_bytes += r.plain_bytes;
    span_batch_release(&r.batch);
    inflate_free(inflate);
}

int main(int argc, char **argv)
{
    struct bodies bodies = {.count = 0};
    size_t spans = 0, plain_bytes = 0, rounds = 0;
    double began, seconds, took;
    int64_t wanted;

    REQUIRE(argc == 3 && !str_to_i64(str_of(argv[2]), &wanted));
    seconds = (double)wanted;
    bodies_read(&bodies, argv[1]);
    began = cpu_seconds();
    do {
        for (size_t i = 0; i < bodies.count; i++)
            body_parse(&bodies.list[i], &spans, &plain_bytes);
        rounds++;
        took = cpu_seconds() - began;
    } while (took < seconds);
    printf("{\"batch_spans\": %zu, \"plain_bytes\": %zu, \"cpu_us\": %.2f}\n", spans / rounds,
           plain_bytes / rounds, took * 1e6 / (double)spans);
    arena_release(&bodies.arena);
    return 0;
}
