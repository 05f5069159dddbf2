/* form.h -- the form that is filled in when a webhook is run, and what may be said in it.
 *
 *   {"fields": [{"name": "environment", "label": "Environment", "type": "select",
 *                "options": [{"label": "Production", "value": "prod"}, "dev"],
 *                "default": "dev", "required": true}]}
 *
 *   string    a text on one line (the default; unknown types are read as it)
 *   textarea  a text
 *   number    a number
 *   boolean   true or false; what is not said is false
 *   select    the value of one of its options, whatever JSON that is; a bare value is an option
 *   json      any JSON; a text is taken as JSON text, as editors send it, and must be valid
 *
 * A field is required unless it is a boolean, has a default, or says "required": false. Pure. */
#ifndef FLEET_FORM_H
#define FLEET_FORM_H

#include "base/json.h"

#define FORM_FIELDS_MAX 50
#define FORM_BYTES_MAX (64 * KIB)
#define FORM_INPUT_BYTES_MAX (256 * KIB)

enum form_type { FORM_STRING, FORM_NUMBER, FORM_BOOLEAN, FORM_TEXTAREA, FORM_JSON, FORM_SELECT };

struct form_field {
    struct str name;
    enum form_type type;
    struct str unknown_type; /* as it was given; STR_NONE: it is known */
    bool is_required;
    const struct json *options; /* array; of a select */
    struct str default_text;    /* JSON; STR_NONE: none */
};

struct form {
    struct form_field *fields;
    size_t count;
    struct str fields_text; /* the array as it was given; "[]" */
};

/* What is wrong, field by field. */
struct form_problem {
    struct str field;
    struct str message;
};

struct form_problems {
    struct form_problem *list;
    size_t count;
};

/* `text`: {"fields": […]}, or the array alone; STR_NONE: no fields. Borrows it. ERR_INVALID with
 * *why in the arena ("form_schema: fields[1] …"). */
enum err form_parse(struct arena *arena, struct str text, struct form *form,
                    struct str *why) MUST_USE;

/* Checks an input (the text of a JSON object; STR_NONE: nothing was said) and puts in what was not
 * said. *filled is the text of an object with the fields in the form's order, in the arena.
 * ERR_INVALID: *problems says why, each field once. */
enum err form_fill(struct arena *arena, const struct form *form, struct str input,
                   struct str *filled, struct form_problems *problems) MUST_USE;

#endif
