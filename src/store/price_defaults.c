/* price_defaults.c -- prices of common models, as their makers list them for a million tokens. They
 * are what an estimate starts from: whoever pays something else says so in the table. */
#include "base/json.h"
#include "store/prices.h"

/* $1 for a million tokens is 1,000,000 picodollars for one. */
#define PER_MILLION(dollars) ((int64_t)((dollars)*1000000.0 + 0.5))
#define CACHED(read) "{\"cache_read\":" #read "}"
#define CACHES(read, creation) "{\"cache_read\":" #read ",\"cache_creation\":" #creation "}"

/* A name covers itself, and with a date, a version or a size behind it (gpt-4o-2024-08-06,
 * claude-sonnet-4@20250514); what stands before a '/', or a vendor before a '.', does not count. */
static const struct {
    const char *name;
    double prompt, completion;
    const char *prompt_details; /* picodollars a token */
} models[] = {
    {"gpt-5", 1.25, 10, CACHED(125000)},
    {"gpt-5-mini", 0.25, 2, CACHED(25000)},
    {"gpt-5-nano", 0.05, 0.4, CACHED(5000)},
    {"gpt-4.1", 2, 8, CACHED(500000)},
    {"gpt-4.1-mini", 0.4, 1.6, CACHED(100000)},
    {"gpt-4.1-nano", 0.1, 0.4, CACHED(25000)},
    {"gpt-4o", 2.5, 10, CACHED(1250000)},
    {"gpt-4o-mini", 0.15, 0.6, CACHED(75000)},
    {"gpt-4-turbo", 10, 30, NULL},
    {"gpt-4", 30, 60, NULL},
    {"gpt-3.5-turbo", 0.5, 1.5, NULL},
    {"o1", 15, 60, CACHED(7500000)},
    {"o1-mini", 1.1, 4.4, CACHED(550000)},
    {"o3", 2, 8, CACHED(500000)},
    {"o3-mini", 1.1, 4.4, CACHED(550000)},
    {"o4-mini", 1.1, 4.4, CACHED(275000)},
    {"text-embedding-3-small", 0.02, 0, NULL},
    {"text-embedding-3-large", 0.13, 0, NULL},
    {"text-embedding-ada-002", 0.1, 0, NULL},
    {"claude-opus-4-5", 5, 25, CACHES(500000, 6250000)},
    {"claude-opus-4-1", 15, 75, CACHES(1500000, 18750000)},
    {"claude-opus-4", 15, 75, CACHES(1500000, 18750000)},
    {"claude-sonnet-4-5", 3, 15, CACHES(300000, 3750000)},
    {"claude-sonnet-4", 3, 15, CACHES(300000, 3750000)},
    {"claude-haiku-4-5", 1, 5, CACHES(100000, 1250000)},
    {"claude-3-7-sonnet", 3, 15, CACHES(300000, 3750000)},
    {"claude-3-5-sonnet", 3, 15, CACHES(300000, 3750000)},
    {"claude-3-5-haiku", 0.8, 4, CACHES(80000, 1000000)},
    {"claude-3-opus", 15, 75, CACHES(1500000, 18750000)},
    {"claude-3-haiku", 0.25, 1.25, CACHES(30000, 300000)},
    {"gemini-2.5-pro", 1.25, 10, CACHED(310000)},
    {"gemini-2.5-flash", 0.3, 2.5, CACHED(75000)},
    {"gemini-2.5-flash-lite", 0.1, 0.4, CACHED(25000)},
    {"gemini-2.0-flash", 0.1, 0.4, CACHED(25000)},
    {"gemini-1.5-pro", 1.25, 5, NULL},
    {"gemini-1.5-flash", 0.075, 0.3, NULL},
    {"mistral-large", 2, 6, NULL},
    {"mistral-small", 0.1, 0.3, NULL},
    {"deepseek-chat", 0.27, 1.1, CACHED(70000)},
    {"deepseek-reasoner", 0.55, 2.19, CACHED(140000)},
};

static const struct uuid built_in = {{0x8f, 0x1d, 0x2c, 0x50, 0x3a, 0x77, 0x4e, 0x0b, 0x9d, 0x41,
                                      0x6b, 0x1c, 0x25, 0xd0, 0x5e, 0x13}};

static struct price_row row_of(size_t i)
{
    return (struct price_row){
        .name = str_of(models[i].name),
        .prompt_cost = PER_MILLION(models[i].prompt),
        .completion_cost = PER_MILLION(models[i].completion),
        .prompt_details = models[i].prompt_details ? str_of(models[i].prompt_details) : STR_NONE,
        .is_built_in = true,
    };
}

/* The pattern that says the same as covers(). */
static struct str pattern_of(struct arena *arena, const char *name)
{
    struct buf out;
    struct str text;

    buf_init(&out, 512);
    buf_add_cstr(&out, "^(.*/)?([a-z-]+\\.)*");
    for (const char *c = name; *c; c++)
        buf_addf(&out, *c == '.' ? "\\%c" : "%c", *c);
    buf_add_cstr(&out, "([-@:](latest|preview|v?[0-9]{1,2}:[0-9]|[0-9]{3,}).*)?$");
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static struct str id_of(struct arena *arena, const char *name)
{
    struct uuid_text text;

    return arena_str(arena, uuid_write(uuid_v5(built_in, str_of(name)), &text));
}

struct price_rows prices_built_in(struct arena *arena)
{
    struct price_rows rows = {ARENA_ARRAY(arena, struct price_row, ARRAY_LEN(models)),
                              ARRAY_LEN(models)};

    for (size_t i = 0; i < rows.count; i++) {
        rows.list[i] = row_of(i);
        rows.list[i].pattern = pattern_of(arena, models[i].name);
        rows.list[i].price_id = id_of(arena, models[i].name);
    }
    return rows;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What may stand behind a name: nothing, or one of [-@:] and latest, preview, a version or a date.
 */
static bool is_version(struct str rest)
{
    size_t digits = 0;

    if (rest.len == 0)
        return true;
    if (rest.data[0] != '-' && rest.data[0] != '@' && rest.data[0] != ':')
        return false;
    rest = str_from(rest, 1);
    if (str_starts(rest, STR("latest")) || str_starts(rest, STR("preview")))
        return true;
    if (rest.len > 0 && rest.data[0] == 'v')
        rest = str_from(rest, 1);
    while (digits < rest.len && is_digit(rest.data[digits]))
        digits++;
    if (digits >= 3)
        return true;
    return digits > 0 && digits + 1 < rest.len && rest.data[digits] == ':' &&
           is_digit(rest.data[digits + 1]);
}

/* The name without "openai/", "us.anthropic.". */
static struct str bare(struct str name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.data[i - 1] == '/') {
            name = str_from(name, i);
            break;
        }
    for (size_t dot; (dot = str_find_char(name, '.')) < name.len; name = str_from(name, dot + 1))
        for (size_t i = 0; i < dot; i++)
            if (is_digit(name.data[i]))
                return name;
    return name;
}

bool price_built_in_find(const struct span_model *model, struct price_row *price)
{
    struct str name = bare(model->name);

    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        struct str known = str_of(models[i].name);

        if (!str_starts(name, known) || !is_version(str_from(name, known.len)))
            continue;
        *price = row_of(i);
        return true;
    }
    return false;
}
