/* The samples: the documented payloads with invented contents. In braces stands what is filled in:
 * {id}, {now}, {earlier} (a second before), and of a span {naive} (without a zone) and {dotted}. */
#include "delivery/sample.h"

#include <stdio.h>

#include "base/time.h"

#define NAIVE_CHARS 26 /* of a time without its zone */
#define UUID_CHARS 36

static const char run_text[] =
    "{\"run_id\":\"{id}\",\"thread_id\":\"{id}\",\"assistant_id\":\"fe096781-5601-53d2-"
    "b2f6-0d3403f7e9ca\",\"status\":\"success\",\"created_at\":\"{earlier}\",\"updated_"
    "at\":\"{now}\",\"run_started_at\":\"{earlier}\",\"run_ended_at\":\"{now}\",\"webho"
    "ok_sent_at\":\"{now}\",\"metadata\":{\"runbell_test\":true},\"kwargs\":{\"input\":"
    "{\"messages\":[{\"role\":\"user\",\"content\":\"Hello!\"}]},\"config\":{\"configur"
    "able\":{\"graph_id\":\"agent\"}}},\"values\":{\"messages\":[{\"role\":\"user\",\"c"
    "ontent\":\"Hello!\"},{\"role\":\"assistant\",\"content\":\"Hi there! How can I hel"
    "p you today?\"}]},\"multitask_strategy\":\"enqueue\",\"error\":null,\"attempt\":1,"
    "\"thread_status\":\"idle\"}";

static const char rule_text[] =
    "{\"rule_id\":\"{id}\",\"start_time\":\"{earlier}\",\"end_time\":\"{now}\",\"runs\""
    ":[{\"id\":\"{id}\",\"trace_id\":\"{id}\",\"session_id\":\"{id}\",\"dotted_order\":"
    "\"{dotted}\",\"app_path\":\"/o/{id}/projects/p/{id}/r/{id}?trace_id={id}&start_tim"
    "e={naive}\",\"name\":\"sample_run\",\"run_type\":\"chain\",\"status\":\"success\","
    "\"start_time\":\"{naive}\",\"end_time\":\"{naive}\",\"inputs\":{\"question\":\"Is "
    "this a test?\"},\"outputs\":{\"answer\":\"Yes.\"},\"error\":null,\"events\":null,\""
    "extra\":{\"metadata\":{\"runbell_test\":true}},\"serialized\":null,\"inputs_previe"
    "w\":\"{\\\"question\\\":\\\"Is this a test?\\\"}\",\"outputs_preview\":\"{\\\"answ"
    "er\\\":\\\"Yes.\\\"}\",\"inputs_s3_urls\":null,\"outputs_s3_urls\":null,\"s3_urls\""
    ":null,\"tags\":null,\"parent_run_id\":null,\"parent_run_ids\":[],\"child_run_ids\""
    ":null,\"direct_child_run_ids\":null,\"is_root\":true,\"tenant_id\":\"{id}\",\"modi"
    "fied_at\":\"{naive}\",\"execution_order\":1,\"total_tokens\":0,\"prompt_tokens\":0"
    ",\"completion_tokens\":0,\"prompt_token_details\":null,\"completion_token_details\""
    ":null,\"total_cost\":null,\"prompt_cost\":null,\"completion_cost\":null,\"prompt_c"
    "ost_details\":null,\"completion_cost_details\":null,\"price_model_id\":null,\"firs"
    "t_token_time\":null,\"feedback_stats\":null,\"reference_example_id\":null,\"referenc"
    "e_dataset_id\":null,\"in_dataset\":false,\"share_token\":null,\"manifest_id\":null"
    ",\"manifest_s3_id\":null,\"last_queued_at\":null,\"trace_first_received_at\":\"{na"
    "ive}\",\"trace_tier\":null,\"ttl_seconds\":null,\"trace_upgrade\":false,\"thread_i"
    "d\":null,\"messages\":null}],\"feedback_stats\":{}}";

static const char alert_text[] =
    "{\"project_name\":\"sample-project\",\"workspace_name\":\"sample-workspace\",\"ale"
    "rt_rule_id\":\"{id}\",\"alert_rule_name\":\"Sample alert\",\"alert_rule_descriptio"
    "n\":\"A test sent by Runbell\",\"alert_rule_type\":\"threshold\",\"alert_rule_attr"
    "ibute\":\"error_count\",\"alert_rule_url\":\"https://runbell.example/o/{id}/projec"
    "ts/p/{id}?tab=alerts&alert_id={id}\",\"runs_url\":\"https://runbell.example/o/{id}"
    "/projects/p/{id}?runtab=0\",\"triggered_metric_value\":42,\"triggered_threshold\":"
    "10,\"timestamp\":\"{now}\"}";

