/* Reads and finds the policies of policies.h. */
#include "delivery/policies.h"

#include "base/nearest.h"

#define NAME_BYTES_MAX 32
#define DELAY_S_MAX (30 * 86400)
#define DAY_S 86400
#define NAMES_BYTES_MAX (4 * KIB)

static const struct {
    const char *kind, *policy;
} kinds[POLICY_KINDS] = {{"run", "durable"},
                         {"rule", "documented"},
                         {"alert", "documented"},
                         {"fleet", "once"},
                         {"system", "durable"}};
/* Results that an own policy may retry. */
static const enum attempt_result retriable[] = {RESULT_UNREACHABLE,  RESULT_TLS,
                                                RESULT_TIMEOUT,      RESULT_BUSY,
                                                RESULT_SERVER_ERROR, RESULT_REJECTED};
static const char *const members[] = {"delays_s",      "jitter",    "retry",
                                      "retry_after_s", "timeout_s", "age_s"};

/* ---- finding ---- */

const struct policy *policies_find(const struct policy_set *set, struct str name)
{
    for (size_t i = 0; i < set->own_count; i++)
        if (str_eq(name, str_of(set->own[i].name)))
            return &set->own[i];
    return policy_find_known(name);
}

struct str policies_for_kind(const struct policy_set *set, struct str kind)
{
    for (size_t i = 0; i < POLICY_KINDS; i++)
        if (str_eq(kind, str_of(kinds[i].kind)))
            return str_of(set->by_kind[i] ? set->by_kind[i] : kinds[i].policy);
    return STR("durable");
}

/* The n-th of all, built-in ones first; NULL: there are no more. */
static const struct policy *policy_at(const struct policy_set *set, size_t n)
{
    if (n < policy_count)
        return &policy_list[n];
    n -= policy_count;
    return n < set->own_count ? &set->own[n] : NULL;
}

int64_t policies_attempt_ms_max(const struct policy_set *set)
{
    const struct policy *policy;
    int64_t most = 0;

    for (size_t n = 0; (policy = policy_at(set, n)) != NULL; n++) {
        int64_t ms = policy->budget.total_ms + policy->budget.body_ms;

        most = ms > most ? ms : most;
    }
    return most;
}

struct str policies_names(const struct policy_set *set, struct arena *arena)
{
    const struct policy *policy;
    struct str names;
    struct buf out;

    buf_init(&out, NAMES_BYTES_MAX);
    for (size_t n = 0; (policy = policy_at(set, n)) != NULL; n++)
        buf_addf(&out, "%s%s", n == 0 ? "" : policy_at(set, n + 1) ? ", " : " or ", policy->name);
    names = arena_str(arena, buf_str(&out));
    buf_release(&out);
    return names;
}

/* ---- reading ---- */

struct reader {
    struct arena *arena;
    struct str where; /* "policies.patient" */
    struct str *why;
};

static enum err refuse(struct reader *r, const char *key, const char *reason)
{
    *r->why = arena_printf(r->arena, "%.*s%s%s %s", STR_ARG(r->where), key ? "." : "",
                           key ? key : "", reason);
    return ERR_INVALID;
}

/* A number of seconds, into ms. Absent and null keep *ms. */
static enum err read_seconds(struct reader *r, const struct json *object, const char *key,
                             double most_s, int64_t *ms)
{
    const struct json *value = json_get(object, key);
    double seconds = json_double(value, -1);

    if (json_is_absent(value))
        return OK;
    if (seconds >= 0 && seconds <= most_s) {
        *ms = (int64_t)(seconds * (double)MS_PER_SECOND + 0.5);
        return OK;
    }
    *r->why = arena_printf(r->arena, "%.*s.%s must be a number of seconds from 0 to %.15g",
                           STR_ARG(r->where), key, most_s);
    return ERR_INVALID;
}

static enum err read_delays(struct reader *r, const struct json *object, struct policy *policy)
{
    const struct json *list = json_get(object, "delays_s");
    size_t count = json_count(list);

