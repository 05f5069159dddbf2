/* sigv4_say.c -- signs what it is told, for tests that compare with another implementation.
 *
 * A line of JSON in, a line out: {"key": {id, secret, token?, region, service}, "wall_us",
 * "method", "path", "query": [[name, value], …], "headers": [[name, value], …], "payload_hash",
 * "expires_s"?} gives the value of Authorization, or with expires_s path and query of a link. */
#include "base/json.h"
#include "blob/sigv4.h"

#define LINE_BYTES_MAX (256 * KIB)

static size_t pairs_read(const struct json *list, struct sigv4_pair *pairs)
{
    size_t count = json_count(list);

    REQUIRE(count <= SIGV4_PAIRS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct json *pair = json_item(list, i);

        pairs[i] =
            (struct sigv4_pair){json_string(json_item(pair, 0)), json_string(json_item(pair, 1))};
    }
    return count;
}

static void say(const struct json *line, struct buf *out)
{
    const struct json *key_json = json_get(line, "key"), *expires = json_get(line, "expires_s");
    struct sigv4_key key = {.id = json_string(json_get(key_json, "id")),
                            .secret = json_string(json_get(key_json, "secret")),
                            .token = json_string(json_get(key_json, "token")),
                            .region = json_string(json_get(key_json, "region")),
                            .service = json_string(json_get(key_json, "service"))};
    struct sigv4_pair query[SIGV4_PAIRS_MAX], headers[SIGV4_PAIRS_MAX];
    struct sigv4_request request = {
        .method = json_string(json_get(line, "method")),
        .path = json_string(json_get(line, "path")),
        .query = query,
        .query_count = pairs_read(json_get(line, "query"), query),
        .headers = headers,
        .header_count = pairs_read(json_get(line, "headers"), headers),
        .payload_hash = json_string(json_get(line, "payload_hash")),
    };
    struct sigv4_time time = sigv4_time_of(json_i64(json_get(line, "wall_us"), 0));

    if (expires)
        sigv4_write_link(out, &key, &time, &request, json_i64(expires, 0));
    else
        sigv4_write_authorization(out, &key, &time, &request);
}

int main(void)
{
    static char text[LINE_BYTES_MAX];

    while (fgets(text, sizeof(text), stdin)) {
        const struct json *line;
        struct arena arena;
        struct buf out;

        arena_init(&arena);
        buf_init(&out, LINE_BYTES_MAX);
        REQUIRE(json_parse(&arena, str_of(text), &line, NULL) == OK);
        say(line, &out);
        puts(buf_cstr(&out));
        fflush(stdout);
        buf_release(&out);
        arena_release(&arena);
    }
    return 0;
}
