/* sigv4_test.c -- the published examples: AWS's test suite for signatures, and those in S3's
 * documentation, step by step. (test/cli/test_sigv4.py compares with another implementation.) */
#include "base/test.h"
#include "blob/sigv4.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define PAIRS(...)                                                                                 \
    (const struct sigv4_pair[])                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const struct sigv4_key suite_key = {
    .id = {"AKIDEXAMPLE", 11},
    .secret = {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40},
    .region = {"us-east-1", 9},
    .service = {"service", 7},
};
static const struct sigv4_key s3_key = {
    .id = {"AKIAIOSFODNN7EXAMPLE", 20},
    .secret = {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", 40},
    .region = {"us-east-1", 9},
    .service = {"s3", 2},
};

/* ---- the test suite: one host, one date ---- */

struct suite_case {
    const char *method, *path;
    struct sigv4_pair query[3];
    struct sigv4_pair more[4]; /* headers besides host and x-amz-date */
    const char *body;
    const char *signature;
};

static const struct suite_case suite[] = {
    {.method = "GET",
     .path = "/",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.method = "POST",
     .path = "/",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.method = "GET",
     .path = "/\xe1\x88\xb4",
     .signature = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {.method = "GET",
     .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     .signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {.method = "GET",
     .path = "/",
     .query = {{{"Param2", 6}, {"value2", 6}}, {{"Param1", 6}, {"value1", 6}}},
     .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.method = "GET",
     .path = "/",
     .query = {{{"Param1", 6}, {"value1", 6}}},
     .signature = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {.method = "GET",
     .path = "/",
     .query = {{{"\xe1\x88\xb4", 3}, {"bar", 3}}},
     .signature = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {.method = "GET",
     .path = "/",
     .more = {{{"my-header1", 10}, {" value1", 7}}, {{"my-header2", 10}, {" \"a   b   c\"", 12}}},
     .signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {.method = "GET",
     .path = "/",
     .more = {{{"my-header1", 10}, {"value2", 6}},
              {{"my-header1", 10}, {"value2", 6}},
              {{"my-header1", 10}, {"value1", 6}}},
     .signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {.method = "POST",
     .path = "/",
     .more = {{{"content-type", 12}, {"application/x-www-form-urlencoded", 33}}},
     .body = "Param1=value1",
     .signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
};

static size_t pairs_of(const struct sigv4_pair *pairs, size_t max)
{
    size_t count = 0;

    while (count < max && pairs[count].name.data)
        count++;
    return count;
}

static void suite_signatures(void **state)
{
    const struct sigv4_time time = {"20150830T123600Z"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(suite); i++) {
        const struct suite_case *c = &suite[i];
        struct sigv4_pair headers[6] = {{STR("host"), STR("example.amazonaws.com")},
                                        {STR("x-amz-date"), str_of(time.text)}};
        size_t more = pairs_of(c->more, ARRAY_LEN(c->more));
        struct sha256 digest = sha256_of(str_of(c->body ? c->body : ""));
        struct sha256_text hash;
        struct sigv4_request request = {.method = str_of(c->method),
                                        .path = str_of(c->path),
                                        .query = c->query,
                                        .query_count = pairs_of(c->query, ARRAY_LEN(c->query)),
                                        .headers = headers,
                                        .header_count = 2 + more,
                                        .payload_hash = sha256_write(&digest, &hash)};
        struct buf out;

        memcpy(headers + 2, c->more, more * sizeof(*headers));
        buf_init(&out, MIB);
        sigv4_write_authorization(&out, &suite_key, &time, &request);
        if (!str_ends(buf_str(&out), str_of(c->signature)))
            fail_msg("case %zu: %s", i, buf_cstr(&out));
        assert_true(str_starts(buf_str(&out),
                               STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
                                   "service/aws4_request,SignedHeaders=")));
        buf_release(&out);
    }
}

/* ---- the examples of S3's documentation ---- */

static const struct sigv4_time s3_time = {"20130524T000000Z"};

static void assert_steps(const struct sigv4_request *request, const char *canonical_hash,
                         const char *signature)
{
    struct sha256_text text;
    struct sha256 digest;
    struct buf canonical, to_sign;

    buf_init(&canonical, MIB);
    buf_init(&to_sign, MIB);
    sigv4_write_canonical(&canonical, request);
    digest = sha256_of(buf_str(&canonical));
    ASSERT_STR(sha256_write(&digest, &text), canonical_hash);
    sigv4_write_string_to_sign(&to_sign, &s3_key, &s3_time, buf_str(&canonical));
    assert_true(str_starts(buf_str(&to_sign),
                           STR("AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/"
                               "aws4_request\n")));
    assert_true(str_ends(buf_str(&to_sign), str_of(canonical_hash)));
    ASSERT_STR(sigv4_sign(&s3_key, &s3_time, buf_str(&to_sign), &text), signature);
    buf_release(&canonical);
    buf_release(&to_sign);
}

static void s3_get_with_range(void **state)
{
    const struct sigv4_request request = {
        .method = STR("GET"),
        .path = STR("/test.txt"),
        .headers = PAIRS({STR("range"), STR("bytes=0-9")},
                         {STR("host"), STR("examplebucket.s3.amazonaws.com")},
                         {STR("x-amz-content-sha256"), STR(EMPTY_HASH)},
                         {STR("x-amz-date"), STR("20130524T000000Z")}),
        .header_count = 4,
        .payload_hash = STR(EMPTY_HASH)};

    (void)state;
    assert_steps(&request, "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void s3_put(void **state)
{
    const char *hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    const struct sigv4_request request = {
        .method = STR("PUT"),
        .path = STR("/test$file.text"),
        .headers = PAIRS({STR("date"), STR("Fri, 24 May 2013 00:00:00 GMT")},
                         {STR("host"), STR("examplebucket.s3.amazonaws.com")},
                         {STR("x-amz-content-sha256"), str_of(hash)},
                         {STR("x-amz-date"), STR("20130524T000000Z")},
                         {STR("x-amz-storage-class"), STR("REDUCED_REDUNDANCY")}),
        .header_count = 5,
        .payload_hash = str_of(hash)};

    (void)state;
    assert_steps(&request, "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
                 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static struct sigv4_request s3_query(const struct sigv4_pair *query, size_t count)
{
    static const struct sigv4_pair headers[] = {
        {{"host", 4}, {"examplebucket.s3.amazonaws.com", 30}},
        {{"x-amz-content-sha256", 20}, {EMPTY_HASH, 64}},
        {{"x-amz-date", 10}, {"20130524T000000Z", 16}}};

    return (struct sigv4_request){.method = STR("GET"),
                                  .path = STR("/"),
                                  .query = query,
                                  .query_count = count,
                                  .headers = headers,
                                  .header_count = ARRAY_LEN(headers),
                                  .payload_hash = STR(EMPTY_HASH)};
}

static void s3_queries(void **state)
{
    struct sigv4_request lifecycle = s3_query(PAIRS({STR("lifecycle"), STR("")}), 1);
    struct sigv4_request list =
        s3_query(PAIRS({STR("prefix"), STR("J")}, {STR("max-keys"), STR("2")}), 2);

    (void)state;
    assert_steps(&lifecycle, "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca",
                 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_steps(&list, "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7",
                 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void s3_link(void **state)
{
    const struct sigv4_request request = {
        .method = STR("GET"),
        .path = STR("/test.txt"),
        .headers = PAIRS({STR("host"), STR("examplebucket.s3.amazonaws.com")}),
        .header_count = 1};
    struct sigv4_key key = s3_key;
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    sigv4_write_link(&out, &key, &s3_time, &request, 86400);
    ASSERT_STR(buf_str(&out),
               "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
               "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="
               "20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
               "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    buf_clear(&out);
    key.token = STR("a/b+c=");
    sigv4_write_link(&out, &key, &s3_time, &request, 1);
    assert_true(str_contains(buf_str(&out), STR("&X-Amz-Security-Token=a%2Fb%2Bc%3D&")));
    buf_release(&out);
}

static void times(void **state)
{
    struct sigv4_time time = sigv4_time_of(INT64_C(1369353600999999));

    (void)state;
    assert_string_equal(time.text, "20130524T000000Z");
}

static const struct CMUnitTest tests[] = {
    TEST("signatures are those of AWS's test suite", suite_signatures),
    TEST("a GET with a range: S3's own example, step by step", s3_get_with_range),
    TEST("a PUT with an odd name: S3's own example", s3_put),
    TEST("queries without values and out of order: S3's own examples", s3_queries),
    TEST("a link is S3's own example, and has the token of temporary credentials", s3_link),
    TEST("a time is cut to the second", times),
};

int main(void)
{
    return RUN_TESTS(tests);
}
