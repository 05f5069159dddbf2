/* example_search.c -- examples that a filter matches: the language of spans (format/filter.h), on
 * what examples have of it: and(not(has(metadata, '{"foo": "bar"}')), exists(metadata, "x")).
 *
 * The dataset's examples are looked at one after the other, as metadata has no index: at most
 * EXAMPLES_OF_DATASET_MAX. */
#include "api/datasets_priv.h"
#include "format/filter.h"

#define PIECE 1000
#define OF(attribute) (1u << (attribute))
/* What examples have; search() asks for errors and tags too, which are absent then. */
#define HAS                                                                                        \
    (OF(FILTER_ID) | OF(FILTER_DATASET_ID) | OF(FILTER_NAME) | OF(FILTER_METADATA) |               \
     OF(FILTER_INPUTS) | OF(FILTER_OUTPUTS) | OF(FILTER_ERROR) | OF(FILTER_TAGS))

/* ---- what is asked of an example ---- */

struct asked {
    const struct example_row *row;
    struct arena *arena;
};

static enum filter_answer id(void *context, enum filter_attribute attribute, struct uuid *value)
{
    const struct example_row *row = ((struct asked *)context)->row;
    struct str text = attribute == FILTER_ID           ? row->example_id
                      : attribute == FILTER_DATASET_ID ? row->dataset_id
                                                       : STR_NONE;

    return uuid_parse_loose(text, value) ? FILTER_NO : FILTER_YES;
}

/* STR_NONE: it has none. */
static struct str text_of(const struct example_row *row, enum filter_attribute attribute)
{
    return attribute == FILTER_NAME       ? row->name
           : attribute == FILTER_METADATA ? row->metadata
           : attribute == FILTER_INPUTS   ? row->inputs
           : attribute == FILTER_OUTPUTS  ? row->outputs
                                          : STR_NONE;
}

static enum filter_answer text(void *context, enum filter_attribute attribute, struct str *value)
{
    *value = text_of(((struct asked *)context)->row, attribute);
    return str_is_none(*value) ? FILTER_NO : FILTER_YES;
}

static enum filter_answer number(void *context, enum filter_attribute attribute, int64_t *value)
{
    (void)context;
    (void)attribute;
    (void)value;
    return FILTER_NO;
}

static enum filter_answer json(void *context, enum filter_attribute attribute,
                               const struct json **value)
{
    const struct asked *asked = context;
    struct str document = text_of(asked->row, attribute);

    if (str_is_none(document) || json_parse(asked->arena, document, value, NULL))
        return FILTER_NO;
    return json_is_null(*value) ? FILTER_NO : FILTER_YES;
}

static enum filter_answer feedback(void *context, const struct filter_feedback **rows,
                                   size_t *count)
{
    (void)context;
    *rows = NULL;
    *count = 0;
    return FILTER_YES;
}

/* ---- looking ---- */

static enum err read(struct call *call, struct arena *arena, struct filter *filter)
{
    struct filter_error error;

    if (filter_parse(arena, query_get(&call->query, "filter"), filter, &error)) {
        call_fail(call, 422, "filter: %s", error.text);
        return ERR_INVALID;
    }
    if (!(filter->needs & ~HAS))
        return OK;
    call_fail(call, 422,
              "filter: asks for what examples have not: they have id, name, metadata, inputs and "
              "outputs");
    return ERR_INVALID;
}

enum err example_filter_check(struct call *call)
{
    struct filter filter;

    return read(call, call->arena, &filter);
}

/* Those of a piece that match, behind the first *skip, until the page is full. */
static void take(const struct filter *filter, const struct example_rows *piece, int64_t limit,
                 int64_t *skip, struct arena *arena, struct example_rows *found)
{
    static const struct filter_source source = {id, text, number, json, feedback};

    for (size_t i = 0; i < piece->count && found->count < (size_t)limit; i++) {
        struct asked asked = {&piece->list[i], arena};

        if (filter_test(filter, &source, &asked) != FILTER_YES)
            continue;
        if (*skip > 0)
            (*skip)--;
        else
            found->list[found->count++] = piece->list[i];
    }
}

enum err example_search(struct tx *tx, struct call *call, const struct example_filter *asked,
                        struct example_rows *found)
{
    struct example_filter page = *asked;
    struct example_rows piece = {.count = PIECE};
    struct filter filter;
    int64_t skip = asked->offset;
    enum err err = read(call, tx->arena, &filter);

    if (err || !filter.root)
        return err ? err : examples_search(tx, asked, tx->arena, found);
    *found = (struct example_rows){
        .list = ARENA_ARRAY(tx->arena, struct example_row, (size_t)asked->limit + 1)};
    page.limit = PIECE;
    for (page.offset = 0; !err && piece.count == PIECE && found->count < (size_t)asked->limit;
         page.offset += PIECE) {
        err = examples_search(tx, &page, tx->arena, &piece);
        if (!err)
            take(&filter, &piece, asked->limit, &skip, tx->arena, found);
    }
    return err;
}
