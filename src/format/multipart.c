/* multipart.c -- one function for each state; each takes what is its own off the front. */
#include "format/multipart.h"

static enum err refuse(struct multipart *m, const char *why)
{
    m->why = why;
    return ERR_INVALID;
}

/* ---- headers ---- */

/* Takes `name` or `name=value`, or `name="value"`, off the front of parameters. */
static bool parameter_take(struct str *rest, struct str *name, struct str *value)
{
    size_t at = 0;

    *rest = str_trim(*rest);
    while (rest->len > 0 && rest->data[0] == ';')
        *rest = str_trim(str_from(*rest, 1));
    if (rest->len == 0)
        return false;
    while (at < rest->len && rest->data[at] != '=' && rest->data[at] != ';')
        at++;
    *name = str_trim(str_first(*rest, at));
    *value = STR("");
    if (at == rest->len || rest->data[at] == ';') {
        *rest = str_from(*rest, at);
        return true;
    }
    *rest = str_trim(str_from(*rest, at + 1));
    if (rest->len > 0 && rest->data[0] == '"') {
        *rest = str_from(*rest, 1);
        at = str_find_char(*rest, '"');
        *value = str_first(*rest, at);
        *rest = str_from(*rest, at + 1);
    } else {
        at = str_find_char(*rest, ';');
        *value = str_trim(str_first(*rest, at));
        *rest = str_from(*rest, at);
    }
    return true;
}

static struct str parameter_find(struct str parameters, const char *wanted)
{
    struct str name, value;

    while (parameter_take(&parameters, &name, &value))
        if (str_eq_nocase(name, str_of(wanted)))
            return value;
    return STR_NONE;
}

/* "form-data; name=…" into the word before the first ';' and what follows. */
static struct str word_take(struct str *value)
{
    size_t at = str_find_char(*value, ';');
    struct str word = str_trim(str_first(*value, at));

    *value = str_from(*value, at);
    return word;
}

enum err multipart_boundary(struct str content_type, struct str *boundary)
{
    struct str rest = content_type, found;

    if (str_is_none(content_type) || !str_eq_nocase(word_take(&rest), STR("multipart/form-data")))
        return ERR_INVALID;
    found = parameter_find(rest, "boundary");
    if (found.len == 0)
        return ERR_INVALID;
    *boundary = found;
    return OK;
}

static enum err length_read(struct multipart *m, struct str text, struct multipart_part *part)
{
    int64_t length;

    if (str_to_i64(text, &length) || length < 0)
        return refuse(m, "a part's length is not a number");
    if (part->length >= 0 && part->length != length)
        return refuse(m, "a part has two lengths");
    part->length = length;
    return OK;
}

static enum err header_read(struct multipart *m, struct str line, struct multipart_part *part)
{
    size_t colon = str_find_char(line, ':');
    struct str name = str_first(line, colon), value = str_trim(str_from(line, colon + 1)), length;

    if (colon == line.len)
        return refuse(m, "a line in the head of a part has no colon");
    if (str_eq_nocase(name, STR("content-disposition"))) {
        if (!str_eq_nocase(word_take(&value), STR("form-data")))
            return refuse(m, "a part is not form-data");
        part->name = parameter_find(value, "name");
        part->file_name = parameter_find(value, "filename");
    } else if (str_eq_nocase(name, STR("content-type"))) {
        part->content_type = word_take(&value);
        length = parameter_find(value, "length");
        return str_is_none(length) ? OK : length_read(m, length, part);
    } else if (str_eq_nocase(name, STR("content-length"))) {
        return length_read(m, value, part);
    } else if (str_eq_nocase(name, STR("content-encoding")) ||
               str_eq_nocase(name, STR("content-transfer-encoding"))) {
        return refuse(m, "a part must not have an encoding of its own");
    }
    return OK;
}

static enum err head_read(struct multipart *m, struct multipart_part *part)
{
    struct str rest = str_range(m->head, m->head_len), line;
    enum err err = OK;

    *part = (struct multipart_part){.length = -1};
    while (!err && str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len > 0)
            err = header_read(m, line, part);
    }
    if (!err && part->name.len == 0)
        return refuse(m, "a part has no name");
    return err;
}

/* ---- states ---- */

static enum err take_line_end(struct multipart *m, struct str *bytes)
{
    char c = bytes->data[0];

    *bytes = str_from(*bytes, 1);
    if (m->line_end_len == 0 && (c == ' ' || c == '\t'))
        return OK;
    m->line_end[m->line_end_len++] = c;
    if (m->line_end_len < sizeof(m->line_end))
        return OK;
    m->line_end_len = 0;
    if (memcmp(m->line_end, "\r\n", 2) == 0)
        m->state = MULTIPART_HEAD;
    else if (memcmp(m->line_end, "--", 2) == 0)
        m->state = MULTIPART_EPILOGUE;
    else
        return refuse(m, "no line ends behind a boundary");
    m->head_len = 0;
    return OK;
}

