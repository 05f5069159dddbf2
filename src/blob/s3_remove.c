/* s3_remove.c -- many objects are removed by one request, as S3 has it; one by one where a service
 * does not know that. */
#include "base/mem.h"
#include "blob/s3_priv.h"
#include "crypto/base64.h"

#define XML_BYTES_MAX (4 * MIB)
#define DIGEST_BYTES_MAX 128

struct s3_removal {
    struct message message;
    struct s3 *s3;
    struct loop *loop;
    void (*on_done)(void *context, const bool *gone);
    void *context;
    struct s3_job job;
    struct buf xml, md5, checksum;
    size_t count, at; /* at: of those that are removed one by one */
    bool *gone;
    struct blob_key keys[];
};

/* ---- on the service's loop ---- */

static void removal_done(struct message *message);
static void remove_one(struct s3_removal *removal);

static void removal_end(struct s3_removal *removal)
{
    s3_post_back(removal->s3, removal->loop, &removal->message, removal_done);
}

static void one_over(struct s3_job *job, enum s3_verdict verdict)
{
    struct s3_removal *removal = CONTAINER_OF(job, struct s3_removal, job);

    removal->gone[removal->at++] = verdict == S3_GOOD || verdict == S3_MISSING;
    if (removal->at < removal->count && verdict != S3_AGAIN)
        remove_one(removal);
    else
        removal_end(removal);
}

static void job_init(struct s3_removal *removal, struct str body)
{
    removal->job =
        (struct s3_job){.s3 = removal->s3, .kind = S3_REMOVE, .body = body, .size = body.len};
}

static void remove_one(struct s3_removal *removal)
{
    job_init(removal, STR(""));
    removal->job.method = STR("DELETE");
    removal->job.key = removal->keys[removal->at];
    removal->job.on_end = one_over;
    s3_job_start(&removal->job);
}

/* The last characters of an object's key are ours. */
static void mark_left(struct s3_removal *removal, struct str key)
{
    if (key.len < BLOB_KEY_BYTES)
        return;
    key = str_from(key, key.len - BLOB_KEY_BYTES);
    for (size_t i = 0; i < removal->count; i++)
        if (str_eq(key, str_of(removal->keys[i].text)))
            removal->gone[i] = false;
}

static void all_over(struct s3_job *job, enum s3_verdict verdict)
{
    struct s3_removal *removal = CONTAINER_OF(job, struct s3_removal, job);
    struct str key, code;
    size_t position = 0;

    if (job->answer.status == 501 || job->answer.status == 405) {
        removal->s3->removes_singly = true;
        remove_one(removal);
        return;
    }
    for (size_t i = 0; i < removal->count; i++)
        removal->gone[i] = verdict == S3_GOOD;
    while (verdict == S3_GOOD && s3_answer_next_failed(buf_str(&job->said), &position, &key, &code))
        if (!str_eq(code, STR("NoSuchKey")))
            mark_left(removal, key);
    removal_end(removal);
}

static void add_xml_text(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '&')
            buf_add(out, STR("&amp;"));
        else if (text.data[i] == '<')
            buf_add(out, STR("&lt;"));
        else
            buf_add_char(out, text.data[i]);
}

static void write_xml(struct s3_removal *removal)
{
    struct buf *xml = &removal->xml;

    buf_add(xml, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Delete "
                     "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"));
    for (size_t i = 0; i < removal->count; i++) {
        buf_add(xml, STR("<Object><Key>"));
        add_xml_text(xml, removal->s3->prefix);
        buf_addf(xml, "%.2s/%s</Key></Object>", removal->keys[i].text, removal->keys[i].text);
    }
    buf_add(xml, STR("</Delete>"));
    REQUIRE(!xml->failed);
}

static void remove_all(struct s3_removal *removal)
{
    struct sha256 digest;
    uint8_t md5[MD5_BYTES];

    write_xml(removal);
    job_init(removal, buf_str(&removal->xml));
    digest = sha256_of(removal->job.body);
    sha256_write(&digest, &removal->job.hash);
    base64_write(&removal->checksum, str_range((const char *)digest.bytes, SHA256_BYTES));
    removal->job.checksum = buf_str(&removal->checksum);
    if (md5_of(removal->job.body, md5)) {
        base64_write(&removal->md5, str_range((const char *)md5, MD5_BYTES));
        removal->job.md5 = buf_str(&removal->md5);
    }
    removal->job.method = STR("POST");
    removal->job.query = (struct sigv4_pair){STR("delete"), STR("")};
    removal->job.query_count = 1;
    removal->job.on_end = all_over;
    s3_job_start(&removal->job);
}

static void removal_run(struct message *message)
{
    struct s3_removal *removal = CONTAINER_OF(message, struct s3_removal, message);

    if (removal->s3->removes_singly || removal->count == 1)
        remove_one(removal);
    else
        remove_all(removal);
}

/* ---- on its own loop ---- */

static void removal_done(struct message *message)
{
    struct s3_removal *removal = CONTAINER_OF(message, struct s3_removal, message);

    removal->on_done(removal->context, removal->gone);
    buf_release(&removal->xml);
    buf_release(&removal->md5);
    buf_release(&removal->checksum);
    mem_free(removal->gone);
    mem_free(removal);
}

void s3_remove(struct blob_store *store, struct loop *loop, const struct str *keys, size_t count,
               void (*on_done)(void *context, const bool *gone), void *context)
{
    struct s3_removal *removal =
        mem_alloc_zero(sizeof(*removal) + count * sizeof(removal->keys[0]));

    removal->s3 = s3_of(store);
    removal->loop = loop;
    removal->on_done = on_done;
    removal->context = context;
    removal->count = count;
    removal->gone = mem_alloc_zero(count * sizeof(bool));
    buf_init(&removal->xml, XML_BYTES_MAX);
    buf_init(&removal->md5, DIGEST_BYTES_MAX);
    buf_init(&removal->checksum, DIGEST_BYTES_MAX);
    for (size_t i = 0; i < count; i++)
        memcpy(removal->keys[i].text, keys[i].data, BLOB_KEY_BYTES);
    s3_post(removal->s3, &removal->message, removal_run);
}
