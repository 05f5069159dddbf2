/* err.h -- what went wrong, in the words of what the caller can do about it. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    OK = 0,
    ERR_INVALID,   /* the input is wrong: tell whoever sent it */
    ERR_DENIED,    /* not allowed */
    ERR_NOT_FOUND, /* no such thing */
    ERR_CONFLICT,  /* it exists already, or is in a state that forbids this */
    ERR_LIMIT,     /* larger than a named limit */
    ERR_AGAIN,     /* not now: the same call may succeed later */
    ERR_IO         /* the outside world failed: disk, network, database */
};

/* A word for logs: "invalid", "not_found", … Never NULL. */
const char *err_name(enum err err);

#endif
