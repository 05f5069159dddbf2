/* s3_answer.h -- what an S3-compatible service says: the few texts of its XML that are looked at,
 * what follows from an answer, and what people are told of it.
 *
 * Pure. The XML is a stranger's: nothing is believed but texts between two tags, and what is not
 * found is not there. */
#ifndef BLOB_S3_ANSWER_H
#define BLOB_S3_ANSWER_H

#include "base/buf.h"

enum s3_end { S3_ANSWERED, S3_UNREACHABLE, S3_LOST, S3_STALLED, S3_KEYLESS };

struct s3_answer {
    enum s3_end end;
    const char *why;          /* unless answered: words, which stay */
    int status;               /* if answered; so below */
    struct str code, message; /* of an error; STR_NONE: not said */
    struct str region;        /* where the bucket is, if it is elsewhere */
    bool has_skew;
    int64_t skew_s; /* the service's clock minus ours */
};

enum s3_verdict {
    S3_GOOD,
    S3_MISSING, /* there is no such object */
    S3_AGAIN,   /* may go well in a moment */
    S3_REFUSED  /* will not go well before somebody mends it */
};

/* <Code> and <Message> of an error's body, borrowed from it. */
void s3_answer_read_error(struct s3_answer *answer, struct str xml);
/* The next <Error> of the answer to a removal of many, from *position on (0 at first): the end of
 * its key, and its code. */
bool s3_answer_next_failed(struct str xml, size_t *position, struct str *key, struct str *code);

/* Does it say that the credentials have ended, or are not those of the service? */
bool s3_answer_wants_keys(const struct s3_answer *answer);
enum s3_verdict s3_answer_judge(const struct s3_answer *answer);
/* What went wrong and what to mend, for logs and for doctor; `bucket` as configured. */
void s3_answer_explain(struct buf *out, const struct s3_answer *answer, struct str bucket);

/* Before the nth attempt (2, 3, …): 0.1 s, then twice as long each time, at most 2 s. */
int64_t s3_pause_ms(unsigned attempt);

#endif
