/* run_result.h -- what wait and join answer for a run that has ended. */
#ifndef AGENT_RUN_RESULT_H
#define AGENT_RUN_RESULT_H

#include "store/runs.h"
#include "store/threads.h"

/* From the rows: the stored result, else {"__error__": …} of a failed run, else the thread's values
 * ("null" if there are none); with "__interrupt__" while the thread waits where this run stopped.
 */
enum err run_result(struct tx *tx, const struct run *run, struct arena *arena,
                    struct str *result) MUST_USE;
/* {"__error__": error} */
struct str run_result_error(struct arena *arena, struct str error);

#endif
