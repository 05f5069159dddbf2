/* golden.h -- for tests: a JSON object is compared, byte by byte and key by key in order, with a
 * file that people read and review.
 *
 * The file has one top-level member a line. With RUNBELL_WRITE_GOLDEN set in the environment the
 * file is written instead: then the diff is what is reviewed. */
#ifndef BASE_GOLDEN_H
#define BASE_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/test.h"

#define GOLDEN_BYTES_MAX MIB
#define GOLDEN_PATH_MAX 512

/* `folder` ends without a slash. */
#define ASSERT_GOLDEN(actual, folder, name)                                                        \
    golden_assert((actual), (folder), (name), __FILE__, __LINE__)

/* One member a line; everything else as it is. */
static inline void golden_lines(struct str object, struct buf *out)
{
    struct str key, value;
    size_t position = 0;
    bool is_first = true;

    buf_add_char(out, '{');
    while (json_raw_next(object, &position, &key, &value)) {
        buf_addf(out, "%s\n  \"%.*s\": ", is_first ? "" : ",", STR_ARG(key));
        buf_add(out, value);
        is_first = false;
    }
    buf_add_cstr(out, "\n}\n");
}

static inline void golden_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    size_t n;

    if (!file)
        fail_msg("%s does not exist; RUNBELL_WRITE_GOLDEN=1 writes it", path);
    n = fread(buf_reserve(out, GOLDEN_BYTES_MAX), 1, GOLDEN_BYTES_MAX, file);
    buf_added(out, n);
    fclose(file);
}

static inline void golden_write(const char *path, struct str text)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static inline void golden_assert(struct str actual, const char *folder, const char *name,
                                 const char *source, int line)
{
    char path[GOLDEN_PATH_MAX];
    const struct json *root = NULL;
    struct buf lines, expected;
    struct arena arena;
    bool is_equal = true;

    arena_init(&arena);
    buf_init(&lines, GOLDEN_BYTES_MAX);
    buf_init(&expected, GOLDEN_BYTES_MAX);
    snprintf(path, sizeof(path), "%s/%s.json", folder, name);
    assert_int_equal(json_parse(&arena, actual, &root, NULL), OK);
    assert_int_equal(json_type(root), JSON_OBJECT);
    golden_lines(actual, &lines);
    if (getenv("RUNBELL_WRITE_GOLDEN")) {
        golden_write(path, buf_str(&lines));
    } else {
        golden_read(path, &expected);
        is_equal = str_eq(buf_str(&lines), buf_str(&expected));
        if (!is_equal)
            print_error("%s is not what came:\n%.*s", path, STR_ARG(buf_str(&lines)));
    }
    buf_release(&lines);
    buf_release(&expected);
    arena_release(&arena);
    if (!is_equal)
        _fail(source, line);
}

#endif
