/* Who is told what of attempts, and how many tests without an answer a workspace may make. */
#include "api/delivery_view.h"

#include "store/outbox_query.h"

#define TESTS_MAX 30
#define TESTS_S 600
#define TESTS_RETRY_S 60

struct delivery_view delivery_view_of(const struct call *call)
{
    return (struct delivery_view){
        .has_answers = role_permits(call->principal.role, PERMIT_ANSWERS),
        .has_network = call->principal.opens_all,
    };
}

struct str delivery_view_hidden_kind(const struct call *call)
{
    return call->principal.opens_all ? STR_NONE : STR("system");
}

enum err delivery_view_get(struct tx *tx, const struct call *call, int64_t delivery_id,
                           struct arena *arena, struct delivery_row *delivery)
{
    enum err err = delivery_get(tx, call->principal.tenant, delivery_id, arena, delivery);

    if (err)
        return err;
    return str_eq(delivery->kind, delivery_view_hidden_kind(call)) ? ERR_NOT_FOUND : OK;
}

bool delivery_view_hides_end(const struct call *call, const struct delivery_row *delivery)
{
    return delivery_view_hides(delivery_view_of(call), delivery->last_result,
                               delivery->last_status);
}

enum err delivery_tests_spend(struct tx *tx, struct call *call)
{
    int64_t count = 0;
    enum err err = delivery_count_unanswered_tests(
        tx, call->principal.tenant, tx->now_us - TESTS_S * US_PER_SECOND, TESTS_MAX, &count);

    if (err || count < TESTS_MAX)
        return err;
    call_fail(call, 429,
              "this workspace has made %d test sends without an answer in the last ten minutes: "
              "check the URLs, and try again later",
              TESTS_MAX);
    call->retry_after_s = TESTS_RETRY_S;
    return ERR_DENIED;
}
