/* Questions about the graph behind an assistant: its drawing, schemas and subgraphs. */
#include "api/assistants_priv.h"

static enum err ask_apply(struct tx *tx, struct call *call)
{
    struct assistant a;
    enum err err = assistant_of_path(tx, call, &a);

    if (err || (err = call_need_graph(call, "graph_id", a.graph_id)))
        return err;
    call->ask.ask.tenant = a.tenant;
    call->ask.ask.graph_id = a.graph_id;
    call->ask.ask.config = call_merge(
        call, a.config,
        arena_printf(call->arena, "{\"configurable\":%.*s}",
                     STR_ARG(access_configurable(call, json_raw(a.config, STR("configurable"))))));
    return call_then_ask(call, call_reply_answer);
}

enum err assistant_graph_prepare(struct call *call)
{
    struct str xray = query_get(&call->query, "xray");
    int64_t depth = 0;
    bool flag = false;

    if (!str_is_empty(xray) && str_to_i64(xray, &depth) && str_to_bool(xray, &flag)) {
        call_fail(call, 422, "xray: must be true, false or a depth");
        return ERR_INVALID;
    }
    call->ask.ask.kind = ASK_GRAPH_DRAW;
    call->ask.ask.fields = depth > 0
                               ? arena_printf(call->arena, "\"xray\":%lld", (long long)depth)
                               : arena_printf(call->arena, "\"xray\":%s", flag ? "true" : "false");
    return call_then_read(call, ask_apply);
}

enum err assistant_schemas_prepare(struct call *call)
{
    call->ask.ask.kind = ASK_GRAPH_SCHEMAS;
    return call_then_read(call, ask_apply);
}

enum err assistant_subgraphs_prepare(struct call *call)
{
    struct json_writer json;
    bool recurse = false;
    struct buf out;
    enum err err = call_query_bool(call, "recurse", &recurse);

    if (err)
        return err;
    buf_init(&out, 64 * KIB);
    json_writer_init(&json, &out);
    json_put_bool(&json, "recurse", recurse);
    if (!str_is_none(call->params[1]))
        json_put_str(&json, "namespace", call->params[1]);
    call->ask.ask.kind = ASK_GRAPH_SUBGRAPHS;
    call->ask.ask.fields = arena_str(call->arena, buf_str(&out));
    buf_release(&out);
    return call_then_read(call, ask_apply);
}