static const char fleet_text[] =
    "{\"action\":\"Sample webhook\",\"input\":{},\"publisher\":{\"user_id\":\"{id}\",\"em"
    "ail\":\"test@example.com\"},\"agent\":{\"name\":\"Sample Agent\",\"description\":\"A"
    " test sent by Runbell\"},\"tool_auth_requirements\":[],\"files\":{\"type\":\"zip\","
    "\"filename\":\"Sample_Agent.zip\",\"content_base64\":\"UEsDBBQAAAAIAAAAIQCb514vLQAAA"
    "DAAAAAJAAAAQUdFTlRTLm1ki8wvVUgsSlVIVChOzC3IATLSU/NK9BRCMjKLgRLJGZllqQogpkJJanGJHhcAU"
    "EsDBBQAAAAIAAAAIQDhQDHLWQAAAGoAAAALAAAAY29uZmlnLmpzb24ly80JgDAMBtC7U5ScncCbMziAxPpZA"
    "rUtTRRE3N2/8+OdlHgFdY4GXkuE6wOSUetohvoqxSSnl3tn0A92UZkkih2j+ly+bEj8N6sSAqqOhTfF/ODCU"
    "XE1N1BLAwQUAAAACAAAACEAxGatGycAAAAmAAAACgAAAHRvb2xzLmpzb26rVirJz88pVrJSiI7VUVDKzCtJL"
    "SoqLSiJT87PS8tMB4pX19ZyAQBQSwECFAMUAAAACAAAACEAm+deLy0AAAAwAAAACQAAAAAAAAAAAAAAgAEAA"
    "AAAQUdFTlRTLm1kUEsBAhQDFAAAAAgAAAAhAOFAMctZAAAAagAAAAsAAAAAAAAAAAAAAIABVAAAAGNvbmZpZ"
    "y5qc29uUEsBAhQDFAAAAAgAAAAhAMRmrRsnAAAAJgAAAAoAAAAAAAAAAAAAAIAB1gAAAHRvb2xzLmpzb25QS"
    "wUGAAAAAAMAAwCoAAAAJQEAAAAA\"},\"fields\":[]}";

static const struct {
    const char *kind, *text;
} samples[] = {
    {"run", run_text}, {"rule", rule_text}, {"alert", alert_text}, {"fleet", fleet_text}};

bool sample_exists(struct str kind)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        if (str_eq(kind, str_of(samples[i].kind)))
            return true;
    return false;
}

/* ---- what is filled in ---- */

struct filling {
    struct str id, now, earlier;
    char dotted[64]; /* 20260101T000000000000Z, then the id */
};

/* As dotted orders have it: "2026-01-01T02:03:04.567890+00:00" without what is no digit or T. */
static void write_dotted(struct filling *f)
{
    size_t len = 0;

    for (size_t i = 0; i < NAIVE_CHARS; i++)
        if (!strchr("-:.", f->now.data[i]))
            f->dotted[len++] = f->now.data[i];
    (void)snprintf(f->dotted + len, sizeof(f->dotted) - len, "Z%.*s",
                   STR_ARG(str_first(f->id, UUID_CHARS)));
}

/* What stands for the word at the start of the text; STR_NONE: no such word. */
static struct str word_at(const struct filling *f, struct str text, struct str *rest)
{
    const struct {
        struct str word, value;
    } words[] = {{STR("{id}"), f->id},
                 {STR("{now}"), f->now},
                 {STR("{earlier}"), f->earlier},
                 {STR("{naive}"), str_first(f->now, NAIVE_CHARS)},
                 {STR("{dotted}"), str_of(f->dotted)}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!str_starts(text, words[i].word))
            continue;
        *rest = str_from(text, words[i].word.len);
        return words[i].value;
    }
    return STR_NONE;
}

static void fill(struct buf *out, struct str text, const struct filling *f)
{
    while (text.len > 0) {
        size_t at = str_find_char(text, '{');
        struct str value;

        buf_add(out, str_first(text, at));
        text = str_from(text, at);
        value = word_at(f, text, &text);
        if (str_is_none(value)) {
            value = str_first(text, 1);
            text = str_from(text, 1);
        }
        buf_add(out, value);
    }
}

void sample_write(struct buf *out, struct str kind, struct str id, int64_t now_us)
{
    struct time_text now, earlier;
    struct filling f = {.id = id,
                        .now = time_write_iso(now_us, &now),
                        .earlier = time_write_iso(now_us - US_PER_SECOND, &earlier)};

    write_dotted(&f);
    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        if (str_eq(kind, str_of(samples[i].kind)))
            fill(out, str_of(samples[i].text), &f);
}
