/* s3_test.c -- the form for S3-compatible services against one that fails as it is told: attempts,
 * what is given up, links, settings, the stop. */
#include <unistd.h>

#include "base/test.h"
#include "blob/blob_rig.h"
#include "blob/s3_rig.h"

#define SMALL (100 * KIB)
#define LARGE (2 * MIB + 17)

static char bytes[LARGE];

struct rigs {
    struct s3_rig service;
    struct blob_rig blob;
};

static void open_with(struct rigs *rigs)
{
    const char *why;

    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i * 37 % 253);
    rigs->blob.world = real_world_new();
    snprintf(rigs->blob.dir, sizeof(rigs->blob.dir), "/tmp/s3-test-%d", (int)getpid());
    blob_rig_open(&rigs->blob, 2 * LARGE);
    assert_int_equal(
        s3_new(rigs->blob.world, &rigs->service.settings, rigs->blob.dir, &rigs->blob.store, &why),
        OK);
}

static void close_all(struct rigs *rigs)
{
    blob_rig_close(&rigs->blob);
    s3_rig_stop(&rigs->service);
    assert_true(rmdir(rigs->blob.dir) == 0 || access(rigs->blob.dir, F_OK) != 0);
    real_world_free(rigs->blob.world);
}

static struct rigs *service_of(const int faults[S3_RIG_FAULTS_MAX], const char *code)
{
    static struct rigs rigs;

    rigs = (struct rigs){.service = {.code = code}};
    memcpy(rigs.service.faults, faults, sizeof(rigs.service.faults));
    s3_rig_start(&rigs.service);
    return &rigs;
}

static struct rigs *rigs_of(const int faults[S3_RIG_FAULTS_MAX], const char *code)
{
    struct rigs *rigs = service_of(faults, code);

    open_with(rigs);
    return rigs;
}

#define FAULTS(...) ((const int[S3_RIG_FAULTS_MAX]){__VA_ARGS__})

/* ---- attempts ---- */

static void moments_pass(void **state)
{
    static const size_t sizes[] = {0, SMALL, LARGE};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct rigs *rigs = rigs_of(FAULTS(503, S3_RIG_CLOSE, S3_RIG_HANG), NULL);
        struct str all = str_range(bytes, sizes[i]);

        assert_int_equal(blob_rig_put(&rigs->blob, all, 100000), OK);
        assert_int_equal(atomic_load(&rigs->service.requests), 4);
        assert_int_equal(blob_rig_get(&rigs->blob), OK);
        assert_true(str_eq(buf_str(&rigs->blob.got), all));
        close_all(rigs);
    }
}

static void a_cut_object_goes_on(void **state)
{
    struct rigs *rigs = rigs_of(FAULTS(S3_RIG_WELL, S3_RIG_HALF, 500, S3_RIG_HALF), NULL);
    struct str all = str_range(bytes, LARGE);

    (void)state;
    assert_int_equal(blob_rig_put(&rigs->blob, all, 100000), OK);
    assert_int_equal(blob_rig_get(&rigs->blob), OK);
    assert_true(str_eq(buf_str(&rigs->blob.got), all));
    close_all(rigs);
}

static void refusals_are_not_repeated(void **state)
{
    struct rigs *rigs = rigs_of(FAULTS(403), "AccessDenied");

    (void)state;
    assert_int_equal(blob_rig_put(&rigs->blob, STR("x"), 1), ERR_IO);
    assert_int_equal(atomic_load(&rigs->service.requests), 1);
    assert_true(str_contains(s3_words(rigs->blob.store), STR("s3:PutObject")));
    assert_int_equal(blob_rig_put(&rigs->blob, STR("x"), 1), OK);
    assert_int_equal(s3_words(rigs->blob.store).len, 0);
    close_all(rigs);
}

