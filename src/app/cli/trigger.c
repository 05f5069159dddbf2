/* `runbell trigger`: a realistic, signed sample of each kind, through the server's own engine. */
#include <stdio.h>

#include "app/cli/output.h"
#include "app/cli/remote.h"

#define BYTES_MAX (16 * MIB)

static const struct arg_flag flags[] = {
    {"url", "URL", "where to", NULL}, ARG_JSON, ARG_SERVER, ARG_API_KEY};

const struct arg_command trigger_command = {
    .name = "runbell trigger",
    .operands = "KIND",
    .summary = "Sends a signed sample of a webhook and says what the receiver answered.",
    .more =
        "KIND is run, rule, alert or fleet. It is delivered, logged and judged like any other,\n"
        "but tried once. Exit code 0: the receiver took it.",
    .operand_count = 1,
    .words = "run rule alert fleet",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

/* What the receiver answered, else why it did not; else that there was no attempt. */
static void say_why(const struct json *root)
{
    const struct json *attempt = json_get(root, "attempt");
    struct str words = output_text(attempt, "message"), detail = output_text(attempt, "detail");

    output_safe(words.len ? words : output_text(root, "message"), 400);
    if (detail.len) {
        fputs(": ", stdout);
        output_safe(detail, 400);
    }
}

static int say(const struct session *session, const struct buf *body)
{
    const struct json *root = NULL;
    struct arena arena;
    bool is_good = false;

    arena_init(&arena);
    if (output_parse(&arena, body, &root))
        is_good = json_bool(json_get(root, "delivered"), false);
    if (session_value(session, "json")) {
        output_line(buf_str(body));
    } else if (root) {
        int64_t us =
            json_i64(json_get(json_get(json_get(root, "attempt"), "phases_us"), "total"), -1);

        printf("%s%s%s: ", output_begin(is_good ? OUTPUT_GOOD : OUTPUT_BAD),
               is_good ? "Delivered" : "Not delivered", output_end());
        say_why(root);
        if (us >= 0)
            printf(" (%.1f ms)", (double)us / 1000);
        printf("\nrunbell deliveries show %lld says more.\n",
               (long long)json_i64(json_get(json_get(root, "delivery"), "delivery_id"), 0));
    }
    arena_release(&arena);
    return is_good ? CLI_OK : CLI_FAILED;
}

int trigger_run(struct remote *remote)
{
    const struct session *session = remote->session;
    const char *url = session_value(session, "url");
    struct json_writer json;
    struct buf ask, body;
    int code;

    if (!url) {
        (void)session_fail(session, "--url is missing: where is it to be sent?");
        return CLI_USAGE;
    }
    buf_init(&ask, BYTES_MAX);
    buf_init(&body, BYTES_MAX);
    json_writer_init(&json, &ask);
    json_begin_object(&json);
    json_put_str(&json, "kind", str_of(session->args.operands[0]));
    json_put_str(&json, "url", str_of(url));
    json_end_object(&json);
    code = remote_call(remote, "POST", STR("/v1/test"), buf_str(&ask), &body);
    if (code == CLI_OK)
        code = say(session, &body);
    buf_release(&ask);
    buf_release(&body);
    return code;
}
