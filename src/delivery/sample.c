/* The samples: the documented payloads with invented contents. {now} and {id} are filled in. */
#include "delivery/sample.h"

#include "base/time.h"

static const char run_text[] =
    "{\"run_id\":\"{id}\",\"thread_id\":\"{id}\",\"assistant_id\":\"fe096781-5601-53d2-b2"
    "f6-0d3403f7e9ca\",\"status\":\"success\",\"created_at\":\"{now}\",\"updated_at\":\"{"
    "now}\",\"run_started_at\":\"{now}\",\"run_ended_at\":\"{now}\",\"webhook_sent_at\":"
    "\"{now}\",\"metadata\":{\"runbell_test\":true},\"kwargs\":{\"input\":{\"messages\":["
    "{\"role\":\"user\",\"content\":\"Hello!\"}]},\"config\":{\"configurable\":{\"graph_i"
    "d\":\"agent\"}}},\"values\":{\"messages\":[{\"role\":\"user\",\"content\":\"Hello!\""
    "},{\"role\":\"assistant\",\"content\":\"Hi there! How can I help you today?\"}]},\"m"
    "ultitask_strategy\":\"enqueue\",\"error\":null,\"attempt\":1}";

static const char rule_text[] =
    "{\"rule_id\":\"{id}\",\"start_time\":\"{now}\",\"end_time\":\"{now}\",\"runs\":[{\"s"
    "tatus\":\"success\",\"is_root\":true,\"trace_id\":\"{id}\",\"dotted_order\":\"202601"
    "01T000000000000Z{id}\",\"run_type\":\"chain\",\"modified_at\":\"{now}\",\"tenant_id"
    "\":\"{id}\",\"end_time\":\"{now}\",\"name\":\"sample_run\",\"start_time\":\"{now}\","
    "\"id\":\"{id}\",\"session_id\":\"{id}\",\"parent_run_ids\":[],\"child_run_ids\":null"
    ",\"direct_child_run_ids\":null,\"total_tokens\":0,\"completion_tokens\":0,\"prompt_t"
    "okens\":0,\"total_cost\":null,\"completion_cost\":null,\"prompt_cost\":null,\"first_"
    "token_time\":null,\"app_path\":\"/o/{id}/projects/p/{id}/r/{id}?trace_id={id}&start_"
    "time={now}\",\"in_dataset\":false,\"last_queued_at\":null,\"inputs\":{\"question\":"
    "\"Is this a test?\"},\"inputs_s3_urls\":null,\"outputs\":{\"answer\":\"Yes.\"},\"out"
    "puts_s3_urls\":null,\"extra\":{\"metadata\":{\"runbell_test\":true}},\"events\":[],"
    "\"feedback_stats\":null,\"serialized\":null,\"share_token\":null}],\"feedback_stats"
    "\":{}}";

static const char alert_text[] =
    "{\"project_name\":\"sample-project\",\"workspace_name\":\"sample-workspace\",\"alert"
    "_rule_id\":\"{id}\",\"alert_rule_name\":\"Sample alert\",\"alert_rule_description\":"
    "\"A test sent by Runbell\",\"alert_rule_type\":\"threshold\",\"alert_rule_attribute"
    "\":\"error_count\",\"alert_rule_url\":\"\",\"runs_url\":\"\",\"triggered_metric_valu"
    "e\":42,\"triggered_threshold\":10,\"timestamp\":\"{now}\"}";

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

static void fill(struct buf *out, struct str text, struct str id, struct str now)
{
    while (text.len > 0) {
        size_t at = str_find_char(text, '{');

        buf_add(out, str_first(text, at));
        text = str_from(text, at);
        if (str_starts(text, STR("{now}"))) {
            buf_add(out, now);
            text = str_from(text, sizeof("{now}") - 1);
        } else if (str_starts(text, STR("{id}"))) {
            buf_add(out, id);
            text = str_from(text, sizeof("{id}") - 1);
        } else {
            buf_add(out, str_first(text, 1));
            text = str_from(text, 1);
        }
    }
}

void sample_write(struct buf *out, struct str kind, struct str id, int64_t now_us)
{
    struct time_text text;
    struct str now = time_write_iso(now_us, &text);

    for (size_t i = 0; i < ARRAY_LEN(samples); i++)
        if (str_eq(kind, str_of(samples[i].kind)))
            fill(out, str_of(samples[i].text), id, now);
}
