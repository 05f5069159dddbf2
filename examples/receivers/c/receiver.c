/* receiver.c -- takes Runbell's webhooks: verifies each with runbell_verify.h, takes each once. One
 * connection at a time, so that it is short; put it behind a real server, or verify in yours.
 *
 *   cc -I../../../include -o receiver receiver.c
 *   RUNBELL_SECRET=whsec_… ./receiver 8000
 *
 * A webhook may come twice (a connection that broke off just before the answer): `webhook-id` is
 * the same then. Answer first and fast; do the work afterwards, from a queue of your own. */
#include "runbell_verify.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX (1024 * 1024)
#define SEEN_MAX 10000

/* A real receiver keeps these in its database, in the transaction of the work. */
static char seen[SEEN_MAX][RUNBELL_ID_BYTES_MAX + 1];
static size_t seen_count;

static int is_new(const char *id)
{
    for (size_t i = 0; i < seen_count && i < SEEN_MAX; i++)
        if (strcmp(seen[i], id) == 0)
            return 0;
    snprintf(seen[seen_count++ % SEEN_MAX], sizeof(seen[0]), "%s", id);
    return 1;
}

/* The value of a header in `head`, which is cut into lines here; NULL: absent. */
static const char *find_header(char *head, const char *end, const char *name)
{
    size_t len = strlen(name);

    for (char *line = head; line < end; line += strlen(line) + 1) {
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " ");
    }
    return NULL;
}

/* Ends each line with a NUL in place of its line end. */
static void cut_lines(char *head, const char *end)
{
    for (char *at = head; at < end; at++)
        if (*at == '\r' || *at == '\n')
            *at = '\0';
}

/* Reads head and body; the body's place, or NULL if it is no request we take. */
static char *read_request(int client, char *text, size_t *body_len)
{
    size_t len = 0, want = 0;
    char *body = NULL;

    while (!body || len < want) {
        ssize_t got =
            len < REQUEST_BYTES_MAX ? read(client, text + len, REQUEST_BYTES_MAX - len) : 0;
        const char *length;

        if (got <= 0)
            return NULL;
        len += (size_t)got;
        text[len] = '\0';
        if (body || !(body = strstr(text, "\r\n\r\n")))
            continue;
        body += 4;
        cut_lines(text, body);
        length = find_header(text, body, "content-length");
        *body_len = length ? (size_t)strtoul(length, NULL, 10) : 0;
        want = (size_t)(body - text) + *body_len;
    }
    return body;
}

static int judge(char *text, const char *body, size_t body_len)
{
    struct runbell_request request = {find_header(text, body, "webhook-id"),
                                      find_header(text, body, "webhook-timestamp"),
                                      find_header(text, body, "webhook-signature"), body, body_len};
    enum runbell_verdict verdict =
        runbell_verify(getenv("RUNBELL_SECRET"), &request, (int64_t)time(NULL));

    if (verdict != RUNBELL_VERIFIED) {
        fprintf(stderr, "refused: %s\n", runbell_verdict_text(verdict));
        return 401;
    }
    printf("%s %s\n", is_new(request.id) ? "received" : "duplicate", request.id);
    fflush(stdout);
    return 200;
}

static void serve(int client)
{
    static char text[REQUEST_BYTES_MAX + 1];
    size_t body_len = 0;
    char *body = read_request(client, text, &body_len);
    int status = body ? judge(text, body, body_len) : 400;
    char answer[100];
    int len = snprintf(answer, sizeof(answer),
                       "HTTP/1.1 %d -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);

    if (write(client, answer, (size_t)len) < 0)
        perror("write");
    close(client);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

    if (argc != 2 || !getenv("RUNBELL_SECRET")) {
        fprintf(stderr, "RUNBELL_SECRET=whsec_… receiver PORT\n");
        return 2;
    }
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 64)) {
        perror("listen");
        return 1;
    }
    for (;;)
        serve(accept(listener, NULL, NULL));
}
