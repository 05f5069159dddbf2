// lifecycle.mjs -- which subgraphs start and end: what the stream mode `lifecycle` tells, seen from the tasks.
//
// A subgraph has started when the first task in its namespace has, and ended when the task that it
// is (the last segment of its namespace is NODE:TASK) has its result.

const SEPARATOR = '|';

export class Lifecycle {
    #emit;
    #seen = new Set();
    #open = new Map(); /* namespace -> {ns, parent, taskId} */
    #toolCalls = new Map(); /* task -> the call of a model that it carries out */

    constructor(emit) {
        this.#emit = emit;
    }

    /** A task of this namespace begins, or has its result. */
    onTask(ns, task) {
        if ('result' in task || 'error' in task) return this.#ended(ns, task);
        const callId = toolCallOf(task.input);
        if (callId) this.#toolCalls.set(task.id, callId);
        if (ns.length && !this.#seen.has(ns.join(SEPARATOR))) this.#started(ns, task);
    }

    /** The run is over: so is what is still open, the innermost first. */
    onEnd(event, error) {
        const open = [...this.#open.values()].sort((a, b) => b.ns.length - a.ns.length);
        this.#open.clear();
        for (const { ns } of open) this.#emit({ event, namespace: ns, ...(error && { error }) });
    }

    #started(ns, task) {
        const key = ns.join(SEPARATOR);
        const at = ns.at(-1).lastIndexOf(':');
        this.#seen.add(key);
        if (at < 0) return;
        const [node, taskId] = [ns.at(-1).slice(0, at), ns.at(-1).slice(at + 1)];
        const callId = this.#toolCalls.get(taskId);
        this.#open.set(key, { ns, parent: ns.slice(0, -1).join(SEPARATOR), taskId });
        this.#emit({
            event: 'started',
            namespace: ns,
            graph_name: task.metadata?.lc_agent_name ?? node,
            trigger_call_id: taskId,
            ...(callId && { cause: { type: 'toolCall', tool_call_id: callId } }),
        });
    }

    #ended(ns, task) {
        for (const [key, { ns: child, parent, taskId }] of [...this.#open]) {
            if (parent !== ns.join(SEPARATOR) || taskId !== task.id) continue;
            this.#open.delete(key);
            if (task.interrupts?.length) this.#emit({ event: 'interrupted', namespace: child });
            else if (task.error)
                this.#emit({ event: 'failed', namespace: child, error: String(task.error) });
            else this.#emit({ event: 'completed', namespace: child });
        }
    }
}

/* The call that a task carries out: {tool_call: {…}}, or the first of a list of calls. */
function toolCallOf(input) {
    const calls = Array.isArray(input) ? input : [input?.tool_call ?? input?.lg_tool_call];
    return calls.find((call) => typeof call?.id === 'string')?.id;
}
