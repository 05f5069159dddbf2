/* websocket.h -- frames of RFC 6455, the server's side: what clients send is read piece by piece,
 * what we send is written whole.
 *
 *   byte 0: FIN, 3 reserved bits (must be 0: no extension is agreed on), opcode
 *   byte 1: MASK (clients always), 7 bits of length; 126: 16 bits follow, 127: 64 bits follow
 *   4 bytes of mask, then the payload
 *
 * A message is one frame or several (fragments); control frames (close, ping, pong) have at most
 * 125 bytes, are never fragmented and may stand between fragments. The shortest form of a length is
 * required. Text must be UTF-8. No I/O. */
#ifndef FORMAT_WEBSOCKET_H
#define FORMAT_WEBSOCKET_H

#include "base/buf.h"

#define WEBSOCKET_CONTROL_MAX 125
#define WEBSOCKET_HEAD_MAX 10 /* of a frame we write */

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10
};

/* Codes of a close. */
#define WEBSOCKET_NORMAL 1000
#define WEBSOCKET_GOING_AWAY 1001
#define WEBSOCKET_PROTOCOL_ERROR 1002
#define WEBSOCKET_UNSUPPORTED 1003
#define WEBSOCKET_NO_CODE 1005  /* never sent: the peer gave none */
#define WEBSOCKET_ABNORMAL 1006 /* never sent: the connection ended without a close */
#define WEBSOCKET_BAD_TEXT 1007
#define WEBSOCKET_POLICY 1008
#define WEBSOCKET_TOO_BIG 1009
#define WEBSOCKET_INTERNAL 1011
#define WEBSOCKET_RESTART 1012

struct websocket_reader {
    struct buf message; /* the payloads of the message so far */
    unsigned char head[14];
    size_t head_len;
    char control[WEBSOCKET_CONTROL_MAX];
    size_t control_len;
    uint64_t payload_left;
    uint32_t mask_at; /* which byte of the mask is next */
    uint8_t opcode;   /* of the frame under way */
    uint8_t kind;     /* of the message under way: text or binary; 0: none */
    bool in_payload;
    bool is_final;
    bool is_done; /* the last message has been given out: forget it first */
};

/* What came, valid until the next call. */
struct websocket_item {
    enum websocket_opcode opcode; /* text, binary, close, ping or pong */
    struct str payload;           /* of a close: its reason */
    int code;                     /* of a close; WEBSOCKET_NO_CODE: none was given */
};

void websocket_reader_init(struct websocket_reader *r, size_t message_bytes_max);
void websocket_reader_release(struct websocket_reader *r);
/* Takes bytes off the front of *input. OK: *item is the next message or control frame; ERR_AGAIN:
 * the input is used up; ERR_INVALID: *code says with which close code the connection has to end. */
enum err websocket_reader_next(struct websocket_reader *r, struct str *input,
                               struct websocket_item *item, int *code) MUST_USE;

/* The head of an unfragmented frame of ours; returns its length. */
size_t websocket_head_write(unsigned char head[WEBSOCKET_HEAD_MAX], enum websocket_opcode opcode,
                            uint64_t payload_bytes);

#endif