static bool head_is_complete(const struct multipart *m)
{
    if (m->head_len == 2)
        return memcmp(m->head, "\r\n", 2) == 0;
    return m->head_len >= 4 && memcmp(m->head + m->head_len - 4, "\r\n\r\n", 4) == 0;
}

static enum err take_head(struct multipart *m, struct str *bytes)
{
    struct multipart_part part;
    enum err err;

    for (size_t i = 0; i < bytes->len; i++) {
        if (m->head_len == sizeof(m->head)) {
            m->why = "the head of a part is too long";
            return ERR_LIMIT;
        }
        m->head[m->head_len++] = bytes->data[i];
        if (bytes->data[i] != '\n' || !head_is_complete(m))
            continue;
        *bytes = str_from(*bytes, i + 1);
        if ((err = head_read(m, &part)))
            return err;
        m->parts++;
        m->left = part.length;
        m->matched = 0;
        m->state = part.length < 0    ? MULTIPART_SCANNED
                   : part.length == 0 ? MULTIPART_BOUNDARY
                                      : MULTIPART_COUNTED;
        return m->handler.on_part(m->handler.context, &part);
    }
    *bytes = str_from(*bytes, bytes->len);
    return OK;
}

static enum err take_counted(struct multipart *m, struct str *bytes)
{
    size_t len = (uint64_t)m->left < bytes->len ? (size_t)m->left : bytes->len;
    struct str piece = str_first(*bytes, len);

    *bytes = str_from(*bytes, len);
    m->left -= (int64_t)len;
    if (m->left == 0)
        m->state = MULTIPART_BOUNDARY;
    return m->handler.on_data(m->handler.context, piece);
}

static enum err part_ended(struct multipart *m)
{
    bool is_first = m->state == MULTIPART_PREAMBLE;

    m->matched = 0;
    m->state = MULTIPART_LINE_END;
    return is_first ? OK : m->handler.on_part_end(m->handler.context);
}

/* Behind a counted part nothing but the boundary may stand. */
static enum err take_boundary(struct multipart *m, struct str *bytes)
{
    while (bytes->len > 0) {
        if (bytes->data[0] != m->delimiter[m->matched])
            return refuse(m, "a part is not as long as it says: no boundary follows");
        *bytes = str_from(*bytes, 1);
        if (++m->matched == m->delimiter_len)
            return part_ended(m);
    }
    return OK;
}

static enum err data_out(struct multipart *m, struct str piece)
{
    if (piece.len == 0 || m->state == MULTIPART_PREAMBLE)
        return OK;
    return m->handler.on_data(m->handler.context, piece);
}

/* What looked like a delimiter and was none is data. CR stands only at its front, so the search
 * goes on at the byte that differed. */
static enum err mismatch(struct multipart *m)
{
    size_t matched = m->matched;

    m->matched = 0;
    return data_out(m, str_range(m->delimiter, matched));
}

static enum err take_scanned(struct multipart *m, struct str *bytes)
{
    enum err err = OK;

    while (!err && bytes->len > 0) {
        size_t at = 0;

        if (m->matched == 0)
            at = str_find_char(*bytes, '\r');
        if (at > 0) {
            struct str piece = str_first(*bytes, at);

            *bytes = str_from(*bytes, at);
            err = data_out(m, piece);
        } else if (bytes->data[0] != m->delimiter[m->matched]) {
            err = mismatch(m);
        } else {
            *bytes = str_from(*bytes, 1);
            if (++m->matched == m->delimiter_len)
                return part_ended(m);
        }
    }
    return err;
}

enum err multipart_feed(struct multipart *m, struct str bytes)
{
    static enum err (*const takes[])(struct multipart *, struct str *) = {
        [MULTIPART_PREAMBLE] = take_scanned,  [MULTIPART_LINE_END] = take_line_end,
        [MULTIPART_HEAD] = take_head,         [MULTIPART_COUNTED] = take_counted,
        [MULTIPART_BOUNDARY] = take_boundary, [MULTIPART_SCANNED] = take_scanned,
    };
    enum err err = OK;

    while (!err && bytes.len > 0 && m->state != MULTIPART_EPILOGUE)
        err = takes[m->state](m, &bytes);
    return err;
}

enum err multipart_end(struct multipart *m)
{
    return m->state == MULTIPART_EPILOGUE ? OK : refuse(m, "the last boundary is missing");
}

enum err multipart_init(struct multipart *m, struct str boundary,
                        const struct multipart_handler *handler)
{
    if (boundary.len == 0 || boundary.len > MULTIPART_BOUNDARY_BYTES_MAX ||
        str_find_char(boundary, '\r') < boundary.len ||
        str_find_char(boundary, '\n') < boundary.len)
        return ERR_INVALID;
    *m = (struct multipart){.handler = *handler, .state = MULTIPART_PREAMBLE};
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.data, boundary.len);
    m->delimiter_len = 4 + boundary.len;
    m->matched = 2; /* the first boundary may stand at the very beginning */
    return OK;
}
