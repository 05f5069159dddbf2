/* fleet_webhooks.h -- the tables fleet_webhooks and fleet_publishes: where agents can be published
 * to, and who published which of them when, with which input.
 *
 * A webhook's headers are secrets of its endpoint (secrets.h), which belongs to it alone. A publish
 * is written in the transaction of its delivery, and stays when webhook and agent are gone. */
#ifndef STORE_FLEET_WEBHOOKS_H
#define STORE_FLEET_WEBHOOKS_H

#include "store/store.h"

#define FLEET_WEBHOOKS_LIST_MAX 101

struct fleet_webhook {
    struct str tenant;
    struct str webhook_id;
    struct str name;
    struct str url;
    struct str endpoint_id;
    struct str form_schema; /* JSON as it was given; "{}": no form */
    struct str creator_id;
    struct str creator_email; /* STR_NONE: unknown */
    int64_t created_us, updated_us;
};

/* Where a list goes on: those made before this time, of one instant those with a smaller id. */
struct fleet_place {
    int64_t before_us; /* 0: from the newest */
    struct str before_id;
    int64_t limit; /* ≤ FLEET_WEBHOOKS_LIST_MAX */
};

enum err fleet_webhook_insert(struct tx *tx, const struct fleet_webhook *webhook) MUST_USE;
/* ERR_NOT_FOUND; so below. */
enum err fleet_webhook_get(struct tx *tx, struct str tenant, struct str webhook_id,
                           struct arena *arena, struct fleet_webhook *webhook) MUST_USE;
/* Name, url, endpoint and form. */
enum err fleet_webhook_update(struct tx *tx, const struct fleet_webhook *webhook) MUST_USE;
enum err fleet_webhook_delete(struct tx *tx, struct str tenant, struct str webhook_id) MUST_USE;

struct fleet_webhook_rows {
    struct fleet_webhook *list; /* in the arena given */
    size_t count;
};

/* Newest first. creator_id STR_NONE: anybody's. */
enum err fleet_webhook_list(struct tx *tx, struct str tenant, struct str creator_id,
                            const struct fleet_place *place, struct arena *arena,
                            struct fleet_webhook_rows *found) MUST_USE;

struct fleet_publish {
    struct str tenant;
    struct str publish_id;
    struct str webhook_id, webhook_name;
    struct str agent_id; /* STR_NONE: none of this server */
    struct str agent_name;
    int64_t agent_version;  /* 0: none of this server */
    struct str commit_hash; /* STR_NONE: none of this server */
    struct str bundle_sha256;
    struct str publisher_id;
    struct str publisher_email; /* STR_NONE: unknown */
    struct str input;           /* JSON object, as it was sent */
    int64_t delivery_id;
    struct str request_key; /* the client's Idempotency-Key; STR_NONE: none */
    int64_t created_us;
};

enum err fleet_publish_insert(struct tx *tx, const struct fleet_publish *publish) MUST_USE;
/* The one that was made under this key. ERR_NOT_FOUND. */
enum err fleet_publish_find(struct tx *tx, struct str tenant, struct str request_key,
                            struct arena *arena, struct fleet_publish *publish) MUST_USE;

struct fleet_publish_filter {
    struct str tenant;
    struct str webhook_id, agent_id, publisher_id; /* STR_NONE: any */
    struct fleet_place place;
};

struct fleet_publish_rows {
    struct fleet_publish *list;
    size_t count;
};

/* Newest first. */
enum err fleet_publish_list(struct tx *tx, const struct fleet_publish_filter *filter,
                            struct arena *arena, struct fleet_publish_rows *found) MUST_USE;

#endif
