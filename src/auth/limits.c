/* Limits by name. */
#include "auth/limits.h"

#include "store/bucket.h"

#define JSON_BYTES_MAX (4 * KIB)

static const struct {
    const char *name;
    double max;
    bool may_be_broken; /* 0.5 of a request a second */
} table[LIMIT_COUNT] = {
    [LIMIT_REQUESTS] = {"requests_per_s", BUCKET_PER_S_MAX, true},
    [LIMIT_BURST] = {"burst", BUCKET_BURST_MAX, false},
    [LIMIT_STREAMS] = {"streams", 1e9, false},
    [LIMIT_RUNS_LIVE] = {"runs_live", 100000, false},
    [LIMIT_RUNS_PER_DAY] = {"runs_per_day", 1e12, false},
    [LIMIT_THREADS] = {"threads", 100000, false},
    [LIMIT_STORAGE_BYTES] = {"storage_bytes", 1e15, false},
};

const struct limits limits_none = {{0}};

static const struct limits unsaid = {{LIMIT_UNSAID, LIMIT_UNSAID, LIMIT_UNSAID, LIMIT_UNSAID,
                                      LIMIT_UNSAID, LIMIT_UNSAID, LIMIT_UNSAID}};
static_assert(LIMIT_COUNT == 7, "each limit is unsaid at first");

const char *limit_name(enum limit limit)
{
    REQUIRE(limit < LIMIT_COUNT);
    return table[limit].name;
}

static enum err limit_find(struct arena *arena, struct str name, enum limit *limit, struct str *why)
{
    const char *names[LIMIT_COUNT + 1] = {NULL};

    for (int i = 0; i < LIMIT_COUNT; i++) {
        names[i] = table[i].name;
        *limit = (enum limit)i;
        if (str_eq(name, str_of(table[i].name)))
            return OK;
    }
    *why = arena_printf(arena, "there is no limit \"%.*s\": it must be %.*s",
                        STR_ARG(str_first(name, 40)), STR_ARG(arena_words(arena, names)));
    return ERR_INVALID;
}

static enum err limit_set(struct arena *arena, struct limits *limits, enum limit limit,
                          double value, struct str *why)
{
    bool is_whole = value == (double)(int64_t)(value < 1e15 && value > -1e15 ? value : 0);
    double least = limit == LIMIT_REQUESTS ? BUCKET_PER_S_MIN : 1;

    if ((value == 0 || (value >= least && value <= table[limit].max)) &&
        (is_whole || table[limit].may_be_broken)) {
        limits->of[limit] = value;
        return OK;
    }
    *why = arena_printf(arena, "%s must be a%s number up to %.0f, or 0 for no limit",
                        table[limit].name, table[limit].may_be_broken ? "" : " whole",
                        table[limit].max);
    return ERR_INVALID;
}

enum err limits_parse(struct arena *arena, struct str text, struct limits *limits, struct str *why)
{
    const struct json *root, *value;
    struct json_iter iter;
    enum limit limit;
    struct str name;

    *limits = unsaid;
    if (str_is_empty(text))
        return OK;
    *why = STR("must be an object of limits");
    if (json_parse(arena, text, &root, NULL) || json_type(root) != JSON_OBJECT)
        return ERR_INVALID;
    iter = json_iter(root);
    while (json_next(&iter, &name, &value)) {
        if (limit_find(arena, name, &limit, why))
            return ERR_INVALID;
        if (json_type(value) != JSON_NULL &&
            limit_set(arena, limits, limit,
                      json_type(value) == JSON_NUMBER ? json_double(value, -1) : -1, why))
            return ERR_INVALID;
    }
    return OK;
}

enum err limits_parse_flags(struct arena *arena, struct str text, struct limits *limits,
                            struct str *why)
{
    struct str pair, name;
    enum limit limit;
    double value;

    *limits = unsaid;
    while (str_split(&text, ',', &pair)) {
        struct str rest = pair;

        *why = STR("must be pairs such as requests_per_s=5,runs_per_day=100");
        if (!str_split(&rest, '=', &name) || str_to_double(rest, &value))
            return ERR_INVALID;
        if (limit_find(arena, name, &limit, why) || limit_set(arena, limits, limit, value, why))
            return ERR_INVALID;
    }
    return OK;
}

void limits_write(struct json_writer *json, const struct limits *limits)
{
    json_begin_object(json);
    for (int i = 0; i < LIMIT_COUNT; i++) {
        if (limits->of[i] < 0)
            continue;
        json_key(json, table[i].name);
        if (table[i].may_be_broken)
            json_double_out(json, limits->of[i]);
        else
            json_i64_out(json, (int64_t)limits->of[i]);
    }
    json_end_object(json);
}

struct str limits_text(struct arena *arena, const struct limits *limits)
{
    struct json_writer json;
    struct buf out;
    struct str text;

    buf_init(&out, JSON_BYTES_MAX);
    json_writer_init(&json, &out);
    limits_write(&json, limits);
    text = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return text;
}

struct limits limits_over(const struct limits *under, const struct limits *over)
{
    struct limits limits = *under;

    for (int i = 0; i < LIMIT_COUNT; i++)
        if (over->of[i] >= 0)
            limits.of[i] = over->of[i];
    return limits;
}

bool limits_say_nothing(const struct limits *limits)
{
    for (int i = 0; i < LIMIT_COUNT; i++)
        if (limits->of[i] > 0)
            return false;
    return true;
}
