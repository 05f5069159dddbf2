/* frontmatter.c -- libyaml's events, folded into one level of entries. */
#include "format/frontmatter.h"

#include <yaml.h>

enum place { PLACE_START, PLACE_TOP, PLACE_LIST, PLACE_MAP, PLACE_END };

struct reading {
    struct arena *arena;
    struct frontmatter *front;
    enum place place;
    struct str key; /* of the value that comes next; STR_NONE: a key comes next */
    struct str parent;
    const char *wrong;
};

/* ---- where the block is ---- */

static bool take_line(struct str *rest, struct str *line)
{
    size_t end = str_find_char(*rest, '\n');

    if (rest->len == 0)
        return false;
    *line = str_first(*rest, end);
    *rest = str_from(*rest, end + 1);
    if (str_ends(*line, STR("\r")))
        line->len--;
    return true;
}

/* False: the block has no end. */
static bool find_block(struct str text, struct frontmatter *front, struct str *block)
{
    struct str rest = text, line, from;

    front->body = text;
    *block = STR_NONE;
    if (str_starts(rest, STR("\xef\xbb\xbf")))
        rest = str_from(rest, 3);
    if (!take_line(&rest, &line) || !str_eq(line, STR("---")))
        return true;
    from = rest;
    while (take_line(&rest, &line)) {
        if (!str_eq(line, STR("---")))
            continue;
        *block = str_range(from.data, (size_t)(line.data - from.data));
        front->body = rest;
        front->is_there = true;
        return true;
    }
    return false;
}

/* ---- events ---- */

static void add(struct reading *r, struct str key, struct str value, enum frontmatter_kind kind)
{
    struct frontmatter *front = r->front;

    for (size_t i = 0; i < front->count && !str_is_none(key); i++)
        if (str_eq(front->entries[i].key, key) && str_eq(front->entries[i].parent, r->parent))
            r->wrong = "has a key that stands there twice";
    if (front->count == FRONTMATTER_ENTRIES_MAX)
        r->wrong = "has more than 64 entries";
    if (r->wrong)
        return;
    front->entries[front->count++] =
        (struct frontmatter_entry){.key = key, .value = value, .parent = r->parent, .kind = kind};
}

static void on_scalar(struct reading *r, const yaml_event_t *event)
{
    struct str value = str_range((const char *)event->data.scalar.value, event->data.scalar.length);

    value = value.data ? arena_str(r->arena, value) : STR("");
    if (memchr(value.data, '\0', value.len))
        r->wrong = "has a text with a NUL";
    else if (r->place == PLACE_LIST)
        add(r, STR_NONE, value, FRONTMATTER_TEXT);
    else if (r->place == PLACE_START)
        r->wrong = "is not a mapping of keys to values";
    else if (str_is_none(r->key))
        r->key = value;
    else {
        add(r, r->key, value, FRONTMATTER_TEXT);
        r->key = STR_NONE;
    }
}

static void on_open(struct reading *r, enum frontmatter_kind kind)
{
    if (r->place == PLACE_START && kind == FRONTMATTER_MAP) {
        r->place = PLACE_TOP;
        return;
    }
    if (r->place != PLACE_TOP || str_is_none(r->key)) {
        r->wrong =
            r->place == PLACE_START ? "is not a mapping of keys to values" : "is nested too deeply";
        return;
    }
    add(r, r->key, STR_NONE, kind);
    r->parent = r->key;
    r->key = STR_NONE;
    r->place = kind == FRONTMATTER_MAP ? PLACE_MAP : PLACE_LIST;
}

static void on_close(struct reading *r)
{
    r->place = r->place == PLACE_TOP ? PLACE_END : PLACE_TOP;
    r->parent = STR_NONE;
    r->key = STR_NONE;
}

static bool has_tag_or_anchor(const yaml_event_t *event)
{
    if (event->type == YAML_SCALAR_EVENT)
        return event->data.scalar.anchor || event->data.scalar.tag;
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    if (event->type == YAML_MAPPING_START_EVENT)
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    return event->type == YAML_ALIAS_EVENT;
}

static void on_event(struct reading *r, const yaml_event_t *event)
{
    if (has_tag_or_anchor(event))
        r->wrong = "has an anchor, an alias or a tag";
    else if (event->type == YAML_SCALAR_EVENT)
        on_scalar(r, event);
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        on_open(r, FRONTMATTER_LIST);
    else if (event->type == YAML_MAPPING_START_EVENT)
        on_open(r, FRONTMATTER_MAP);
    else if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
        on_close(r);
    else if (event->type == YAML_DOCUMENT_START_EVENT && r->place == PLACE_END)
        r->wrong = "has more than one document";
}

static void read_events(struct reading *r, yaml_parser_t *parser)
{
    bool is_over = false;

    while (!is_over && !r->wrong) {
        yaml_event_t event;

        if (!yaml_parser_parse(parser, &event)) {
            r->wrong = "is not YAML";
            return;
        }
        is_over = event.type == YAML_STREAM_END_EVENT;
        on_event(r, &event);
        yaml_event_delete(&event);
    }
}

static void parse_block(struct reading *r, struct str block, struct str *detail)
{
    yaml_parser_t parser;

    REQUIRE(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, (const unsigned char *)block.data, block.len);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    read_events(r, &parser);
    if (parser.problem)
        *detail = arena_printf(r->arena, ": %s in line %zu", parser.problem,
                               parser.problem_mark.line + 2);
    yaml_parser_delete(&parser);
}

enum err frontmatter_parse(struct arena *arena, struct str text, struct frontmatter *front,
                           struct str *why)
{
    struct reading r = {.arena = arena, .front = front};
    struct str block, detail = STR("");

    *front = (struct frontmatter){.count = 0};
    if (!find_block(text, front, &block))
        r.wrong = "has no end: a line with --- and nothing else";
    else if (block.len > FRONTMATTER_BYTES_MAX)
        r.wrong = "is longer than 64 KiB";
    else if (!str_is_utf8(block))
        r.wrong = "is not UTF-8";
    else if (front->is_there)
        parse_block(&r, block, &detail);
    if (!r.wrong)
        return OK;
    *why = arena_printf(arena, "its frontmatter %s%.*s", r.wrong, STR_ARG(detail));
    return ERR_INVALID;
}

const struct frontmatter_entry *frontmatter_find(const struct frontmatter *front, const char *key)
{
    for (size_t i = 0; i < front->count; i++)
        if (str_is_none(front->entries[i].parent) && str_eq(front->entries[i].key, str_of(key)))
            return &front->entries[i];
    return NULL;
}

struct str frontmatter_text(const struct frontmatter *front, const char *key)
{
    const struct frontmatter_entry *entry = frontmatter_find(front, key);

    return entry && entry->kind == FRONTMATTER_TEXT ? entry->value : STR_NONE;
}
