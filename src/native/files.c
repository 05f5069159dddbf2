/* A thread's files. */
#include "native/files.h"

#include "base/time.h"

#define PATH_BYTES_MAX 512

void files_init(struct files *files, struct arena *arena)
{
    *files = (struct files){.arena = arena};
}

struct file *files_find(const struct files *files, struct str path)
{
    for (size_t i = 0; i < files->count; i++)
        if (str_eq(files->list[i].path, path))
            return &files->list[i];
    return NULL;
}

static struct file *add(struct files *files, struct str path)
{
    if (files->count == files->room) {
        size_t room = files->room ? 2 * files->room : 16;
        struct file *list = ARENA_ARRAY(files->arena, struct file, room);

        for (size_t i = 0; i < files->count; i++)
            list[i] = files->list[i];
        files->list = list;
        files->room = room;
    }
    files->list[files->count] = (struct file){.path = path};
    return &files->list[files->count++];
}

struct str files_path(struct arena *arena, struct str path)
{
    struct str rest = path, part;
    struct buf out;
    struct str made;

    buf_init(&out, 2 * PATH_BYTES_MAX);
    while (str_split(&rest, '/', &part)) {
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR(".."))) {
            buf_release(&out);
            return STR_NONE;
        }
        buf_add_char(&out, '/');
        buf_add(&out, part);
    }
    made = out.failed || out.len > PATH_BYTES_MAX ? STR_NONE
           : out.len                              ? arena_str(arena, buf_str(&out))
                                                  : STR("/");
    buf_release(&out);
    return made;
}

/* ---- reading and writing the state ---- */

static struct str joined(struct arena *arena, const struct json *lines)
{
    struct buf out;
    struct str text;

    buf_init(&out, FILES_BYTES_MAX);
    for (size_t i = 0; i < json_count(lines); i++) {
        struct str line = json_string(json_item(lines, i));

        if (i)
            buf_add_char(&out, '\n');
        if (!str_is_none(line))
            buf_add(&out, line);
    }
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void merge_one(struct files *files, struct str key, const struct json *value)
{
    struct str path = files_path(files->arena, key);
    const struct json *content =
        json_type(value) == JSON_OBJECT ? json_get(value, "content") : value;
    struct file *file = str_is_none(path) ? NULL : files_find(files, path);

    if (file && json_is_null(value)) {
        *file = files->list[--files->count];
        return;
    }
    if (str_is_none(path) ||
        (json_type(content) != JSON_ARRAY && json_type(content) != JSON_STRING) ||
        (!file && files->count == FILES_MAX))
        return;
    if (!file)
        file = add(files, path);
    file->content =
        json_type(content) == JSON_ARRAY ? joined(files->arena, content) : json_string(content);
    file->created_at = json_string(json_get(value, "created_at"));
    file->modified_at = json_string(json_get(value, "modified_at"));
}

void files_merge(struct files *files, struct str object)
{
    const struct json *root, *value;
    struct json_iter iter;
    struct str key;

    if (str_is_none(object) || json_parse(files->arena, object, &root, NULL) ||
        json_type(root) != JSON_OBJECT)
        return;
    iter = json_iter(root);
    while (json_next(&iter, &key, &value))
        merge_one(files, key, value);
}

void files_write(struct buf *out, const struct files *files)
{
    struct json_writer json;

    json_writer_init(&json, out);
    json_begin_object(&json);
    for (size_t i = 0; i < files->count; i++) {
        const struct file *file = &files->list[i];
        struct str rest = file->content, line;

        json_key_str(&json, file->path);
        json_begin_object(&json);
        json_key(&json, "content");
        json_begin_array(&json);
        while (str_split(&rest, '\n', &line))
            json_str_out(&json, line);
        json_end_array(&json);
        json_put_str(&json, "created_at", file->created_at);
        json_put_str(&json, "modified_at", file->modified_at);
        json_end_object(&json);
    }
    json_end_object(&json);
}

struct str files_put(struct files *files, struct str path, struct str content, int64_t now_us)
{
    struct file *file = files_find(files, path);
    struct time_text text;
    struct str now = arena_str(files->arena, time_write_iso(now_us, &text));
    size_t bytes = content.len;

    for (size_t i = 0; i < files->count; i++)
        if (&files->list[i] != file)
            bytes += files->list[i].content.len;
    if (content.len > FILE_BYTES_MAX)
        return STR("Error: a file may have at most 1 MiB");
    if (bytes > FILES_BYTES_MAX || (!file && files->count == FILES_MAX))
        return STR("Error: a thread's files may be 1,000 with 8 MiB together");
    if (!file) {
        file = add(files, arena_str(files->arena, path));
        file->created_at = now;
    }
    file->content = arena_str(files->arena, content);
    file->modified_at = now;
    file->is_dirty = true;
    return STR_NONE;
}

/* ---- patterns ---- */

/* The last "*" passed may take one byte more, as often as it must: no recursion. "**" takes '/'
 * too. */
bool glob_matches(struct str pattern, struct str path)
{
    size_t p = 0, t = 0;
    size_t star_p = SIZE_MAX, star_t = 0, deep_p = SIZE_MAX, deep_t = 0;

    while (t < path.len || p < pattern.len) {
        if (p + 1 < pattern.len && pattern.data[p] == '*' && pattern.data[p + 1] == '*') {
            p += 2;
            if (p < pattern.len && pattern.data[p] == '/')
                p++; /* also no folder at all */
            deep_p = p;
            deep_t = t;
            star_p = SIZE_MAX;
        } else if (p < pattern.len && pattern.data[p] == '*') {
            star_p = ++p;
            star_t = t;
        } else if (p < pattern.len && t < path.len &&
                   (pattern.data[p] == path.data[t] ||
                    (pattern.data[p] == '?' && path.data[t] != '/'))) {
            p++;
            t++;
        } else if (star_p != SIZE_MAX && star_t < path.len && path.data[star_t] != '/') {
            p = star_p;
            t = ++star_t;
        } else if (deep_p != SIZE_MAX && deep_t < path.len) {
            p = deep_p;
            t = ++deep_t;
            star_p = SIZE_MAX;
        } else {
            return false;
        }
    }
    return true;
}
