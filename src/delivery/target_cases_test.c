/* target_cases_test.c -- thousands of webhook URLs, each with the verdict it must get (issue 3,
 * SSRF; rows 1-12, 18-20 of the threat table): the addresses at every edge of an independent table,
 * in every spelling that some library reads as that address. */
#include "base/test.h"

#include "delivery/target.h"
#include "http/egress_oracle.h"

#define CASES_MIN 2500

enum verdict {
    AS_ADDRESS, /* OK if the address is public, else denied */
    DENIED,     /* whatever address it hides */
    NO_URL      /* not in our grammar: what two libraries could read in two ways */
};

/* $a … $d: the octets, with o, x, 0 and w behind them in octal, hex, with a leading zero, in
 * fullwidth digits. $n the number; $h and $l its halves in hex; $m the lower 24, $k the lower 16
 * bits. */
static const struct spelling {
    const char *host;
    enum verdict verdict;
} spellings[] = {
    {"$a.$b.$c.$d", AS_ADDRESS},
    {"$a.$b.$c.$d?@public.example/", AS_ADDRESS},
    {"$a.$b.$c.$d#@public.example/", AS_ADDRESS},
    {"[::ffff:$a.$b.$c.$d]", AS_ADDRESS},
    {"[::FFFF:$h:$l]", AS_ADDRESS},
    {"[0:0:0:0:0:ffff:$h:$l]", AS_ADDRESS},
    {"[64:ff9b::$a.$b.$c.$d]", AS_ADDRESS},
    {"[64:ff9b::$h:$l]", AS_ADDRESS},
    {"[2606:4700::5efe:$a.$b.$c.$d]", AS_ADDRESS},
    {"[2606:4700::200:5efe:$h:$l]", AS_ADDRESS},
    {"[::$a.$b.$c.$d]", DENIED},
    {"[::ffff:0:$a.$b.$c.$d]", DENIED},
    {"[::5efe:$h:$l]", DENIED},
    {"[fe80::5efe:$a.$b.$c.$d]", DENIED},
    {"[64:ff9b:1::$a.$b.$c.$d]", DENIED},
    {"[2002:$h:$l::1]", DENIED},
    {"[2001::$h:$l]", DENIED},
    {"[2001:db8::$h:$l]", DENIED},
    {"[fd00::$h:$l]", DENIED},
    {"[ff02::$h:$l]", DENIED},
    {"$n", NO_URL},
    {"0x$h$l", NO_URL},
    {"$ax.$bx.$cx.$dx", NO_URL},
    {"$ao.$bo.$co.$do", NO_URL},
    {"$a0.$b0.$c0.$d0", NO_URL},
    {"$a.$b.$c.$dx", NO_URL},
    {"$a.$m", NO_URL},
    {"$a.$b.$k", NO_URL},
    {"$a.$b.$c.$d.", NO_URL},
    {"$a.$b.$c.$d.1", NO_URL},
    {"$a..$b.$c.$d", NO_URL},
    {"[$a.$b.$c.$d]", NO_URL},
    {"[::ffff:$a.$b.$c.$d%25eth0]", NO_URL},
    {"[::ffff:$a.$b.$c.$d", NO_URL},
    {"::ffff:$h:$l", NO_URL},
    {"user@$a.$b.$c.$d", NO_URL},
    {"public.example@$a.$b.$c.$d", NO_URL},
    {"$a.$b.$c.$d\\@public.example", NO_URL},
    {"$a.$b.$c.$d%00.public.example", NO_URL},
    {"$a%2e$b%2e$c%2e$d", NO_URL},
    {"$aw.$bw.$cw.$dw", NO_URL},
    {"$a\xe3\x80\x82$b\xe3\x80\x82$c\xe3\x80\x82$d", NO_URL}, /* ideographic dots */
    {"$a.$b\xc2\xad.$c.$d", NO_URL},                          /* a soft hyphen */
    {" $a.$b.$c.$d", NO_URL},
    {"$a.$b.$c.$d\t", NO_URL},
};

static const struct {
    const char *text;
    enum err err;
} names[] = {
    {"http://localhost/", ERR_DENIED},
    {"http://LOCALHOST:80/", ERR_DENIED},
    {"http://a.b.localhost/", ERR_DENIED},
    {"http://host.docker.internal/", ERR_DENIED},
    {"http://localhost./", ERR_INVALID},
    {"http://localhost%2e/", ERR_INVALID},
    {"http://localhost.public.example/", OK},
    {"http://127.0.0.1.nip.io/", OK}, /* a name: what it resolves to is vetted when it is called */
    {"http://metadata.google.internal/", OK},
    {"http://xn--80ak6aa92e.com/", OK},
    {"http://\xd0\xb0pple.com/", ERR_INVALID}, /* a Cyrillic letter */
    {"file:///etc/passwd", ERR_INVALID},
    {"gopher://8.8.8.8:25/_HELO", ERR_INVALID},
    {"ftp://8.8.8.8/", ERR_INVALID},
    {"unix:/run/docker.sock", ERR_INVALID},
    {"data:text/plain,x", ERR_INVALID},
    {"dict://8.8.8.8:11211/stat", ERR_INVALID},
    {"http+unix://%2fvar%2frun/", ERR_INVALID},
    {"//8.8.8.8/", ERR_INVALID},
    {"/v1/keys", ERR_DENIED}, /* our own routes (GHSA-q3v5-r5ch-p57j) */
    {"http://8.8.8.8/\r\nX: y", ERR_INVALID},
    {"http://8.8.8.8/ HTTP/1.1", ERR_INVALID},
};

