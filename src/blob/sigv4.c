/* sigv4.c -- see sigv4.h. */
#include "blob/sigv4.h"

#include "base/time.h"
#include "crypto/hmac.h"
#include "format/query.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define LINK_PAIRS 6 /* that a signature adds to a query, at most */
#define DATE_BYTES 8

struct sigv4_time sigv4_time_of(int64_t wall_us)
{
    struct time_text iso;
    struct str text = time_write_iso(wall_us, &iso);
    struct sigv4_time time = {.text = ""};
    size_t n = 0;

    for (size_t i = 0; i < text.len && n < sizeof(time.text) - 2; i++)
        if (text.data[i] != '-' && text.data[i] != ':')
            time.text[n++] = text.data[i];
    time.text[n++] = 'Z';
    time.text[n] = '\0';
    return time;
}

static void write_path(struct buf *out, struct str path)
{
    struct str piece;
    bool is_first = true;

    while (str_split(&path, '/', &piece)) {
        if (!is_first)
            buf_add_char(out, '/');
        percent_write(out, piece);
        is_first = false;
    }
}

/* ---- in order ---- */

struct order {
    uint8_t at[SIGV4_PAIRS_MAX + LINK_PAIRS];
};

typedef int comparison(const struct sigv4_pair *a, const struct sigv4_pair *b);

static int compare_query(const struct sigv4_pair *a, const struct sigv4_pair *b)
{
    int order = percent_compare(a->name, b->name);

    return order ? order : percent_compare(a->value, b->value);
}

static int compare_names(const struct sigv4_pair *a, const struct sigv4_pair *b)
{
    return str_compare(a->name, b->name);
}

/* Equal ones stay as they are given. */
static struct order in_order(const struct sigv4_pair *pairs, size_t count, comparison *compare)
{
    struct order order = {.at = {0}};

    REQUIRE(count <= ARRAY_LEN(order.at));
    for (size_t i = 0; i < count; i++) {
        size_t at = i;

        for (; at > 0 && compare(&pairs[i], &pairs[order.at[at - 1]]) < 0; at--)
            order.at[at] = order.at[at - 1];
        order.at[at] = (uint8_t)i;
    }
    return order;
}

/* ---- the canonical request ---- */

static void write_query(struct buf *out, const struct sigv4_request *request)
{
    struct order order = in_order(request->query, request->query_count, compare_query);

    for (size_t i = 0; i < request->query_count; i++) {
        const struct sigv4_pair *pair = &request->query[order.at[i]];

        if (i > 0)
            buf_add_char(out, '&');
        percent_write(out, pair->name);
        buf_add_char(out, '=');
        percent_write(out, pair->value);
    }
}

/* Without blanks around it, and with one where there were several. */
static void write_header_value(struct buf *out, struct str value)
{
    bool was_blank = false;

    value = str_trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool is_blank = value.data[i] == ' ' || value.data[i] == '\t';

        if (!is_blank)
            buf_add_char(out, value.data[i]);
        else if (!was_blank)
            buf_add_char(out, ' ');
        was_blank = is_blank;
    }
}

static bool is_repeated(const struct sigv4_request *request, const struct order *order, size_t i)
{
    const struct sigv4_pair *list = request->headers;

    return i > 0 && i < request->header_count &&
           str_eq(list[order->at[i]].name, list[order->at[i - 1]].name);
}

static void write_headers(struct buf *out, const struct sigv4_request *request)
{
    struct order order = in_order(request->headers, request->header_count, compare_names);

    for (size_t i = 0; i < request->header_count; i++) {
        const struct sigv4_pair *header = &request->headers[order.at[i]];

        if (is_repeated(request, &order, i)) {
            buf_truncate(out, out->len - 1);
            buf_add_char(out, ',');
        } else {
            buf_add(out, header->name);
            buf_add_char(out, ':');
        }
        write_header_value(out, header->value);
        buf_add_char(out, '\n');
    }
}

static void write_signed_names(struct buf *out, const struct sigv4_request *request)
{
    struct order order = in_order(request->headers, request->header_count, compare_names);

    for (size_t i = 0; i < request->header_count; i++) {
        if (is_repeated(request, &order, i))
            continue;
        if (i > 0)
            buf_add_char(out, ';');
        buf_add(out, request->headers[order.at[i]].name);
    }
}

void sigv4_write_target(struct buf *out, const struct sigv4_request *request)
{
    write_path(out, request->path);
    if (request->query_count > 0) {
        buf_add_char(out, '?');
        write_query(out, request);
    }
}

void sigv4_write_canonical(struct buf *out, const struct sigv4_request *request)
{
    buf_add(out, request->method);
    buf_add_char(out, '\n');
    write_path(out, request->path);
    buf_add_char(out, '\n');
    write_query(out, request);
    buf_add_char(out, '\n');
    write_headers(out, request);
    buf_add_char(out, '\n');
    write_signed_names(out, request);
    buf_add_char(out, '\n');
    buf_add(out, request->payload_hash);
}

/* ---- string to sign, signature ---- */

