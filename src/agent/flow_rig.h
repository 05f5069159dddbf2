/* flow_rig.h -- for tests of what happens to runs in transactions: a database of its own, a clock
 * that the test turns, and short words for creating, claiming, ending and looking.
 *
 * Every change is applied twice: once in a savepoint that is rolled back, then again. So each test
 * also proves that its transactions can be repeated. */
#ifndef AGENT_FLOW_RIG_H
#define AGENT_FLOW_RIG_H

#include "agent/agent_config.h"
#include "agent/run_cancel.h"
#include "agent/run_create.h"
#include "agent/run_end.h"
#include "agent/run_result.h"
#include "store/outbox_fixture.h"

#define FLOW_TENANT STR("t")
/* Threads and runs have short names in tests: "thread-1", "run-1". */
#define FLOW_HOOK "https://receiver.example/hook?token=s"

struct flow {
    struct outbox_rig rig; /* connection, clock, outbox */
    struct agent_config config;
    struct arena arena; /* of what is looked at: as long as the test */
    struct request_error error;
    struct buf notes; /* of the last change: "run_pending thread-1;" */
};

/* postgres_url NULL: SQLite. */
void flow_open(struct flow *flow, const char *postgres_url);
void flow_close(struct flow *flow);

/* In a transaction of its own; `apply` runs twice, its first doing is undone. */
enum err flow_apply(struct flow *flow, enum err (*apply)(struct tx *tx, void *context),
                    void *context);

/* Creates a run from a body (JSON with single quotes); `thread_id` NULL: stateless, on a thread
 * named after the run. */
enum err flow_create(struct flow *flow, const char *run_id, const char *thread_id,
                     const char *body);
/* As flow_create, and it must succeed. */
void flow_make(struct flow *flow, const char *run_id, const char *thread_id, const char *body);
/* Claims at most `limit` runs; returns their ids joined by ",", in the order given. */
struct str flow_claim(struct flow *flow, int64_t limit);
/* Ends the run in its present attempt; must end it. */
void flow_finish(struct flow *flow, const char *run_id, const struct run_outcome *outcome);
/* The same for any attempt; returns whether it ended. */
bool flow_finish_attempt(struct flow *flow, const char *run_id, int64_t attempt,
                         const struct run_outcome *outcome);
/* `type`: "WorkerCrash" … */
bool flow_lose_by(struct flow *flow, const char *run_id, int64_t attempt, const char *type);
bool flow_lose(struct flow *flow, const char *run_id, int64_t attempt); /* by a crash */
void flow_cancel(struct flow *flow, const char *run_id, const char *action);

/* ERR_NOT_FOUND leaves *run zero. */
enum err flow_run(struct flow *flow, const char *run_id, struct run *run);
enum err flow_thread(struct flow *flow, const char *thread_id, struct thread *thread);
/* "success", or "gone". */
struct str flow_run_status(struct flow *flow, const char *run_id);
struct str flow_thread_status(struct flow *flow, const char *thread_id);
/* How many deliveries tell of the run. */
size_t flow_deliveries(struct flow *flow, const char *run_id);
/* The body of the only one. */
struct str flow_payload(struct flow *flow, const char *run_id);
/* What wait and join answer. */
struct str flow_result(struct flow *flow, const char *run_id);

/* JSON text with its single quotes made double, for readable tests. */
struct str flow_json(struct flow *flow, const char *text);
/* A member, by its path: flow_member(kwargs, "config.configurable.user"); STR_NONE if absent. */
struct str flow_member(struct str object, const char *path);

/* A checkpoint of the run in the root namespace. */
void flow_checkpoint(struct flow *flow, const char *thread_id, const char *checkpoint_id,
                     const char *run_id);
/* Their ids, newest first, joined by ",". */
struct str flow_checkpoints(struct flow *flow, const char *thread_id);

/* Runs the tests on SQLite and, where RUNBELL_TEST_POSTGRES holds a URL, on PostgreSQL. `state` of
 * each is a struct flow. */
int flow_run_tests(const struct CMUnitTest *tests, size_t count);
#define FLOW_RUN_TESTS(tests) flow_run_tests((tests), ARRAY_LEN(tests))

#endif
