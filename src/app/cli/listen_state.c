/* listen_state.c -- the address of `runbell listen` at the server, and what of it is kept in a
 * file: "SLUG POSITION", and the secret if one was asked for. */
#include <stdio.h>
#include <stdlib.h>

#include "app/cli/listen.h"
#include "app/cli/output.h"
#include "crypto/sha256.h"
#include "crypto/webhook_signature.h"
#include "io/disk.h"

#define BYTES_MAX REMOTE_BODY_BYTES_MAX
#define STATE_BYTES_MAX KIB

/* ---- what is kept between two starts ---- */

static void find_state(struct listening *l, struct str of)
{
    const char *given = session_value(l->remote->session, "state"),
               *base = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    struct arena *arena = &l->remote->arena;
    struct str what = arena_printf(arena, "%.*s%.*s", STR_ARG(l->remote->base), STR_ARG(of));
    struct sha256 digest = sha256_of(what);
    struct sha256_text hex;

    if (given) {
        struct str path = str_of(given);
        size_t slash = path.len;

        while (slash > 0 && path.data[slash - 1] != '/')
            slash--;
        l->state_dir = slash ? arena_cstr(arena, str_first(path, slash)) : ".";
        l->state_name = arena_cstr(arena, str_from(path, slash));
        return;
    }
    l->state_dir = arena_cstr(
        arena, base && base[0] ? arena_printf(arena, "%s/runbell", base)
                               : arena_printf(arena, "%s/.local/state/runbell", home ? home : "."));
    l->state_name =
        arena_cstr(arena, arena_printf(arena, "listen-%.16s", sha256_write(&digest, &hex).data));
}

void listen_read_state(struct listening *l, struct str of)
{
    struct str text, slug, number;
    struct buf out;

    find_state(l, of);
    buf_init(&out, STATE_BYTES_MAX);
    if (!disk_read_file(l->remote->session->world->disk,
                        arena_cstr(&l->remote->arena, arena_printf(&l->remote->arena, "%s/%s",
                                                                   l->state_dir, l->state_name)),
                        &out)) {
        text = str_trim(arena_str(&l->remote->arena, buf_str(&out)));
        if (str_split(&text, ' ', &slug) && str_split(&text, ' ', &number) &&
            !str_to_i64(number, &l->cursor)) {
            l->slug = slug;
            l->secret = str_is_empty(text) ? STR_NONE : text;
        }
    }
    buf_release(&out);
}

void listen_write_state(const struct listening *l)
{
    struct disk *disk = l->remote->session->world->disk;
    struct buf out;

    buf_init(&out, STATE_BYTES_MAX);
    buf_addf(&out, "%.*s %lld %.*s\n", STR_ARG(l->slug), (long long)l->cursor, STR_ARG(l->secret));
    if (disk->open_dir(disk, l->state_dir) ||
        disk_write_file(disk, l->state_dir, l->state_name, buf_str(&out)))
        fprintf(stderr, "The position could not be kept in %s; --state names another file.\n",
                l->state_dir);
    buf_release(&out);
}

/* ---- the address ---- */

static int take_inspector(struct listening *l, const struct buf *body)
{
    struct arena *arena = &l->remote->arena;
    const struct json *root = NULL;

    if (!output_parse(arena, body, &root))
        return CLI_FAILED;
    l->slug = arena_str(arena, output_text(root, "slug"));
    if (l->cursor < 0)
        l->cursor = json_i64(json_get(root, "received"), 0);
    listen_write_state(l);
    return CLI_OK;
}

static int make_inspector(struct listening *l, struct buf *body)
{
    struct json_writer json;
    struct buf ask;
    int code;

    buf_init(&ask, MIB);
    json_writer_init(&json, &ask);
    json_begin_object(&json);
    json_put_str(&json, "name", STR("runbell listen"));
    if (!str_is_none(l->slug))
        json_put_str(&json, "slug", l->slug);
    json_end_object(&json);
    l->cursor = 0; /* a new one begins at the beginning */
    code = remote_call(l->remote, "POST", STR("/v1/inspectors"), buf_str(&ask), body);
    buf_release(&ask);
    return code;
}

