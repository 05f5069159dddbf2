/* err.c -- the words for logs, and the end of a broken REQUIRE. */
#include "base/err.h"

#include "base/base.h"

const char *err_name(enum err err)
{
    switch (err) {
    case OK:
        return "ok";
    case ERR_INVALID:
        return "invalid";
    case ERR_DENIED:
        return "denied";
    case ERR_NOT_FOUND:
        return "not_found";
    case ERR_CONFLICT:
        return "conflict";
    case ERR_LIMIT:
        return "limit";
    case ERR_AGAIN:
        return "again";
    case ERR_IO:
        return "io";
    }
    return "unknown";
}

NORETURN void require_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: REQUIRE(%s) failed: a bug\n", file, line, condition);
    abort();
}
