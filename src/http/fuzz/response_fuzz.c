/* response_fuzz.c -- arbitrary bytes as the response to a request, through the real client on a
 * fake stream. Whatever they are: one result, within the limits, and a kept connection only if
 * nothing is left over. */
#include "http/client_priv.h"
#include "http/fuzz/fake_stream.h"
#include "io/real_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_BYTES_MAX 512

static unsigned results;

static void on_done(void *context, const struct http_result *result)
{
    (void)context;
    results++;
    REQUIRE(result->body.len <= BODY_BYTES_MAX);
    REQUIRE((result->outcome == HTTP_ANSWERED) == (result->status != 0));
    REQUIRE(result->outcome != HTTP_ANSWERED || result->status >= 200);
    REQUIRE(result->header_count <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < result->header_count; i++)
        REQUIRE(str_find_char(result->headers[i].value, '\n') == result->headers[i].value.len);
}

static struct http_client *client_new(struct loop *loop)
{
    static const struct egress_policy policy = {.dev = true};
    struct http_client_config config = {
        .loop = loop,
        .policy = &policy,
        .response_header_bytes_max = 1024,
        .response_body_bytes_max = BODY_BYTES_MAX,
        .idle_connections_max = 4,
        .idle_ms = 30000,
    };

    return http_client_new(&config);
}

/* An idle link on the fake stream, as if it had served before. */
static struct link *lend_link(struct http_client *client, struct fake_stream *fake)
{
    struct http_send nobody = {.client = client};
    struct address address;

    stream_peer(&fake->stream, &address);
    struct link *link = link_new(&nobody, &fake->stream, &address);
    pool_put(link);
    link->has_served = false; /* a retry would go out to the network */
    stream_start(&fake->stream);
    return link;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    struct fake_stream fake = {.stream.ops = &fake_ops};

    if (size < 2)
        return 0;
    if (!loop)
        loop = world_loop_new(real_world_new(), "fuzz");
    struct http_client *client = client_new(loop);
    struct http_client_request request = {.host = STR("127.0.0.1"),
                                          .port = 80,
                                          .method = data[1] & 1 ? STR("HEAD") : STR("POST"),
                                          .target = STR("/"),
                                          .body = STR("x"),
                                          .budget = http_budget_default};

    lend_link(client, &fake);
    results = 0;
    http_client_send(client, &request, on_done, NULL);
    REQUIRE(results == 0 && http_client_stats(client).connections_reused == 1);
    fake_feed(&fake, str_range((const char *)data + 2, size - 2), data[0] ? data[0] : size);
    REQUIRE(results <= 1 && (results == 1 || !fake.closed));
    if (!fake.closed)
        fake.stream.events->on_end(fake.stream.context, data[1] & 2 ? STREAM_EOF : STREAM_RESET,
                                   "end");
    REQUIRE(results == 1 && fake.closed);
    http_client_free(client);
    return 0;
}
