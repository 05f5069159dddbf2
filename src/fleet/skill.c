/* skill.c -- the rules of SKILL.md, one after the other. */
#include "fleet/skill.h"

#include "format/frontmatter.h"

#define NAME_MAX_BYTES 64
#define DESCRIPTION_MAX 1024
#define COMPATIBILITY_MAX 500

bool skill_name_is_valid(struct str name)
{
    bool after_hyphen = true; /* none at the start */

    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (c == '-' && after_hyphen)
            return false;
        after_hyphen = c == '-';
        if (c != '-' && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return !after_hyphen;
}

static size_t characters(struct str text)
{
    size_t count = 0;

    while (text.len > 0) {
        text = str_from(text, str_utf8_len(text));
        count++;
    }
    return count;
}

static const char *wrong_with_name(const struct frontmatter *front, struct str folder)
{
    struct str name = frontmatter_text(front, "name");

    if (str_is_none(name))
        return "must have a name in its frontmatter";
    if (!skill_name_is_valid(name))
        return "must have a name of 1 to 64 lower-case letters, digits and single hyphens inside";
    if (!str_is_none(folder) && !str_eq(folder, name))
        return "must have the name of its folder";
    return NULL;
}

static const char *wrong_with_description(const struct frontmatter *front)
{
    struct str description = frontmatter_text(front, "description");

    if (str_is_none(description) || str_trim(description).len == 0)
        return "must have a description in its frontmatter";
    if (characters(description) > DESCRIPTION_MAX)
        return "has a description of more than 1024 characters";
    return NULL;
}

static bool is_other_than(const struct frontmatter *front, const char *key,
                          enum frontmatter_kind kind)
{
    const struct frontmatter_entry *entry = frontmatter_find(front, key);

    return entry && entry->kind != kind;
}

static const char *wrong_with_rest(const struct frontmatter *front)
{
    struct str compatibility = frontmatter_text(front, "compatibility");

    if (is_other_than(front, "license", FRONTMATTER_TEXT))
        return "has a license that is no text";
    if (is_other_than(front, "compatibility", FRONTMATTER_TEXT) ||
        (!str_is_none(compatibility) &&
         (compatibility.len == 0 || characters(compatibility) > COMPATIBILITY_MAX)))
        return "has a compatibility that is no text of 1 to 500 characters";
    if (is_other_than(front, "metadata", FRONTMATTER_MAP))
        return "has metadata that are no mapping";
    if (is_other_than(front, "allowed-tools", FRONTMATTER_TEXT))
        return "has allowed-tools that are no text with names between blanks";
    return NULL;
}

enum err skill_parse(struct arena *arena, struct str folder, struct str text, struct skill *skill,
                     struct str *why)
{
    struct frontmatter *front = ARENA_NEW(arena, struct frontmatter);
    const char *wrong;
    enum err err;

    if (!str_is_utf8(text)) {
        *why = STR("is not UTF-8");
        return ERR_INVALID;
    }
    if ((err = frontmatter_parse(arena, text, front, why)))
        return err;
    if ((wrong = wrong_with_name(front, folder)) || (wrong = wrong_with_description(front)) ||
        (wrong = wrong_with_rest(front))) {
        *why = str_of(wrong);
        return ERR_INVALID;
    }
    *skill = (struct skill){.name = frontmatter_text(front, "name"),
                            .description = str_trim(frontmatter_text(front, "description")),
                            .body = front->body};
    return OK;
}
