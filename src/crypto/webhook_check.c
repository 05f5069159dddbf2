/* webhook_check.c -- the three headers, then the keys, then what may have happened to the body. */
#include "crypto/webhook_check.h"

#include "base/json.h"
#include "crypto/base64.h"
#include "crypto/secret.h"
#include "crypto/webhook_signature.h"

#define VARIANT_BYTES_MAX (64 * MIB)

struct signer {
    struct str name;
    bool is_public; /* then only `public_key` */
    struct webhook_key key;
    struct ed25519_public public_key;
};

struct checking {
    const struct webhook_received *received;
    struct arena *arena;
    struct webhook_check *check;
    struct signer signers[WEBHOOK_SECRETS_MAX];
    size_t count;
    bool has_hmac, has_ed25519; /* among the signers */
    struct str refused;         /* why a secret cannot be used; STR_NONE: all can */
    struct webhook_message message;
};

const char *webhook_verdict_name(enum webhook_verdict verdict)
{
    switch (verdict) {
    case WEBHOOK_VERIFIED:
        return "verified";
    case WEBHOOK_UNSIGNED:
        return "unsigned";
    case WEBHOOK_MISSING_HEADER:
        return "missing_header";
    case WEBHOOK_BAD_HEADER:
        return "bad_header";
    case WEBHOOK_TOO_OLD:
        return "too_old";
    case WEBHOOK_TOO_NEW:
        return "too_new";
    case WEBHOOK_NO_SECRET:
        return "no_secret";
    case WEBHOOK_BODY_CHANGED:
        return "body_changed";
    case WEBHOOK_WRONG_SIGNATURE:
        return "wrong_signature";
    }
    return "";
}

static bool decide(struct checking *c, enum webhook_verdict verdict, struct str why,
                   struct str mend)
{
    c->check->verdict = verdict;
    c->check->why = why;
    c->check->mend = mend;
    return false;
}

/* ---- headers ---- */

static bool headers_are_there(struct checking *c)
{
    const struct webhook_received *r = c->received;
    const struct {
        const char *name;
        struct str value;
    } headers[] = {{"webhook-id", r->id},
                   {"webhook-timestamp", r->timestamp},
                   {"webhook-signature", r->signature}};
    struct str missing = STR("");
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (!str_is_none(headers[i].value))
            continue;
        missing = arena_printf(c->arena, "%.*s%s%s", STR_ARG(missing), count++ ? ", " : "",
                               headers[i].name);
    }
    if (count == ARRAY_LEN(headers))
        return decide(c, WEBHOOK_UNSIGNED,
                      STR("it has none of the headers webhook-id, webhook-timestamp and "
                          "webhook-signature"),
                      STR("It comes from somebody else, or something on the way drops headers"));
    if (count == 1 && str_is_none(r->signature))
        return decide(c, WEBHOOK_MISSING_HEADER, STR("it is not signed: no webhook-signature"),
                      STR("Give the sender a signing secret (runbell.signing_secret, or a key of "
                          "the endpoint)"));
    if (count)
        return decide(c, WEBHOOK_MISSING_HEADER,
                      arena_printf(c->arena, "it lacks %.*s", STR_ARG(missing)),
                      STR("Something on the way drops headers: a proxy, a gateway, a function's "
                          "event mapping"));
    return true;
}

static bool id_is_well_formed(struct checking *c)
{
    struct str id = c->received->id;

    if (id.len > 0 && str_find_char(id, '.') == id.len)
        return true;
    return decide(c, WEBHOOK_BAD_HEADER, STR("webhook-id is empty or has a dot"),
                  STR("Pass the header on as it came"));
}

static bool time_is_well_formed(struct checking *c)
{
    struct str text = c->received->timestamp;
    int64_t *seconds = &c->message.timestamp_s;

    if (str_to_i64(text, seconds) || *seconds < 0)
        return decide(c, WEBHOOK_BAD_HEADER,
                      arena_printf(c->arena, "webhook-timestamp is \"%.*s\", not a number",
                                   STR_ARG(str_first(text, 40))),
                      STR("It must be whole seconds since 1970, as it came"));
    if (*seconds > INT64_C(100000000000))
        return decide(c, WEBHOOK_BAD_HEADER, STR("webhook-timestamp is not in seconds"),
                      STR("It looks like milliseconds: pass the header on as it came"));
    c->check->age_s = c->received->now_s - *seconds;
    return true;
}

/* Is one of the signatures of this version? */
static bool has_version(const struct checking *c, struct str prefix)
{
    struct str rest = c->received->signature, piece;

    while (str_split(&rest, ' ', &piece))
        if (str_starts(piece, prefix))
            return true;
    return false;
}

