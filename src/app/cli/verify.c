/* `runbell verify`: is a captured request signed by this secret, and if not, why not? */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "app/cli/output.h"
#include "app/cli/session.h"
#include "crypto/webhook_check.h"
#include "io/disk.h"

#define CAPTURE_BYTES_MAX (64 * MIB)

static const struct arg_flag flags[] = {
    {"secret", "SECRET", "whsec_… or whpk_…, several with blanks between; better: RUNBELL_SECRET",
     NULL},
    {"secret-file", "FILE", "the same, in a file", NULL},
    {"request", "FILE", "the request as it came: headers, an empty line, the body (default: -)",
     NULL},
    {"body", "FILE", "only the body; then the headers are given by the flags below", NULL},
    {"id", "TEXT", "webhook-id", NULL},
    {"timestamp", "SECONDS", "webhook-timestamp", NULL},
    {"signature", "TEXT", "webhook-signature", NULL},
    {"at", "SECONDS", "judge its age at this time, in seconds since 1970 (default: now)", NULL},
    {"any-time", NULL, "do not look at its age", NULL},
    ARG_JSON,
};

const struct arg_command verify_command = {
    .name = "runbell verify",
    .operands = "",
    .summary = "Checks the signature of a captured webhook, and says what is wrong with it.",
    .more =
        "The body must be the bytes that came: JSON that was parsed and written again does not\n"
        "verify (and is told). It asks no server. Exit code 0: verified, 1: not.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

struct capture {
    struct arena arena;
    struct webhook_received received;
    struct webhook_secret secrets[WEBHOOK_SECRETS_MAX];
};

/* ---- reading ---- */

static bool read_stream(struct buf *out)
{
    while (!out->failed) {
        char *room = buf_reserve(out, 64 * KIB);
        ssize_t got = room ? read(STDIN_FILENO, room, 64 * KIB) : -1;

        if (got <= 0)
            return got == 0;
        buf_added(out, (size_t)got);
    }
    return false;
}

/* "-" is standard input. */
static int read_file(const struct session *session, struct capture *c, const char *path,
                     struct str *text)
{
    struct buf out;
    bool is_read;

    buf_init(&out, CAPTURE_BYTES_MAX);
    is_read = strcmp(path, "-") == 0 ? read_stream(&out)
                                     : !disk_read_file(session->world->disk, path, &out);
    *text = arena_str(&c->arena, buf_str(&out));
    buf_release(&out);
    if (is_read)
        return CLI_OK;
    return session_fail(session, "%s cannot be read (or has more than 64 MiB)", path);
}

/* One line off the front, without its end. */
static bool take_line(struct str *rest, struct str *line)
{
    size_t end = str_find_char(*rest, '\n');

    if (end == rest->len)
        return false;
    *line = str_first(*rest, end);
    *rest = str_from(*rest, end + 1);
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

static void take_header(struct webhook_received *received, struct str line)
{
    const struct {
        const char *name;
        struct str *value;
    } known[] = {{"webhook-id", &received->id},
                 {"webhook-timestamp", &received->timestamp},
                 {"webhook-signature", &received->signature}};
    size_t colon = str_find_char(line, ':');

    for (size_t i = 0; colon < line.len && i < ARRAY_LEN(known); i++)
        if (str_eq_nocase(str_trim(str_first(line, colon)), str_of(known[i].name)))
            *known[i].value = str_trim(str_from(line, colon + 1));
}

static int read_request(const struct session *session, struct capture *c, const char *path)
{
    struct str rest, line = STR("");
    bool has_end = false;
    int code;

    if (strcmp(path, "-") == 0 && isatty(STDIN_FILENO))
        return session_fail(session, "give the captured request on standard input, or with "
                                     "--request or --body");
    if ((code = read_file(session, c, path, &rest)))
        return code;
    while (!has_end && take_line(&rest, &line)) {
        has_end = line.len == 0;
        take_header(&c->received, line);
    }
    if (!has_end)
        return session_fail(session,
                            "%s has no empty line between headers and body; for a body "
                            "alone there is --body",
                            path);
    c->received.body = rest;
    return CLI_OK;
}

static int read_secrets(const struct session *session, struct capture *c)
{
    const char *given = session_value(session, "secret"),
               *file = session_value(session, "secret-file");
    struct str rest = str_of(given ? given : getenv("RUNBELL_SECRET")), piece;
    char *text;
    int code;

    if (file && (code = read_file(session, c, file, &rest)))
        return code;
    text = arena_cstr(&c->arena, rest);
    for (char *at = text; *at; at++)
        if (strchr(",\r\n\t", *at))
            *at = ' ';
    rest = str_of(text);
    while (c->received.secret_count < WEBHOOK_SECRETS_MAX && str_split(&rest, ' ', &piece))
        if (piece.len > 0) {
            size_t n = c->received.secret_count++;

            c->secrets[n].name = arena_printf(&c->arena, "secret %zu", n + 1);
            c->secrets[n].text = piece;
        }
    c->received.secrets = c->secrets;
    return CLI_OK;
}

static int read_time(const struct session *session, struct capture *c)
{
    const char *at = session_value(session, "at");

    c->received.tolerance_s = session_value(session, "any-time") ? -1 : WEBHOOK_TOLERANCE_S;
    c->received.now_s = (int64_t)time(NULL);
    if (at && str_to_i64(str_of(at), &c->received.now_s))
        return session_fail(session, "--at must be whole seconds since 1970, not \"%s\"", at);
    return CLI_OK;
}

static int read_capture(const struct session *session, struct capture *c)
{
    const char *request = session_value(session, "request"), *body = session_value(session, "body");
    int code;

    if (body)
        code = read_file(session, c, body, &c->received.body);
    else
        code = read_request(session, c, request ? request : "-");
    if (session_value(session, "id"))
        c->received.id = str_of(session_value(session, "id"));
    if (session_value(session, "timestamp"))
        c->received.timestamp = str_of(session_value(session, "timestamp"));
    if (session_value(session, "signature"))
        c->received.signature = str_of(session_value(session, "signature"));
    if (code == CLI_OK)
        code = read_secrets(session, c);
    return code == CLI_OK ? read_time(session, c) : code;
}

/* ---- saying ---- */

static void print_json(const struct webhook_check *check)
{
    struct json_writer json;
    struct buf out;

    buf_init(&out, MIB);
    json_writer_init(&json, &out);
    json_begin_object(&json);
    json_put_bool(&json, "verified", check->verdict == WEBHOOK_VERIFIED);
    json_put_str(&json, "verdict", str_of(webhook_verdict_name(check->verdict)));
    json_put_str(&json, "detail", check->why);
    json_put_str(&json, "mend", check->mend.len ? check->mend : STR_NONE);
    json_put_str(&json, "signer", check->signer);
    json_put_i64(&json, "age_s", check->age_s);
    json_end_object(&json);
    output_line(buf_str(&out));
    buf_release(&out);
}

static int say(const struct session *session, const struct capture *c,
               const struct webhook_check *check)
{
    bool is_good = check->verdict == WEBHOOK_VERIFIED;

    if (session_value(session, "json")) {
        print_json(check);
        return is_good ? CLI_OK : CLI_FAILED;
    }
    printf("%s%s%s: %.*s.\n", output_begin(is_good ? OUTPUT_GOOD : OUTPUT_BAD),
           is_good ? "Verified" : "Not verified", output_end(), STR_ARG(check->why));
    if (check->mend.len)
        printf("%.*s.\n", STR_ARG(check->mend));
    if (!str_is_none(c->received.id) && !str_is_none(c->received.timestamp)) {
        fputs("What is signed: ", stdout);
        output_safe(c->received.id, 100);
        putchar('.');
        output_safe(c->received.timestamp, 40);
        printf(".(body of %zu bytes)\n", c->received.body.len);
    }
    return is_good ? CLI_OK : CLI_FAILED;
}

int cli_verify(int argc, char **argv)
{
    struct capture *c;
    struct webhook_check check;
    struct session session;
    struct arena arena;
    int code;

    if (!session_open(&session, &verify_command, SESSION_NO_CONFIG, argc, argv, &code))
        return code;
    arena_init(&arena);
    c = ARENA_NEW(&arena, struct capture);
    arena_init(&c->arena);
    c->received.body = STR("");
    code = read_capture(&session, c);
    if (code == CLI_OK) {
        webhook_check(&c->received, &c->arena, &check);
        code = say(&session, c, &check);
    }
    arena_release(&c->arena);
    arena_release(&arena);
    session_close(&session);
    return code;
}
