/* agent_diff.c -- two sorted lists of files, merged. */
#include "fleet/agent_diff.h"

#include "format/text_diff.h"

#define CONTEXT_LINES 3
#define DIFF_BYTES_MAX (3 * TREE_BYTES_MAX)

static bool is_text(const struct tree_file *file)
{
    return !file ||
           (str_is_utf8(file->content) && str_find_char(file->content, '\0') == file->content.len);
}

static struct str content_of(const struct tree_file *file)
{
    return file ? file->content : STR("");
}

static void put_hunks(struct json_writer *w, const struct tree_file *before,
                      const struct tree_file *after)
{
    struct text_diff_count count;
    struct buf out;

    buf_init(&out, DIFF_BYTES_MAX);
    count = text_diff(&out, content_of(before), content_of(after), CONTEXT_LINES);
    json_put_i64(w, "added", (int64_t)count.added);
    json_put_i64(w, "removed", (int64_t)count.removed);
    json_put_str(w, "diff", buf_str(&out));
    buf_release(&out);
}

/* One of the two may be NULL. */
static void put_file(struct json_writer *w, const struct tree_file *before,
                     const struct tree_file *after)
{
    const struct tree_file *file = after ? after : before;
    bool binary = !is_text(before) || !is_text(after);

    REQUIRE(file);
    json_begin_object(w);
    json_put_str(w, "path", file->path);
    json_put_str(w, "status", !before ? STR("added") : !after ? STR("removed") : STR("changed"));
    json_put_bool(w, "binary", binary);
    if (binary) {
        json_put_null(w, "added");
        json_put_null(w, "removed");
        json_put_null(w, "diff");
    } else {
        put_hunks(w, before, after);
    }
    json_end_object(w);
}

void agent_diff_out(struct json_writer *w, const struct tree_files *before,
                    const struct tree_files *after)
{
    size_t i = 0, j = 0;

    json_begin_array(w);
    while (i < before->count || j < after->count) {
        const struct tree_file *old = i < before->count ? &before->list[i] : NULL;
        const struct tree_file *new = j < after->count ? &after->list[j] : NULL;
        int order = !old ? 1 : !new ? -1 : str_compare(old->path, new->path);

        if (order != 0 || !str_eq(old->content, new->content))
            put_file(w, order <= 0 ? old : NULL, order >= 0 ? new : NULL);
        i += order <= 0;
        j += order >= 0;
    }
    json_end_array(w);
}
