/* Reads a .env file. */
#include "app/env_file.h"

struct scanner {
    struct arena *arena;
    struct str rest;
    size_t line;
    const char *why;
};

static bool is_name_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool env_name_is_valid(struct str name)
{
    if (str_is_empty(name) || (name.data[0] >= '0' && name.data[0] <= '9'))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_char(name.data[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void skip_blanks(struct scanner *s)
{
    while (s->rest.len > 0 && is_blank(s->rest.data[0]))
        s->rest = str_from(s->rest, 1);
}

/* The rest of the line, whose end is taken too. */
static struct str take_line(struct scanner *s)
{
    size_t end = str_find_char(s->rest, '\n');
    struct str line = str_first(s->rest, end);

    s->rest = str_from(s->rest, end + 1);
    s->line++;
    return line;
}

/* Behind a value in quotes only a comment may stand. */
static enum err take_tail(struct scanner *s)
{
    skip_blanks(s);
    if (s->rest.len > 0 && s->rest.data[0] != '#' && s->rest.data[0] != '\n') {
        s->why = "there is more behind the closing quote";
        return ERR_INVALID;
    }
    (void)take_line(s);
    return OK;
}

static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

static bool is_escape(struct str at)
{
    return at.len > 1 && at.data[0] == '\\' && memchr("nrt\"\\$", at.data[1], 6) != NULL;
}

static enum err take_quoted(struct scanner *s, struct str *value)
{
    char quote = s->rest.data[0];
    char *text = arena_alloc(s->arena, s->rest.len);
    size_t len = 0, lines = 0;

    s->rest = str_from(s->rest, 1);
    while (s->rest.len > 0 && s->rest.data[0] != quote) {
        bool escaped = quote == '"' && is_escape(s->rest);

        lines += s->rest.data[0] == '\n';
        text[len++] = escaped ? unescape(s->rest.data[1]) : s->rest.data[0];
        s->rest = str_from(s->rest, escaped ? 2 : 1);
    }
    if (s->rest.len == 0) {
        s->why = "the quote is not closed";
        return ERR_INVALID;
    }
    s->rest = str_from(s->rest, 1);
    s->line += lines;
    *value = str_range(text, len);
    return take_tail(s);
}

static struct str take_unquoted(struct scanner *s)
{
    struct str line = take_line(s);

    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] == '#' && (i == 0 || is_blank(line.data[i - 1])))
            return str_trim(str_first(line, i));
    return str_trim(line);
}

static enum err take_variable(struct scanner *s, struct env_variable *variable)
{
    struct str export = STR("export");
    size_t end;

    if (str_starts(s->rest, export) && s->rest.len > export.len &&
        is_blank(s->rest.data[export.len])) {
        s->rest = str_from(s->rest, export.len);
        skip_blanks(s);
    }
    for (end = 0; end < s->rest.len && is_name_char(s->rest.data[end]);)
        end++;
    variable->name = str_first(s->rest, end);
    s->why = "a line must have the form NAME=value";
    if (!env_name_is_valid(variable->name))
        return ERR_INVALID;
    s->rest = str_from(s->rest, end);
    skip_blanks(s);
    if (s->rest.len == 0 || s->rest.data[0] != '=')
        return ERR_INVALID;
    s->rest = str_from(s->rest, 1);
    skip_blanks(s);
    if (s->rest.len > 0 && (s->rest.data[0] == '"' || s->rest.data[0] == '\''))
        return take_quoted(s, &variable->value);
    variable->value = take_unquoted(s);
    return OK;
}

/* How many there are at most: one a line. */
static size_t lines_of(struct str text)
{
    size_t lines = 1;

    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

static enum err take_all(struct scanner *s, struct env_variable *list, size_t *count)
{
    while (s->rest.len > 0) {
        enum err err;

        skip_blanks(s);
        if (s->rest.len == 0 || s->rest.data[0] == '#' || s->rest.data[0] == '\n') {
            (void)take_line(s);
            continue;
        }
        err = take_variable(s, &list[*count]);
        if (err)
            return err;
        ++*count;
    }
    return OK;
}

enum err env_file_parse(struct arena *arena, struct str text, struct env_variable **list,
                        size_t *count, size_t *line, const char **why)
{
    struct scanner s = {.arena = arena, .rest = text, .line = 1};
    size_t lines = lines_of(text), found = 0;
    struct env_variable *variables = NULL;
    enum err err = OK;

    if (str_starts(text, STR("\xEF\xBB\xBF")))
        s.rest = str_from(text, 3);
    if (str_find_char(text, '\0') < text.len) {
        s.why = "there is a NUL byte in the file";
        err = ERR_INVALID;
    } else if (lines > ENV_VARIABLES_MAX) {
        s.why = "the file has more than 10000 lines";
        err = ERR_LIMIT;
    } else {
        variables = ARENA_ARRAY(arena, struct env_variable, lines);
        err = take_all(&s, variables, &found);
    }
    if (err) {
        *line = s.line;
        *why = s.why;
        return err;
    }
    *list = variables;
    *count = found;
    return OK;
}
