/* oauth_test.c -- tokens that are kept: how many, for how long, and what becomes of those who wait
 * for one while others begin. */
#include <semaphore.h>

#include "base/test.h"
#include "http/client_priv.h"
#include "http/client_rig.h"

#define TOKENS_MAX 4096 /* as in oauth.c */
#define WAITERS 8

struct answer {
    int status;
    const char *body;
};

static const struct answer short_lived = {200, "{\"access_token\":\"a\",\"expires_in\":1}"},
                           long_lived = {200, "{\"access_token\":\"a\",\"expires_in\":3600}"},
                           refused = {400, "{}"};

static struct client_rig rig;
static struct receiver endpoint; /* of tokens; those they are for refuse all connections */
static _Atomic(const struct answer *) says;

static void give_tokens(struct receiver *receiver, int fd)
{
    char text[256];

    while (receiver_read(receiver, fd)) {
        const struct answer *answer = atomic_load(&says);

        snprintf(text, sizeof(text), "HTTP/1.1 %d -\r\nContent-Length: %zu\r\n\r\n%s",
                 answer->status, strlen(answer->body), answer->body);
        receiver_write(fd, str_of(text));
    }
}

static int start(void **state)
{
    (void)state;
    rig = (struct client_rig){0};
    client_rig_start(&rig);
    rig.budget.connect_ms = rig.budget.first_byte_ms = rig.budget.total_ms = 20000;
    endpoint = (struct receiver){.serve = give_tokens};
    receiver_start(&endpoint);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    client_rig_stop(&rig);
    receiver_stop(&endpoint);
    return 0;
}

static struct http_oauth oauth_of(struct str key)
{
    return (struct http_oauth){.key = key,
                               .host = STR("127.0.0.1"),
                               .port = endpoint.port,
                               .target = STR("/token"),
                               .client_id = STR("me"),
                               .client_secret = STR("secret")};
}

static void want_token(const char *kind, int number)
{
    char key[32];

    snprintf(key, sizeof(key), "%s-%d", kind, number);
    struct http_oauth oauth = oauth_of(str_of(key));
    struct http_client_request request = client_rig_request(&rig, 1);
    request.oauth = &oauth;
    const struct outcome *outcome = client_rig_send(&rig, &request);
    client_rig_assert(outcome, HTTP_NO_CONNECTION);
    assert_string_equal(outcome->result.why, "connection refused"); /* so it had its token */
}

/* As many as are kept, each for another key. */
static void fill(const struct answer *with, const char *kind)
{
    atomic_store(&says, with);
    for (int i = 0; i < TOKENS_MAX; i++)
        want_token(kind, i);
}

static size_t kept_count;

static void count_kept(struct client_rig *r)
{
    kept_count = r->client->tokens.count;
}

/* ---- those who wait for one ---- */

struct waiter {
    char key[32];
    struct http_oauth oauth;
    struct http_client_request request;
    struct waiter *next; /* begins when this one has ended */
};

static struct waiter waiters[WAITERS], followers[WAITERS];
static sem_t ended;

static void begin(struct waiter *waiter);

static void on_done(void *context, const struct http_result *result)
{
    struct waiter *waiter = context;

    (void)result;
    if (waiter->next)
        begin(waiter->next);
    sem_post(&ended);
}

static void begin(struct waiter *waiter)
{
    waiter->oauth = oauth_of(str_of(waiter->key));
    waiter->request = client_rig_request(&rig, 1);
    waiter->request.oauth = &waiter->oauth;
    http_client_send(rig.client, &waiter->request, on_done, waiter);
}

static void begin_all(struct client_rig *r)
{
    (void)r;
    for (int i = 0; i < WAITERS; i++) {
        snprintf(waiters[i].key, sizeof(waiters[i].key), "shared");
        snprintf(followers[i].key, sizeof(followers[i].key), "follower-%d", i);
        waiters[i].next = &followers[i];
        begin(&waiters[i]);
    }
}

static void wait_for_all(void)
{
    sem_init(&ended, 0, 0);
    client_rig_call(&rig, begin_all);
    for (int i = 0; i < 2 * WAITERS; i++)
        sem_wait(&ended);
    sem_destroy(&ended);
}

/* Each that is told begins another, which makes room by forgetting one that is over: such as the
 * one they all have waited for. */
static void a_token_may_go_while_those_who_waited_are_told(void **state)
{
    (void)state;
    fill(&short_lived, "short");
    wait_for_all();
    atomic_store(&says, &refused);
    wait_for_all();
}

/* ---- how many ---- */

static void no_more_are_kept_than_there_is_room_for(void **state)
{
    int fetched;

    (void)state;
    fill(&long_lived, "long");
    for (int i = 0; i < WAITERS; i++)
        want_token("more", i);
    client_rig_call(&rig, count_kept);
    assert_int_equal(kept_count, TOKENS_MAX);
    fetched = atomic_load(&endpoint.requests);
    assert_int_equal(fetched, TOKENS_MAX + WAITERS);
    /* Those that had to go were of the older ones. */
    for (int i = TOKENS_MAX - 64; i < TOKENS_MAX; i++)
        want_token("long", i);
    assert_int_equal(atomic_load(&endpoint.requests), fetched);
}

static void those_that_are_over_go_first(void **state)
{
    int fetched;

    (void)state;
    atomic_store(&says, &long_lived);
    for (int i = 0; i < TOKENS_MAX / 2; i++)
        want_token("long", i);
    atomic_store(&says, &short_lived);
    for (int i = 0; i < TOKENS_MAX / 2 + 64; i++)
        want_token("short", i);
    fetched = atomic_load(&endpoint.requests);
    for (int i = 0; i < TOKENS_MAX / 2; i++)
        want_token("long", i);
    assert_int_equal(atomic_load(&endpoint.requests), fetched);
}

#define RIGGED(sentence, name)                                                                     \
    {                                                                                              \
        sentence, name, start, stop, NULL                                                          \
    }

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RIGGED("a token may be forgotten while those who waited for it are told",
               a_token_may_go_while_those_who_waited_are_told),
        RIGGED("no more tokens are kept than there is room for",
               no_more_are_kept_than_there_is_room_for),
        RIGGED("tokens that are over make room first", those_that_are_over_go_first),
    };

    return cmocka_run_group_tests_name("http/oauth", tests, NULL, NULL);
}
