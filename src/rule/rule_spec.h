/* rule_spec.h -- what a rule matches and whom it tells, read from the JSON of its API. Pure. */
#ifndef RULE_RULE_SPEC_H
#define RULE_RULE_SPEC_H

#include "format/filter.h"
#include "format/header.h"

#define RULE_WEBHOOKS_MAX 10
#define RULE_HEADERS_MAX 40
#define RULE_NAME_BYTES_MAX 512

struct rule_webhook {
    struct str url;
    struct header_pair headers[RULE_HEADERS_MAX];
    size_t header_count;
};

struct rule_spec {
    struct str display_name;
    double sampling_rate;
    bool is_enabled;
    bool looks_at_traces; /* it has a trace_filter or a tree_filter */
    bool takes_pending;   /* its filter asks for spans that have not ended */
    struct filter filter, trace_filter, tree_filter;
    struct rule_webhook *webhooks;
    size_t webhook_count;
    struct str queue_id, dataset_id; /* where matches go; STR_NONE: nowhere */
    bool prefers_correction;         /* as the example's outputs */
    bool keeps_traces;
    int64_t backfill_from_us; /* of a new rule: also what began since; 0: nothing */
    bool has_bad_filter;      /* with ERR_INVALID: that is what is wrong */
};

/* ERR_INVALID: *why, in the arena, names the field. The spec borrows from the JSON. */
enum err rule_spec_read(const struct json *json, struct arena *arena, struct rule_spec *spec,
                        struct str *why) MUST_USE;

/* Its filters alone, and takes_pending. */
enum err rule_spec_read_filters(const struct json *json, struct arena *arena,
                                struct rule_spec *spec, struct str *why) MUST_USE;

/* Is this span in the sample? Always the same answer for the same rule and span. */
bool rule_samples(struct str rule_id, struct uuid span_id, double rate);

#endif
