/* span_usage.c -- the column's JSON:
 *
 *   {"o": usage of outputs, "i": "model of inputs",
 *    "e": [facts of the post's extra, facts of the patch's],   each {"u": usage, "m":
 * "ls_model_name", "p": "ls_provider", "v": "invocation_params.model"} "own": usage with "pr":
 * price}
 *
 * A usage is {"pt","ct","tt": tokens, "pd","cd": their details, "pc","cc","tc": picodollars,
 * "pcd","ccd": their details}; what was not said is absent. */
#include "store/span_usage.h"

#include "base/json.h"

#define FACTS_BYTES_MAX (64 * KIB)

struct extra_facts {
    struct str usage;                    /* raw JSON */
    struct str model, provider, invoked; /* raw JSON strings */
};

/* All as raw JSON; STR_NONE: not said. */
struct facts {
    struct str outputs, inputs_model;
    struct extra_facts extra[SPAN_LAYER_COUNT];
};

/* ---- facts ---- */

static void facts_read(struct str text, struct facts *facts)
{
    struct str extra, ignored, item;
    size_t at = 0, layer = 0;

    *facts = (struct facts){0};
    if (str_is_none(text))
        return;
    facts->outputs = json_raw(text, STR("o"));
    facts->inputs_model = json_raw(text, STR("i"));
    extra = json_raw(text, STR("e"));
    while (!str_is_none(extra) && layer < SPAN_LAYER_COUNT &&
           json_raw_next(extra, &at, &ignored, &item))
        facts->extra[layer++] =
            (struct extra_facts){json_raw(item, STR("u")), json_raw(item, STR("m")),
                                 json_raw(item, STR("p")), json_raw(item, STR("v"))};
}

static void put_if(struct json_writer *json, const char *key, struct str raw)
{
    if (!str_is_none(raw))
        json_put_raw(json, key, raw);
}

static bool says_extra(const struct extra_facts *e)
{
    return e->usage.data || e->model.data || e->provider.data || e->invoked.data;
}

static bool says_something(const struct facts *f)
{
    return f->outputs.data || f->inputs_model.data || says_extra(&f->extra[0]) ||
           says_extra(&f->extra[1]);
}

static void facts_write(struct json_writer *json, const struct facts *facts)
{
    put_if(json, "o", facts->outputs);
    put_if(json, "i", facts->inputs_model);
    if (!says_extra(&facts->extra[0]) && !says_extra(&facts->extra[1]))
        return;
    json_key(json, "e");
    json_begin_array(json);
    for (size_t i = 0; i < SPAN_LAYER_COUNT; i++) {
        json_begin_object(json);
        put_if(json, "u", facts->extra[i].usage);
        put_if(json, "m", facts->extra[i].model);
        put_if(json, "p", facts->extra[i].provider);
        put_if(json, "v", facts->extra[i].invoked);
        json_end_object(json);
    }
    json_end_array(json);
}

static struct str quoted(struct str text, struct arena *arena)
{
    struct json_writer json;
    struct buf out;

    if (str_is_none(text))
        return STR_NONE;
    buf_init(&out, FACTS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_str_out(&json, text);
    return buf_keep(&out, arena);
}

static void take(struct str *to, struct str said)
{
    if (!str_is_none(said))
        *to = said;
}

static bool takes_value(const struct span_row *row, const struct span_change *change,
                        enum span_field field)
{
    unsigned bit = SPAN_HAS_FIELD(field);

    return change->given & bit && (change->layer == SPAN_PATCH || !(row->patched & bit));
}

struct str span_usage_merge(const struct span_row *row, const struct span_change *change,
                            struct arena *arena)
{
    const struct span_says *says = &change->says;
    struct facts facts;
    struct extra_facts *extra;
    struct json_writer json;
    struct buf out;

