/* named.c -- see named.h. */
#include "api/named.h"

#define PAGE_MAX 100

enum err named_then_read(struct call *call, const char *param, call_tx_step step)
{
    enum err err = call_param_uuid(call, 0, param);

    return err ? err : call_then_read(call, step);
}

enum err named_then_write(struct call *call, const char *param, call_tx_step step)
{
    enum err err = call_param_uuid(call, 0, param);

    return err ? err : call_then_write(call, step);
}

enum err named_then_change(struct call *call, const char *param, call_tx_step step)
{
    enum err err = call_param_uuid(call, 0, param);

    return err || (err = call_body_object(call)) ? err : call_then_write(call, step);
}

enum err named_filter_read(struct call *call, const char *ids, struct named_filter *f)
{
    enum err err;

    *f = (struct named_filter){
        .tenant = call->principal.tenant,
        .ids = call_query_texts(call, ids),
        .name = query_get(&call->query, "name"),
        .name_contains = query_get(&call->query, "name_contains"),
        .limit = PAGE_MAX,
    };
    if ((err = call_query_int(call, "limit", 1, INT32_MAX, &f->limit)) ||
        (err = call_query_int(call, "offset", 0, INT32_MAX, &f->offset)))
        return err;
    f->limit = f->limit > PAGE_MAX ? PAGE_MAX : f->limit;
    return OK;
}

enum err named_name_read(struct call *call, struct str *name)
{
    enum err err = call_get_text(call, "name", name);

    if (err || (name->len > 0 && name->len <= NAMED_BYTES_MAX))
        return err;
    call_fail(call, 422, "name: must have 1 to %d bytes", NAMED_BYTES_MAX);
    return ERR_INVALID;
}

enum err named_id_read(struct call *call, struct str *id)
{
    enum err err = call_get_uuid(call, "id", id);

    if (!err && str_is_none(*id))
        *id = call_new_id(call);
    return err;
}
