/* tls_stream.c -- a stream of plain bytes over a stream of TLS records.
 *
 *   on_under_read: records ──▶ BIO in ──▶ SSL_read ──▶ the owner's on_read
 *   tls_write:     plain ──▶ SSL_write ──▶ BIO out ──▶ flush() ──▶ the stream below
 *
 * What is written before the handshake is done waits in `early`. After it, few messages of TLS
 * itself (new keys, tickets) are taken between two writes of ours: each costs us more than the
 * peer, so one that floods with them is cut off. The stream below does all waiting, so pending
 * bytes are its own (as records) plus the early ones. Pausing pauses the stream below: what has
 * been read from it already is still handed up. An idle connection holds no more than it needs,
 * whatever it has carried. */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/tls_priv.h"

#define RECORD_BYTES_MAX (16 * KIB)
#define JOINED_BYTES_MAX (4 * KIB)
#define PLAIN_BYTES_MAX (8 * KIB)
#define EARLY_BYTES_MAX (1024 * MIB)
#define STEPS_MAX 256            /* three to five for a message */
#define OUT_BYTES_MAX (64 * KIB) /* of records, before they go down */
#define KEPT_BYTES_MAX                                                                             \
    (24 * KIB) /* BIOs grow, by a third more, and never shrink: then a new one                     \
                */

struct tls_stream {
    struct stream stream; /* what the owner sees; first */
    struct stream *under;
    SSL *ssl;
    BIO *in, *out;
    struct buf early;
    void (*on_ready)(void *context, struct stream *stream);
    void *ready_context;
    unsigned depth; /* calls of the owner under way: closing waits for the last */
    unsigned steps; /* of TLS's own, since our last write */
    bool started;
    bool is_ready;   /* the handshake is done */
    bool ended;      /* on_end has been called */
    bool shut;       /* the owner writes no more */
    bool under_shut; /* … and all of it has been given to the stream below */
    bool closed;
};

static void free_now(struct tls_stream *s)
{
    mem_free(SSL_get_app_data(s->ssl));
    SSL_free(s->ssl);
    buf_release(&s->early);
    mem_free(s);
}

static void enter(struct tls_stream *s)
{
    s->depth++;
}

static void leave(struct tls_stream *s)
{
    if (--s->depth == 0 && s->closed)
        free_now(s);
}

static void renew_out(struct tls_stream *s)
{
    s->out = BIO_new(BIO_s_mem());
    REQUIRE(s->out);
    SSL_set0_wbio(s->ssl, s->out); /* frees the old one */
}

/* With nothing in it. */
static void renew_in(struct tls_stream *s)
{
    s->in = BIO_new(BIO_s_mem());
    REQUIRE(s->in);
    BIO_set_mem_eof_return(s->in, -1);
    BIO_set_app_data(s->in, s);
    SSL_set0_rbio(s->ssl, s->in);
}

static void flush(struct tls_stream *s)
{
    char *data;
    long len = BIO_get_mem_data(s->out, &data);

    if (len <= 0)
        return;
    if (s->under_shut) { /* nothing may follow our end, not even an alert */
        (void)BIO_reset(s->out);
        return;
    }
    struct str records = str_range(data, (size_t)len);
    stream_write(s->under, &records, 1);
    if (records.len > KEPT_BYTES_MAX)
        renew_out(s);
    else
        (void)BIO_reset(s->out);
}

static void end(struct tls_stream *s, enum stream_end end, const char *why)
{
    if (s->ended || s->closed)
        return;
    s->ended = true;
    s->stream.events->on_end(s->stream.context, end, why);
}

static const char *failure_words(struct tls_stream *s)
{
    long verdict = SSL_get_verify_result(s->ssl);
    const char *words = ERR_reason_error_string(ERR_peek_last_error());

    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return "the certificate is for another name";
    if (verdict != X509_V_OK)
        return X509_verify_cert_error_string(verdict);
    return words ? words : "TLS failed";
}

