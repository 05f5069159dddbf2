/* parser.c -- llhttp's callbacks turned into steps; limits that llhttp does not have. */
#include "http/parser.h"

#include <llhttp.h>

#include "base/mem.h"

/* What a chunk may cost beyond its bytes before it counts as excess: its size line and line ends.
 */
#define CHUNK_GRANT_BYTES 16

#define HEADS_KEPT 8

static_assert(sizeof(llhttp_t) <= sizeof(((struct parser *)0)->machine), "llhttp has grown");

struct head *head_take(struct head_pool *pool)
{
    struct head *head = pool->free;

    if (head) {
        pool->free = head->next_free;
    } else {
        head = mem_alloc(sizeof(*head));
        buf_init(&head->text, pool->text_bytes_max);
    }
    buf_clear(&head->text);
    head->method_len = head->target_at = head->target_len = head->count = 0;
    return head;
}

void head_give(struct head_pool *pool, struct head *head)
{
    size_t kept = 0;

    for (const struct head *other = pool->free; other; other = other->next_free)
        kept++;
    if (kept >= HEADS_KEPT) {
        buf_release(&head->text);
        mem_free(head);
        return;
    }
    head->next_free = pool->free;
    pool->free = head;
}

void head_pool_release(struct head_pool *pool)
{
    while (pool->free) {
        struct head *head = pool->free;

        pool->free = head->next_free;
        buf_release(&head->text);
        mem_free(head);
    }
}

static llhttp_t *machine_of(struct parser *p)
{
    return (llhttp_t *)(void *)p->machine;
}

static struct parser *parser_of(llhttp_t *machine)
{
    return CONTAINER_OF(machine, struct parser, machine);
}

static int on_method(llhttp_t *machine, const char *at, size_t len)
{
    struct head *head = parser_of(machine)->head;

    buf_add(&head->text, str_range(at, len));
    head->method_len += (uint32_t)len;
    return 0;
}

static int on_target(llhttp_t *machine, const char *at, size_t len)
{
    struct head *head = parser_of(machine)->head;

    if (head->target_len == 0)
        head->target_at = (uint32_t)head->text.len;
    buf_add(&head->text, str_range(at, len));
    head->target_len += (uint32_t)len;
    return 0;
}

static int on_line_done(llhttp_t *machine)
{
    parser_of(machine)->line_done = true;
    return 0;
}

/* Fields come as name, value, name, value …, each in one or more pieces. */
static int on_name(llhttp_t *machine, const char *at, size_t len)
{
    struct parser *p = parser_of(machine);
    struct head *head = p->head;

    p->line_done = true;
    if (!head) /* a trailer: dropped, but counted as excess */
        return 0;
    if (head->count == HEAD_FIELDS_MAX) {
        p->fault = FAULT_HEAD_LONG;
        return HPE_USER;
    }
    struct head_field *field = &head->fields[head->count];
    if (field->name_len == 0)
        field->name_at = (uint32_t)head->text.len;
    buf_add(&head->text, str_range(at, len));
    field->name_len += (uint32_t)len;
    return 0;
}

static int on_name_done(llhttp_t *machine)
{
    struct head *head = parser_of(machine)->head;

    if (head)
        head->fields[head->count].value_at = (uint32_t)head->text.len;
    return 0;
}

static int on_value(llhttp_t *machine, const char *at, size_t len)
{
    struct head *head = parser_of(machine)->head;

    if (!head)
        return 0;
    buf_add(&head->text, str_range(at, len));
    head->fields[head->count].value_len += (uint32_t)len;
    return 0;
}

static void open_field(struct head *head)
{
    if (head->count < HEAD_FIELDS_MAX)
        head->fields[head->count] = (struct head_field){0};
}

static int on_value_done(llhttp_t *machine)
{
    struct head *head = parser_of(machine)->head;

    if (head) {
        head->count++;
        open_field(head);
    }
    return 0;
}

static int on_head_done(llhttp_t *machine)
{
    struct parser *p = parser_of(machine);

    /* Upgrades are not offered: the request is answered as if it had not asked. */
    machine->upgrade = 0;
    if (p->no_body)
        machine->flags |= F_SKIPBODY;
    p->stopped_at = PARSER_HEAD;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *machine, const char *at, size_t len)
{
    struct parser *p = parser_of(machine);

    p->piece_bytes += len;
    p->on_body(p, str_range(at, len));
    return 0;
}