static bool signature_is_well_formed(struct checking *c)
{
    if (has_version(c, STR("v1,")) || has_version(c, STR("v1a,")))
        return true;
    return decide(c, WEBHOOK_BAD_HEADER,
                  STR("webhook-signature has no signature of the form v1,… or v1a,…"),
                  STR("Pass the header on as it came: version, comma, base64; several with blanks "
                      "between"));
}

/* ---- secrets ---- */

static enum err signer_init(struct signer *signer, struct str secret, const char **why)
{
    size_t len = 0;

    if (!str_starts(secret, STR("whpk_")))
        return webhook_key_init(&signer->key, secret, why);
    signer->is_public = true;
    if (!base64_decode(str_from(secret, 5), signer->public_key.bytes,
                       sizeof(signer->public_key.bytes), &len) &&
        len == sizeof(signer->public_key.bytes))
        return OK;
    *why = "a whpk_ key is base64 of 32 bytes";
    return ERR_INVALID;
}

static bool take_secrets(struct checking *c)
{
    const struct webhook_received *r = c->received;

    for (size_t i = 0; i < r->secret_count && i < WEBHOOK_SECRETS_MAX; i++) {
        struct signer *signer = &c->signers[c->count];
        const char *why = "";

        signer->name = r->secrets[i].name;
        if (signer_init(signer, str_trim(r->secrets[i].text), &why)) {
            c->refused =
                arena_printf(c->arena, "%.*s cannot be used: %s", STR_ARG(signer->name), why);
            signer->is_public = false;
            continue;
        }
        if (signer->is_public || signer->key.is_ed25519)
            c->has_ed25519 = true;
        else
            c->has_hmac = true;
        c->count++;
    }
    if (c->count)
        return true;
    return decide(c, WEBHOOK_NO_SECRET,
                  str_is_none(c->refused) ? STR("there is no secret to verify it with")
                                          : c->refused,
                  STR("Give the secret as the sender has it: whsec_… (or whpk_… for v1a)"));
}

static void drop_secrets(struct checking *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (!c->signers[i].is_public)
            webhook_key_release(&c->signers[i].key);
}

/* ---- signatures ---- */

static bool public_verifies(const struct checking *c, const struct ed25519_public *key)
{
    struct str signed_text = arena_printf(c->arena, "%.*s.%lld.", STR_ARG(c->message.id),
                                          (long long)c->message.timestamp_s);
    const struct str parts[] = {signed_text, c->message.body};
    struct str rest = c->received->signature, piece;
    uint8_t given[ED25519_SIGNATURE_BYTES];
    size_t len;

    signed_text = arena_concat(c->arena, parts, ARRAY_LEN(parts));
    while (str_split(&rest, ' ', &piece))
        if (str_starts(piece, STR("v1a,")) &&
            !base64_decode(str_from(piece, 4), given, sizeof(given), &len) &&
            len == sizeof(given) && ed25519_verifies(key, signed_text, given))
            return true;
    return false;
}

/* The signer of the message with this body; NULL: none of them. */
static const struct signer *signer_of(struct checking *c, struct str body)
{
    c->message.body = body;
    for (size_t i = 0; i < c->count; i++) {
        struct signer *signer = &c->signers[i];
        bool verifies =
            signer->is_public
                ? public_verifies(c, &signer->public_key)
                : webhook_signature_verifies(c->received->signature, &signer->key, 1, &c->message);

        if (verifies)
            return signer;
    }
    return NULL;
}

static void decide_by_age(struct checking *c)
{
    int64_t age_s = c->check->age_s, tolerance_s = c->received->tolerance_s;

    if (tolerance_s >= 0 && age_s > tolerance_s)
        decide(c, WEBHOOK_TOO_OLD,
               arena_printf(c->arena,
                            "the signature is right, but the timestamp is %lld s old; "
                            "receivers accept %lld s",
                            (long long)age_s, (long long)tolerance_s),
               STR("It is a replay, it waited in a queue before it was verified, or a clock is "
                   "wrong"));
    else if (tolerance_s >= 0 && -age_s > tolerance_s)
        decide(c, WEBHOOK_TOO_NEW,
               arena_printf(c->arena,
                            "the signature is right, but the timestamp is %lld s in the "
                            "future; receivers accept %lld s",
                            (long long)-age_s, (long long)tolerance_s),
               STR("One of the two clocks is wrong: compare both with NTP"));
    else
        decide(c, WEBHOOK_VERIFIED,
               arena_printf(c->arena, "signed by %.*s", STR_ARG(c->check->signer)), STR(""));
}

/* ---- what the body may have been ---- */

