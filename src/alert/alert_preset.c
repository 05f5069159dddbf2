/* alert_preset.c -- the bodies of known receivers, written from their published formats. */
#include "alert/alert_preset_priv.h"

#define LINE                                                                                       \
    "{alert_name} ({project_name}): {alert_rule_attribute} is {triggered_metric_value}, "          \
    "limit {triggered_threshold}"

static const struct alert_preset presets[] = {
    /* chat.postMessage; {channel_id} comes from `variables`, the token from the headers. */
    {"slack", "https://slack.com/api/chat.postMessage",
     "{\"channel\":\"{channel_id}\",\"text\":\"" LINE "\",\"blocks\":[{\"type\":\"section\","
     "\"text\":{\"type\":\"mrkdwn\",\"text\":\"🚨 *{alert_name}* has been triggered\"}},"
     "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"" LINE "\"}},"
     "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"<{alert_rule_url}|Open the "
     "alert>\"}}]}"},
    {"slack_webhook", "", "{\"text\":\"🚨 " LINE " <{alert_rule_url}|Open the alert>\"}"},
    {"teams", "",
     "{\"type\":\"message\",\"attachments\":[{\"contentType\":"
     "\"application/vnd.microsoft.card.adaptive\",\"content\":{\"type\":\"AdaptiveCard\","
     "\"$schema\":\"http://adaptivecards.io/schemas/adaptive-card.json\",\"version\":\"1.4\","
     "\"body\":[{\"type\":\"TextBlock\",\"weight\":\"Bolder\",\"text\":\"{alert_name}\"},"
     "{\"type\":\"TextBlock\",\"wrap\":true,\"text\":\"" LINE "\"}],"
     "\"actions\":[{\"type\":\"Action.OpenUrl\",\"title\":\"Open the alert\","
     "\"url\":\"{alert_rule_url}\"}]}}]}"},
    {"discord", "",
     "{\"content\":\"🚨 " LINE "\",\"embeds\":[{\"title\":\"{alert_name}\","
     "\"url\":\"{alert_rule_url}\",\"description\":\"{alert_rule_description}\","
     "\"timestamp\":\"{timestamp}\"}]}"},
    {"google_chat", "", "{\"text\":\"🚨 " LINE " {alert_rule_url}\"}"},
    /* Events v2; {routing_key} comes from `variables`. */
    {"pagerduty", "https://events.pagerduty.com/v2/enqueue",
     "{\"routing_key\":\"{routing_key}\",\"event_action\":\"{event_action}\","
     "\"dedup_key\":\"{alert_rule_id}\",\"payload\":{\"summary\":\"" LINE "\","
     "\"source\":\"{project_name}\",\"severity\":\"warning\",\"timestamp\":\"{timestamp}\","
     "\"component\":\"{alert_rule_attribute}\",\"custom_details\":{"
     "\"value\":\"{triggered_metric_value}\",\"threshold\":\"{triggered_threshold}\","
     "\"description\":\"{alert_rule_description}\"}},\"links\":[{\"href\":\"{alert_rule_url}\","
     "\"text\":\"Open the alert\"}]}"},
    {"opsgenie", "https://api.opsgenie.com/v2/alerts",
     "{\"message\":\"" LINE "\",\"alias\":\"{alert_rule_id}\","
     "\"description\":\"{alert_rule_description} {alert_rule_url}\","
     "\"entity\":\"{project_name}\",\"source\":\"runbell\",\"priority\":\"P3\"}"},
};

const struct alert_preset *alert_preset_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(presets); i++)
        if (str_eq(name, str_of(presets[i].name)))
            return &presets[i];
    return NULL;
}