static int on_chunk(llhttp_t *machine)
{
    struct parser *p = parser_of(machine);
    uint64_t bytes = machine->content_length;

    p->excess_grant += CHUNK_GRANT_BYTES + 2 * (size_t)(bytes < MIB ? bytes : MIB);
    return 0;
}

static int on_message_done(llhttp_t *machine)
{
    parser_of(machine)->stopped_at = PARSER_END;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_method = on_method,
    .on_url = on_target,
    .on_url_complete = on_line_done,
    .on_status_complete = on_line_done,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_done,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_done,
    .on_headers_complete = on_head_done,
    .on_body = on_body,
    .on_chunk_header = on_chunk,
    .on_message_complete = on_message_done,
};

void parser_begin(struct parser *p, bool is_response, struct head *head)
{
    REQUIRE(head && head->text.len == 0);
    llhttp_init(machine_of(p), is_response ? HTTP_RESPONSE : HTTP_REQUEST, &settings);
    p->head = head;
    p->head_bytes = p->excess = 0;
    p->reason = NULL;
    p->fault = FAULT_NONE;
    p->line_done = p->no_body = false;
    p->is_response = is_response;
    open_field(head);
}

static enum parser_step fail(struct parser *p, enum parser_fault fault, const char *reason)
{
    p->fault = (uint8_t)fault;
    p->reason = reason;
    return PARSER_BAD;
}

/* Counts the step's bytes; false if they are beyond a limit. */
static bool count_bytes(struct parser *p, size_t used)
{
    if (p->head) {
        p->head_bytes += used;
        return true;
    }
    if (!(machine_of(p)->flags & F_CHUNKED))
        return true;
    p->excess += used - p->piece_bytes;
    p->excess -= p->excess < p->excess_grant ? p->excess : p->excess_grant;
    return p->excess <= p->limits->chunk_excess_max;
}

static enum parser_step stopped(struct parser *p, llhttp_errno_t error)
{
    llhttp_t *machine = machine_of(p);

    if (error == HPE_PAUSED) {
        llhttp_resume(machine);
        if (p->stopped_at == PARSER_HEAD)
            p->head = NULL;
        return (enum parser_step)p->stopped_at;
    }
    if (p->fault)
        return fail(p, (enum parser_fault)p->fault, "too many header fields");
    return fail(p, FAULT_SYNTAX, llhttp_get_error_reason(machine));
}

enum parser_step parser_feed(struct parser *p, struct str *input)
{
    llhttp_t *machine = machine_of(p);
    size_t len = input->len;

    if (p->head) {
        size_t room = p->limits->head_bytes_max - p->head_bytes;

        if (room == 0)
            return fail(p, p->line_done ? FAULT_HEAD_LONG : FAULT_LINE_LONG,
                        "the head is too large");
        len = len < room ? len : room;
    }
    p->piece_bytes = p->excess_grant = 0;
    llhttp_errno_t error = llhttp_execute(machine, input->data, len);
    size_t used = len;
    if (error != HPE_OK && llhttp_get_error_pos(machine))
        used = (size_t)(llhttp_get_error_pos(machine) - input->data);
    *input = str_from(*input, used);
    if (!count_bytes(p, used))
        return fail(p, FAULT_CHUNK_EXCESS, "chunk extensions or trailers are too large");
    return error == HPE_OK ? PARSER_MORE : stopped(p, error);
}

enum parser_step parser_finish(struct parser *p)
{
    llhttp_errno_t error = llhttp_finish(machine_of(p));

    if (error == HPE_PAUSED && p->stopped_at == PARSER_END)
        return PARSER_END;
    return fail(p, FAULT_SYNTAX, "the connection ended within a message");
}

struct parser_facts parser_facts(const struct parser *p)
{
    const llhttp_t *machine = (const llhttp_t *)(const void *)p->machine;

    return (struct parser_facts){
        .content_length = machine->content_length,
        .status = machine->status_code,
        .major = machine->http_major,
        .minor = machine->http_minor,
        .has_length = machine->flags & F_CONTENT_LENGTH,
        .has_coding = machine->flags & F_TRANSFER_ENCODING,
        .is_chunked = machine->flags & F_CHUNKED,
        .is_connect = !p->is_response && machine->method == HTTP_CONNECT,
        .keep_alive = llhttp_should_keep_alive(machine),
    };
}
