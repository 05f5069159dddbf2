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