    if (json_is_absent(list))
        return OK;
    if (json_type(list) != JSON_ARRAY || count > SCHEDULE_DELAYS_MAX)
        return refuse(r, "delays_s", "must be a list of at most 16 numbers");
    for (size_t i = 0; i < count; i++) {
        double seconds = json_double(json_item(list, i), -1);

        if (!(seconds >= 0 && seconds <= DELAY_S_MAX))
            return refuse(r, "delays_s", "must hold numbers of seconds from 0 to 2592000");
        policy->delays_ms[i] = (int64_t)(seconds * (double)MS_PER_SECOND + 0.5);
    }
    policy->delay_count = count;
    return OK;
}

static enum err refuse_result(struct reader *r, struct str word)
{
    struct str best = STR_NONE;
    unsigned least = NEAREST_FAR + 1;

    for (size_t i = 0; i < ARRAY_LEN(retriable); i++) {
        unsigned distance = nearest_distance(word, result_name(retriable[i]));

        if (distance >= least)
            continue;
        least = distance;
        best = result_name(retriable[i]);
    }
    *r->why = arena_printf(
        r->arena, "%.*s.retry: \"%.*s\" cannot be retried or is not known; did you mean \"%.*s\"?",
        STR_ARG(r->where), STR_ARG(word), STR_ARG(best));
    return ERR_INVALID;
}

static enum err read_retry(struct reader *r, const struct json *object, struct policy *policy)
{
    const struct json *list = json_get(object, "retry"), *item;
    struct json_iter iter = json_iter(list);
    struct str key;

    if (json_is_absent(list))
        return OK;
    if (json_type(list) != JSON_ARRAY)
        return refuse(r, "retry", "must be a list of results");
    policy->retries = 0;
    while (json_next(&iter, &key, &item)) {
        size_t i = 0;

        while (i < ARRAY_LEN(retriable) && !str_eq(json_string(item), result_name(retriable[i])))
            i++;
        if (i == ARRAY_LEN(retriable))
            return refuse_result(r, json_string(item));
        policy->retries |= SCHEDULE_RETRIES(retriable[i]);
    }
    return OK;
}

static enum err check_members(struct reader *r, const struct json *object)
{
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str key;

    while (json_next(&iter, &key, &value)) {
        unsigned least = NEAREST_FAR + 1;
        size_t best = 0;

        for (size_t i = 0; i < ARRAY_LEN(members); i++) {
            unsigned distance = nearest_distance(key, str_of(members[i]));

            if (distance >= least)
                continue;
            least = distance;
            best = i;
        }
        if (str_eq(key, str_of(members[best])))
            continue;
        *r->why = arena_printf(r->arena, "%.*s.%.*s is not known; did you mean %s?",
                               STR_ARG(r->where), STR_ARG(key), members[best]);
        return ERR_INVALID;
    }
    return OK;
}

static enum err read_numbers(struct reader *r, const struct json *object, struct policy *policy)
{
    const struct json *jitter = json_get(object, "jitter");
    int64_t timeout_ms = policy->budget.total_ms;
    enum err err;

    if (!json_is_absent(jitter)) {
        policy->jitter = json_double(jitter, -1);
        if (!(policy->jitter >= 0 && policy->jitter <= 0.5))
            return refuse(r, "jitter", "must be a number from 0 to 0.5");
    }
    if ((err = read_seconds(r, object, "retry_after_s", DAY_S, &policy->retry_after_ms_max)) ||
        (err = read_seconds(r, object, "age_s", 365.0 * DAY_S, &policy->age_ms_max)) ||
        (err = read_seconds(r, object, "timeout_s", POLICY_TIMEOUT_S_MAX, &timeout_ms)))
        return err;
    if (timeout_ms < 100)
        return refuse(r, "timeout_s", "must be at least 0.1");
    policy->budget.total_ms = policy->budget.first_byte_ms = timeout_ms;
    return OK;
}

static enum err read_policy(struct reader *r, struct str name, const struct json *object,
                            struct policy *policy)
{
    enum err err;

    r->where = arena_printf(r->arena, "policies.%.*s", STR_ARG(name));
    if (name.len == 0 || name.len > NAME_BYTES_MAX)
        return refuse(r, NULL, "must have a name of 1 to 32 characters");
    if (policy_find_known(name))
        return refuse(r, NULL, "is built in and cannot be changed; choose another name");
    if (json_type(object) != JSON_OBJECT)
        return refuse(r, NULL, "must be an object");
    *policy = *policy_find(STR("durable"));
    policy->name = arena_cstr(r->arena, name);
    err = check_members(r, object);
    if (!err)
        err = read_delays(r, object, policy);
    if (!err)
        err = read_retry(r, object, policy);
    return err ? err : read_numbers(r, object, policy);
}

