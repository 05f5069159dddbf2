/* embedding.h -- texts become vectors: one question to the worker that has the user's embedding
 * function (store.index of langgraph.json), and what its answer comes to.
 *
 *   begin ──▶ put, query … ──▶ ask ──(a worker)──▶ answer ──▶ of
 *
 * Each put and query has a number, in their order from 0; `of` gives what is kept of it
 * (store/item_vectors.h). Nothing is stored before the answer is whole. */
#ifndef AGENT_EMBEDDING_H
#define AGENT_EMBEDDING_H

#include "agent/agent_config.h"
#include "agent/executor.h"
#include "base/json.h"

#define EMBEDDING_QUERY_BYTES_MAX (64 * KIB)

struct embedding {
    const struct item_index *index;
    struct arena *arena;
    struct buf question;
    struct json_writer json;
    size_t count;
    struct str *kept; /* of each, after the answer */
};

void embedding_begin(struct embedding *embedding, struct arena *arena,
                     const struct item_index *index);
/* `paths`: the JSON array of fields to index, or STR_NONE for those of the configuration. */
size_t embedding_put(struct embedding *embedding, struct str value, struct str paths);
size_t embedding_query(struct embedding *embedding, struct str text);
/* All but on_answer. Ends the question, also where it is not asked then. */
struct agent_ask embedding_ask(struct embedding *embedding);
/* What on_answer was given. On an error *why is a sentence for the client, in the arena. */
enum err embedding_answer(struct embedding *embedding, enum err err, struct str answer,
                          struct str floats, struct str *why) MUST_USE;
/* STR_NONE: it gave no text. */
struct str embedding_of(const struct embedding *embedding, size_t number);

#endif
