/* The tools that are always there. */
#include "native/toolbox.h"

#define LINES_MAX 2000
#define LINE_BYTES_MAX 2000
#define ANSWER_BYTES_MAX (256 * KIB)
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define OBJECT(properties, required)                                                               \
    TEXT("{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "]}")
#define STRING(name, about) "\"" name "\":{\"type\":\"string\",\"description\":\"" about "\"}"
#define NUMBER(name, about) "\"" name "\":{\"type\":\"integer\",\"description\":\"" about "\"}"

const struct model_tool toolbox_tools[] = {
    {TEXT("write_todos"),
     TEXT("Keep a list of the steps of a longer piece of work. It replaces the list there is; mark "
          "a step as in_progress before you begin it, and as completed when it is done."),
     OBJECT("\"todos\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
            "\"content\":{\"type\":\"string\"},\"status\":{\"type\":\"string\",\"enum\":["
            "\"pending\",\"in_progress\",\"completed\"]}},\"required\":[\"content\",\"status\"]}}",
            "\"todos\"")},
    {TEXT("ls"), TEXT("List the files below a folder."),
     OBJECT(STRING("path", "the folder; / is all"), "")},
    {TEXT("read_file"),
     TEXT("Read a file, with line numbers. Long files are read piece by piece by offset and "
          "limit."),
     OBJECT(STRING("file_path", "the file") "," NUMBER("offset", "lines to skip") "," NUMBER(
                "limit", "lines to read, 2000 at most"),
            "\"file_path\"")},
    {TEXT("write_file"), TEXT("Write a new file. One that exists is changed with edit_file."),
     OBJECT(STRING("file_path", "the file") "," STRING("content", "all of its text"),
            "\"file_path\",\"content\"")},
    {TEXT("edit_file"),
     TEXT("Replace a piece of a file. The old text must stand there exactly once, unless "
          "replace_all is true."),
     OBJECT(
         STRING("file_path", "the file") "," STRING("old_string", "what stands there") "," STRING(
             "new_string", "what is to stand there") ",\"replace_all\":{\"type\":\"boolean\"}",
         "\"file_path\",\"old_string\",\"new_string\"")},
    {TEXT("glob"), TEXT("Find files by a pattern: * and ? within a name, ** for any folders."),
     OBJECT(STRING("pattern", "such as **/*.md") "," STRING("path", "the folder to look in"),
            "\"pattern\"")},
    {TEXT("grep"), TEXT("Find files in which a text stands; the text is taken literally."),
     OBJECT(STRING("pattern", "the text") "," STRING("path", "the folder to look in") "," STRING(
                "glob", "only files of this pattern") ",\"output_mode\":{\"type\":\"string\","
                                                      "\"enum\":[\"files_with_matches\","
                                                      "\"content\",\"count\"]}",
            "\"pattern\"")},
};
const size_t toolbox_count = ARRAY_LEN(toolbox_tools);

#define SKILLS STR("/skills/")
#define MEMORIES STR("/memories/")

static struct files *part_of(const struct toolbox *box, struct str path)
{
    if (str_starts(path, SKILLS))
        return box->skills;
    return str_starts(path, MEMORIES) ? box->memories : box->files;
}

static const struct json *args_of(struct arena *arena, const struct tool_call *call)
{
    const struct json *args;

    return json_parse(arena, call->args, &args, NULL) ? NULL : args;
}

static struct str finish(struct toolbox *box, struct buf *out, const char *when_empty)
{
    struct str text = out->failed ? STR("Error: the answer would be larger than 256 KiB; ask for "
                                        "less")
                      : out->len  ? arena_str(box->arena, buf_str(out))
                                  : str_of(when_empty);

    buf_release(out);
    return text;
}

/* ---- todos ---- */

static struct str todos_write(struct toolbox *box, const struct tool_call *call,
                              const struct json *args)
{
    const struct json *list = json_get(args, "todos");

    if (json_type(list) != JSON_ARRAY)
        return STR("Error: todos must be a list of {content, status}");
    for (size_t i = 0; i < json_count(list); i++)
        if (str_is_none(json_string(json_get(json_item(list, i), "content"))))
            return STR("Error: each todo needs a content");
    *box->todos = json_raw(call->args, STR("todos"));
    return arena_printf(box->arena, "Updated todo list to %.*s", STR_ARG(*box->todos));
}

/* ---- looking ---- */