/* What SSL_read, SSL_write and SSL_do_handshake say when they do not succeed. */
static void judge(struct tls_stream *s, int result)
{
    int error = SSL_get_error(s->ssl, result);

    flush(s); /* an alert, or the answer to a key update */
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return;
    if (error == SSL_ERROR_ZERO_RETURN)
        end(s, STREAM_EOF, "closed");
    else
        end(s, STREAM_TLS, failure_words(s));
}

static void write_plain(struct tls_stream *s, struct str bytes)
{
    while (bytes.len && !s->ended) {
        size_t len = bytes.len < RECORD_BYTES_MAX ? bytes.len : RECORD_BYTES_MAX;

        ERR_clear_error();
        int written = SSL_write(s->ssl, bytes.data, (int)len);
        if (written <= 0) /* the peer's on_end will tell, or has told */
            return;
        bytes = str_from(bytes, (size_t)written);
        if (BIO_ctrl_pending(s->out) >= OUT_BYTES_MAX)
            flush(s);
    }
}

static void say_goodbye(struct tls_stream *s)
{
    ERR_clear_error();
    if (s->is_ready && !(SSL_get_shutdown(s->ssl) & SSL_SENT_SHUTDOWN))
        (void)SSL_shutdown(s->ssl);
    flush(s);
}

static void shut_under(struct tls_stream *s)
{
    say_goodbye(s);
    s->under_shut = true;
    stream_shutdown(s->under);
}

/* After the handshake; not for the records of what the owner reads and writes. */
static void on_step(const SSL *ssl, int where, int result)
{
    struct tls_stream *s = BIO_get_app_data(SSL_get_rbio(ssl));

    (void)result;
    s->steps += (where & SSL_CB_LOOP) != 0;
}

static void handshake(struct tls_stream *s)
{
    ERR_clear_error();
    int result = SSL_do_handshake(s->ssl);
    if (result != 1) {
        judge(s, result);
        return;
    }
    s->is_ready = true;
    s->steps = 0;
    bool had_early = s->early.len > 0;
    write_plain(s, buf_str(&s->early));
    buf_release(&s->early);
    flush(s);
    if (s->shut)
        shut_under(s);
    if (s->on_ready)
        s->on_ready(s->ready_context, &s->stream);
    if (had_early && !s->closed && stream_pending_bytes(s->under) == 0 &&
        s->stream.events->on_drain)
        s->stream.events->on_drain(s->stream.context);
}

/* Each message of TLS itself interrupts SSL_read (tls.c), so it is counted before the next one
 * costs anything. */
static void read_plain(struct tls_stream *s)
{
    char plain[PLAIN_BYTES_MAX];

    while (!s->ended && !s->closed) {
        ERR_clear_error();
        int len = SSL_read(s->ssl, plain, sizeof(plain));
        if (len > 0) {
            s->stream.events->on_read(s->stream.context, str_range(plain, (size_t)len));
            continue;
        }
        judge(s, len);
        if (s->steps > STEPS_MAX)
            end(s, STREAM_TLS, "too many TLS messages without data");
        if (BIO_ctrl_pending(s->in) == 0)
            return;
    }
}

static void on_under_read(void *context, struct str bytes)
{
    struct tls_stream *s = context;

    if (s->ended)
        return;
    enter(s);
    REQUIRE(bytes.len <= INT32_MAX &&
            BIO_write(s->in, bytes.data, (int)bytes.len) == (int)bytes.len);
    if (!s->is_ready)
        handshake(s);
    if (s->is_ready)
        read_plain(s);
    if (bytes.len > KEPT_BYTES_MAX && BIO_ctrl_pending(s->in) == 0)
        renew_in(s);
    leave(s);
}