static void a_service_that_is_away_is_given_up(void **state)
{
    struct rigs *rigs = service_of(FAULTS(0), NULL);

    (void)state;
    rigs->service.settings.endpoint = "http://127.0.0.1:1";
    open_with(rigs);
    assert_int_equal(blob_rig_put(&rigs->blob, str_range(bytes, LARGE), LARGE), ERR_AGAIN);
    assert_int_equal(blob_rig_drop(&rigs->blob), ERR_IO);
    close_all(rigs);
}

/* ---- removing ---- */

static void one_by_one_where_many_are_not_known(void **state)
{
    struct rigs *rigs = rigs_of(FAULTS(S3_RIG_WELL, 501), "NotImplemented");

    (void)state;
    assert_int_equal(blob_rig_put(&rigs->blob, STR("x"), 1), OK);
    assert_int_equal(s3_rig_count(&rigs->service), 1);
    assert_int_equal(blob_rig_drop(&rigs->blob), OK);
    assert_int_equal(s3_rig_count(&rigs->service), 0);
    assert_int_equal(atomic_load(&rigs->service.requests), 4); /* put, many, one, one */
    assert_int_equal(blob_rig_drop(&rigs->blob), OK);
    assert_int_equal(atomic_load(&rigs->service.requests), 6); /* it is remembered */
    close_all(rigs);
}

/* ---- stopping ---- */

static void put_and_stop(struct blob_rig *rig)
{
    struct blob_put *put = blob_rig_put_begin(rig);

    blob_put_add(put, str_range(bytes, LARGE));
    blob_put_end(put);
    blob_rig_get_next(rig);
    blob_store_stop(rig->store);
}

static void what_is_under_way_ends_with_the_store(void **state)
{
    struct rigs *rigs = rigs_of(FAULTS(S3_RIG_HANG, S3_RIG_HANG), NULL);
    struct blob_put *put;

    (void)state;
    rigs->blob.command = put_and_stop;
    blob_rig_ask(&rigs->blob, put_and_stop); /* one of both answers */
    sem_wait(&rigs->blob.is_answered);       /* the other */
    blob_get_free(rigs->blob.get);
    put = blob_rig_put_begin(&rigs->blob);
    blob_put_add(put, str_range(bytes, LARGE));
    blob_put_cancel(put);
    put = blob_rig_put_begin(&rigs->blob);
    blob_put_end(put);
    assert_int_equal(rigs->blob.err, ERR_AGAIN);
    close_all(rigs);
}

/* ---- links and settings ---- */

static void links_lead_to_the_service(void **state)
{
    struct rigs *rigs = rigs_of(FAULTS(0), NULL);
    char start[128];
    struct buf out;

    (void)state;
    buf_init(&out, MIB);
    assert_true(blob_link(rigs->blob.store, BLOB_RIG_KEY, STR("image/png"), 1, &out));
    snprintf(start, sizeof(start), "%s/bucket/01/%s?", rigs->service.endpoint,
             "0123456789abcdef0123456789abcdef");
    assert_true(str_starts(buf_str(&out), str_of(start)));
    assert_true(str_contains(buf_str(&out), STR("&response-content-type=image%2Fpng&")));
    assert_false(blob_link(rigs->blob.store, STR("row"), STR("a/b"), 1, &out));
    assert_false(blob_link(NULL, BLOB_RIG_KEY, STR("a/b"), 1, &out));
    buf_release(&out);
    close_all(rigs);
}

