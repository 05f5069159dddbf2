/* s3_answer.c -- see s3_answer.h. */
#include "blob/s3_answer.h"

#define SAID_BYTES_MAX 200 /* of a stranger's text, in a log line */
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 2000
#define SKEW_TOLD_S 60

/* ---- XML ---- */

/* The text between <name> and </name> from `position` on, which moves behind it. */
static struct str element(struct str xml, const char *name, size_t *position)
{
    char open[32], close[32];
    struct str rest = str_from(xml, *position), text;
    size_t at, len;

    snprintf(open, sizeof(open), "<%s>", name);
    snprintf(close, sizeof(close), "</%s>", name);
    at = str_find(rest, str_of(open));
    if (at == rest.len)
        return STR_NONE;
    text = str_from(rest, at + strlen(open));
    len = str_find(text, str_of(close));
    if (len == text.len)
        return STR_NONE;
    *position += at + strlen(open) + len + strlen(close);
    return str_first(text, len);
}

static struct str first_element(struct str xml, const char *name)
{
    size_t position = 0;

    return element(xml, name, &position);
}

void s3_answer_read_error(struct s3_answer *answer, struct str xml)
{
    struct str error = first_element(xml, "Error");

    answer->code = first_element(error, "Code");
    answer->message = first_element(error, "Message");
    if (str_is_none(answer->region))
        answer->region = first_element(error, "Region");
}

bool s3_answer_next_failed(struct str xml, size_t *position, struct str *key, struct str *code)
{
    struct str error = element(xml, "Error", position);

    if (str_is_none(error))
        return false;
    *key = first_element(error, "Key");
    *code = first_element(error, "Code");
    return true;
}

/* ---- what follows ---- */

static bool is_code(const struct s3_answer *answer, const char *code)
{
    return str_eq(answer->code, str_of(code));
}

static bool is_momentary(const struct s3_answer *answer)
{
    static const char *const codes[] = {"RequestTimeout", "SlowDown", "OperationAborted",
                                        "InternalError", "Throttling"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (is_code(answer, codes[i]))
            return true;
    return (answer->status >= 500 && answer->status != 501) || answer->status == 429 ||
           answer->status == 408;
}

bool s3_answer_wants_keys(const struct s3_answer *answer)
{
    static const char *const codes[] = {"ExpiredToken", "TokenRefreshRequired", "InvalidToken",
                                        "InvalidAccessKeyId"};

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (answer->end == S3_ANSWERED && is_code(answer, codes[i]))
            return true;
    return false;
}

enum s3_verdict s3_answer_judge(const struct s3_answer *answer)
{
    if (answer->end != S3_ANSWERED)
        return S3_AGAIN;
    if (answer->status / 100 == 2)
        return S3_GOOD;
    if (answer->status == 404 && !is_code(answer, "NoSuchBucket"))
        return S3_MISSING;
    return is_momentary(answer) ? S3_AGAIN : S3_REFUSED;
}

int64_t s3_pause_ms(unsigned attempt)
{
    int64_t pause_ms = PAUSE_FIRST_MS;

    for (unsigned i = 2; i < attempt && pause_ms < PAUSE_MAX_MS; i++)
        pause_ms *= 2;
    return pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
}

/* ---- in words ---- */

/* A stranger's text goes into a line: without control characters, and not for long. */
static void add_said(struct buf *out, struct str said)
{
    said = str_first(said, SAID_BYTES_MAX);
    for (size_t i = 0; i < said.len; i++)
        buf_add_char(out, said.data[i] >= ' ' && said.data[i] < 0x7f ? said.data[i] : ' ');
}

static void explain_clock(struct buf *out, const struct s3_answer *answer)
{
    int64_t apart_s = answer->skew_s < 0 ? -answer->skew_s : answer->skew_s;

    buf_add_cstr(out, "this machine's clock is not the service's");
    if (answer->has_skew && apart_s >= SKEW_TOLD_S)
        buf_addf(out, ": it is %lld minutes %s", (long long)(apart_s / 60),
                 answer->skew_s < 0 ? "ahead" : "behind");
    buf_add_cstr(out, ". Set it, for instance by NTP");
}

static void explain_region(struct buf *out, const struct s3_answer *answer)
{
    buf_add_cstr(out, "the bucket is in another region");
    if (!str_is_empty(answer->region)) {
        buf_add_cstr(out, ": set runbell.blobs.region to ");
        add_said(out, answer->region);
    } else {
        buf_add_cstr(out, ", or has another address: see runbell.blobs.region and endpoint");
    }
}

static bool explain_known(struct buf *out, const struct s3_answer *answer, struct str bucket)
{
    if (is_code(answer, "RequestTimeTooSkewed"))
        explain_clock(out, answer);
    else if (is_code(answer, "NoSuchBucket"))
        buf_addf(out, "there is no bucket \"%.*s\": make it, or mend runbell.blobs.bucket",
                 STR_ARG(bucket));
    else if (answer->status / 100 == 3 || is_code(answer, "AuthorizationHeaderMalformed") ||
             is_code(answer, "IllegalLocationConstraintException"))
        explain_region(out, answer);
    else if (is_code(answer, "InvalidAccessKeyId"))
        buf_add_cstr(out, "the service does not know this key: see runbell.blobs.access_key_id");
    else if (is_code(answer, "SignatureDoesNotMatch"))
        buf_add_cstr(out, "the signature does not fit: see runbell.blobs.secret_access_key (and "
                          "whether a proxy before the service changes the Host header)");
    else if (is_code(answer, "ExpiredToken") || is_code(answer, "TokenRefreshRequired") ||
             is_code(answer, "InvalidToken"))
        buf_add_cstr(out, "the temporary credentials have ended: see runbell.blobs.session_token "
                          "(or credentials)");
    else
        return false;
    return true;
}

void s3_answer_explain(struct buf *out, const struct s3_answer *answer, struct str bucket)
{
    if (answer->end != S3_ANSWERED) {
        buf_add_cstr(out, answer->end == S3_KEYLESS ? "there are no credentials to ask it with: "
                                                    : "it cannot be reached: ");
        buf_add_cstr(out, answer->why);
        return;
    }
    if (explain_known(out, answer, bucket))
        return;
    buf_addf(out, "it answers %d", answer->status);
    if (!str_is_empty(answer->code)) {
        buf_add_char(out, ' ');
        add_said(out, answer->code);
    }
    if (!str_is_empty(answer->message)) {
        buf_add_cstr(out, " (");
        add_said(out, answer->message);
        buf_add_char(out, ')');
    }
    if (answer->status == 403)
        buf_add_cstr(out, ": the key must be allowed s3:PutObject, s3:GetObject and "
                          "s3:DeleteObject in the bucket");
}
