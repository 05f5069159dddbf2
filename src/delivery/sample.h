/* sample.h -- realistic payloads of each kind of webhook, for tests that a person asks for. */
#ifndef DELIVERY_SAMPLE_H
#define DELIVERY_SAMPLE_H

#include "base/buf.h"

/* "run", "rule", "alert", "fleet" */
bool sample_exists(struct str kind);
/* One JSON document; `id` stands for every id in it. Nothing for a kind that has no sample. */
void sample_write(struct buf *out, struct str kind, struct str id, int64_t now_us);

#endif
