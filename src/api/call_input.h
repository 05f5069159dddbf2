/* call_input.h -- what a call was given, checked: body, query, path. */
#ifndef API_CALL_INPUT_H
#define API_CALL_INPUT_H

#include "base/str.h"

struct call;

/* 422 in these words; returns ERR_INVALID, so that it can end a check. */
enum err call_refuse(struct call *call, const char *words);
/* The body is not JSON; returns ERR_INVALID. */
enum err call_refuse_json(struct call *call, const struct json_error *error);
/* The body must be a JSON object (an absent one counts as {}). ERR_INVALID: the reply is filled. */
enum err call_body_object(struct call *call) MUST_USE;
enum err call_body_any(struct call *call) MUST_USE; /* any JSON */
/* The body as it is, without its Content-Encoding; may live in the call's arena. */
enum err call_body_bytes(struct call *call, struct str *body) MUST_USE;
/* These return ERR_INVALID with the reply filled when the member is of another type. Absent or
 * null: untouched. */
enum err call_get_text(struct call *call, const char *key, struct str *value) MUST_USE;
enum err call_get_object(struct call *call, const char *key, struct str *raw) MUST_USE;
enum err call_get_bool(struct call *call, const char *key, bool *value) MUST_USE;
/* One of `words`, which end with NULL. */
enum err call_get_word(struct call *call, const char *key, const char *const *words,
                       struct str *value) MUST_USE;
/* 404 that names the graph as `field` has it, if there is none; returns ERR_NOT_FOUND then. */
enum err call_need_graph(struct call *call, const char *field, struct str graph_id) MUST_USE;
/* In lower case, however it was written. */
enum err call_get_uuid(struct call *call, const char *key, struct str *value) MUST_USE;
enum err call_get_int(struct call *call, const char *key, int64_t min, int64_t max,
                      int64_t *value) MUST_USE;
/* "limits" (auth/limits.h) as text to be stored. */
enum err call_get_limits(struct call *call, struct str *text) MUST_USE;
/* From the query string. */
enum err call_query_int(struct call *call, const char *key, int64_t min, int64_t max,
                        int64_t *value) MUST_USE;
enum err call_query_bool(struct call *call, const char *key, bool *value) MUST_USE;
/* One of `words`, which end with NULL; absent is fine. */
enum err call_query_word(struct call *call, const char *key, const char *const *words) MUST_USE;
/* All values of a key as a JSON array in the arena; STR_NONE: it is not there. */
struct str call_query_texts(struct call *call, const char *key);
/* Path parameter `index` must be a UUID; it is in lower case then. */
enum err call_param_uuid(struct call *call, size_t index, const char *name) MUST_USE;
/* The union of two JSON objects (json_merge) in the arena; `base` itself if `over` is STR_NONE. */
struct str call_merge(struct call *call, struct str base, struct str over);
/* A new id in the arena. */
struct str call_new_id(struct call *call);

#endif
