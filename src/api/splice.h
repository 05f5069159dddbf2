/* splice.h -- large values in answers: they stand in the blob store, and are put in when all else
 * is written.
 *
 * A step writes `null` and remembers where and what; before the answer goes, the blobs are read one
 * after the other on the net loop and take the place of their null. One that cannot be had, or that
 * would make the answer larger than REPLY_BYTES_MAX, stays null. */
#ifndef API_SPLICE_H
#define API_SPLICE_H

#include "api/call.h"

struct call_splice {
    size_t at; /* of the null in the reply */
    struct str key;
    int64_t size;
};

/* In a step of the call; forgotten when the reply is begun anew (call_json). */
void call_splice(struct call *call, struct json_writer *json, struct str key, int64_t size);

#endif
