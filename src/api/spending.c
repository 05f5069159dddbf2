/* spending.c -- how much the caller has left: requests, streams, runs, storage.
 *
 * Two purses may pay for a request: that of the key (without keys: of the address) and that of the
 * workspace, if it is limited. What is told in RateLimit-… is of the one that is emptier. */
#include "api/call_priv.h"

#include "api/slots.h"
#include "api/spending.h"
#include "store/quota.h"

#include <stdarg.h>

static int64_t now_of(const struct call *call)
{
    return loop_wall_us(http_exchange_loop(call->exchange));
}

static void purse_add(struct call *call, const struct purse *purse)
{
    if (purse)
        call->purses[call->purse_count++] = purse;
}

/* Who has no key pays as the address it comes from, if that would be limited at all. */
static const struct purse *peer_purse(struct call *call)
{
    const struct limits *limits = key_set_limits(call->keys);

    if (limits_say_nothing(limits))
        return NULL;
    call->peer.limits = *limits;
    call->peer.caller = peers_get(call->setup->peers, &call->request->peer, now_of(call),
                                  call->arena, &call->peer.payer);
    return &call->peer;
}

void spending_begin(struct call *call, bool is_own)
{
    const struct principal *principal = &call->principal;

    if (call->route->flags & ROUTE_AT_ROOT) /* health must be told whatever is going on */
        return;
    if (principal->purse)
        purse_add(call, principal->purse);
    else if (!is_own)
        purse_add(call, peer_purse(call));
    purse_add(call, principal->workspace_purse);
}

void spending_end(struct call *call)
{
    caller_unref(call->peer.caller);
    call->peer.caller = NULL;
}

/* ---- refusals ---- */

static const char *whose(const struct purse *purse)
{
    if (purse->is_workspace)
        return "this workspace";
    return str_starts(purse->payer, STR("p:")) ? "this address" : "this API key";
}

PRINTF_LIKE(3, 4)
static enum err refuse(struct call *call, int64_t retry_after_s, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    call_fail(call, 429, "%s", text);
    call->retry_after_s = retry_after_s;
    return ERR_LIMIT;
}

/* ---- requests ---- */

static bool is_emptier(const struct rate_state *a, const struct rate_state *b)
{
    return b->limit == 0 || (a->limit > 0 && a->remaining < b->remaining);
}

enum err spending_request(struct call *call)
{
    for (size_t i = 0; i < call->purse_count; i++) {
        const struct purse *purse = call->purses[i];
        struct rate_state rate;
        bool admits = caller_take(purse->caller, &purse->limits, now_of(call), &rate);

        if (!admits || is_emptier(&rate, &call->rate))
            call->rate = rate;
        if (!admits)
            return refuse(call, rate.retry_s,
                          "%s may make %.4g requests a second, %lld at once; wait %lld s",
                          whose(purse), purse->limits.of[LIMIT_REQUESTS], (long long)rate.limit,
                          (long long)rate.retry_s);
    }
    return OK;
}

/* ---- streams ---- */

enum err spending_stream(struct call *call)
{
    const struct purse *full;

    if (!(call->route->flags & ROUTE_FOLLOWS) || call->purse_count == 0)
        return OK;
    if (!slot_take(api_slots(call->api), call->exchange, call->purses, call->purse_count, &full))
        return OK;
    return refuse(call, 1, "%s may follow %lld things at the same time; close one first",
                  whose(full), (long long)limit_of(&full->limits, LIMIT_STREAMS));
}

/* ---- runs ---- */

static struct usage_payer payer_of(const struct call *call, const struct purse *purse)
{
    return (struct usage_payer){
        .id = purse->payer,
        .tenant = purse->is_workspace ? call->principal.tenant : STR_NONE,
        .runs_per_day = limit_of(&purse->limits, LIMIT_RUNS_PER_DAY),
        .runs_live = limit_of(&purse->limits, LIMIT_RUNS_LIVE),
        .workspace = call->principal.tenant,
        .threads = limit_of(&purse->limits, LIMIT_THREADS),
        .storage_bytes = limit_of(&purse->limits, LIMIT_STORAGE_BYTES),
    };
}

struct usage_payers call_payers(struct call *call)
{
    struct usage_payer *list = ARENA_ARRAY(call->arena, struct usage_payer, CALL_PURSES_MAX);

    for (size_t i = 0; i < call->purse_count; i++)
        list[i] = payer_of(call, call->purses[i]);
    return (struct usage_payers){list, call->purse_count};
}

/* ---- what is held ---- */

static enum err held(struct call *call, enum err err, const struct usage_refusal *refusal)
{
    char text[256];

    if (err != ERR_LIMIT)
        return err;
    usage_refusal_text(refusal, text, sizeof(text));
    return refuse(call, refusal->retry_after_s, "%s", text);
}

enum err spending_thread(struct tx *tx, struct call *call)
{
    const struct usage_payers payers = call_payers(call);
    struct usage_refusal refusal;
    enum err err = quota_admit_thread(tx, &payers, &refusal);

    return err ? held(call, err, &refusal) : spending_bytes(tx, call);
}

enum err spending_bytes(struct tx *tx, struct call *call)
{
    const struct usage_payers payers = call_payers(call);
    struct usage_refusal refusal;

    return held(call, quota_admit_bytes(tx, &payers, &refusal), &refusal);
}

/* ---- limits that are set ---- */

enum err call_get_limits(struct call *call, struct str *text)
{
    struct str given = STR_NONE, why;
    struct limits limits;
    enum err err = call_get_object(call, "limits", &given);

    if (err || str_is_none(given))
        return err;
    if (limits_parse(call->arena, given, &limits, &why)) {
        call_fail(call, 422, "limits: %.*s", STR_ARG(why));
        return ERR_INVALID;
    }
    *text = limits_text(call->arena, &limits);
    return OK;
}

/* ---- what is said of it ---- */

static struct str number(struct call *call, int64_t value)
{
    return arena_printf(call->arena, "%lld", (long long)value);
}

size_t spending_headers(struct call *call, struct http_header *headers)
{
    const struct rate_state *rate = &call->rate;
    size_t n = 0;

    if (call->retry_after_s > 0)
        headers[n++] = (struct http_header){STR("retry-after"), number(call, call->retry_after_s)};
    if (rate->limit == 0)
        return n;
    struct str limit = number(call, rate->limit), remaining = number(call, rate->remaining);

    headers[n++] = (struct http_header){STR("ratelimit-limit"), limit};
    headers[n++] = (struct http_header){STR("ratelimit-remaining"), remaining};
    headers[n++] = (struct http_header){STR("ratelimit-reset"), number(call, rate->reset_s)};
    headers[n++] = (struct http_header){STR("x-ratelimit-limit"), limit};
    headers[n++] = (struct http_header){STR("x-ratelimit-remaining"), remaining};
    headers[n++] = (struct http_header){STR("x-ratelimit-reset"),
                                        number(call, now_of(call) / US_PER_SECOND + rate->reset_s)};
    return n;
}
