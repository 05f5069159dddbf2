/* bench_bodies.c -- see bench_bodies.h. What is wrong with the file ends the program. */
#include "trace/bench_bodies.h"

#include <stdio.h>

#include "base/buf.h"
#include "format/multipart.h"

#define BODY_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* One body on its way. */
struct reading {
    struct multipart multipart;
    struct arena *arena;
    void (*take)(void *context, struct str name, struct str text);
    void *context;
    struct str name;
    char *text;
    size_t len, plain_bytes;
};

/* ---- the file ---- */

static void body_add(struct bench_bodies *b, struct str line, FILE *file)
{
    size_t type_end = str_find_char(line, '\t');
    struct str rest = str_from(line, type_end + 1);
    size_t encoding_end = str_find_char(rest, '\t');
    struct bench_body body = {.content_type = arena_str(&b->arena, str_first(line, type_end))};
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

void bench_bodies_read(struct bench_bodies *b, const char *path)
{
    FILE *file = fopen(path, "rb");
    char line[1024];

    REQUIRE(file);
    *b = (struct bench_bodies){.count = 0};
    arena_init(&b->arena);
    while (fgets(line, sizeof(line), file))
        body_add(b, str_of(line), file);
    fclose(file);
}

void bench_bodies_release(struct bench_bodies *b)
{
    arena_release(&b->arena);
}

/* ---- one body ---- */

bool bench_body_is_multipart(const struct bench_body *body)
{
    return str_starts(body->content_type, STR("multipart/"));
}

static enum err on_whole(void *context, struct str piece)
{
    buf_add(context, piece);
    return OK;
}

struct str bench_body_plain(const struct bench_body *body, struct arena *arena)
{
    struct buf out;
    struct inflate *inflate;
    struct str plain;

    if (body->kind == INFLATE_NONE)
        return body->bytes;
    buf_init(&out, BODY_BYTES_MAX);
    inflate = inflate_new(body->kind, BODY_BYTES_MAX, on_whole, &out);
    REQUIRE(!inflate_feed(inflate, body->bytes) && !inflate_end(inflate));
    inflate_free(inflate);
    plain = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return plain;
}

static enum err on_part(void *context, const struct multipart_part *part)
{
    struct reading *r = context;

    REQUIRE(part->length >= 0);
    r->name = arena_str(r->arena, part->name);
    r->text = arena_alloc(r->arena, (size_t)part->length + 1);
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

    r->take(r->context, r->name, str_range(r->text, r->len));
    return OK;
}

static enum err on_plain(void *context, struct str piece)
{
    struct reading *r = context;

    r->plain_bytes += piece.len;
    return multipart_feed(&r->multipart, piece);
}

size_t bench_body_parts(const struct bench_body *body, struct arena *arena,
                        void (*take)(void *context, struct str name, struct str text),
                        void *context)
{
    struct reading r = {.arena = arena, .take = take, .context = context};
    const struct multipart_handler handler = {on_part, on_data, on_part_end, &r};
    struct inflate *inflate = inflate_new(body->kind, BODY_BYTES_MAX, on_plain, &r);
    struct str boundary;

    REQUIRE(!multipart_boundary(body->content_type, &boundary) &&
            !multipart_init(&r.multipart, boundary, &handler));
    REQUIRE(!inflate_feed(inflate, body->bytes) && !inflate_end(inflate));
    REQUIRE(!multipart_end(&r.multipart));
    inflate_free(inflate);
    return r.plain_bytes;
}
