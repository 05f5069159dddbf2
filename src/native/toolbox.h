/* toolbox.h -- the tools that every agent has, under the names of Deep Agents so that prompts carry
 * over: ls, read_file, write_file, edit_file, glob, grep, write_todos, task.
 *
 * The folder they see has three parts: the thread's own files; /skills/, read only; /memories/,
 * which are the agent's own and outlive the thread. All but `task` answer at once. Pure. */
#ifndef NATIVE_TOOLBOX_H
#define NATIVE_TOOLBOX_H

#include "native/conversation.h"
#include "native/files.h"
#include "native/model.h"

#define TASK_TOOL STR("task")

struct toolbox {
    struct arena *arena;
    struct files *files;    /* the thread's */
    struct files *skills;   /* of the agent whose call it is */
    struct files *memories; /* dirty ones are to be stored */
    struct str *todos;      /* JSON array; replaced by write_todos */
    int64_t now_us;
};

extern const struct model_tool toolbox_tools[];
extern const size_t toolbox_count; /* without task */

bool toolbox_has(struct str name);
/* Does the call write to /memories/? */
bool toolbox_writes_memory(const struct tool_call *call, struct arena *arena);
/* The answer for the model. */
struct str toolbox_run(struct toolbox *box, const struct tool_call *call, bool *is_error);

#endif