static struct arena arena;

static void put_octet(struct buf *out, unsigned octet, char form)
{
    char digits[8];

    snprintf(digits, sizeof(digits), "%u", octet);
    if (form == 'x')
        buf_addf(out, "0x%x", octet);
    else if (form == 'o')
        buf_addf(out, "0%o", octet);
    else if (form == '0')
        buf_addf(out, "0%u", octet);
    else if (form == 'w')
        for (const char *d = digits; *d; d++)
            buf_addf(out, "\xef\xbc%c", (char)(0x90 + *d - '0'));
    else
        buf_add(out, str_of(digits));
}

/* Writes what stands behind a '$'; gives how many characters that was. */
static size_t put_part(struct buf *out, const char *part, uint32_t number)
{
    char form = part[0] ? part[1] : '\0';

    switch (part[0]) {
    case 'n':
        buf_addf(out, "%u", number);
        return 1;
    case 'h':
        buf_addf(out, "%04x", number >> 16);
        return 1;
    case 'l':
        buf_addf(out, "%04x", number & 0xffff);
        return 1;
    case 'm':
        buf_addf(out, "%u", number & 0xffffff);
        return 1;
    case 'k':
        buf_addf(out, "%u", number & 0xffff);
        return 1;
    default:
        put_octet(out, number >> (8 * ('d' - part[0])) & 255, form);
        return form && strchr("xo0w", form) ? 2 : 1;
    }
}

static struct str url_text(const char *scheme, const struct spelling *spelling, const char *tail,
                           uint32_t number)
{
    struct buf out;
    struct str text;

    buf_init(&out, KIB);
    buf_add(&out, str_of(scheme));
    for (const char *c = spelling->host; *c; c++) {
        if (*c == '$')
            c += put_part(&out, c + 1, number);
        else
            buf_add_char(&out, *c);
    }
    buf_add(&out, str_of(tail));
    text = arena_str(&arena, buf_str(&out));
    buf_release(&out);
    return text;
}

static void judge(struct str text, enum err wanted)
{
    const struct egress_policy egress = {0};
    struct str why = STR_NONE;
    struct url url = {0};
    enum err err = target_check(&target_rules_none, &egress, &arena, text, &url, &why);

    if (err != wanted)
        fail_msg("%.*s: %s (%.*s), wanted %s", STR_ARG(text), err_name(err), STR_ARG(why),
                 err_name(wanted));
    assert_int_equal(str_is_none(why), err == OK);
}

/* All spellings of one address; gives how many URLs that were. */
static size_t judge_address(uint32_t number)
{
    static const char *const schemes[] = {"http://", "https://"}, *const tails[] = {"", ":8443/x"};
    enum err as_address = egress_oracle_is_public(number) ? OK : ERR_DENIED;
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        enum err wanted = spellings[i].verdict == AS_ADDRESS ? as_address
                          : spellings[i].verdict == DENIED   ? ERR_DENIED
                                                             : ERR_INVALID;

        for (size_t j = 0; j < 4; j++, count++)
            judge(url_text(schemes[j / 2], &spellings[i], tails[j % 2], number), wanted);
    }
    arena_reset(&arena);
    return count;
}

static void every_spelling_of_every_edge(void **state)
{
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < egress_oracle_count; i++) {
        const uint32_t edges[] = {egress_oracle[i].first - 1, egress_oracle[i].first,
                                  egress_oracle[i].last, egress_oracle[i].last + 1};

        for (size_t j = 0; j < ARRAY_LEN(edges); j++)
            count += judge_address(edges[j]);
    }
    count += judge_address(0x7f000001) + judge_address(0xa9fea9fe) + judge_address(0x0a010203);
    assert_true(count >= CASES_MIN);
}

static void names_and_schemes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        judge(str_of(names[i].text), names[i].err);
    arena_reset(&arena);
}

static const struct CMUnitTest tests[] = {
    TEST("every spelling of the addresses at every edge", every_spelling_of_every_edge),
    TEST("names, schemes and our own routes", names_and_schemes),
};

int main(void)
{
    int failed;

    arena_init(&arena);
    failed = RUN_TESTS(tests);
    arena_release(&arena);
    return failed;
}