enum err policies_read(const struct json *object, struct arena *arena, struct policy_set *set,
                       struct str *why)
{
    struct policy *list = ARENA_ARRAY(arena, struct policy, POLICIES_MAX);
    struct reader r = {.arena = arena, .where = STR("policies"), .why = why};
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str name;
    size_t count = 0;

    if (json_type(object) != JSON_OBJECT || json_count(object) > POLICIES_MAX)
        return refuse(&r, NULL, "must be an object with at most 32 policies");
    while (json_next(&iter, &name, &value)) {
        enum err err = read_policy(&r, name, value, &list[count++]);

        if (err)
            return err;
    }
    set->own = list;
    set->own_count = count;
    return OK;
}

static enum err refuse_name(struct reader *r, const char *key, const struct policy_set *set,
                            struct str name)
{
    const struct policy *policy, *best = &policy_list[0];
    unsigned least = NEAREST_FAR + 1;

    for (size_t n = 0; (policy = policy_at(set, n)) != NULL; n++) {
        unsigned distance = nearest_distance(name, str_of(policy->name));

        if (distance >= least)
            continue;
        least = distance;
        best = policy;
    }
    *r->why = arena_printf(r->arena, "policy.%s: there is no policy \"%.*s\"; did you mean \"%s\"?",
                           key, STR_ARG(name), best->name);
    return ERR_INVALID;
}

enum err policies_read_kinds(const struct json *object, struct arena *arena, struct policy_set *set,
                             struct str *why)
{
    struct reader r = {.arena = arena, .where = STR("policy"), .why = why};
    struct json_iter iter = json_iter(object);
    const struct json *value;
    struct str kind;

    if (json_type(object) != JSON_OBJECT)
        return refuse(&r, NULL, "must be an object: a policy's name by kind");
    while (json_next(&iter, &kind, &value)) {
        struct str name = json_string(value);
        size_t i = 0;

        while (i < POLICY_KINDS && !str_eq(kind, str_of(kinds[i].kind)))
            i++;
        if (i == POLICY_KINDS)
            return refuse(&r, arena_cstr(arena, kind),
                          "is not a kind: these are run, rule, alert, fleet and system");
        if (!policies_find(set, name))
            return refuse_name(&r, kinds[i].kind, set, name);
        set->by_kind[i] = arena_cstr(arena, name);
    }
    return OK;
}

/* ---- writing ---- */

static void put_seconds(struct json_writer *w, const char *key, int64_t ms)
{
    json_key(w, key);
    json_double_out(w, (double)ms / (double)MS_PER_SECOND);
}

void policies_write(struct json_writer *w, const struct policy_set *set)
{
    json_begin_object(w);
    for (size_t n = 0; n < set->own_count; n++) {
        const struct policy *policy = &set->own[n];

        json_key(w, policy->name);
        json_begin_object(w);
        json_key(w, "delays_s");
        json_begin_array(w);
        for (size_t i = 0; i < policy->delay_count; i++)
            json_double_out(w, (double)policy->delays_ms[i] / (double)MS_PER_SECOND);
        json_end_array(w);
        json_key(w, "jitter");
        json_double_out(w, policy->jitter);
        json_key(w, "retry");
        json_begin_array(w);
        for (size_t i = 0; i < ARRAY_LEN(retriable); i++)
            if (policy->retries & SCHEDULE_RETRIES(retriable[i]))
                json_str_out(w, result_name(retriable[i]));
        json_end_array(w);
        put_seconds(w, "retry_after_s", policy->retry_after_ms_max);
        put_seconds(w, "timeout_s", policy->budget.total_ms);
        put_seconds(w, "age_s", policy->age_ms_max);
        json_end_object(w);
    }
    json_end_object(w);
}

void policies_write_kinds(struct json_writer *w, const struct policy_set *set)
{
    json_begin_object(w);
    for (size_t i = 0; i < POLICY_KINDS; i++)
        json_put_str(w, kinds[i].kind, policies_for_kind(set, str_of(kinds[i].kind)));
    json_end_object(w);
}