static struct str folder_of(struct toolbox *box, const struct json *args)
{
    struct str given = json_string(json_get(args, "path"));
    struct str path = files_path(box->arena, str_is_none(given) ? STR("/") : given);

    if (str_is_none(path) || str_eq(path, STR("/")))
        return STR("/");
    return arena_printf(box->arena, "%.*s/", STR_ARG(path));
}

/* The next file below `folder`, over all three parts. */
static const struct file *next_file(const struct toolbox *box, struct str folder, size_t *at)
{
    const struct files *parts[] = {box->files, box->memories, box->skills};
    size_t index = *at;

    for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
        for (; index < parts[p]->count; index++) {
            const struct file *file = &parts[p]->list[index];

            ++*at;
            if (str_starts(file->path, folder))
                return file;
        }
        index -= parts[p]->count;
    }
    return NULL;
}

static struct str files_list(struct toolbox *box, const struct json *args)
{
    struct str folder = folder_of(box, args);
    const struct file *file;
    struct buf out;
    size_t at = 0;

    buf_init(&out, ANSWER_BYTES_MAX);
    while ((file = next_file(box, folder, &at))) {
        buf_add(&out, file->path);
        buf_add_char(&out, '\n');
    }
    return finish(box, &out, "There are no files.");
}

static struct str file_read(struct toolbox *box, struct str path, const struct json *args)
{
    const struct file *file = files_find(part_of(box, path), path);
    int64_t skip = json_i64(json_get(args, "offset"), 0);
    int64_t limit = json_i64(json_get(args, "limit"), LINES_MAX), number = 0;
    struct str rest, line;
    struct buf out;

    if (!file)
        return arena_printf(box->arena, "Error: File '%.*s' not found", STR_ARG(path));
    if (limit < 1 || limit > LINES_MAX)
        limit = LINES_MAX;
    rest = file->content;
    buf_init(&out, ANSWER_BYTES_MAX);
    while (str_split(&rest, '\n', &line)) {
        number++;
        if (number <= skip)
            continue;
        if (number > skip + limit)
            break;
        buf_addf(&out, "%6lld\t%.*s%s\n", (long long)number,
                 STR_ARG(str_first(line, LINE_BYTES_MAX)), line.len > LINE_BYTES_MAX ? " …" : "");
    }
    return finish(box, &out, "The file is empty there.");
}

static struct str files_glob(struct toolbox *box, const struct json *args)
{
    struct str pattern = json_string(json_get(args, "pattern")), folder = folder_of(box, args);
    const struct file *file;
    struct buf out;
    size_t at = 0;

    if (str_is_none(pattern))
        return STR("Error: pattern must be given");
    while (str_starts(pattern, STR("/")))
        pattern = str_from(pattern, 1);
    buf_init(&out, ANSWER_BYTES_MAX);
    while ((file = next_file(box, folder, &at)))
        if (glob_matches(pattern, str_from(file->path, folder.len))) {
            buf_add(&out, file->path);
            buf_add_char(&out, '\n');
        }
    return finish(box, &out, "No files found.");
}

/* How often the text stands in the file; with `out` the lines too. */
static int64_t matches_in(const struct file *file, struct str pattern, struct buf *out)
{
    struct str rest = file->content, line;
    int64_t number = 0, count = 0;

    while (str_split(&rest, '\n', &line)) {
        number++;
        if (!str_contains(line, pattern))
            continue;
        count++;
        if (out)
            buf_addf(out, "%.*s:%lld: %.*s\n", STR_ARG(file->path), (long long)number,
                     STR_ARG(str_first(line, LINE_BYTES_MAX)));
    }
    return count;
}

static struct str files_grep(struct toolbox *box, const struct json *args)
{
    struct str pattern = json_string(json_get(args, "pattern")), folder = folder_of(box, args);
    struct str glob = json_string(json_get(args, "glob"));
    struct str mode = json_string(json_get(args, "output_mode"));
    const struct file *file;
    struct buf out;
    size_t at = 0;

