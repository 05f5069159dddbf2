/* tls_rig.h -- client_rig and server_rig speaking TLS, with the certificates of test_certificates,
 * which were made for tests only. */
#ifndef HTTP_TLS_RIG_H
#define HTTP_TLS_RIG_H

#include "http/client_rig.h"
#include "http/server_rig.h"

/* Both arguments of tls_rig_serve. */
#define CERTIFICATE(name) TEST_CERTIFICATES "/" name ".pem", TEST_CERTIFICATES "/" name ".key"

/* A fresh client that trusts the authority of the certificates. */
void tls_rig_start(struct client_rig *client);
void tls_rig_stop(struct client_rig *client);
/* client_rig_request, by https. */
struct http_client_request tls_rig_request(const struct client_rig *client, uint16_t port);

/* A fresh server that shows this certificate. */
void tls_rig_serve(struct rig *server, const char *certificate_file, const char *key_file);
void tls_rig_end(struct rig *server);

#endif
