/* tls.h -- TLS over a stream, by OpenSSL with memory BIOs. The only includer of OpenSSL's SSL part.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "io/loop.h"
#include "io/stream.h"

struct tls_server;
struct tls_client;

/* PEM files; `why` is static or OpenSSL's text in a static buffer. */
enum err tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **tls,
                        const char **why) MUST_USE;
/* Connections from now on get this certificate. One thread at a time, while loops wrap. On an error
 * the old one stays. */
enum err tls_server_change(struct tls_server *tls, const char *certificate_file,
                           const char *key_file, const char **why) MUST_USE;
/* How many days a certificate is still valid; less than 0 when it is not any more. */
enum err tls_certificate_days(const char *certificate_file, int *days, const char **why) MUST_USE;
void tls_server_free(struct tls_server *tls);
/* ca_file NULL: the system's roots. Verifies host names; TLS ≥ 1.2; keeps sessions for resumption.
 * For all loops. */
enum err tls_client_new(const char *ca_file, struct tls_client **tls, const char **why) MUST_USE;
/* From now on nobody's identity is checked: for a port of one's own machine, never for webhooks. */
void tls_client_trust_all(struct tls_client *tls);
void tls_client_free(struct tls_client *tls);

/* A client's certificate, its chain behind it, and its key, as PEM. */
struct tls_identity {
    struct str pem;
    struct str id; /* tells one from another: connections are not shared between identities */
};

struct tls_identity_facts {
    char subject[256];
    char not_after[64]; /* as OpenSSL writes it */
};
/* ERR_INVALID with *why in static words. */
enum err tls_identity_check(struct str pem, struct tls_identity_facts *facts,
                            const char **why) MUST_USE;

/* Wraps `under`, which then belongs to the new stream. The handshake runs by itself once started;
 * on_ready (may be NULL) is called when it is done, on_end with STREAM_TLS if it failed. */
struct stream *tls_server_wrap(struct tls_server *tls, struct stream *under);
/* identity NULL: without a client certificate. NULL: the identity cannot be used; `under` is still
 * the caller's. */
struct stream *tls_client_wrap(struct tls_client *tls, struct stream *under, struct str host,
                               const struct tls_identity *identity,
                               void (*on_ready)(void *context, struct stream *stream),
                               void *context);

#endif
