/* `runbell doctor`: is everything as the server needs it? */
#include "app/cli/doctor.h"

#include <stdarg.h>

#include "app/cli/output.h"

static const struct arg_flag flags[] = {
    {"egress", "URL", "also: may and can webhooks reach this URL?", NULL},
    {"quick", NULL, "only whether the server is there and ready: for health checks", NULL},
    ARG_JSON,
    {"listen", "ADDRESS", "as runbell serve has it", "listen"},
    {"dev", NULL, "as runbell serve has it", "dev"},
    ARG_DATA,
    ARG_STORE,
    ARG_CONFIG,
    ARG_SERVER,
    ARG_API_KEY,
};

const struct arg_command doctor_command = {
    .name = "runbell doctor",
    .operands = "",
    .summary = "Looks at configuration, machine, store and network, and says what to mend.",
    .more = "It changes nothing (of a bucket for blobs it tries an object of its own, and removes "
            "it). Exit code 0: well (warnings too), 1: something does not work.",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

void doctor_tell(struct doctor *d, const char *name, enum doctor_verdict verdict, struct str said,
                 const char *mend)
{
    static const char *const words[] = {"ok", "warning", "failed"};
    static const enum output_colour colours[] = {OUTPUT_GOOD, OUTPUT_WARN, OUTPUT_BAD};

    d->warnings += verdict == DOCTOR_WARNING;
    d->failures += verdict == DOCTOR_FAILED;
    if (d->as_json) {
        json_begin_object(&d->json);
        json_put_str(&d->json, "check", str_of(name));
        json_put_str(&d->json, "verdict", str_of(words[verdict]));
        json_put_str(&d->json, "detail", said);
        json_put_str(&d->json, "mend", mend[0] ? str_of(mend) : STR_NONE);
        json_end_object(&d->json);
        return;
    }
    printf("%s%-8s%s %-13s ", output_begin(colours[verdict]), words[verdict], output_end(), name);
    output_safe(said, 600);
    putchar('\n');
    if (mend[0])
        printf("%23s%s\n", "", mend);
    fflush(stdout);
}

void doctor_telling(struct doctor *d, const char *name, enum doctor_verdict verdict,
                    const char *mend, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    doctor_tell(d, name, verdict, str_of(text), mend);
}

static void check_config(struct doctor *d)
{
    struct egress_policy egress;
    struct str why;

    if (session_read_config(d->session, d->is_quick, &why)) {
        doctor_tell(d, "config", DOCTOR_FAILED, why, "runbell serve would not start");
        return;
    }
    d->has_config = true;
    egress = config_egress(&d->session->config, d->session->world, &d->session->config.listen,
                           &d->arena);
    if (config_check_notify_url(&d->session->config, &egress, &d->arena, &why)) {
        doctor_tell(d, "config", DOCTOR_FAILED, why, "runbell serve would not start");
        return;
    }
    doctor_telling(d, "config", DOCTOR_OK, "", "%s, %zu graphs",
                   d->session->config.file ? d->session->config.file
                                           : "no " CONFIG_FILE ", the defaults are in force",
                   d->session->config.graphs.count);
}

static void check_all(struct doctor *d)
{
    const char *url = session_value(d->session, "egress");

    check_config(d);
    if (!d->is_quick) {
        doctor_clock(d);
        doctor_files(d);
    }
    if (d->has_config && !d->is_quick) {
        doctor_disk(d);
        doctor_permissions(d);
        doctor_certificates(d);
        doctor_store(d);
        doctor_blobs(d);
    }
    doctor_server(d);
    if (d->has_config && !d->is_quick)
        doctor_upstream(d);
    if (d->has_config && url)
        doctor_egress(d, url);
}

static void begin(struct doctor *d)
{
    json_writer_init(&d->json, &d->out);
    json_begin_object(&d->json);
    json_key(&d->json, "checks");
    json_begin_array(&d->json);
}

static void end(struct doctor *d)
{
    json_end_array(&d->json);
    json_put_i64(&d->json, "warnings", d->warnings);
    json_put_i64(&d->json, "failures", d->failures);
    json_end_object(&d->json);
    if (d->as_json)
        output_line(buf_str(&d->out));
    else if (!d->failures && !d->warnings)
        puts("All is well.");
}

int cli_doctor(int argc, char **argv)
{
    struct session session;
    struct doctor d = {.session = &session};
    int code;

    if (!session_open(&session, &doctor_command, SESSION_NO_CONFIG, argc, argv, &code))
        return code;
    arena_init(&d.arena);
    buf_init(&d.out, MIB);
    d.as_json = session_value(&session, "json");
    d.is_quick = session_value(&session, "quick");
    begin(&d);
    check_all(&d);
    end(&d);
    buf_release(&d.out);
    arena_release(&d.arena);
    session_close(&session);
    return d.failures ? CLI_FAILED : CLI_OK;
}
