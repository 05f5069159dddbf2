/* doctor_net.c -- the checks of what is around: the server and its port, and the way to a receiver.
 */
#include "app/cli/doctor.h"
#include "app/cli/output.h"
#include "delivery/target.h"
#include "http/client.h"
#include "http/tls.h"
#include "io/loop.h"

/* ---- the server and its port ---- */

static struct str text_of(struct doctor *d, const struct address *address)
{
    struct address_text text;

    return arena_str(&d->arena, address_write(address, &text));
}

/* Nobody answered: is the port free? */
static void check_port(struct doctor *d)
{
    const struct address *listen = &d->session->config.listen;
    struct listen_socket *socket;
    struct address bound;
    const char *why = "";
    enum err err;

    if (!d->has_config || session_value(d->session, "server"))
        return;
    err = listen_socket_open(d->session->world, *listen, &socket, &bound, &why);
    if (err) {
        doctor_telling(d, "port", DOCTOR_FAILED,
                       "Choose another with --listen, or end the program that has it", "%.*s: %s",
                       STR_ARG(text_of(d, listen)), why);
        return;
    }
    listen_socket_close(socket);
    doctor_telling(d, "port", DOCTOR_OK, "", "%.*s is free", STR_ARG(text_of(d, listen)));
}

static struct str server_url(struct doctor *d)
{
    const char *given = session_value(d->session, "server"), *known = getenv("RUNBELL_URL");
    const struct config *config = &d->session->config;
    struct address address = config->listen;
    static const uint8_t any[16] = {0};

    if (given || (known && known[0]))
        return str_of(given ? given : known);
    if (memcmp(address.bytes, any, sizeof(any)) == 0)
        address =
            (struct address){.family = ADDRESS_IPV4, .bytes = {127, 0, 0, 1}, .port = address.port};
    return arena_printf(&d->arena, "%s://%.*s", config->tls_cert ? "https" : "http",
                        STR_ARG(text_of(d, &address)));
}

void doctor_server(struct doctor *d)
{
    struct str base = server_url(d);
    const struct remote_request request = {
        .url = arena_printf(&d->arena, "%.*s/health/ready", STR_ARG(base)), .method = STR("GET")};
    struct remote_answer answer;

    remote_send(d->session->world, &request, &answer);
    if (answer.status == 200)
        doctor_telling(d, "server", DOCTOR_OK, "", "%.*s is ready", STR_ARG(base));
    else if (answer.status)
        doctor_telling(d, "server", DOCTOR_FAILED,
                       "Its log says why; or another program answers there", "%.*s answers %d",
                       STR_ARG(base), answer.status);
    else
        doctor_telling(d, "server", d->is_quick ? DOCTOR_FAILED : DOCTOR_WARNING,
                       "Start it: runbell serve", "%.*s does not answer: %s", STR_ARG(base),
                       answer.why);
    if (!answer.status && !d->is_quick)
        check_port(d);
    buf_release(&answer.body);
}

/* ---- the server behind the gateway ---- */

/* The follower reads threads with the configured headers, so it is that which is tried. */
void doctor_upstream(struct doctor *d)
{
    const struct config *config = &d->session->config;
    struct str base = str_of(config->upstream_url);
    struct remote_answer answer;

    if (str_is_none(base))
        return;
    while (str_ends(base, STR("/")))
        base.len--;
    const struct remote_request request = {
        .url = arena_printf(&d->arena, "%.*s/threads/00000000-0000-4000-8000-000000000000",
                            STR_ARG(base)),
        .method = STR("GET"),
        .headers = config->upstream.headers,
        .header_count = config->upstream.header_count};
    remote_send(d->session->world, &request, &answer);
    if (!answer.status)
        doctor_telling(d, "upstream", DOCTOR_FAILED,
                       "Is it started, and is runbell.upstream its address?",
                       "%.*s does not answer: %s", STR_ARG(base), answer.why);
    else if (answer.status == 401 || answer.status == 403)
        doctor_telling(d, "upstream", DOCTOR_FAILED,
                       "Give its credentials in runbell.upstream_headers: without them the ends of "
                       "runs cannot be read",
                       "%.*s answers %d", STR_ARG(base), answer.status);
    else if (answer.status == 404 || answer.status == 422 || answer.status / 100 == 2)
        doctor_telling(d, "upstream", DOCTOR_OK, "", "%.*s answers", STR_ARG(base));
    else
        doctor_telling(d, "upstream", DOCTOR_WARNING, "Its own log says why", "%.*s answers %d",
                       STR_ARG(base), answer.status);
    buf_release(&answer.body);
}