/* An end without close_notify may be an attacker's cut: it is not an orderly end. */
static void on_under_end(void *context, enum stream_end how, const char *why)
{
    struct tls_stream *s = context;

    enter(s);
    if (!s->is_ready)
        end(s, how == STREAM_EOF ? STREAM_TLS : how,
            how == STREAM_EOF ? "closed during the TLS handshake" : why);
    else
        end(s, STREAM_RESET, how == STREAM_EOF ? "closed without close_notify" : why);
    leave(s);
}

static void on_under_drain(void *context)
{
    struct tls_stream *s = context;

    enter(s);
    if (s->is_ready && s->stream.events->on_drain)
        s->stream.events->on_drain(s->stream.context);
    leave(s);
}

static const struct stream_events under_events = {on_under_read, on_under_end, on_under_drain};

static struct tls_stream *self_of(struct stream *stream)
{
    return CONTAINER_OF(stream, struct tls_stream, stream);
}

static void tls_start(struct stream *stream)
{
    struct tls_stream *s = self_of(stream);

    stream_start(s->under);
    if (s->started)
        return;
    s->started = true;
    if (SSL_is_server(s->ssl))
        return;
    /* Only the client's first flight: nothing has been received, so nothing can end here. */
    ERR_clear_error();
    (void)SSL_do_handshake(s->ssl);
    flush(s);
}

static void tls_pause(struct stream *stream)
{
    stream_pause(self_of(stream)->under);
}

/* Small parts become one record. */
static void tls_write(struct stream *stream, const struct str *parts, size_t count)
{
    struct tls_stream *s = self_of(stream);
    char joined[JOINED_BYTES_MAX];
    size_t len = 0;

    if (s->shut || s->ended)
        return;
    s->steps = 0;
    for (size_t i = 0; i < count; i++) {
        if (!s->is_ready) {
            buf_add(&s->early, parts[i]);
            continue;
        }
        if (parts[i].len > sizeof(joined) - len) {
            write_plain(s, str_range(joined, len));
            len = 0;
        }
        if (parts[i].len > sizeof(joined)) {
            write_plain(s, parts[i]);
        } else if (parts[i].len) {
            memcpy(joined + len, parts[i].data, parts[i].len);
            len += parts[i].len;
        }
    }
    REQUIRE(!s->early.failed);
    write_plain(s, str_range(joined, len));
    flush(s);
}

static size_t tls_pending_bytes(const struct stream *stream)
{
    const struct tls_stream *s = (const struct tls_stream *)(const void *)stream;

    return stream_pending_bytes(s->under) + s->early.len;
}

static void tls_shutdown(struct stream *stream)
{
    struct tls_stream *s = self_of(stream);

    if (s->shut)
        return;
    s->shut = true;
    if (!s->is_ready)
        return;
    shut_under(s);
}

static void tls_close(struct stream *stream, bool reset)
{
    struct tls_stream *s = self_of(stream);

    if (!reset && !s->shut)
        say_goodbye(s);
    s->closed = true;
    stream_close(s->under, reset);
    if (s->depth == 0)
        free_now(s);
}

static void tls_peer(const struct stream *stream, struct address *address)
{
    stream_peer(((const struct tls_stream *)(const void *)stream)->under, address);
}

static const struct stream_ops ops = {
    .start = tls_start,
    .pause = tls_pause,
    .write = tls_write,
    .pending_bytes = tls_pending_bytes,
    .shutdown = tls_shutdown,
    .close = tls_close,
    .peer = tls_peer,
};

struct stream *tls_stream_new(struct stream *under, SSL *ssl,
                              void (*on_ready)(void *context, struct stream *stream), void *context)
{
    struct tls_stream *s = MEM_NEW(struct tls_stream);

    s->stream.ops = &ops;
    s->under = under;
    s->ssl = ssl;
    renew_in(s);
    renew_out(s);
    SSL_set_info_callback(ssl, on_step);
    buf_init(&s->early, EARLY_BYTES_MAX);
    s->on_ready = on_ready;
    s->ready_context = context;
    stream_set_events(under, &under_events, s);
    return &s->stream;
}