/* JSON with blanks behind commas and colons only as `comma` and `colon` have them; all else is kept
 * byte for byte. */
static void respace(struct buf *out, struct str text, struct str comma, struct str colon)
{
    bool in_string = false, escaped = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (in_string) {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            buf_add_char(out, c);
        } else if (c == ',') {
            buf_add(out, comma);
        } else if (c == ':') {
            buf_add(out, colon);
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            in_string = c == '"';
            buf_add_char(out, c);
        }
    }
}

enum variant { LINE_END_LESS, LINE_END_MORE, COMPACT, COMPACT_UTF8, SPACED, VARIANT_COUNT };

static const char *const variant_words[VARIANT_COUNT] = {
    [LINE_END_LESS] = "without the line end behind it",
    [LINE_END_MORE] = "with a line end behind it",
    [COMPACT] = "as JSON without blanks",
    [COMPACT_UTF8] = "as JSON without blanks and escapes",
    [SPACED] = "as JSON with a blank behind each comma and colon",
};

static void write_variant(struct buf *out, enum variant variant, struct str body,
                          const struct json *json)
{
    struct json_writer writer;

    json_writer_init(&writer, out);
    switch (variant) {
    case LINE_END_LESS:
        while (body.len > 0 && strchr("\r\n", body.data[body.len - 1]))
            body.len--;
        buf_add(out, body);
        break;
    case LINE_END_MORE:
        buf_add(out, body);
        buf_add_char(out, '\n');
        break;
    case COMPACT:
        respace(out, body, STR(","), STR(":"));
        break;
    case COMPACT_UTF8:
        json_value_out(&writer, json);
        break;
    case SPACED:
        respace(out, body, STR(", "), STR(": "));
        break;
    case VARIANT_COUNT:
        break;
    }
}

static bool was_changed(struct checking *c)
{
    struct str body = c->received->body;
    const struct json *json = NULL;
    const struct signer *signer = NULL;
    struct buf out;

    if (json_parse(c->arena, body, &json, NULL))
        json = NULL;
    buf_init(&out, VARIANT_BYTES_MAX);
    for (enum variant v = 0; v < VARIANT_COUNT && !signer; v++) {
        if (v >= COMPACT && !json)
            break;
        buf_clear(&out);
        write_variant(&out, v, body, json);
        if (out.failed)
            continue;
        signer = signer_of(c, buf_str(&out));
        if (!signer)
            continue;
        c->check->signer = signer->name;
        decide(c, WEBHOOK_BODY_CHANGED,
               arena_printf(c->arena, "the body was changed on the way: %s the signature is right",
                            variant_words[v]),
               STR("Verify the bytes as they came, before anything parses them and writes them "
                   "again"));
    }
    buf_release(&out);
    return signer != NULL;
}

static void explain_wrong(struct checking *c)
{
    if (!c->has_hmac && !has_version(c, STR("v1a,")))
        decide(c, WEBHOOK_WRONG_SIGNATURE, STR("it is signed by v1, but only keys of v1a are here"),
               STR("Verify with the whsec_… secret"));
    else if (!c->has_ed25519 && !has_version(c, STR("v1,")))
        decide(c, WEBHOOK_WRONG_SIGNATURE,
               STR("it is signed by v1a, but only secrets of v1 are here"),
               STR("Verify with the whpk_… key"));
    else
        decide(c, WEBHOOK_WRONG_SIGNATURE,
               arena_printf(c->arena, "none of %zu %s signed these bytes", c->count,
                            c->count == 1 ? "secret" : "secrets"),
               STR("Either the sender has another secret, or id, timestamp or body are not byte "
                   "for byte what was sent"));
    if (!str_is_none(c->refused))
        c->check->why =
            arena_printf(c->arena, "%.*s; %.*s", STR_ARG(c->check->why), STR_ARG(c->refused));
}

void webhook_check(const struct webhook_received *received, struct arena *arena,
                   struct webhook_check *check)
{
    struct checking *c = ARENA_NEW(arena, struct checking);
    const struct signer *signer;

    *check = (struct webhook_check){.signer = STR_NONE};
    c->received = received;
    c->arena = arena;
    c->check = check;
    c->message.id = received->id;
    if (!headers_are_there(c) || !id_is_well_formed(c) || !time_is_well_formed(c) ||
        !signature_is_well_formed(c) || !take_secrets(c))
        return;
    signer = signer_of(c, received->body);
    if (signer) {
        check->signer = signer->name;
        decide_by_age(c);
    } else if (!was_changed(c)) {
        explain_wrong(c);
    }
    drop_secrets(c);
    secret_wipe(c, sizeof(*c));
}
