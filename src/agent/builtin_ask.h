/* builtin_ask.h -- answers questions about the built-in agents and their threads, from the store.
 */
#ifndef AGENT_BUILTIN_ASK_H
#define AGENT_BUILTIN_ASK_H

#include "agent/executor.h"

void builtin_ask_answer(struct loop *loop, struct store *store, struct agent_ask *ask);

#endif
