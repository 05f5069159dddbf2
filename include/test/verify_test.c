/* verify_test.c -- runbell_verify.h against the signer that the server uses: bodies of every length
 * around the block size of SHA-256, several keys, Ed25519 by libsodium. */
#include "base/mem.h"
#include "base/test.h"
#include "crypto/base64.h"
#include "crypto/random.h"
#include "crypto/webhook_signature.h"
#include "runbell_verify.h"

#define NOW_S 1700000000
#define LENGTHS 300

struct signed_message {
    struct buf header;
    struct buf secret;
    struct webhook_key key;
    char body[LENGTHS];
};

static void sign(struct signed_message *m, bool with_ed25519, size_t len)
{
    struct webhook_message message = {STR("msg_1"), NOW_S, str_range(m->body, len)};
    const char *why;

    buf_init(&m->header, 1000);
    buf_init(&m->secret, 1000);
    random_bytes(m->body, sizeof(m->body));
    if (with_ed25519)
        webhook_secret_make_ed25519(&m->secret);
    else
        webhook_secret_make(&m->secret);
    assert_int_equal(webhook_key_init(&m->key, buf_str(&m->secret), &why), OK);
    webhook_signature_write(&m->header, &m->key, 1, &message);
}

static void release(struct signed_message *m)
{
    webhook_key_release(&m->key);
    buf_release(&m->header);
    buf_release(&m->secret);
}

static void what_the_server_signs_verifies(void **state)
{
    (void)state;
    for (size_t len = 0; len < LENGTHS; len++) {
        struct signed_message m;
        struct runbell_request request = {.id = "msg_1", .timestamp = "1700000000"};

        sign(&m, false, len);
        request.signature = buf_cstr(&m.header);
        request.body = m.body;
        request.body_len = len;
        assert_int_equal(runbell_verify(buf_cstr(&m.secret), &request, NOW_S), RUNBELL_VERIFIED);
        if (len > 0) {
            m.body[len - 1] ^= 1;
            assert_int_equal(runbell_verify(buf_cstr(&m.secret), &request, NOW_S),
                             RUNBELL_WRONG_SIGNATURE);
        }
        release(&m);
    }
}

static int by_sodium(void *context, const struct runbell_ed25519 *question)
{
    struct ed25519_public public_key;
    char *whole = mem_alloc(question->head_len + question->body_len + 1);
    bool verifies;

    (*(int *)context)++;
    memcpy(whole, question->head, question->head_len);
    if (question->body_len)
        memcpy(whole + question->head_len, question->body, question->body_len);
    memcpy(public_key.bytes, question->key, sizeof(public_key.bytes));
    verifies =
        ed25519_verifies(&public_key, str_range(whole, question->head_len + question->body_len),
                         question->signature);
    mem_free(whole);
    return verifies;
}

static void ed25519_verifies_by_a_callback(void **state)
{
    int calls = 0;
    const struct runbell_options options = {0, by_sodium, &calls};
    struct runbell_request request = {.id = "msg_1", .timestamp = "1700000000", .body_len = 100};
    struct signed_message m;
    struct buf public_key;

    (void)state;
    sign(&m, true, 100);
    buf_init(&public_key, 1000);
    webhook_key_write_public(&public_key, &m.key);
    request.signature = buf_cstr(&m.header);
    request.body = m.body;
    assert_int_equal(runbell_verify_with(buf_cstr(&public_key), &request, NOW_S, &options),
                     RUNBELL_VERIFIED);
    assert_int_equal(calls, 1);
    assert_int_equal(runbell_verify(buf_cstr(&public_key), &request, NOW_S),
                     RUNBELL_WRONG_SIGNATURE); /* without the callback it is not looked at */
    m.body[0] ^= 1;
    assert_int_equal(runbell_verify_with(buf_cstr(&public_key), &request, NOW_S, &options),
                     RUNBELL_WRONG_SIGNATURE);
    buf_release(&public_key);
    release(&m);
}

static const struct CMUnitTest tests[] = {
    TEST("what the server signs verifies, at every length, and nothing else",
         what_the_server_signs_verifies),
    TEST("Ed25519 verifies by a callback", ed25519_verifies_by_a_callback),
};

int main(void)
{
    return RUN_TESTS(tests);
}