    if (!(change->given & (SPAN_HAS_FIELD(SPAN_OUTPUTS) | SPAN_HAS_FIELD(SPAN_INPUTS) |
                           SPAN_HAS_FIELD(SPAN_EXTRA))))
        return row->usage;
    facts_read(row->usage, &facts);
    if (takes_value(row, change, SPAN_OUTPUTS))
        facts.outputs = says->outputs_usage;
    if (takes_value(row, change, SPAN_INPUTS))
        facts.inputs_model = quoted(says->inputs_model, arena);
    extra = &facts.extra[change->layer];
    take(&extra->usage, says->extra_usage);
    take(&extra->model, quoted(says->metadata_model, arena));
    take(&extra->provider, quoted(says->provider, arena));
    take(&extra->invoked, quoted(says->invoked_model, arena));
    if (!says_something(&facts))
        return STR_NONE;
    buf_init(&out, FACTS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    facts_write(&json, &facts);
    json_end_object(&json);
    return buf_keep(&out, arena);
}

/* ---- what they come to ---- */

static int64_t bounded(const struct json *usage, const char *key, int64_t max)
{
    int64_t value = json_i64(json_get(usage, key), 0);

    return value < 0 ? 0 : value > max ? max : value;
}

static void totals_read(const struct json *usage, struct span_totals *t)
{
    int64_t both;

    t->prompt_tokens = bounded(usage, "pt", SPAN_OWN_TOKENS_MAX);
    t->completion_tokens = bounded(usage, "ct", SPAN_OWN_TOKENS_MAX);
    t->total_tokens = bounded(usage, "tt", 2 * SPAN_OWN_TOKENS_MAX);
    both = t->prompt_tokens + t->completion_tokens;
    if (t->total_tokens < both)
        t->total_tokens = both;
    t->has_cost = json_get(usage, "pc") || json_get(usage, "cc") || json_get(usage, "tc");
    t->prompt_cost = bounded(usage, "pc", SPAN_OWN_COST_MAX);
    t->completion_cost = bounded(usage, "cc", SPAN_OWN_COST_MAX);
    t->total_cost = bounded(usage, "tc", 2 * SPAN_OWN_COST_MAX);
    both = t->prompt_cost + t->completion_cost;
    if (t->total_cost < both)
        t->total_cost = both;
}

static void usage_read(struct str raw, struct arena *arena, struct span_usage *usage)
{
    const struct json *root;

    *usage = (struct span_usage){0};
    if (str_is_none(raw) || json_parse(arena, raw, &root, NULL))
        return;
    totals_read(root, &usage->totals);
    usage->prompt_token_details = json_raw(raw, STR("pd"));
    usage->completion_token_details = json_raw(raw, STR("cd"));
    usage->prompt_cost_details = json_raw(raw, STR("pcd"));
    usage->completion_cost_details = json_raw(raw, STR("ccd"));
    usage->price_id = json_string(json_get(root, "pr"));
}

void span_usage_read(struct str usage, struct arena *arena, struct span_usage *own)
{
    struct str raw = str_is_none(usage) ? STR_NONE : json_raw(usage, STR("own"));

    usage_read(raw, arena, own);
}

static void usage_write(struct json_writer *json, const struct span_usage *usage)
{
    const struct span_totals *t = &usage->totals;

    json_begin_object(json);
    json_put_i64(json, "pt", t->prompt_tokens);
    json_put_i64(json, "ct", t->completion_tokens);
    json_put_i64(json, "tt", t->total_tokens);
    put_if(json, "pd", usage->prompt_token_details);
    put_if(json, "cd", usage->completion_token_details);
    if (t->has_cost) {
        json_put_i64(json, "pc", t->prompt_cost);
        json_put_i64(json, "cc", t->completion_cost);
        json_put_i64(json, "tc", t->total_cost);
        put_if(json, "pcd", usage->prompt_cost_details);
        put_if(json, "ccd", usage->completion_cost_details);
    }
    if (!str_is_none(usage->price_id))
        json_put_str(json, "pr", usage->price_id);
    json_end_object(json);
}

/* The patch's word, else the post's. */
static struct str word(struct str patch, struct str post, struct arena *arena)
{
    struct str raw = patch.data ? patch : post;
    const struct json *value;

