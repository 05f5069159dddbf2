/* `runbell serve`: the flags of the server. */
#include "app/serve.h"

#include "app/cli/session.h"

static const struct arg_flag flags[] = {
    {"listen", "ADDRESS", "IP address and port (default: 127.0.0.1:8123)", "listen"},
    ARG_DATA,
    ARG_STORE,
    ARG_CONFIG,
    {"dev", NULL, "allow webhooks to this machine; leave out graphs that do not load", "dev"},
    {"log-level", "LEVEL", "debug, info, warn or error (default: info)", "log_level"},
    {"log-format", "FORMAT", "logfmt or json (default: logfmt)", "log.format"},
    {"tls-cert", "FILE", "PEM file; with --tls-key: HTTPS", "tls.cert"},
    {"tls-key", "FILE", "PEM file", "tls.key"},
};

const struct arg_command serve_command = {
    .name = "runbell serve",
    .operands = "",
    .summary = "Starts the server: graphs of langgraph.json, the built-in agent, webhooks.",
    .more =
        "SIGTERM and SIGINT stop it in order. On an address that others can reach it starts only\n"
        "when there is an API key (runbell keys create). All other settings: runbell help settings",
    .flags = flags,
    .flag_count = ARRAY_LEN(flags),
};

static enum err read_again(void *context, struct disk *disk, struct config *config, struct str *why)
{
    return session_load(context, disk, false, config, why);
}

int cli_serve(int argc, char **argv)
{
    struct session session;
    const struct serve_source source = {read_again, &session};
    int code;

    if (!session_open(&session, &serve_command, SESSION_WHOLE_CONFIG, argc, argv, &code))
        return code;
    session_end_world(&session);
    code = serve_run(&session.config, &source);
    session_close(&session);
    return code;
}
