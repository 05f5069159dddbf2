/* notify.c -- nudges: collected in a transaction, sent after its commit to the loops that asked for
 * them. */
#include "base/mem.h"
#include "store/store_priv.h"

/* Keys are ids. Whatever is longer is told without its key. */
#define KEY_BYTES_MAX 200

struct subscription {
    struct subscription *next;
    enum topic topic;
    struct loop *loop;
    void (*on_nudge)(void *context, struct str key);
    void *context;
};

/* One per subscription and group. It owns copies of all it needs: the store may be gone when it
 * arrives. */
struct nudge {
    struct message message;
    void (*on_nudge)(void *context, struct str key);
    void *context;
    struct arena arena;
    struct str *keys;
    size_t key_count;
};

static const char *const topic_names[] = {
    [TOPIC_RUN_PENDING] = "run_pending",
    [TOPIC_RUN_CANCEL] = "run_cancel",
    [TOPIC_RUN_DONE] = "run_done",
    [TOPIC_DELIVERY_DUE] = "delivery_due",
    [TOPIC_DELIVERY_LOG] = "delivery_log",
    [TOPIC_KEYS] = "keys",
    [TOPIC_INSPECTED] = "inspected",
    [TOPIC_CRON] = "cron",
    [TOPIC_ALERTS] = "alerts",
    [TOPIC_RULES] = "rules",
    [TOPIC_REPLAY] = "replay",
    [TOPIC_RUN_WATCH] = "run_watch",
    [TOPIC_RUN_EVENTS] = "run_events",
    [TOPIC_INTENT] = "intent",
    [TOPIC_HOLDINGS] = "holdings",
};
static_assert(ARRAY_LEN(topic_names) == TOPIC_COUNT, "every topic has a name for the other nodes");

const char *topic_name(enum topic topic)
{
    return topic_names[topic];
}

/* FNV-1a: only to skip most comparisons. */
static uint32_t hash_of(enum topic topic, struct str key)
{
    uint32_t hash = UINT32_C(2166136261) ^ (uint32_t)topic;

    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * UINT32_C(16777619);
    return hash;
}

static bool is_noted(const struct tx *tx, const struct tx_note *note)
{
    for (size_t i = 0; i < tx->note_count; i++) {
        const struct tx_note *known = &tx->notes[i];

        if (known->hash == note->hash && known->topic == note->topic &&
            str_is_none(known->key) == str_is_none(note->key) && str_eq(known->key, note->key))
            return true;
    }
    return false;
}

void tx_notify(struct tx *tx, enum topic topic, struct str key)
{
    struct tx_note note = {.topic = topic, .key = key};

    REQUIRE(tx->is_write && topic < TOPIC_COUNT);
    if (!tx->notes)
        return;
    if (tx->note_count >= TX_NOTES_MAX || key.len > KEY_BYTES_MAX)
        note.key = STR_NONE;
    note.hash = hash_of(topic, note.key);
    if (is_noted(tx, &note))
        return;
    note.key = arena_str(tx->arena, note.key);
    REQUIRE(tx->note_count < TX_NOTES_MAX + TOPIC_COUNT);
    tx->notes[tx->note_count++] = note;
}

enum err notes_send(struct tx *tx)
{
    static const struct db_statement notify = {"notify", NULL,
                                               "SELECT pg_notify('runbell', CAST($1 AS TEXT))"};
    struct db_value *args;

    if (db_dialect(tx->db) != DB_POSTGRES || tx->note_count == 0)
        return OK;
    args = ARENA_ARRAY(tx->arena, struct db_value, tx->note_count);
    for (size_t i = 0; i < tx->note_count; i++) {
        const struct tx_note *note = &tx->notes[i];

        args[i] = db_text(
            arena_printf(tx->arena, "%s:%.*s", topic_name(note->topic), STR_ARG(note->key)));
    }
    return db_run_many(tx->db, &notify, args, 1, tx->note_count);
}

static void nudge_deliver(struct message *message)
{
    struct nudge *nudge = CONTAINER_OF(message, struct nudge, message);

    for (size_t i = 0; i < nudge->key_count; i++)
        nudge->on_nudge(nudge->context, nudge->keys[i]);
    arena_release(&nudge->arena);
    mem_free(nudge);
}

static struct nudge *nudge_new(const struct subscription *subscription, size_t key_count)
{
    struct nudge *nudge = MEM_NEW(struct nudge);

    nudge->message.deliver = nudge_deliver;
    nudge->on_nudge = subscription->on_nudge;
    nudge->context = subscription->context;
    arena_init(&nudge->arena);
    nudge->keys = ARENA_ARRAY(&nudge->arena, struct str, key_count);
    return nudge;
}

static void nudge_one(const struct subscription *subscription, const struct tx_note *notes,
                      size_t count)
{
    struct nudge *nudge = NULL;

    for (size_t i = 0; i < count; i++) {
        if (notes[i].topic != subscription->topic)
            continue;
        if (!nudge)
            nudge = nudge_new(subscription, count - i);
        nudge->keys[nudge->key_count++] = arena_str(&nudge->arena, notes[i].key);
    }
    if (nudge)
        loop_post(subscription->loop, &nudge->message);
}

void notes_deliver(struct store *store, const struct tx_note *notes, size_t count)
{
    struct subscription *subscription;

    if (count == 0)
        return;
    subscription = atomic_load_explicit(&store->subscriptions, memory_order_acquire);
    for (; subscription; subscription = subscription->next)
        nudge_one(subscription, notes, count);
}

/* Subscriptions are only ever added, so that the list needs no lock. */
void store_subscribe(struct store *store, enum topic topic, struct loop *loop,
                     void (*on_nudge)(void *context, struct str key), void *context)
{
    struct subscription *subscription = MEM_NEW(struct subscription);

    REQUIRE(topic < TOPIC_COUNT && loop && on_nudge);
    subscription->topic = topic;
    subscription->loop = loop;
    subscription->on_nudge = on_nudge;
    subscription->context = context;
    subscription->next = atomic_load_explicit(&store->subscriptions, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&store->subscriptions, &subscription->next,
                                                  subscription, memory_order_release,
                                                  memory_order_relaxed))
        continue;
}

void subscriptions_free(struct store *store)
{
    struct subscription *subscription = atomic_exchange(&store->subscriptions, NULL);

    while (subscription) {
        struct subscription *next = subscription->next;

        mem_free(subscription);
        subscription = next;
    }
}
