/* tls_rig.c -- see tls_rig.h. */
#include "http/tls_rig.h"

#include "base/test.h"

void tls_rig_start(struct client_rig *client)
{
    const char *why = "";

    *client = (struct client_rig){0};
    if (tls_client_new(TEST_CERTIFICATES "/ca.pem", &client->tls, &why) != OK)
        fail_msg("%s", why);
    client_rig_start(client);
}

void tls_rig_stop(struct client_rig *client)
{
    client_rig_stop(client);
    tls_client_free(client->tls);
}

struct http_client_request tls_rig_request(const struct client_rig *client, uint16_t port)
{
    struct http_client_request request = client_rig_request(client, port);

    request.https = true;
    return request;
}

void tls_rig_serve(struct rig *server, const char *certificate_file, const char *key_file)
{
    const char *why = "";

    *server = (struct rig){0};
    if (tls_server_new(certificate_file, key_file, &server->tls, &why) != OK)
        fail_msg("%s", why);
    rig_start(server);
}

void tls_rig_end(struct rig *server)
{
    rig_stop(server);
    tls_server_free(server->tls);
}
