/* From the client's answer to one of the words of classify.h. */
#include "delivery/classify.h"

#include <stdio.h>

static const struct {
    const char *name;
    const char *words;
    enum origin_news news;
} results[RESULT_COUNT] = {
    [RESULT_DELIVERED] = {"delivered", "the receiver took it", ORIGIN_ANSWERED},
    [RESULT_UNREACHABLE] = {"unreachable", "no connection to the receiver could be made or kept",
                            ORIGIN_FAILED},
    [RESULT_TLS] = {"tls", "the TLS handshake with the receiver failed", ORIGIN_FAILED},
    [RESULT_TIMEOUT] = {"timeout", "the receiver was connected but did not answer in time",
                        ORIGIN_FAILED},
    [RESULT_BUSY] = {"busy", "the receiver asks to come again later", ORIGIN_FAILED},
    [RESULT_SERVER_ERROR] = {"server_error", "the receiver failed", ORIGIN_FAILED},
    [RESULT_REJECTED] = {"rejected", "the receiver refused the message", ORIGIN_ANSWERED},
    [RESULT_GONE] = {"gone", "the receiver says that the address is gone for good",
                     ORIGIN_ANSWERED},
    [RESULT_REFUSED] = {"refused", "the rules of this server forbid the address", ORIGIN_UNTRIED},
    [RESULT_UNKNOWN] = {"unknown", "the server stopped before the outcome was known",
                        ORIGIN_UNTRIED},
};

static enum attempt_result classify_status(int status, bool has_retry_after)
{
    if (status >= 200 && status <= 299)
        return RESULT_DELIVERED;
    if (status == 410)
        return RESULT_GONE;
    if (status == 408 || status == 425 || status == 429 || (status == 503 && has_retry_after))
        return RESULT_BUSY;
    if (status >= 300 && status <= 499)
        return RESULT_REJECTED;
    return RESULT_SERVER_ERROR; /* and what no HTTP status can be: tried later */
}

enum attempt_result classify(const struct http_result *answer)
{
    struct str retry_after;

    switch (answer->outcome) {
    case HTTP_ANSWERED:
        retry_after = http_header_find(answer->headers, answer->header_count, "Retry-After");
        return classify_status(answer->status, !str_is_none(retry_after));
    case HTTP_DENIED:
        return RESULT_REFUSED;
    case HTTP_NO_NAME:
    case HTTP_NO_CONNECTION:
        return RESULT_UNREACHABLE;
    case HTTP_TLS_FAILED:
        return RESULT_TLS;
    case HTTP_TIMED_OUT:
        return answer->phases.connect_us < 0 ? RESULT_UNREACHABLE : RESULT_TIMEOUT;
    case HTTP_BAD_RESPONSE:
        break;
    }
    return RESULT_SERVER_ERROR;
}

enum origin_news classify_origin(enum attempt_result result)
{
    REQUIRE(result < RESULT_COUNT);
    return results[result].news;
}

struct str result_name(enum attempt_result result)
{
    REQUIRE(result < RESULT_COUNT);
    return str_of(results[result].name);
}

enum attempt_result result_parse(struct str name)
{
    for (int i = 0; i < RESULT_COUNT; i++)
        if (str_eq(name, str_of(results[i].name)))
            return (enum attempt_result)i;
    return RESULT_UNKNOWN;
}

struct str result_write_words(enum attempt_result result, int64_t status,
                              struct result_words *words)
{
    REQUIRE(result < RESULT_COUNT);
    if (status >= 300 && status <= 399)
        (void)snprintf(words->text, sizeof(words->text),
                       "the receiver sends on to another URL, which is never followed: use that "
                       "URL itself (HTTP %d)",
                       (int)status);
    else if (status > 0)
        (void)snprintf(words->text, sizeof(words->text), "%s (HTTP %d)", results[result].words,
                       (int)status);
    else
        (void)snprintf(words->text, sizeof(words->text), "%s", results[result].words);
    return str_of(words->text);
}
