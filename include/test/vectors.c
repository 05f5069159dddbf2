/* vectors.c -- runbell_verify.h alone, as a receiver compiles it: in strict C99 and in C++17. The
 * vectors are those of Standard Webhooks. Exit code 0: all hold. */
#include "runbell_verify.h"

#include <stdio.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define BODY "{\"test\": 2432232314}"
#define SENT_S 1614265330

static int failures;

static void expect(enum runbell_verdict got, enum runbell_verdict wanted, const char *what)
{
    if (got == wanted)
        return;
    printf("%s: got \"%s\", wanted \"%s\"\n", what, runbell_verdict_text(got),
           runbell_verdict_text(wanted));
    failures++;
}

static struct runbell_request vector(void)
{
    struct runbell_request request = {"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", SIGNATURE, BODY,
                                      sizeof(BODY) - 1};

    return request;
}

static void check_secrets(void)
{
    static const struct {
        const char *secrets;
        enum runbell_verdict verdict;
    } cases[] = {
        {SECRET, RUNBELL_VERIFIED},
        {"  whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA " SECRET " ", RUNBELL_VERIFIED},
        {SECRET " whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", RUNBELL_VERIFIED},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", RUNBELL_WRONG_SIGNATURE},
        {"", RUNBELL_BAD_SECRET},
        {"   ", RUNBELL_BAD_SECRET},
        {"whsec_", RUNBELL_BAD_SECRET},
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", RUNBELL_BAD_SECRET},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", RUNBELL_BAD_SECRET},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==" /* another secret */, RUNBELL_WRONG_SIGNATURE},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w", RUNBELL_BAD_SECRET},
        {"whpk_AAAA", RUNBELL_BAD_SECRET},
        {SECRET " nonsense", RUNBELL_BAD_SECRET},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct runbell_request request = vector();

        expect(runbell_verify(cases[i].secrets, &request, SENT_S), cases[i].verdict,
               cases[i].secrets);
    }
}

static void check_signatures(void)
{
    static const struct {
        const char *header;
        enum runbell_verdict verdict;
    } cases[] = {
        {SIGNATURE, RUNBELL_VERIFIED},
        {"v1,AAAA v2,x " SIGNATURE " v1a,", RUNBELL_VERIFIED},
        {"", RUNBELL_WRONG_SIGNATURE},
        {"v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", RUNBELL_WRONG_SIGNATURE},
        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", RUNBELL_WRONG_SIGNATURE},
        {"v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", RUNBELL_WRONG_SIGNATURE},
        {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", RUNBELL_WRONG_SIGNATURE},
        {"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", RUNBELL_WRONG_SIGNATURE},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct runbell_request request = vector();

        request.signature = cases[i].header;
        expect(runbell_verify(SECRET, &request, SENT_S), cases[i].verdict, cases[i].header);
    }
}

static void check_times(void)
{
    static const struct runbell_options any_time = {-1, NULL, NULL}, minute = {60, NULL, NULL};
    static const char *const bad[] = {
        "", "x", "-1", "1614265330.0", " 1614265330", "16142653300000"};
    struct runbell_request request = vector();

    expect(runbell_verify(SECRET, &request, SENT_S + 300), RUNBELL_VERIFIED, "5 minutes old");
    expect(runbell_verify(SECRET, &request, SENT_S + 301), RUNBELL_TOO_OLD, "older");
    expect(runbell_verify(SECRET, &request, SENT_S - 300), RUNBELL_VERIFIED, "5 minutes early");
    expect(runbell_verify(SECRET, &request, SENT_S - 301), RUNBELL_TOO_NEW, "earlier");
    expect(runbell_verify_with(SECRET, &request, SENT_S + 61, &minute), RUNBELL_TOO_OLD, "61 s");
    expect(runbell_verify_with(SECRET, &request, 0, &any_time), RUNBELL_VERIFIED, "any time");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        request.timestamp = bad[i];
        expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_BAD_TIMESTAMP, bad[i]);
    }
    request.timestamp = "1614265331";
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_WRONG_SIGNATURE, "another time");
}

static void check_the_rest(void)
{
    struct runbell_request request = vector();
    char id[RUNBELL_ID_BYTES_MAX + 2];

    request.body = "{\"test\":2432232314}";
    request.body_len = 19;
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_WRONG_SIGNATURE, "written again");
    request = vector();
    request.id = "msg_p5jXN8AQM9LWM0D4loKWxJel";
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_WRONG_SIGNATURE, "another id");
    request.id = "a.b";
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_BAD_ID, "a dot");
    request.id = "";
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_BAD_ID, "no id");
    memset(id, 'x', sizeof(id));
    id[sizeof(id) - 1] = '\0';
    request.id = id;
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_BAD_ID, "a long id");
    id[sizeof(id) - 2] = '\0';
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_WRONG_SIGNATURE, "the longest id");
    request.id = NULL;
    expect(runbell_verify(SECRET, &request, SENT_S), RUNBELL_MISSING_HEADER, "no webhook-id");
}

int main(void)
{
    check_secrets();
    check_signatures();
    check_times();
    check_the_rest();
    return failures ? 1 : 0;
}
