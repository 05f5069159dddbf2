// state.mjs -- ThreadState, the API's form of a state snapshot, and the configurations around it.

import { describeError } from './render.mjs';

/** What of a configuration says which checkpoint is meant; empty is the same as absent. */
export const CHECKPOINT_KEYS = ['checkpoint_id', 'checkpoint_ns', 'checkpoint_map'];

/** Keys of the merged configuration as the library spells them; absent ones stay absent. */
export function runnableConfig({ configurable = {}, tags, metadata, recursion_limit } = {}) {
    const config = { configurable: { ...configurable } };
    for (const key of CHECKPOINT_KEYS) if (!configurable[key]) delete config.configurable[key];
    if (tags) config.tags = tags;
    if (metadata) config.metadata = metadata;
    if (recursion_limit !== undefined && recursion_limit !== null)
        config.recursionLimit = recursion_limit;
    return config;
}

/** {thread_id, checkpoint_id, checkpoint_ns, checkpoint_map} of a configuration, or null. */
export function checkpointOf(config) {
    const { thread_id, checkpoint_id, checkpoint_ns, checkpoint_map } = config?.configurable ?? {};
    if (!thread_id || !checkpoint_id) return null;
    return {
        thread_id,
        checkpoint_id,
        checkpoint_ns: checkpoint_ns || '',
        checkpoint_map: checkpoint_map || null,
    };
}

/** The same for a task of the debug events, where the checkpoint may not exist yet. */
export function taskCheckpointOf(config) {
    const { thread_id, checkpoint_id, checkpoint_ns, checkpoint_map } = config?.configurable ?? {};
    if (!thread_id) return null;
    return {
        thread_id,
        checkpoint_id: checkpoint_id || null,
        checkpoint_ns: checkpoint_ns || '',
        checkpoint_map: checkpoint_map || null,
    };
}

export function threadState(snapshot) {
    const tasks = snapshot.tasks.map(threadTask);
    return {
        values: snapshot.values,
        next: snapshot.next,
        tasks,
        metadata: withoutRootNs(snapshot.metadata),
        created_at: snapshot.createdAt ? new Date(snapshot.createdAt).toISOString() : null,
        checkpoint: checkpointOf(snapshot.config),
        parent_checkpoint: checkpointOf(snapshot.parentConfig),
        interrupts: tasks.flatMap((task) => task.interrupts),
    };
}

/** {task_id: [interrupt, …]} of the tasks that wait for an answer, or null. */
export function interruptsByTask(snapshot) {
    const waiting = snapshot.tasks.filter((task) => task.interrupts?.length);
    if (waiting.length === 0) return null;
    return Object.fromEntries(waiting.map((task) => [task.id, task.interrupts]));
}

function threadTask(task) {
    const isSnapshot = task.state && 'values' in task.state && 'next' in task.state;
    return {
        id: task.id,
        name: task.name,
        error: task.error ? messageOf(task.error) : null,
        interrupts: task.interrupts ?? [],
        path: task.path,
        checkpoint: isSnapshot ? null : (task.state?.configurable ?? null),
        state: isSnapshot ? threadState(task.state) : null,
        result: task.result ?? null,
    };
}

/* An error comes back from a checkpoint as a plain object. */
function messageOf(error) {
    return typeof error.message === 'string' ? error.message : describeError(error).message;
}

function withoutRootNs(metadata) {
    if (metadata?.checkpoint_ns !== '') return metadata;
    const { checkpoint_ns, ...rest } = metadata;
    return rest;
}
