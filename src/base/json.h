/* json.h -- reading and writing JSON. The only includer of yyjson.
 *
 * Reading: the text is parsed once into the arena; `struct json` is a borrowed, read-only value.
 * User JSON is never re-serialised: json_raw gives the exact bytes of a member's value, to be
 * carried as text and spliced into answers, so key order, number text and unknown keys survive.
 *
 * Writing: struct json_writer puts commas and quotes into a buf; what is spliced with json_raw_out
 * must be valid JSON already. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

#define JSON_DEPTH_MAX 512

struct json; /* a value; NULL stands for "absent" and every reader below takes it */

enum json_type {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_error {
    size_t position;    /* byte offset */
    const char *reason; /* static text */
};

/* Strict JSON in UTF-8, depth ≤ JSON_DEPTH_MAX; the text may be empty (ERR_INVALID). *root and
 * all below live in the arena. `error` may be NULL. */
enum err json_parse(struct arena *arena, struct str text, const struct json **root,
                    struct json_error *error) MUST_USE;

enum json_type json_type(const struct json *value);
const char *json_type_name(enum json_type type); /* "object", "a number" … for error texts */
bool json_is_null(const struct json *value);     /* present and null */
bool json_is_absent(const struct json *value);   /* not there, or null */
/* These give the fallback (STR_NONE, false …) when the value is absent or of another type. */
struct str json_string(const struct json *value);
bool json_bool(const struct json *value, bool fallback);
int64_t json_i64(const struct json *value, int64_t fallback);
double json_double(const struct json *value, double fallback);
bool json_is_integer(const struct json *value);
/* Members of an object, items of an array. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_get_str(const struct json *object, struct str key);
bool json_has_text(const struct json *object, const char *key); /* a string, and not empty */
size_t json_count(const struct json *value);
const struct json *json_item(const struct json *array, size_t index);
struct json_iter {
    const struct json *container;
    size_t index;
    const void *next;
};
struct json_iter json_iter(const struct json *array_or_object);
/* key is STR_NONE for arrays. False at the end. */
bool json_next(struct json_iter *iter, struct str *key, const struct json **value);

/* The exact bytes of a member's value inside `object_text`, which must be a valid JSON object (it
 * has been parsed). STR_NONE if the key is absent. Keys are compared after unescaping. */
struct str json_raw(struct str object_text, struct str key);
/* Walks the members (object) or items (array) of valid JSON text; start with *position = 0. `key`
 * is the raw text between the quotes, STR_NONE in arrays. */
bool json_raw_next(struct str container_text, size_t *position, struct str *key, struct str *value);
/* Replaces every \u0000 escape by \ufffd in place (PostgreSQL cannot hold it). */
void json_scrub_nul(char *text, size_t len);

/* Every member of `filter` is in `value`, recursively; arrays as sets: PostgreSQL's @>. */
bool json_contains(const struct json *value, const struct json *filter);
bool json_equals(const struct json *a, const struct json *b);
/* The union of two object texts ("" or STR_NONE: empty); members of `over` win, order is kept. */
void json_merge(struct buf *out, struct str base, struct str over);
/* Valid JSON text laid out for people: two blanks a level, a line end behind it. */
void json_pretty(struct buf *out, struct str text);

/* The object's text without the members whose (unescaped) name `drops`. */
void json_without(struct buf *out, struct str object_text, bool (*drops)(struct str key));
/* The object's text with the member `key` set to the JSON text `value`, in the arena; STR_NONE if
 * that is longer than `max`. */
struct str json_with(struct arena *arena, struct str object_text, struct str key, struct str value,
                     size_t max);

struct json_writer {
    struct buf *out;
    bool comma_due;
};

void json_writer_init(struct json_writer *w, struct buf *out);
void json_begin_object(struct json_writer *w);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w);
void json_end_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_key_str(struct json_writer *w, struct str key);
void json_key_raw(struct json_writer *w, struct str escaped); /* as json_raw_next gives it */
void json_str_out(struct json_writer *w,
                  struct str value); /* STR_NONE writes null; bad UTF-8 becomes U+FFFD */
void json_i64_out(struct json_writer *w, int64_t value);
void json_double_out(struct json_writer *w, double value);
void json_bool_out(struct json_writer *w, bool value);
void json_null_out(struct json_writer *w);
void json_raw_out(struct json_writer *w, struct str json_text); /* STR_NONE or "" writes null */
void json_time_out(struct json_writer *w, int64_t wall_us);     /* ISO text; 0 writes null */
void json_value_out(struct json_writer *w,
                    const struct json *value); /* re-serialises: for our own JSON only */
/* key + value in one call. */
void json_put_str(struct json_writer *w, const char *key, struct str value);
void json_put_i64(struct json_writer *w, const char *key, int64_t value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_raw(struct json_writer *w, const char *key, struct str json_text);
void json_put_time(struct json_writer *w, const char *key, int64_t wall_us);
void json_put_null(struct json_writer *w, const char *key);

#endif
