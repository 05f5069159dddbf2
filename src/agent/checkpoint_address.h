/* checkpoint_address.h -- which checkpoint of a thread is meant, as clients say it.
 *
 * {"checkpoint_id": …, "checkpoint_ns": …, "checkpoint_map": {…}}, or the id by itself. It goes to
 * the executor inside the configuration, so what it may be is said here, once. Pure. */
#ifndef AGENT_CHECKPOINT_ADDRESS_H
#define AGENT_CHECKPOINT_ADDRESS_H

#include "base/json.h"

#define CHECKPOINT_ID_BYTES_MAX 255
#define CHECKPOINT_NS_BYTES_MAX 4096 /* a namespace has about 50 bytes for each subgraph */

/* ERR_INVALID: `text` says which member is wrong. Absent and null are fine, here and within. */
enum err checkpoint_address_check(const struct json *checkpoint, struct str checkpoint_id,
                                  char *text, size_t text_bytes) MUST_USE;

#endif