static void write_scope(struct buf *out, const struct sigv4_key *key, const struct sigv4_time *time)
{
    buf_addf(out, "%.*s/%.*s/%.*s/aws4_request", DATE_BYTES, time->text, STR_ARG(key->region),
             STR_ARG(key->service));
}

void sigv4_write_string_to_sign(struct buf *out, const struct sigv4_key *key,
                                const struct sigv4_time *time, struct str canonical)
{
    struct sha256 digest = sha256_of(canonical);
    struct sha256_text hex;

    buf_addf(out, ALGORITHM "\n%s\n", time->text);
    write_scope(out, key, time);
    buf_add_char(out, '\n');
    buf_add(out, sha256_write(&digest, &hex));
}

static void mac_of(struct str key, struct str text, uint8_t mac[HMAC_BYTES])
{
    struct hmac hmac;

    hmac_init(&hmac, key);
    hmac_sign(&hmac, &text, 1, mac);
    hmac_release(&hmac);
}

struct str sigv4_sign(const struct sigv4_key *key, const struct sigv4_time *time,
                      struct str string_to_sign, struct sha256_text *signature)
{
    const struct str steps[] = {str_range(time->text, DATE_BYTES), key->region, key->service,
                                STR("aws4_request"), string_to_sign};
    struct sha256 mac;
    struct buf first;

    buf_init(&first, KIB);
    buf_add(&first, STR("AWS4"));
    buf_add(&first, key->secret);
    REQUIRE(!first.failed);
    mac_of(buf_str(&first), steps[0], mac.bytes);
    buf_release(&first);
    for (size_t i = 1; i < ARRAY_LEN(steps); i++) {
        struct sha256 last = mac;

        mac_of(str_range((const char *)last.bytes, HMAC_BYTES), steps[i], mac.bytes);
    }
    return sha256_write(&mac, signature);
}

static struct str sign_request(const struct sigv4_key *key, const struct sigv4_time *time,
                               const struct sigv4_request *request, struct sha256_text *signature)
{
    struct buf canonical, text;
    struct str signed_as;

    buf_init(&canonical, SIGV4_TEXT_MAX);
    buf_init(&text, SIGV4_TEXT_MAX);
    sigv4_write_canonical(&canonical, request);
    sigv4_write_string_to_sign(&text, key, time, buf_str(&canonical));
    REQUIRE(!canonical.failed && !text.failed);
    signed_as = sigv4_sign(key, time, buf_str(&text), signature);
    buf_release(&canonical);
    buf_release(&text);
    return signed_as;
}

void sigv4_write_authorization(struct buf *out, const struct sigv4_key *key,
                               const struct sigv4_time *time, const struct sigv4_request *request)
{
    struct sha256_text signature;

    buf_addf(out, ALGORITHM " Credential=%.*s/", STR_ARG(key->id));
    write_scope(out, key, time);
    buf_add(out, STR(",SignedHeaders="));
    write_signed_names(out, request);
    buf_add(out, STR(",Signature="));
    buf_add(out, sign_request(key, time, request, &signature));
}

void sigv4_write_link(struct buf *out, const struct sigv4_key *key, const struct sigv4_time *time,
                      const struct sigv4_request *request, int64_t expires_s)
{
    struct sigv4_pair query[SIGV4_PAIRS_MAX + LINK_PAIRS];
    struct sigv4_request with = *request;
    struct sha256_text signature;
    struct buf credential, names, expires;
    size_t n = request->query_count;

    REQUIRE(n <= SIGV4_PAIRS_MAX && expires_s > 0 && expires_s <= SIGV4_EXPIRES_MAX_S);
    buf_init(&credential, SIGV4_TEXT_MAX);
    buf_init(&names, SIGV4_TEXT_MAX);
    buf_addf(&credential, "%.*s/", STR_ARG(key->id));
    write_scope(&credential, key, time);
    write_signed_names(&names, request);
    buf_init(&expires, KIB);
    buf_add_i64(&expires, expires_s);
    if (n > 0)
        memcpy(query, request->query, n * sizeof(*query));
    query[n++] = (struct sigv4_pair){STR("X-Amz-Algorithm"), STR(ALGORITHM)};
    query[n++] = (struct sigv4_pair){STR("X-Amz-Credential"), buf_str(&credential)};
    query[n++] = (struct sigv4_pair){STR("X-Amz-Date"), str_of(time->text)};
    query[n++] = (struct sigv4_pair){STR("X-Amz-Expires"), buf_str(&expires)};
    query[n++] = (struct sigv4_pair){STR("X-Amz-SignedHeaders"), buf_str(&names)};
    if (!str_is_none(key->token))
        query[n++] = (struct sigv4_pair){STR("X-Amz-Security-Token"), key->token};
    with.query = query;
    with.query_count = n;
    with.payload_hash = SIGV4_UNSIGNED;
    sigv4_write_target(out, &with);
    buf_add(out, STR("&X-Amz-Signature="));
    buf_add(out, sign_request(key, time, &with, &signature));
    buf_release(&credential);
    buf_release(&names);
    buf_release(&expires);
}
