/* policies.h -- the policies that a configuration knows: the built-in ones, its own, and which one
 * each kind of webhook has unless its endpoint says otherwise.
 *
 *   "policies": {"patient": {"delays_s": [10, 60, 3600], "jitter": 0.2, "timeout_s": 10,
 *                            "retry": ["unreachable", "tls", "timeout", "busy", "server_error"],
 *                            "retry_after_s": 86400, "age_s": 172800}},
 *   "policy":   {"run": "patient", "alert": "once"}
 *
 * What an own policy does not say is as in `durable`. Pure. */
#ifndef DELIVERY_POLICIES_H
#define DELIVERY_POLICIES_H

#include "base/json.h"
#include "delivery/schedule.h"

#define POLICIES_MAX 32
#define POLICY_TIMEOUT_S_MAX 300
#define POLICY_KINDS 5

struct policy_set {
    const struct policy *own;
    size_t own_count;
    const char *by_kind[POLICY_KINDS]; /* NULL: the built-in choice */
};

/* By name: an own one, else a built-in one, else NULL. */
const struct policy *policies_find(const struct policy_set *set, struct str name);
/* The name of what `kind` has unless told otherwise: run, system: durable; rule, alert: documented;
 * fleet: once. */
struct str policies_for_kind(const struct policy_set *set, struct str kind);
/* How long the longest attempt of any of them may take. */
int64_t policies_attempt_ms_max(const struct policy_set *set);
/* "once, durable, documented or patient": for errors. In the arena. */
struct str policies_names(const struct policy_set *set, struct arena *arena);

/* Reads the two members of the head. ERR_INVALID with *why, in the arena: the member, what is wrong
 * with it, and the nearest name of what is not known. The second after the first. */
enum err policies_read(const struct json *object, struct arena *arena, struct policy_set *set,
                       struct str *why) MUST_USE;
enum err policies_read_kinds(const struct json *object, struct arena *arena, struct policy_set *set,
                             struct str *why) MUST_USE;

/* As they are read. */
void policies_write(struct json_writer *w, const struct policy_set *set);
void policies_write_kinds(struct json_writer *w, const struct policy_set *set);

#endif
