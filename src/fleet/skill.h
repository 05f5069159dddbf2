/* skill.h -- a skill by the Agent Skills format: a folder with a SKILL.md.
 *
 *   name           1–64 of a–z, 0–9 and single hyphens inside; the same as the folder's name
 *   description    1–1024 characters
 *   license        a text
 *   compatibility  1–500 characters
 *   metadata       a mapping of texts
 *   allowed-tools  a text, names between blanks
 *
 * Other keys are carried along unread: programs that use skills have their own. Pure. */
#ifndef FLEET_SKILL_H
#define FLEET_SKILL_H

#include "base/arena.h"

struct skill {
    struct str name;
    struct str description;
    struct str body; /* what is read when the skill is used; borrows the text */
};

bool skill_name_is_valid(struct str name);
/* `folder`: the name of its folder; STR_NONE: not known. ERR_INVALID with *why in the arena. */
enum err skill_parse(struct arena *arena, struct str folder, struct str text, struct skill *skill,
                     struct str *why) MUST_USE;

#endif
