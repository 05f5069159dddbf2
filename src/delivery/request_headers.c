/* The headers of one attempt, put together. */
#include "delivery/request_headers.h"

#include "base/log.h"
#include "format/header.h"
#include "format/traceparent.h"

#define OURS_MAX 9
#define WEBHOOK_ID_PREFIX STR("msg_")

/* ---- keys ---- */

void signing_keys_open(struct signing_keys *keys, const struct secrets *secrets)
{
    keys->count = 0;
    for (size_t i = 0; i < secrets->count && keys->count < WEBHOOK_KEYS_MAX; i++) {
        const struct secret *secret = &secrets->list[i];
        const char *why = NULL;

        if (secret->kind != SECRET_SIGNING_KEY)
            continue;
        if (webhook_key_init(&keys->list[keys->count], secret->value, &why) == OK)
            keys->count++;
        else
            log_error("delivery", "the signing key %.*s cannot be used: %s",
                      STR_ARG(secret->secret_id), why);
    }
}

void signing_keys_release(struct signing_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        webhook_key_release(&keys->list[i]);
    keys->count = 0;
}

/* ---- headers ---- */

struct making {
    const struct request_headers_input *input;
    struct arena *arena;
    struct http_header *list;
    size_t count;
};

static struct http_header *find(struct making *m, struct str name)
{
    for (size_t i = 0; i < m->count; i++)
        if (str_eq_nocase(m->list[i].name, name))
            return &m->list[i];
    return NULL;
}

/* One of ours, which no user's can be. */
static void add(struct making *m, struct str name, struct str value)
{
    m->list[m->count++] = (struct http_header){name, value};
}

static void add_number(struct making *m, struct str name, int64_t value)
{
    struct integer_text digits;

    add(m, name, arena_str(m->arena, str_from_i64(value, &digits)));
}

/* The last of a name wins, but what is ours stays ours, whoever let it be stored. */
static void set_users_own(struct making *m, struct str name, struct str value)
{
    struct http_header *there = find(m, name);

    if (header_is_reserved(name))
        return;
    if (there)
        *there = (struct http_header){name, value};
    else
        add(m, name, value);
}

static void set_users(struct making *m)
{
    const struct request_headers_input *input = m->input;

    for (size_t i = 0; i < input->fixed_count; i++)
        set_users_own(m, input->fixed[i].name, input->fixed[i].value);
    for (size_t i = 0; input->secrets && i < input->secrets->count; i++) {
        const struct secret *secret = &input->secrets->list[i];

        if (secret->kind == SECRET_HEADER)
            set_users_own(m, secret->name, secret->value);
    }
}

static void add_signatures(struct buf *out, struct signing_keys *keys,
                           const struct webhook_message *message)
{
    if (!keys || keys->count == 0)
        return;
    if (out->len)
        buf_add_char(out, ' ');
    webhook_signature_write(out, keys->list, keys->count, message);
}

static void add_signature(struct making *m)
{
    const struct request_headers_input *input = m->input;
    const struct webhook_message message = {
        .id = input->row->webhook_id, .timestamp_s = input->timestamp_s, .body = input->row->body};
    struct buf out;

    buf_init(&out, 2 * WEBHOOK_KEYS_MAX * WEBHOOK_SIGNATURE_BYTES_MAX);
    add_signatures(&out, input->own, &message);
    add_signatures(&out, input->server, &message);
    REQUIRE(!out.failed);
    if (out.len)
        add(m, STR("webhook-signature"), arena_str(m->arena, buf_str(&out)));
    buf_release(&out);
}

/* A webhook-id is "msg_" and 32 hex digits, which serve as the trace's id. */
static void add_traceparent(struct making *m)
{
    const struct outbox_claimed *row = m->input->row;
    struct str made = str_from(row->webhook_id, WEBHOOK_ID_PREFIX.len);
    struct traceparent parent = {.trace_id = made, .is_sampled = true};
    struct traceparent_text *text;

    if (traceparent_parse(row->traceparent, &parent) && !trace_id_is_valid(made))
        return;
    text = ARENA_NEW(m->arena, struct traceparent_text);
    add(m, STR("traceparent"), traceparent_write(&parent, (uint64_t)row->attempt_id, text));
}

void request_headers_make(const struct request_headers_input *input, struct arena *arena,
                          const struct http_header **headers, size_t *count)
{
    size_t users = input->fixed_count + (input->secrets ? input->secrets->count : 0);
    struct making m = {.input = input, .arena = arena};

    m.list = ARENA_ARRAY(arena, struct http_header, users + OURS_MAX);
    set_users(&m);
    if (!find(&m, STR("User-Agent")))
        add(&m, STR("User-Agent"), input->user_agent);
    add(&m, STR("Content-Type"), input->row->content_type);
    add(&m, STR("webhook-id"), input->row->webhook_id);
    add_number(&m, STR("webhook-timestamp"), input->timestamp_s);
    add_signature(&m);
    add_number(&m, STR("webhook-attempt"), input->row->attempts);
    add_number(&m, STR("webhook-sequence"), input->row->sequence);
    add_traceparent(&m);
    if (str_starts(input->row->object_id, OUTBOX_TEST_PREFIX))
        add(&m, STR("webhook-test"), STR("true"));
    *headers = m.list;
    *count = m.count;
}
