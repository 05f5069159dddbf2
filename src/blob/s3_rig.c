/* s3_rig.c -- see s3_rig.h. One connection after the other, one request on each. */
#include "blob/s3_rig.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"

#define REQUEST_BYTES_MAX (64 * MIB)
#define HEAD_BYTES_MAX (64 * KIB)
#define HANG_US 700000 /* longer than the timeout, shorter than that and the pause after it */
#define XML_MAX 256

/* ---- reading and writing ---- */

static bool read_more(int fd, struct buf *in)
{
    char *to = buf_reserve(in, 64 * KIB);
    ssize_t count = to ? read(fd, to, 64 * KIB) : 0;

    if (count <= 0)
        return false;
    buf_added(in, (size_t)count);
    return true;
}

/* Up to its blank line; 0: it did not come. */
static size_t read_head(int fd, struct buf *in)
{
    size_t at;

    while ((at = str_find(buf_str(in), STR("\r\n\r\n"))) == in->len)
        if (!read_more(fd, in))
            return 0;
    return at + 4;
}

static size_t length_of(struct str head)
{
    static const char name[] = "Content-Length: ";
    struct str rest = str_from(head, str_find(head, str_of(name)) + sizeof(name) - 1);
    int64_t length = 0;

    if (rest.len == 0 || str_to_i64(str_first(rest, str_find_char(rest, '\r')), &length))
        return 0;
    return (size_t)length;
}

static void say(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.data, bytes.len);

        if (count <= 0)
            return;
        bytes = str_from(bytes, (size_t)count);
    }
}

static void answer(int fd, int status, struct str body, size_t given)
{
    struct buf head;

    buf_init(&head, KIB);
    buf_addf(&head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
             body.len);
    say(fd, buf_str(&head));
    say(fd, str_first(body, given));
    buf_release(&head);
}

/* ---- objects ---- */

static struct s3_rig_object *object_of(struct s3_rig *rig, struct str path)
{
    for (size_t i = 0; i < S3_RIG_OBJECTS_MAX; i++)
        if (str_eq(path, str_of(rig->objects[i].path)))
            return &rig->objects[i];
    return NULL;
}

static void put(struct s3_rig *rig, struct str path, struct str body)
{
    struct s3_rig_object *object = object_of(rig, path);

    if (!object)
        object = object_of(rig, STR(""));
    REQUIRE(object && path.len < sizeof(object->path));
    snprintf(object->path, sizeof(object->path), "%.*s", STR_ARG(path));
    buf_init(&object->bytes, REQUEST_BYTES_MAX);
    buf_add(&object->bytes, body);
}

static void drop(struct s3_rig_object *object)
{
    if (!object)
        return;
    buf_release(&object->bytes);
    object->path[0] = '\0';
}

/* <Key>PATH</Key> of each; the bucket is the first segment of a path. */
static void drop_many(struct s3_rig *rig, struct str bucket, struct str xml)
{
    size_t at;

    while ((at = str_find(xml, STR("<Key>"))) < xml.len) {
        char path[256];
        struct str key = str_from(xml, at + 5);

        key = str_first(key, str_find_char(key, '<'));
        snprintf(path, sizeof(path), "%.*s/%.*s", STR_ARG(bucket), STR_ARG(key));
        drop(object_of(rig, str_of(path)));
        xml = str_from(xml, at + 5);
    }
}

static void get(struct s3_rig *rig, int fd, struct str path, int fault)
{
    const struct s3_rig_object *object = object_of(rig, path);
    struct str bytes = object ? buf_str(&object->bytes) : STR("");

    if (object)
        answer(fd, 200, bytes, fault == S3_RIG_HALF ? bytes.len / 2 : bytes.len);
    else
        answer(fd, 404, STR("<Error><Code>NoSuchKey</Code></Error>"), 100);
}

/* ---- one request ---- */

static int fault_take(struct s3_rig *rig)
{
    int at = atomic_fetch_add(&rig->fault_next, 1);

    return at < S3_RIG_FAULTS_MAX ? rig->faults[at] : S3_RIG_WELL;
}

static bool fails(struct s3_rig *rig, int fd, int fault)
{
    char xml[XML_MAX];

    if (fault == S3_RIG_HANG)
        usleep(HANG_US);
    if (fault == S3_RIG_HANG || fault == S3_RIG_CLOSE)
        return true;
    if (fault < 400)
        return false;
    snprintf(xml, sizeof(xml), "<Error><Code>%s</Code></Error>", rig->code ? rig->code : "Trouble");
    answer(fd, fault, str_of(xml), XML_MAX);
    return true;
}

static void serve(struct s3_rig *rig, int fd, struct str head, struct str body)
{
    struct str rest = head, method, target, path;
    int fault = fault_take(rig);

    str_split(&rest, ' ', &method);
    str_split(&rest, ' ', &target);
    path = str_first(target, str_find_char(target, '?'));
    snprintf(rig->last, sizeof(rig->last), "%.*s %.*s", STR_ARG(method), STR_ARG(target));
    if (fails(rig, fd, fault))
        return;
    if (str_eq(method, STR("PUT")))
        put(rig, path, body);
    else if (str_eq(method, STR("DELETE")))
        drop(object_of(rig, path));
    else if (str_eq(method, STR("POST")))
        drop_many(rig, path, body);
    if (str_eq(method, STR("GET")))
        get(rig, fd, path, fault);
    else
        answer(fd, 200, STR(""), 0);
}

static void *run(void *context)
{
    struct s3_rig *rig = context;

    for (;;) {
        int fd = accept(rig->listening, NULL, NULL);
        size_t head, length;
        struct buf in;

        if (atomic_load(&rig->stopping) || fd < 0)
            return NULL;
        buf_init(&in, REQUEST_BYTES_MAX + HEAD_BYTES_MAX);
        head = read_head(fd, &in);
        length = length_of(str_first(buf_str(&in), head));
        while (head > 0 && in.len < head + length && read_more(fd, &in))
            continue;
        if (head > 0 && in.len == head + length) {
            atomic_fetch_add(&rig->requests, 1);
            serve(rig, fd, str_first(buf_str(&in), head), str_from(buf_str(&in), head));
        }
        buf_release(&in);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
}

void s3_rig_start(struct s3_rig *rig)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    rig->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rig->listening, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(rig->listening, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(listen(rig->listening, 64), 0);
    rig->port = ntohs(address.sin_port);
    snprintf(rig->endpoint, sizeof(rig->endpoint), "http://127.0.0.1:%u", (unsigned)rig->port);
    rig->settings = (struct s3_settings){.bucket = "bucket",
                                         .endpoint = rig->endpoint,
                                         .access_key_id = "AKID",
                                         .secret_access_key = "secret",
                                         .link_ms = 1000,
                                         .timeout_ms = 500,
                                         .connections_max = 4};
    assert_int_equal(pthread_create(&rig->thread, NULL, run, rig), 0);
}

void s3_rig_stop(struct s3_rig *rig)
{
    atomic_store(&rig->stopping, true);
    shutdown(rig->listening, SHUT_RDWR);
    assert_int_equal(pthread_join(rig->thread, NULL), 0);
    close(rig->listening);
    for (size_t i = 0; i < S3_RIG_OBJECTS_MAX; i++)
        buf_release(&rig->objects[i].bytes);
}

size_t s3_rig_count(const struct s3_rig *rig)
{
    size_t count = 0;

    for (size_t i = 0; i < S3_RIG_OBJECTS_MAX; i++)
        count += rig->objects[i].path[0] != '\0';
    return count;
}
