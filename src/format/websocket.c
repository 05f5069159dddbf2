/* Reads and writes frames of WebSocket. */
#include "format/websocket.h"

#define KEPT_BYTES_MAX 4096 /* of a message's memory, for the next one */
#define IS_CONTROL 8        /* the bit that control opcodes share */

void websocket_reader_init(struct websocket_reader *r, size_t message_bytes_max)
{
    *r = (struct websocket_reader){0};
    buf_init(&r->message, message_bytes_max);
}

void websocket_reader_release(struct websocket_reader *r)
{
    buf_release(&r->message);
}

static bool is_control(const struct websocket_reader *r)
{
    return r->opcode & IS_CONTROL;
}

/* ---- a frame's head ---- */

/* How long the head is, as far as its first two bytes say; 2 until they are there. */
static size_t head_needs(const struct websocket_reader *r)
{
    unsigned len = r->head[1] & 0x7f;

    if (r->head_len < 2)
        return 2;
    return 2 + (len == 126 ? 2U : len == 127 ? 8U : 0U) + 4;
}

static uint64_t head_length(const struct websocket_reader *r)
{
    unsigned len = r->head[1] & 0x7f;
    size_t bytes = len == 126 ? 2 : len == 127 ? 8 : 0;
    uint64_t value = 0;

    if (bytes == 0)
        return len;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | r->head[2 + i];
    return value;
}

static bool is_shortest(const struct websocket_reader *r, uint64_t length)
{
    unsigned len = r->head[1] & 0x7f;

    return len == 127 ? length > 0xffff && length >> 63 == 0 : len != 126 || length > 125;
}

/* The code to close with, or 0. */
static int head_judge(struct websocket_reader *r, uint64_t length)
{
    bool is_masked = r->head[1] & 0x80, has_reserved = r->head[0] & 0x70;

    if (has_reserved || !is_masked || !is_shortest(r, length))
        return WEBSOCKET_PROTOCOL_ERROR;
    switch (r->opcode) {
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_PING:
    case WEBSOCKET_PONG:
        return r->is_final && length <= WEBSOCKET_CONTROL_MAX ? 0 : WEBSOCKET_PROTOCOL_ERROR;
    case WEBSOCKET_TEXT:
    case WEBSOCKET_BINARY:
        if (r->kind)
            return WEBSOCKET_PROTOCOL_ERROR;
        break;
    case WEBSOCKET_CONTINUATION:
        if (!r->kind)
            return WEBSOCKET_PROTOCOL_ERROR;
        break;
    default:
        return WEBSOCKET_PROTOCOL_ERROR;
    }
    return length > r->message.max - r->message.len ? WEBSOCKET_TOO_BIG : 0;
}

/* Takes head bytes; OK when the head is complete and fine. */
static enum err head_take(struct websocket_reader *r, struct str *input, int *code)
{
    uint64_t length;

    while (r->head_len < head_needs(r)) {
        if (input->len == 0)
            return ERR_AGAIN;
        r->head[r->head_len++] = (unsigned char)input->data[0];
        *input = str_from(*input, 1);
    }
    r->opcode = r->head[0] & 0x0f;
    r->is_final = r->head[0] & 0x80;
    length = head_length(r);
    if ((*code = head_judge(r, length)))
        return ERR_INVALID;
    if (!is_control(r) && r->opcode != WEBSOCKET_CONTINUATION)
        r->kind = r->opcode;
    r->payload_left = length;
    r->mask_at = 0;
    r->control_len = 0;
    r->in_payload = true;
    return OK;
}

/* ---- its payload ---- */

static void unmask(struct websocket_reader *r, char *bytes, size_t len)
{
    const unsigned char *mask = r->head + r->head_len - 4;

    for (size_t i = 0; i < len; i++, r->mask_at = (r->mask_at + 1) & 3)
        bytes[i] = (char)((unsigned char)bytes[i] ^ mask[r->mask_at]);
}

static enum err payload_take(struct websocket_reader *r, struct str *input, int *code)
{
    size_t len = input->len < r->payload_left ? input->len : (size_t)r->payload_left;
    char *at;

    if (is_control(r)) {
        at = r->control + r->control_len;
        r->control_len += len;
    } else {
        at = buf_reserve(&r->message, len);
        if (!at) {
            *code = WEBSOCKET_TOO_BIG;
            return ERR_INVALID;
        }
        buf_added(&r->message, len);
    }
    if (len > 0)
        memcpy(at, input->data, len);
    unmask(r, at, len);
    *input = str_from(*input, len);
    r->payload_left -= len;
    return r->payload_left > 0 ? ERR_AGAIN : OK;
}

/* ---- what a complete frame gives ---- */

static bool is_close_code(int code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static enum err close_read(const struct websocket_reader *r, struct websocket_item *item, int *code)
{
    struct str payload = str_range(r->control, r->control_len);

    item->code = WEBSOCKET_NO_CODE;
    item->payload = STR("");
    if (payload.len == 0)
        return OK;
    if (payload.len >= 2)
        item->code = (unsigned char)payload.data[0] << 8 | (unsigned char)payload.data[1];
    item->payload = str_from(payload, 2);
    *code = payload.len < 2 || !is_close_code(item->code) ? WEBSOCKET_PROTOCOL_ERROR
                                                          : WEBSOCKET_BAD_TEXT;
    return *code == WEBSOCKET_BAD_TEXT && str_is_utf8(item->payload) ? OK : ERR_INVALID;
}

/* OK: *item is filled; ERR_AGAIN: only a fragment has ended. */
static enum err frame_end(struct websocket_reader *r, struct websocket_item *item, int *code)
{
    r->in_payload = false;
    r->head_len = 0;
    item->opcode = (enum websocket_opcode)r->opcode;
    item->code = 0;
    if (r->opcode == WEBSOCKET_CLOSE)
        return close_read(r, item, code);
    if (is_control(r)) {
        item->payload = str_range(r->control, r->control_len);
        return OK;
    }
    if (!r->is_final)
        return ERR_AGAIN;
    item->opcode = (enum websocket_opcode)r->kind;
    item->payload = buf_str(&r->message);
    r->kind = 0;
    r->is_done = true;
    if (item->opcode == WEBSOCKET_TEXT && !str_is_utf8(item->payload)) {
        *code = WEBSOCKET_BAD_TEXT;
        return ERR_INVALID;
    }
    return OK;
}

enum err websocket_reader_next(struct websocket_reader *r, struct str *input,
                               struct websocket_item *item, int *code)
{
    enum err err;

    if (r->is_done && r->message.cap > KEPT_BYTES_MAX)
        buf_release(&r->message);
    else if (r->is_done)
        buf_clear(&r->message);
    r->is_done = false;
    for (;;) {
        if (!r->in_payload && (err = head_take(r, input, code)))
            return err;
        if ((err = payload_take(r, input, code)))
            return err;
        if ((err = frame_end(r, item, code)) != ERR_AGAIN)
            return err;
    }
}

/* ---- writing ---- */

size_t websocket_head_write(unsigned char head[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode,
                            uint64_t payload_bytes)
{
    size_t bytes = payload_bytes > 0xffff ? 8 : payload_bytes > 125 ? 2 : 0;

    head[0] = (unsigned char)(0x80U | (unsigned)opcode);
    head[1] = (unsigned char)(bytes == 8 ? 127 : bytes == 2 ? 126 : payload_bytes);
    for (size_t i = 0; i < bytes; i++)
        head[2 + i] = (unsigned char)(payload_bytes >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}
