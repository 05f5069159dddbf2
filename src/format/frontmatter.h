/* frontmatter.h -- the YAML block at the top of a Markdown file. The only includer of libyaml.
 *
 *   ---
 *   name: research
 *   description: >
 *     Finds things out.
 *   metadata:
 *     author: us
 *   ---
 *   The text itself.
 *
 * What is understood: one mapping whose values are texts, or one more mapping or a list of texts.
 * Aliases, tags, deeper nesting and keys that stand there twice are refused. Pure. */
#ifndef FORMAT_FRONTMATTER_H
#define FORMAT_FRONTMATTER_H

#include "base/arena.h"

#define FRONTMATTER_BYTES_MAX (64 * KIB)
#define FRONTMATTER_ENTRIES_MAX 64

enum frontmatter_kind { FRONTMATTER_TEXT, FRONTMATTER_LIST, FRONTMATTER_MAP };

struct frontmatter_entry {
    struct str key;    /* STR_NONE in a list */
    struct str value;  /* of a text, or of an item */
    struct str parent; /* the key this belongs to; STR_NONE: top level */
    enum frontmatter_kind kind;
};

struct frontmatter {
    struct frontmatter_entry entries[FRONTMATTER_ENTRIES_MAX];
    size_t count;
    struct str body; /* what stands behind the block; all of the text if there is none */
    bool is_there;
};

/* Values live in the arena, `body` borrows the text. ERR_INVALID with *why in the arena. A text
 * without a block is fine. */
enum err frontmatter_parse(struct arena *arena, struct str text, struct frontmatter *front,
                           struct str *why) MUST_USE;

/* The top-level entry of this key, or NULL. */
const struct frontmatter_entry *frontmatter_find(const struct frontmatter *front, const char *key);
/* Its text; STR_NONE if it is absent or no text. */
struct str frontmatter_text(const struct frontmatter *front, const char *key);

#endif
