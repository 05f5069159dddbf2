/* access.h -- the user's own auth handlers (auth.path of langgraph.json): what they are asked for a
 * call, and what follows from their answer.
 *
 *   who calls? ──an API key──▶ the route's prepare
 *       │ no key
 *       ▼
 *   one question to a worker: the request, and what is to be done (checks)
 *       │  ──▶ 401, 403, or what the handler raised; 503 if nobody answers in time
 *       ▼
 *   the user, a filter on metadata for each kind of object, the body as the handler changed it
 *       │
 *       ▼
 *   the route's prepare; before each step in a transaction, the object that the path names is
 * tested against its filter, and what does not fit is as if it did not exist
 *
 * What is not named in the path (searches, ids in bodies) is the route's own business: it finds the
 * filters in call->access. A route without ROUTE_ASKS is for API keys only. */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "base/str.h"

struct call;
struct tx;

enum access {
    ACCESS_OPERATOR, /* API keys only */
    ACCESS_ASSISTANTS_CREATE,
    ACCESS_ASSISTANTS_READ,
    ACCESS_ASSISTANTS_UPDATE,
    ACCESS_ASSISTANTS_DELETE,
    ACCESS_ASSISTANTS_SEARCH,
    ACCESS_THREADS_CREATE,
    ACCESS_THREADS_READ,
    ACCESS_THREADS_UPDATE,
    ACCESS_THREADS_DELETE,
    ACCESS_THREADS_SEARCH,
    ACCESS_THREADS_COPY,
    ACCESS_RUNS_CREATE,
    ACCESS_RUNS_BATCH,
    ACCESS_RUNS_FOLLOW, /* by a stream: errors are events */
    ACCESS_COMMAND,     /* of protocol v2: its method says what */
    ACCESS_CRONS_CREATE,
    ACCESS_CRONS_READ,
    ACCESS_CRONS_UPDATE,
    ACCESS_CRONS_DELETE,
    ACCESS_CRONS_SEARCH,
    ACCESS_STORE_PUT,
    ACCESS_STORE_GET,
    ACCESS_STORE_DELETE,
    ACCESS_STORE_SEARCH,
    ACCESS_STORE_LIST_NAMESPACES,
    ACCESS_APP, /* a route of the user's own: only who calls */
    ACCESS_COUNT
};

/* In a route's flags. */
#define ROUTE_ASKS(access) ((unsigned)(access) << 16)

enum access_object { ACCESS_OF_ASSISTANTS, ACCESS_OF_THREADS, ACCESS_OF_CRONS, ACCESS_OBJECTS };

/* What the handlers said. */
struct call_access {
    /* Alternatives that metadata have to fit (auth/filter.h); STR_NONE: all do. */
    struct str filters[ACCESS_OBJECTS];
    const struct str *assistant_filters; /* ACCESS_RUNS_BATCH: of each run */
    struct str body;     /* JSON, as the handlers changed it; STR_NONE: as it was sent */
    struct str metadata; /* … of the object, where no body has them; STR_NONE: unchanged */
    struct str namespace_labels; /* JSON array, for ACCESS_STORE_GET; STR_NONE: unchanged */
};

/* Must the handlers be asked for this call? Its principal must be known. */
bool access_is_asked(const struct call *call);
/* Asks them; the route's prepare follows. */
enum err access_begin(struct call *call);
/* The same in two parts, for what is no request of its own (commands on a WebSocket). The call
 * needs setup, arena, route, params, principal, request and body_text. First: fills call->ask.ask
 * but for on_answer. Second, with ask_err and ask_answer: takes the answer; on an error the reply
 * says why.
 */
void access_question(struct call *call);
enum err access_answer(struct call *call) MUST_USE;
/* In a transaction, before a step. *refused: the reply is filled, the step must not run. */
enum err access_enforce(struct tx *tx, struct call *call, bool *refused) MUST_USE;
/* config.configurable (a JSON object, or STR_NONE) for a question about a graph: with the caller in
 * it, and nothing else in his place. */
struct str access_configurable(struct call *call, struct str configurable);
/* Does an object with these metadata exist for the caller? */
bool access_admits(const struct call *call, enum access_object object, struct str metadata);

#endif
