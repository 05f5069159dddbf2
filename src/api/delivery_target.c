/* What may be sent where. */
#include "api/delivery_target.h"

#include "delivery/target.h"

enum err delivery_target_check(struct call *call, struct str kind, struct str field, struct str url)
{
    const struct api_setup *setup = call->setup;
    const struct target_rules *rules = target_rules_for(kind, setup->webhook_rules);
    struct url parsed;
    struct str why;

    if (str_is_empty(url)) {
        call_fail(call, 422, "%.*s: is missing", STR_ARG(field));
        return ERR_INVALID;
    }
    if (!target_check(rules, setup->egress, call->arena, url, &parsed, &why))
        return OK;
    call_fail(call, 422, "%.*s: %.*s", STR_ARG(field), STR_ARG(why));
    return ERR_INVALID;
}
