/* traces_otlp.c -- traces of OpenTelemetry's exporters: POST /otel/v1/traces (OTLP/HTTP).
 *
 * The answer has the request's encoding. 200: taken in, and what was not is counted and said in
 * partial_success. 400: the body makes no sense, nothing is taken in; it says so as a
 * google.rpc.Status. 429 and 503: send it again. */
#include "api/route.h"
#include "api/traces_priv.h"
#include "base/mem.h"
#include "format/protobuf.h"
#include "trace/otlp.h"
#include "trace/span_write.h"

#define STATUS_INVALID_ARGUMENT 3
#define PROTOBUF_TYPE "application/x-protobuf"

struct intake {
    struct span_batch batch;
    struct str project;
    bool is_protobuf;
};

static void intake_release(struct call *call)
{
    struct intake *in = call->data;

    span_batch_release(&in->batch);
    mem_free(in);
}

static struct str header_of(const struct call *call, const char *name)
{
    return http_header_find(call->request->headers, call->request->header_count, name);
}

/* ---- answers ---- */

static void protobuf_begin(struct call *call, int status)
{
    call->status = status;
    call->content_type = PROTOBUF_TYPE;
    buf_clear(&call->reply);
}

static enum err refuse(struct call *call, bool is_protobuf, int status, struct str words)
{
    struct json_writer *json;

    if (is_protobuf) {
        protobuf_begin(call, status);
        protobuf_put_varint(&call->reply, 1, STATUS_INVALID_ARGUMENT);
        protobuf_put_bytes(&call->reply, 2, words);
        return OK;
    }
    json = call_json(call, status);
    json_begin_object(json);
    json_put_i64(json, "code", STATUS_INVALID_ARGUMENT);
    json_put_str(json, "message", words);
    json_end_object(json);
    return OK;
}

/* ExportTraceServiceResponse: partial_success = 1 {rejected_spans = 1, error_message = 2} */
static void protobuf_accept(struct call *call, int64_t rejected, struct str words)
{
    struct buf partial;

    protobuf_begin(call, 200);
    if (rejected == 0)
        return;
    buf_init(&partial, MIB);
    protobuf_put_varint(&partial, 1, (uint64_t)rejected);
    protobuf_put_bytes(&partial, 2, words);
    protobuf_put_bytes(&call->reply, 1, buf_str(&partial));
    buf_release(&partial);
}

/* 64-bit numbers are text in Protocol Buffers' JSON. */
static void json_accept(struct call *call, int64_t rejected, struct str words)
{
    struct json_writer *json = call_json(call, 200);

    json_begin_object(json);
    if (rejected > 0) {
        json_key(json, "partialSuccess");
        json_begin_object(json);
        json_put_str(json, "rejectedSpans", arena_printf(call->arena, "%lld", (long long)rejected));
        json_put_str(json, "errorMessage", words);
        json_end_object(json);
    }
    json_end_object(json);
}

static enum err write_apply(struct tx *tx, struct call *call)
{
    struct intake *in = call->data;
    enum err err = span_write(tx, call->principal.tenant, &in->batch);
    int64_t rejected = (int64_t)in->batch.problem_count;
    struct str words = span_batch_words(&in->batch, call->arena);

    if (err)
        return err;
    if (in->is_protobuf)
        protobuf_accept(call, rejected, words);
    else
        json_accept(call, rejected, words);
    return OK;
}

/* ---- the request ---- */

static void on_span(void *context, const struct otlp_span *span)
{
    struct intake *in = context;

    otlp_run_add(&in->batch, span, in->project);
}

static struct intake *intake_new(struct call *call)
{
    struct intake *in = MEM_NEW(struct intake);

    span_batch_init(&in->batch);
    in->project = str_trim(header_of(call, "langsmith-project"));
    call->data = in;
    call->release = intake_release;
    return in;
}

/* Media types are told apart without their parameters. */
static enum err encoding_of(const struct call *call, bool *is_protobuf)
{
    struct str type = header_of(call, "content-type");

    type = str_trim(str_first(type, str_find_char(type, ';')));
    if (str_eq_nocase(type, STR("application/json"))) {
        *is_protobuf = false;
        return OK;
    }
    *is_protobuf = true;
    return str_eq_nocase(type, STR(PROTOBUF_TYPE)) ? OK : ERR_INVALID;
}

static enum err traces_prepare(struct call *call)
{
    struct otlp_reader reader = {.arena = call->arena, .on_span = on_span};
    struct intake *in;
    bool is_protobuf;
    struct str body;
    enum err err;

    if (encoding_of(call, &is_protobuf))
        return refuse(call, false, 415,
                      STR("Content-Type must be application/x-protobuf or application/json"));
    if ((err = call_body_bytes(call, &body)))
        return err;
    in = intake_new(call);
    in->is_protobuf = is_protobuf;
    reader.context = in;
    err = is_protobuf ? otlp_read_protobuf(&reader, body) : otlp_read_json(&reader, body);
    if (err)
        return refuse(call, is_protobuf, err == ERR_LIMIT ? 413 : 400, reader.why);
    return traces_write(call, &in->batch, write_apply);
}

#define FLAGS (ROUTE_TRACES | ROUTE_AGAIN | ROUTE_LARGE)

static const struct route routes[] = {
    {HTTP_POST, "/otel/v1/traces", traces_prepare, PERMIT_TRACE, FLAGS,
     "Take in spans of OpenTelemetry's exporters (OTLP, protobuf or JSON)"},
    {HTTP_POST, "/otel", traces_prepare, PERMIT_TRACE, FLAGS,
     "The same, for clients that send to the endpoint as it is given"},
    {HTTP_POST, "/v1/traces", traces_prepare, PERMIT_TRACE, FLAGS,
     "The same, for exporters that are given the server's address alone"},
};

const struct route_list routes_traces_otlp = {routes, ARRAY_LEN(routes)};
