/* namespaces.h -- namespaces of items as text: labels, each with ITEM_LABEL_END behind it, so that
 * a prefix of labels is a prefix of the text. Pure. */
#ifndef STORE_NAMESPACES_H
#define STORE_NAMESPACES_H

#include "base/json.h"
#include "store/items.h"

/* ["a","b"] as text in the arena. ERR_INVALID: a label that is no text or holds the separator;
 * ERR_LIMIT: too long. */
enum err namespace_join(struct arena *arena, const struct json *labels, struct str *text) MUST_USE;
/* As a JSON array. */
void namespace_out(struct json_writer *json, struct str text);
/* The first `depth` labels; all if depth is not positive. */
struct str namespace_cut(struct str text, int64_t depth);
/* In patterns "*" stands for any one label. */
bool namespace_starts(struct str text, struct str pattern);
bool namespace_ends(struct str text, struct str pattern);
/* The labels of a pattern before its first "*". */
struct str namespace_literal(struct str pattern);

#endif
