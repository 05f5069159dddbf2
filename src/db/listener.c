/* listener.c -- LISTEN, and waiting on the socket for what comes. */
#include "db/listener.h"

#include <poll.h>

#include "base/mem.h"
#include "db/postgres_priv.h"

struct db_listener {
    PGconn *conn; /* NULL: not connected */
    char *url;
    char *listen; /* "LISTEN channel" */
};

static char *join(const char *a, const char *b)
{
    size_t bytes = strlen(a) + strlen(b) + 1;
    char *joined = mem_alloc(bytes);

    snprintf(joined, bytes, "%s%s", a, b);
    return joined;
}

struct db_listener *db_listener_new(const char *url, const char *channel)
{
    struct db_listener *listener = MEM_NEW(struct db_listener);

    listener->url = join(url, "");
    listener->listen = join("LISTEN ", channel);
    return listener;
}

static void disconnect(struct db_listener *listener)
{
    PQfinish(listener->conn);
    listener->conn = NULL;
}

static enum err connect_anew(struct db_listener *listener)
{
    PGresult *result;
    bool ok;

    listener->conn = postgres_connect(listener->url);
    result = PQexec(listener->conn, listener->listen);
    ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!ok)
        disconnect(listener);
    return ok ? OK : ERR_AGAIN;
}

static bool wait_for_input(struct db_listener *listener, int timeout_ms)
{
    struct pollfd socket = {.fd = PQsocket(listener->conn), .events = POLLIN};

    if (poll(&socket, 1, timeout_ms) <= 0)
        return true;
    return PQconsumeInput(listener->conn);
}

enum err db_listener_wait(struct db_listener *listener, int timeout_ms,
                          void (*on_notice)(void *context, const struct db_notice *notice),
                          void *context)
{
    PGnotify *notify;

    if (!listener->conn) {
        if (connect_anew(listener))
            return ERR_AGAIN;
        /* What was sent before is lost. */
        on_notice(context, &(struct db_notice){.payload = STR_NONE});
    }
    if (!wait_for_input(listener, timeout_ms)) {
        disconnect(listener);
        return ERR_AGAIN;
    }
    while ((notify = PQnotifies(listener->conn)) != NULL) {
        struct db_notice notice = {.payload = str_of(notify->extra), .session_id = notify->be_pid};

        on_notice(context, &notice);
        PQfreemem(notify);
    }
    return OK;
}

void db_listener_free(struct db_listener *listener)
{
    disconnect(listener);
    mem_free(listener->url);
    mem_free(listener->listen);
    mem_free(listener);
}
