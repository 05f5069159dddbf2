/* shape.h -- how our objects look as JSON on the wire, in the key order of the documented samples.
 *
 * Stored JSON is spliced, never re-serialised. All functions append one JSON value to the writer.
 */
#ifndef SHAPE_SHAPE_H
#define SHAPE_SHAPE_H

#include "base/json.h"
#include "store/assistants.h"
#include "store/crons.h"
#include "store/items.h"
#include "store/runs.h"
#include "store/threads.h"

void shape_assistant(struct json_writer *json, const struct assistant *assistant);
/* What a client asked for beyond the thread itself. */
struct thread_extras {
    bool ttl;
    struct str extracted; /* JSON object; STR_NONE: none */
};

/* `extras` NULL: none. */
void shape_thread(struct json_writer *json, const struct thread *thread,
                  const struct thread_extras *extras);
void shape_run(struct json_writer *json, const struct run *run);
void shape_item(struct json_writer *json, const struct item *item);
void shape_cron(struct json_writer *json, const struct cron_row *cron);

/* What the receiver of a run's webhook gets (C9, C10): the run, and … */
struct webhook_payload {
    const struct run *run;
    int64_t sent_us;
    bool error_is_text;       /* its message alone, and no key without an error */
    struct str values;        /* STR_NONE: left out (stateless) */
    struct str thread_status; /* STR_NONE: the thread is gone; these three: */
    struct str next;          /* JSON array; only when it waits for a person */
    struct str interrupts;    /* JSON object; only when it waits for a person */
};

void shape_webhook(struct json_writer *json, const struct webhook_payload *payload);

/* A state of a thread on which nothing has run yet. */
void shape_empty_state(struct json_writer *json);
/* {"error": type, "message": message} */
void shape_error(struct json_writer *json, struct str type, struct str message);

#endif
