/* tls_priv.h -- what tls.c (contexts, sessions) and tls_stream.c (one connection) share. */
#ifndef HTTP_TLS_PRIV_H
#define HTTP_TLS_PRIV_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/str.h"
#include "http/tls.h"

#define TLS_HOST_MAX 256

struct tls_session {
    SSL_SESSION *session;
    uint64_t used; /* tick of the last use */
    char host[TLS_HOST_MAX];
};

#define TLS_SESSIONS_MAX 256

struct tls_client {
    SSL_CTX *context;
    pthread_mutex_t lock; /* of what follows: several loops have handshakes */
    struct tls_session
        sessions[TLS_SESSIONS_MAX]; /* open addressing would save nothing: handshakes are rare */
    uint64_t tick;
};

/* A changed context stays until the end: a connection may just be taking it. */
struct tls_retired {
    struct tls_retired *next;
    SSL_CTX *context;
};

/* tls_identity.c: gives the certificate and its key to `ssl`. */
enum err tls_identity_use(struct str pem, SSL *ssl) MUST_USE;

struct tls_server {
    _Atomic(SSL_CTX *) context;
    struct tls_retired *retired;
};

/* Takes over `under` and `ssl`. `host`, for the error text and the session's key, may be "". */
struct stream *tls_stream_new(struct stream *under, SSL *ssl,
                              void (*on_ready)(void *context, struct stream *stream),
                              void *context);

#endif