/* ---- the way to a receiver ---- */

struct visit {
    struct doctor *d;
    struct loop *loop;
    bool is_https;
};

static const char *mend_of(const struct http_result *result)
{
    switch (result->outcome) {
    case HTTP_ANSWERED:
        if (result->status == 401 || result->status == 403)
            return "It wants authentication: give the webhook headers, or a token in the URL";
        if (result->status == 404)
            return "The host is right, the path is not: compare the URL letter by letter";
        if (result->status == 405 || result->status == 501)
            return "It must take POST with a JSON body at this path";
        if (result->status / 100 == 3)
            return "Redirects are not followed: give the address it leads to";
        return result->status >= 400 ? "The receiver's own log says why" : "";
    case HTTP_DENIED:
        return "If it is meant to be reached: runbell.egress.allow";
    case HTTP_NO_NAME:
        return "Is the name right, and does this host's DNS know it?";
    case HTTP_NO_CONNECTION:
        return "Does it listen there, and does a firewall let this host out?";
    case HTTP_TLS_FAILED:
        return "Its certificate must fit its name; a private CA goes into runbell.ca_file";
    case HTTP_TIMED_OUT:
        return "It must answer within seconds: answer first, work afterwards";
    case HTTP_BAD_RESPONSE:
        return "Does an HTTP server listen there, and on this scheme?";
    }
    return "";
}

static void on_done(void *context, const struct http_result *result)
{
    struct visit *visit = context;
    struct doctor *d = visit->d;
    const struct http_phases *phases = &result->phases;
    bool is_good = result->outcome == HTTP_ANSWERED && result->status / 100 == 2;
    bool is_there = result->outcome == HTTP_ANSWERED;

    if (is_there)
        doctor_telling(
            d, "egress", is_good ? DOCTOR_OK : DOCTOR_WARNING, mend_of(result),
            "%.*s answers POST with %d (dns %.1f, connect %.1f, tls %.1f, total %.1f ms)",
            STR_ARG(text_of(d, &result->address)), result->status, (double)phases->dns_us / 1000,
            (double)phases->connect_us / 1000,
            (double)(phases->tls_us > 0 ? phases->tls_us : 0) / 1000,
            (double)phases->total_us / 1000);
    else
        doctor_telling(d, "egress", DOCTOR_FAILED, mend_of(result), "%s",
                       result->rule ? result->rule : result->why);
    loop_stop(visit->loop);
}

/* An empty JSON object by POST, as a webhook would go: same vetting, same client. */
static void visit_url(struct doctor *d, const struct egress_policy *egress, const struct url *url)
{
    const struct config *config = &d->session->config;
    const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")},
                                          {STR("User-Agent"), STR("runbell-doctor")}};
    const struct http_client_request request = {.https = url->scheme_is_https,
                                                .host = url->host,
                                                .port = url->port,
                                                .method = STR("POST"),
                                                .target = url->target,
                                                .headers = headers,
                                                .header_count = ARRAY_LEN(headers),
                                                .body = STR("{}"),
                                                .budget = http_budget_default};
    struct visit visit = {.d = d, .loop = world_loop_new(d->session->world, "doctor")};
    struct tls_client *tls = NULL;
    const char *why = "";
    struct http_client_config client_config = {.loop = visit.loop,
                                               .policy = egress,
                                               .response_header_bytes_max = 16 * KIB,
                                               .response_body_bytes_max = 64 * KIB,
                                               .idle_connections_max = 1,
                                               .idle_ms = 1000};
    struct http_client *client;

    if (tls_client_new(config->ca_file, &tls, &why) == OK) {
        client_config.tls = tls;
        client = http_client_new(&client_config);
        http_client_send(client, &request, on_done, &visit);
        loop_run(visit.loop);
        http_client_free(client);
        tls_client_free(tls);
    }
    loop_free(visit.loop);
}

void doctor_egress(struct doctor *d, const char *text)
{
    const struct config *config = &d->session->config;
    struct egress_policy egress =
        config_egress(config, d->session->world, &config->listen, &d->arena);
    struct url url = {0};
    struct str why;

    if (target_check(&config->webhooks.rules, &egress, &d->arena, str_of(text), &url, &why))
        doctor_tell(d, "egress", DOCTOR_FAILED, why, "Webhooks to this URL are refused");
    else if (url.is_relative)
        doctor_telling(d, "egress", DOCTOR_OK, "", "a relative URL goes to the server itself");
    else
        visit_url(d, &egress, &url);
}
