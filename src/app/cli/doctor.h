/* doctor.h -- what `runbell doctor` looks at, one check after the other.
 *
 * A check says how it stands and, if not well, what to do. The checks of this machine stand in
 * doctor_machine.c, those of what is around it in doctor_net.c, that of the bucket in
 * doctor_blobs.c.
 */
#ifndef APP_CLI_DOCTOR_H
#define APP_CLI_DOCTOR_H

#include "app/cli/remote.h"

enum doctor_verdict { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILED };

struct doctor {
    struct session *session;
    struct arena arena;
    struct json_writer json; /* with --json */
    struct buf out;
    bool as_json, is_quick, has_config;
    unsigned warnings, failures;
};

/* Tells a result: `mend` "" if there is nothing to do. */
void doctor_tell(struct doctor *d, const char *name, enum doctor_verdict verdict, struct str said,
                 const char *mend);
void doctor_telling(struct doctor *d, const char *name, enum doctor_verdict verdict,
                    const char *mend, const char *format, ...) PRINTF_LIKE(5, 6);

void doctor_clock(struct doctor *d);
void doctor_disk(struct doctor *d);
void doctor_files(struct doctor *d);
void doctor_permissions(struct doctor *d);
void doctor_certificates(struct doctor *d);
void doctor_store(struct doctor *d);
void doctor_server(struct doctor *d);
/* Does the server behind the gateway answer, and are its credentials good? */
void doctor_upstream(struct doctor *d);
/* Can objects be put, read and removed in the bucket? */
void doctor_blobs(struct doctor *d);
/* May and can webhooks reach this URL? (A2, A9) */
void doctor_egress(struct doctor *d, const char *url);

#endif
