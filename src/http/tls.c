/* tls.c -- contexts of both sides: versions, roots, certificates, sessions that can be resumed. */
#include "http/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "http/tls_priv.h"

static const char *openssl_words(const char *fallback)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return words ? words : fallback;
}

static SSL_CTX *context_new(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);

    REQUIRE(context);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* An idle connection keeps no record buffers. */
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    /* What floods with messages of TLS itself is to be noticed (tls_stream.c). */
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    return context;
}

/* ---- the server's side ---- */

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *server_context(const char *certificate_file, const char *key_file, const char **why)
{
    static const unsigned char session_context[] = "runbell";
    SSL_CTX *context = context_new(TLS_server_method());

    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        *why = openssl_words("the certificate or its key cannot be used");
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_id_context(context, session_context, sizeof(session_context) - 1);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    return context;
}

enum err tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **tls,
                        const char **why)
{
    SSL_CTX *context = server_context(certificate_file, key_file, why);

    if (!context)
        return ERR_INVALID;
    *tls = MEM_NEW(struct tls_server);
    atomic_store(&(*tls)->context, context);
    return OK;
}

enum err tls_server_change(struct tls_server *tls, const char *certificate_file,
                           const char *key_file, const char **why)
{
    SSL_CTX *context = server_context(certificate_file, key_file, why);
    struct tls_retired *retired;

    if (!context)
        return ERR_INVALID;
    retired = MEM_NEW(struct tls_retired);
    retired->context = atomic_exchange(&tls->context, context);
    retired->next = tls->retired;
    tls->retired = retired;
    return OK;
}

void tls_server_free(struct tls_server *tls)
{
    struct tls_retired *next;

    if (!tls)
        return;
    SSL_CTX_free(atomic_load(&tls->context));
    for (struct tls_retired *retired = tls->retired; retired; retired = next) {
        next = retired->next;
        SSL_CTX_free(retired->context);
        mem_free(retired);
    }
    mem_free(tls);
}

struct stream *tls_server_wrap(struct tls_server *tls, struct stream *under)
{
    SSL *ssl = SSL_new(atomic_load(&tls->context));

    REQUIRE(ssl);
    SSL_set_accept_state(ssl);
    return tls_stream_new(under, ssl, NULL, NULL);
}

/* ---- the client's side ---- */

static struct tls_session *find_session(struct tls_client *tls, const char *host)
{
    for (size_t i = 0; i < TLS_SESSIONS_MAX; i++)
        if (tls->sessions[i].session && strcmp(tls->sessions[i].host, host) == 0)
            return &tls->sessions[i];
    return NULL;
}

static struct tls_session *least_used(struct tls_client *tls)
{
    struct tls_session *oldest = &tls->sessions[0];

    for (size_t i = 0; i < TLS_SESSIONS_MAX; i++) {
        if (!tls->sessions[i].session)
            return &tls->sessions[i];
        if (tls->sessions[i].used < oldest->used)
            oldest = &tls->sessions[i];
    }
    return oldest;
}

/* The certificate was verified for the name before the session was made, and a session is offered
 * only to the same name again. 1: the session is kept. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const char *host = SSL_get_app_data(ssl);
    struct tls_session *place;

    if (SSL_get_certificate(ssl)) /* it would speak for its identity to whoever asks for the name */
        return 0;
    pthread_mutex_lock(&tls->lock);
    place = find_session(tls, host);
    if (!place)
        place = least_used(tls);
    SSL_SESSION_free(place->session);
    place->session = session;
    place->used = ++tls->tick;
    snprintf(place->host, sizeof(place->host), "%s", host);
    pthread_mutex_unlock(&tls->lock);
    return 1;
}

/* What is known of the host is offered to it. */
static void offer_session(struct tls_client *tls, SSL *ssl, const char *host)
{
    struct tls_session *known;

    pthread_mutex_lock(&tls->lock);
    known = find_session(tls, host);
    if (known) {
        known->used = ++tls->tick;
        SSL_set_session(ssl, known->session); /* from here on it is counted for both */
    }
    pthread_mutex_unlock(&tls->lock);
}

enum err tls_client_new(const char *ca_file, struct tls_client **tls, const char **why)
{
    static const unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX *context = context_new(TLS_client_method());
    int loaded = ca_file ? SSL_CTX_load_verify_locations(context, ca_file, NULL)
                         : SSL_CTX_set_default_verify_paths(context);

    if (loaded != 1) {
        *why = openssl_words("the root certificates cannot be read");
        SSL_CTX_free(context);
        return ERR_INVALID;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_alpn_protos(context, protocols, sizeof(protocols) - 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    *tls = MEM_NEW(struct tls_client);
    pthread_mutex_init(&(*tls)->lock, NULL);
    (*tls)->context = context;
    SSL_CTX_set_app_data(context, *tls);
    return OK;
}

void tls_client_trust_all(struct tls_client *tls)
{
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_NONE, NULL);
}

void tls_client_free(struct tls_client *tls)
{
    if (!tls)
        return;
    for (size_t i = 0; i < TLS_SESSIONS_MAX; i++)
        SSL_SESSION_free(tls->sessions[i].session);
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    mem_free(tls);
}

/* A literal is verified as an address and sends no server name (RFC 6066). */
static void expect_host(SSL *ssl, char *host)
{
    struct address address;

    if (address_parse_ip(str_of(host), &address) == OK) {
        REQUIRE(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1);
        return;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    REQUIRE(SSL_set1_host(ssl, host) == 1);
    REQUIRE(SSL_set_tlsext_host_name(ssl, host) == 1);
}

struct stream *tls_client_wrap(struct tls_client *tls, struct stream *under, struct str host,
                               const struct tls_identity *identity,
                               void (*on_ready)(void *context, struct stream *stream),
                               void *context)
{
    SSL *ssl = SSL_new(tls->context);
    char *name;

    REQUIRE(ssl && host.len > 0 && host.len < TLS_HOST_MAX);
    if (identity && tls_identity_use(identity->pem, ssl)) {
        SSL_free(ssl);
        return NULL;
    }
    name = mem_alloc(host.len + 1);
    memcpy(name, host.data, host.len);
    name[host.len] = '\0';
    SSL_set_connect_state(ssl);
    SSL_set_app_data(ssl, name); /* freed with the stream */
    expect_host(ssl, name);
    if (!identity)
        offer_session(tls, ssl, name);
    return tls_stream_new(under, ssl, on_ready, context);
}