    if (str_is_none(raw) || json_parse(arena, raw, &value, NULL))
        return STR_NONE;
    return json_string(value);
}

static struct str first_of(struct str a, struct str b, struct str c)
{
    return !str_is_empty(a) ? a : !str_is_empty(b) ? b : c;
}

static struct span_model model_of(const struct facts *f, const struct span_row *row,
                                  struct arena *arena)
{
    const struct extra_facts *post = &f->extra[SPAN_POST], *patch = &f->extra[SPAN_PATCH];

    return (struct span_model){
        .name =
            first_of(word(patch->model, post->model, arena), word(f->inputs_model, STR_NONE, arena),
                     word(patch->invoked, post->invoked, arena)),
        .provider = word(patch->provider, post->provider, arena),
        .start_us = row->start_us,
    };
}

static void tokens_forget(struct span_usage *usage)
{
    usage->totals.prompt_tokens = 0;
    usage->totals.completion_tokens = 0;
    usage->totals.total_tokens = 0;
    usage->prompt_token_details = STR_NONE;
    usage->completion_token_details = STR_NONE;
}

struct str span_usage_reckon(struct str facts_text, const struct span_row *row, span_price_fn price,
                             void *context, struct arena *arena)
{
    struct span_usage usage;
    struct span_model model;
    struct json_writer json;
    struct facts facts;
    struct buf out;

    if (str_is_none(facts_text))
        return STR_NONE;
    facts_read(facts_text, &facts);
    usage_read(first_of(facts.outputs, facts.extra[SPAN_PATCH].usage, facts.extra[SPAN_POST].usage),
               arena, &usage);
    if (row->type != SPAN_LLM)
        tokens_forget(&usage);
    model = model_of(&facts, row, arena);
    if (!usage.totals.has_cost && usage.totals.total_tokens > 0 && !str_is_empty(model.name))
        (void)price(context, &model, &usage);
    buf_init(&out, FACTS_BYTES_MAX);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    facts_write(&json, &facts);
    if (usage.totals.total_tokens > 0 || usage.totals.has_cost) {
        json_key(&json, "own");
        usage_write(&json, &usage);
    }
    json_end_object(&json);
    return buf_keep(&out, arena);
}

/* ---- totals ---- */

static int64_t sum(int64_t a, int64_t b)
{
    int64_t result;

    if (__builtin_add_overflow(a, b, &result) || result > SPAN_TOTAL_MAX)
        return SPAN_TOTAL_MAX;
    return result;
}

void span_totals_add(struct span_totals *to, const struct span_totals *more)
{
    to->prompt_tokens = sum(to->prompt_tokens, more->prompt_tokens);
    to->completion_tokens = sum(to->completion_tokens, more->completion_tokens);
    to->total_tokens = sum(to->total_tokens, more->total_tokens);
    to->prompt_cost = sum(to->prompt_cost, more->prompt_cost);
    to->completion_cost = sum(to->completion_cost, more->completion_cost);
    to->total_cost = sum(to->total_cost, more->total_cost);
    to->has_cost = to->has_cost || more->has_cost;
}

void span_totals_take(struct span_totals *to, const struct span_totals *less)
{
    const struct span_totals minus = {
        -less->prompt_tokens, -less->completion_tokens, -less->total_tokens, less->has_cost,
        -less->prompt_cost,   -less->completion_cost,   -less->total_cost};

    span_totals_add(to, &minus);
}

bool span_totals_are_zero(const struct span_totals *t)
{
    return !(t->prompt_tokens || t->completion_tokens || t->total_tokens || t->prompt_cost ||
             t->completion_cost || t->total_cost);
}

struct span_totals span_row_totals(const struct span_row *row)
{
    return (struct span_totals){row->prompt_tokens, row->completion_tokens, row->total_tokens,
                                row->has_cost,      row->prompt_cost,       row->completion_cost,
                                row->total_cost};
}

void span_row_set_totals(struct span_row *row, const struct span_totals *t)
{
    row->prompt_tokens = t->prompt_tokens;
    row->completion_tokens = t->completion_tokens;
    row->total_tokens = t->total_tokens;
    row->has_cost = t->has_cost;
    row->prompt_cost = t->prompt_cost;
    row->completion_cost = t->completion_cost;
    row->total_cost = t->total_cost;
}
