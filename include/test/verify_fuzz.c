/* verify_fuzz.c -- arbitrary headers, secrets and bodies. Lines of the input: id, timestamp,
 * signature, secrets; the rest is the body. What our own verification refuses must not verify. */
#include <stdlib.h>

#include "base/arena.h"
#include "crypto/webhook_signature.h"
#include "runbell_verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only what both sides read in the same way is compared: one well-formed secret. */
static bool verifies(const struct runbell_request *request, const char *secret)
{
    struct webhook_message message = {.id = str_of(request->id),
                                      .body = str_range(request->body, request->body_len)};
    struct webhook_key key;
    const char *why;
    bool yes;

    if (str_to_i64(str_of(request->timestamp), &message.timestamp_s) ||
        webhook_key_init(&key, str_of(secret), &why))
        return false;
    yes = webhook_signature_verifies(str_of(request->signature), &key, 1, &message);
    webhook_key_release(&key);
    return yes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct runbell_options any_time = {-1, NULL, NULL};
    struct str rest = str_range((const char *)data, size), lines[4] = {{0}};
    struct runbell_request request;
    struct arena arena;
    char *secrets;

    arena_init(&arena);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (!str_split(&rest, '\n', &lines[i]))
            lines[i] = STR("");
    request = (struct runbell_request){arena_cstr(&arena, lines[0]), arena_cstr(&arena, lines[1]),
                                       arena_cstr(&arena, lines[2]), rest.data, rest.len};
    secrets = arena_cstr(&arena, lines[3]);
    if (runbell_verify_with(secrets, &request, 0, &any_time) == RUNBELL_VERIFIED &&
        !strchr(secrets, ' ') && request.timestamp[0] != '0')
        REQUIRE(verifies(&request, secrets) || strlen(secrets) < 38 /* shorter than we make */);
    (void)runbell_verdict_text(runbell_verify(secrets, &request, 1700000000));
    arena_release(&arena);
    return 0;
}
