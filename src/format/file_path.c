/* file_path.c -- what a path may hold, segment by segment. */
#include "format/file_path.h"

static bool is_forbidden(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f || c == '\\' || c == ':';
}

static const char *wrong_with_segment(struct str segment)
{
    if (segment.len == 0)
        return "has an empty segment";
    if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
        return "has a segment . or ..";
    if (segment.data[segment.len - 1] == '.' || segment.data[segment.len - 1] == ' ')
        return "has a segment that ends with a dot or a blank";
    return NULL;
}

static const char *wrong_with(struct str path)
{
    struct str rest = path, segment;
    size_t depth = 0;

    if (path.len == 0)
        return "is empty";
    if (path.len > FILE_PATH_BYTES_MAX)
        return "is longer than 255 bytes";
    if (!str_is_utf8(path))
        return "is not UTF-8";
    for (size_t i = 0; i < path.len; i++)
        if (is_forbidden(path.data[i]))
            return "has a backslash, a colon or a control character";
    while (str_split(&rest, '/', &segment)) {
        const char *wrong = wrong_with_segment(segment);

        if (wrong)
            return wrong;
        if (++depth > FILE_PATH_DEPTH_MAX)
            return "has more than 16 segments";
    }
    return NULL;
}

enum err file_path_check(struct str path, const char **why)
{
    const char *wrong = wrong_with(path);

    if (!wrong)
        return OK;
    *why = wrong;
    return ERR_INVALID;
}

int file_path_compare(struct str a, struct str b)
{
    return str_compare(a, b);
}

bool file_path_collides(struct str a, struct str b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    struct str longer = a.len < b.len ? b : a;

    if (!str_eq_nocase(str_first(a, shared), str_first(b, shared)))
        return false;
    return longer.len == shared || longer.data[shared] == '/';
}

struct str file_path_first(struct str path)
{
    return str_first(path, str_find_char(path, '/'));
}

struct str file_path_name(struct str path)
{
    size_t from = path.len;

    while (from > 0 && path.data[from - 1] != '/')
        from--;
    return str_from(path, from);
}