int listen_open_address(struct listening *l)
{
    struct remote_answer found = {.status = 404};
    struct buf body;
    int code = CLI_OK;

    buf_init(&body, BYTES_MAX);
    if (!str_is_none(l->slug)) {
        code = remote_ask(l->remote, "GET",
                          arena_printf(&l->remote->arena, "/v1/inspectors/%.*s", STR_ARG(l->slug)),
                          STR_NONE, &found);
        if (code == CLI_OK && found.status == 200)
            buf_add(&body, buf_str(&found.body));
        buf_release(&found.body);
    }
    if (code == CLI_OK && found.status != 200)
        code = make_inspector(l, &body);
    if (code == CLI_OK)
        code = take_inspector(l, &body);
    buf_release(&body);
    return code;
}

/* ---- the secret ---- */

static struct str object_of(struct listening *l, const char *const *keys, const struct str *values,
                            size_t count)
{
    struct json_writer json;
    struct str text;
    struct buf out;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    for (size_t i = 0; i < count; i++)
        json_put_str(&json, keys[i], values[i]);
    json_end_object(&json);
    text = arena_str(&l->remote->arena, buf_str(&out));
    buf_release(&out);
    return text;
}

/* "there is an endpoint for this url and kind already: ID" */
static struct str id_at_end(struct str detail)
{
    size_t at = detail.len;

    while (at > 0 && detail.data[at - 1] != ' ')
        at--;
    return str_from(detail, at);
}

/* The endpoint that the address is for this kind of webhook; STR_NONE: this kind may not go there.
 */
static int find_endpoint(struct listening *l, const char *kind, struct str *endpoint_id)
{
    static const char *const keys[] = {"url", "kind"};
    struct arena *arena = &l->remote->arena;
    const struct str values[] = {
        arena_printf(arena, "%.*s/in/%.*s", STR_ARG(l->remote->base), STR_ARG(l->slug)),
        str_of(kind)};
    const struct json *root = NULL;
    struct remote_answer answer;
    int code = remote_ask(l->remote, "POST", STR("/v1/endpoints"),
                          object_of(l, keys, values, ARRAY_LEN(keys)), &answer);

    *endpoint_id = STR_NONE;
    if (code == CLI_OK && !output_parse(arena, &answer.body, &root))
        code = CLI_FAILED;
    if (code == CLI_OK && answer.status == 201)
        *endpoint_id = output_text(root, "endpoint_id");
    else if (code == CLI_OK && answer.status == 409)
        *endpoint_id = id_at_end(output_text(root, "detail"));
    else if (code == CLI_OK && answer.status != 422)
        code = session_fail(l->remote->session, "%.*s", STR_ARG(output_text(root, "detail")));
    buf_release(&answer.body);
    return code;
}

/* The same secret for each kind, so that one verifies all. */
static int sign_kind(struct listening *l, const char *kind, bool is_new)
{
    static const char *const keys[] = {"secret"};
    struct arena *arena = &l->remote->arena;
    const struct json *root = NULL;
    struct str endpoint_id, path;
    struct buf body;
    int code = find_endpoint(l, kind, &endpoint_id);

    if (code != CLI_OK || str_is_none(endpoint_id))
        return code;
    path = arena_printf(arena, "/v1/endpoints/%.*s/signing-keys", STR_ARG(endpoint_id));
    buf_init(&body, BYTES_MAX);
    code = remote_call(l->remote, "GET", path, STR_NONE, &body);
    if (code == CLI_OK && !output_parse(arena, &body, &root))
        code = CLI_FAILED;
    if (code == CLI_OK && (is_new || !json_item(root, 0)))
        code = remote_call(l->remote, "POST", path, object_of(l, keys, &l->secret, 1), &body);
    buf_release(&body);
    return code;
}

int listen_print_secret(struct listening *l)
{
    static const char *const kinds[] = {"run", "rule", "alert", "fleet"};
    bool is_new = str_is_none(l->secret);
    struct buf made;
    int code = CLI_OK;

    if (is_new) {
        buf_init(&made, STATE_BYTES_MAX);
        webhook_secret_make(&made);
        l->secret = arena_str(&l->remote->arena, buf_str(&made));
        buf_release(&made);
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds) && code == CLI_OK; i++)
        code = sign_kind(l, kinds[i], is_new);
    if (code != CLI_OK)
        return code;
    listen_write_state(l);
    output_line(l->secret);
    return CLI_OK;
}