static void settings_are_judged(void **state)
{
    static const struct {
        struct s3_settings settings;
        const char *words; /* NULL: well */
    } cases[] = {
        {{.bucket = NULL}, NULL},
        {{.endpoint = "http://x"}, "blobs.bucket is not set"},
        {{.bucket = "b"}, "3 to 63"},
        {{.bucket = "b/c"}, "3 to 63"},
        {{.bucket = "bucket"}, "secret_access_key must be set"},
        {{.bucket = "bucket", .access_key_id = "a", .secret_access_key = "b\n"}, "blanks"},
        {{.bucket = "bucket", .access_key_id = "a", .secret_access_key = "b"}, NULL},
        {{.bucket = "bucket", .access_key_id = "a", .secret_access_key = "b", .prefix = "/x"},
         "blobs.prefix"},
        {{.bucket = "bucket", .access_key_id = "a", .secret_access_key = "b", .style = "x"},
         "path or host"},
        {{.bucket = "bucket", .access_key_id = "a", .secret_access_key = "b", .links = "x"},
         "presigned or proxied"},
        {{.bucket = "bucket",
          .access_key_id = "a",
          .secret_access_key = "b",
          .style = "host",
          .endpoint = "http://127.0.0.1"},
         "blobs.endpoint must have a host name"},
        {{.bucket = "bucket",
          .access_key_id = "a",
          .secret_access_key = "b",
          .link_endpoint = "http://h/?x"},
         "blobs.link_endpoint"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str why = STR("");
        struct arena arena;
        enum err err;

        arena_init(&arena);
        err = s3_settings_check(&cases[i].settings, &arena, &why);
        assert_int_equal(err, cases[i].words ? ERR_INVALID : OK);
        if (cases[i].words && !str_contains(why, str_of(cases[i].words)))
            fail_msg("case %zu: %.*s", i, STR_ARG(why));
        arena_release(&arena);
    }
}

/* Where links lead shows where requests would go. */
static void addresses(void **state)
{
    static const struct {
        const char *endpoint, *style, *region, *bucket, *start;
    } cases[] = {
        {NULL, NULL, NULL, "bucket", "https://bucket.s3.us-east-1.amazonaws.com/p/01/0123"},
        {NULL, NULL, "eu-west-1", "a.b.c", "https://s3.eu-west-1.amazonaws.com/a.b.c/p/01/0123"},
        {NULL, "path", NULL, "bucket", "https://s3.us-east-1.amazonaws.com/bucket/p/01/0123"},
        {"http://minio:9000", NULL, NULL, "bucket", "http://minio:9000/bucket/p/01/0123"},
        {"http://minio:9000", "host", NULL, "bucket", "http://bucket.minio:9000/p/01/0123"},
        {"https://h/storage/s3/", NULL, NULL, "bucket", "https://h/storage/s3/bucket/p/01/0123"},
        {"https://[::1]:9000", NULL, NULL, "bucket", "https://[::1]:9000/bucket/p/01/0123"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct s3_settings settings = {.bucket = cases[i].bucket,
                                             .endpoint = cases[i].endpoint,
                                             .style = cases[i].style,
                                             .region = cases[i].region,
                                             .prefix = "p/",
                                             .access_key_id = "a",
                                             .secret_access_key = "b",
                                             .link_ms = 60000,
                                             .timeout_ms = 1000,
                                             .connections_max = 1};
        struct world *world = real_world_new();
        struct blob_store *store;
        const char *why;
        struct buf out;

        buf_init(&out, MIB);
        assert_int_equal(s3_new(world, &settings, "/tmp/s3-test-none", &store, &why), OK);
        assert_true(blob_link(store, BLOB_RIG_KEY, STR("a/b"), 1, &out));
        if (!str_starts(buf_str(&out), str_of(cases[i].start)))
            fail_msg("case %zu: %s", i, buf_cstr(&out));
        buf_release(&out);
        blob_store_free(store);
        real_world_free(world);
    }
}

static const struct CMUnitTest tests[] = {
    TEST("what fails for a moment is asked again, in memory or spooled", moments_pass),
    TEST("an object that breaks off goes on where it was", a_cut_object_goes_on),
    TEST("what is refused is not asked again, and told", refusals_are_not_repeated),
    TEST("a service that is away is given up after eight seconds",
         a_service_that_is_away_is_given_up),
    TEST("blobs are removed one by one where a service knows no other way",
         one_by_one_where_many_are_not_known),
    TEST("what is under way when the store stops ends, and nothing is left",
         what_is_under_way_ends_with_the_store),
    TEST("links lead to the service, and only to blobs", links_lead_to_the_service),
    TEST("wrong settings are named", settings_are_judged),
    TEST("buckets stand in the path or in the host", addresses),
};

int main(void)
{
    return RUN_TESTS(tests);
}
