/* Keys by the API. */
#include "app/cli/keys_remote.h"

#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"
#include "format/query.h"

#define BYTES_MAX (16 * MIB)
#define PATH_BYTES_MAX (64 * KIB)

bool keys_remote_wanted(const struct session *session)
{
    return session_value(session, "server") != NULL;
}

/* ---- one call ---- */

struct asking {
    struct remote remote;
    const char *method;
    struct buf path, ask, body;
    struct arena arena;
    const struct json *root; /* of the answer; NULL: it is empty */
};

static int begin(struct asking *a, struct session *session, const char *method)
{
    *a = (struct asking){.method = method};
    arena_init(&a->arena);
    buf_init(&a->path, PATH_BYTES_MAX);
    buf_init(&a->ask, PATH_BYTES_MAX);
    buf_init(&a->body, BYTES_MAX);
    buf_add_cstr(&a->path, "/v1/keys");
    return remote_open(&a->remote, session);
}

static void add_id(struct asking *a, struct str key_id)
{
    buf_add_char(&a->path, '/');
    percent_write(&a->path, key_id);
}

static int call(struct asking *a)
{
    struct str ask = a->ask.len ? buf_str(&a->ask) : STR_NONE;
    int code = remote_call(&a->remote, a->method, buf_str(&a->path), ask, &a->body);

    if (code == CLI_OK && a->body.len && !output_parse(&a->arena, &a->body, &a->root))
        code = CLI_FAILED;
    return code;
}

static int end(struct asking *a, int code)
{
    remote_release(&a->remote);
    arena_release(&a->arena);
    buf_release(&a->path);
    buf_release(&a->ask);
    buf_release(&a->body);
    return code;
}

static bool as_json(const struct asking *a)
{
    return session_value(a->remote.session, "json") != NULL;
}

static void print_made(const struct asking *a)
{
    if (as_json(a)) {
        output_line(buf_str(&a->body));
        return;
    }
    fprintf(stderr, "Key %.*s (%.*s); keep it, it is shown this once:\n",
            STR_ARG(output_text(a->root, "key_id")), STR_ARG(output_text(a->root, "role")));
    output_line(output_text(a->root, "key"));
}

static int make(struct asking *a, int code)
{
    if (code == CLI_OK)
        code = call(a);
    if (code == CLI_OK)
        print_made(a);
    return end(a, code);
}

/* ---- the commands ---- */

static void put_given(struct json_writer *json, const char *name, struct str value)
{
    if (!str_is_empty(value))
        json_put_str(json, name, value);
}

int keys_remote_create(struct session *session, const struct api_key_row *row, struct str expires)
{
    struct json_writer json;
    struct asking a;
    int code = begin(&a, session, "POST");

    json_writer_init(&json, &a.ask);
    json_begin_object(&json);
    put_given(&json, "name", row->name);
    put_given(&json, "role", row->role);
    put_given(&json, "email", row->email);
    put_given(&json, "expires", expires);
    if (!str_is_none(row->limits))
        json_put_raw(&json, "limits", row->limits);
    json_key(&json, "workspaces");
    json_begin_array(&json);
    for (size_t i = 0; i < row->workspace_count; i++)
        json_str_out(&json, row->workspaces[i]);
    json_end_array(&json);
    json_end_object(&json);
    return make(&a, code);
}

static void print_day(const struct json *key, const char *member, const char *never)
{
    struct str text = str_first(output_text(key, member), 10);

    printf("  %-10.*s", STR_ARG(text.len ? text : str_of(never)));
}

static void print_key(struct asking *a, const struct json *key)
{
    struct json_iter iter = json_iter(json_get(key, "workspaces"));
    struct str workspaces = STR("");
    const struct json *one;

    while (json_next(&iter, NULL, &one))
        workspaces = arena_printf(&a->arena, "%.*s%s%.*s", STR_ARG(workspaces),
                                  workspaces.len ? "," : "", STR_ARG(json_string(one)));
    printf("%.*s  %-8.*s  %-16.*s", STR_ARG(output_text(key, "key_id")),
           STR_ARG(output_text(key, "role")), STR_ARG(workspaces));
    print_day(key, "created_at", "");
    print_day(key, "expires_at", "never");
    print_day(key, "last_used_at", "never");
    fputs("  ", stdout);
    output_safe(output_text(key, "name"), 200);
    putchar('\n');
}

int keys_remote_list(struct session *session)
{
    struct asking a;
    struct json_iter iter;
    const struct json *key;
    int code = begin(&a, session, "GET");

    if (code == CLI_OK)
        code = call(&a);
    if (code != CLI_OK)
        return end(&a, code);
    if (as_json(&a)) {
        output_line(buf_str(&a.body));
        return end(&a, code);
    }
    if (json_count(a.root) == 0)
        fprintf(stderr, "There are no keys: everybody who reaches the server may use it.\n");
    else
        puts(KEYS_HEAD);
    iter = json_iter(a.root);
    while (json_next(&iter, NULL, &key))
        print_key(&a, key);
    return end(&a, code);
}

int keys_remote_rotate(struct session *session, struct str key_id, int64_t overlap_s)
{
    struct json_writer json;
    struct asking a;
    int code = begin(&a, session, "POST");

    add_id(&a, key_id);
    buf_add_cstr(&a.path, "/rotate");
    json_writer_init(&json, &a.ask);
    json_begin_object(&json);
    json_put_i64(&json, "overlap_s", overlap_s);
    json_end_object(&json);
    return make(&a, code);
}

int keys_remote_revoke(struct session *session, struct str key_id)
{
    struct asking a;
    int code = begin(&a, session, "DELETE");

    add_id(&a, key_id);
    if (code == CLI_OK)
        code = call(&a);
    return end(&a, code);
}