    if (str_is_none(pattern) || pattern.len == 0)
        return STR("Error: pattern must be given");
    buf_init(&out, ANSWER_BYTES_MAX);
    while ((file = next_file(box, folder, &at))) {
        bool with_lines = str_eq(mode, STR("content"));
        int64_t count;

        if (!str_is_none(glob) && !glob_matches(glob, str_from(file->path, folder.len)) &&
            !glob_matches(glob, str_from(file->path, 1)))
            continue;
        count = matches_in(file, pattern, with_lines ? &out : NULL);
        if (count && str_eq(mode, STR("count")))
            buf_addf(&out, "%.*s: %lld\n", STR_ARG(file->path), (long long)count);
        else if (count && !with_lines)
            buf_addf(&out, "%.*s\n", STR_ARG(file->path));
    }
    return finish(box, &out, "No matches found.");
}

/* ---- writing ---- */

static struct str put(struct toolbox *box, struct str path, struct str content, const char *done)
{
    struct str why;

    if (str_starts(path, SKILLS))
        return STR("Error: skills can only be read");
    why = files_put(part_of(box, path), path, content, box->now_us);
    return str_is_none(why) ? arena_printf(box->arena, "%s %.*s", done, STR_ARG(path)) : why;
}

static struct str file_write(struct toolbox *box, struct str path, const struct json *args)
{
    struct str content = json_string(json_get(args, "content"));

    if (str_is_none(content))
        return STR("Error: content must be a text");
    if (files_find(part_of(box, path), path))
        return arena_printf(box->arena,
                            "Error: Cannot write to %.*s because it already exists. Read and then "
                            "make an edit, or write to a new path.",
                            STR_ARG(path));
    return put(box, path, content, "Updated file");
}

static struct str file_edit(struct toolbox *box, struct str path, const struct json *args)
{
    const struct file *file = files_find(part_of(box, path), path);
    struct str old = json_string(json_get(args, "old_string"));
    struct str new = json_string(json_get(args, "new_string")), rest, made;
    bool all = json_bool(json_get(args, "replace_all"), false);
    size_t count = 0;
    struct buf out;

    if (!file)
        return arena_printf(box->arena, "Error: File '%.*s' not found", STR_ARG(path));
    if (str_is_none(old) || str_is_none(new) || old.len == 0)
        return STR("Error: old_string and new_string must be texts, the old one not empty");
    buf_init(&out, 2 * FILE_BYTES_MAX);
    for (rest = file->content;; count++) {
        size_t at = str_find(rest, old);

        buf_add(&out, str_first(rest, at));
        if (at == rest.len)
            break;
        buf_add(&out, new);
        rest = str_from(rest, at + old.len);
    }
    made = arena_str(box->arena, buf_str(&out));
    buf_release(&out);
    if (count == 0)
        return STR("Error: old_string was not found in the file");
    if (count > 1 && !all)
        return arena_printf(box->arena,
                            "Error: old_string stands there %zu times. Use replace_all=true, or "
                            "give more of the text around it.",
                            count);
    return put(box, path, made, "Edited file");
}

/* ---- the box ---- */

bool toolbox_has(struct str name)
{
    for (size_t i = 0; i < toolbox_count; i++)
        if (str_eq(toolbox_tools[i].name, name))
            return true;
    return false;
}

bool toolbox_writes_memory(const struct tool_call *call, struct arena *arena)
{
    struct str path = json_string(json_get(args_of(arena, call), "file_path"));

    if (!str_eq(call->name, STR("write_file")) && !str_eq(call->name, STR("edit_file")))
        return false;
    path = str_is_none(path) ? path : files_path(arena, path);
    return !str_is_none(path) && str_starts(path, MEMORIES);
}

static struct str answer(struct toolbox *box, const struct tool_call *call)
{
    const struct json *args = args_of(box->arena, call);
    struct str path = json_string(json_get(args, "file_path"));

    if (str_eq(call->name, STR("write_todos")))
        return todos_write(box, call, args);
    if (str_eq(call->name, STR("ls")))
        return files_list(box, args);
    if (str_eq(call->name, STR("glob")))
        return files_glob(box, args);
    if (str_eq(call->name, STR("grep")))
        return files_grep(box, args);
    path = str_is_none(path) ? path : files_path(box->arena, path);
    if (str_is_none(path) || str_eq(path, STR("/")))
        return STR("Error: file_path must be the path of a file");
    if (str_eq(call->name, STR("read_file")))
        return file_read(box, path, args);
    return str_eq(call->name, STR("write_file")) ? file_write(box, path, args)
                                                 : file_edit(box, path, args);
}

struct str toolbox_run(struct toolbox *box, const struct tool_call *call, bool *is_error)
{
    struct str text = answer(box, call);

    *is_error = str_starts(text, STR("Error:"));
    return text;
}
