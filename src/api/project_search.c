/* project_search.c -- projects that a filter matches: the language of spans (format/filter.h), on
 * what projects have of it: and(like(name, "bot-%"), exists(metadata, "owner")).
 *
 * The projects that the rest of the question means are looked at one after the other. */
#include "api/traces_priv.h"
#include "format/filter.h"

#define PIECE 1000
#define OF(attribute) (1u << (attribute))
/* What projects have; search() asks for more, which is absent then. */
#define HAS                                                                                        \
    (OF(FILTER_ID) | OF(FILTER_PROJECT_ID) | OF(FILTER_DATASET_ID) | OF(FILTER_NAME) |             \
     OF(FILTER_START_TIME) | OF(FILTER_END_TIME) | OF(FILTER_METADATA) | OF(FILTER_INPUTS) |       \
     OF(FILTER_OUTPUTS) | OF(FILTER_ERROR) | OF(FILTER_TAGS))

struct asked {
    const struct project_row *row;
    struct arena *arena;
};

static enum filter_answer id(void *context, enum filter_attribute attribute, struct uuid *value)
{
    const struct project_row *row = ((struct asked *)context)->row;
    struct str text = attribute == FILTER_DATASET_ID ? row->reference_dataset_id : row->project_id;

    return uuid_parse_loose(text, value) ? FILTER_NO : FILTER_YES;
}

static enum filter_answer text(void *context, enum filter_attribute attribute, struct str *value)
{
    *value = ((struct asked *)context)->row->name;
    return attribute == FILTER_NAME ? FILTER_YES : FILTER_NO;
}

static enum filter_answer number(void *context, enum filter_attribute attribute, int64_t *value)
{
    const struct project_row *row = ((struct asked *)context)->row;

    *value = attribute == FILTER_START_TIME ? row->start_us : row->end_us;
    return *value ? FILTER_YES : FILTER_NO;
}

static enum filter_answer json(void *context, enum filter_attribute attribute,
                               const struct json **value)
{
    const struct asked *asked = context;
    const struct json *extra;

    if (attribute != FILTER_METADATA || str_is_none(asked->row->extra) ||
        json_parse(asked->arena, asked->row->extra, &extra, NULL))
        return FILTER_NO;
    *value = json_get(extra, "metadata");
    return json_type(*value) == JSON_OBJECT ? FILTER_YES : FILTER_NO;
}

static enum filter_answer feedback(void *context, const struct filter_feedback **rows,
                                   size_t *count)
{
    (void)context;
    *rows = NULL;
    *count = 0;
    return FILTER_YES;
}

enum err project_filter_read(struct call *call, struct filter *filter)
{
    struct filter_error error;

    if (filter_parse(call->arena, query_get(&call->query, "filter"), filter, &error)) {
        call_fail(call, 400, "filter: %s", error.text);
        return ERR_INVALID;
    }
    if (!(filter->needs & ~HAS))
        return OK;
    call_fail(call, 400,
              "filter: asks for what projects have not: they have id, name, start_time, end_time, "
              "reference_dataset_id and metadata");
    return ERR_INVALID;
}

/* Those of a piece that match, behind the first *skip, until the page is full. */
static void take(const struct filter *filter, const struct project_rows *piece, int64_t limit,
                 int64_t *skip, struct arena *arena, struct project_rows *found)
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

enum err project_search(struct tx *tx, const struct project_filter *asked,
                        const struct filter *filter, struct arena *arena,
                        struct project_rows *found)
{
    struct project_filter page = *asked;
    struct project_rows piece = {.count = PIECE};
    int64_t skip = asked->offset;
    enum err err = OK;

    if (!filter->root)
        return projects_search(tx, asked, arena, found);
    *found = (struct project_rows){
        .list = ARENA_ARRAY(arena, struct project_row, (size_t)asked->limit + 1)};
    page.limit = PIECE;
    for (page.offset = 0; !err && piece.count == PIECE && found->count < (size_t)asked->limit;
         page.offset += PIECE) {
        err = projects_search(tx, &page, arena, &piece);
        if (!err)
            take(filter, &piece, asked->limit, &skip, tx->arena, found);
    }
    return err;
}
