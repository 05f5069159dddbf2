// stream.mjs -- turns what a graph streams into the events of the wire.
//
// Names: the mode, for a subgraph with "|" and its namespace behind it. Only modes that were
// requested go out; others may run inside because something needs them (`values` for the result
// and for `messages`). Payloads of debug, tasks and checkpoints get the API's form.

import { Lifecycle } from './lifecycle.mjs';
import { checkpointOf, taskCheckpointOf } from './state.mjs';

const INTERRUPT = '__interrupt__';

/** The modes to ask the library for. */
export function libraryModes(requested, wantValues) {
    const modes = new Set(
        requested.filter((mode) => mode !== 'events' && mode !== 'messages-tuple'),
    );
    if (modes.delete('messages') || wantValues) modes.add('values');
    if (requested.includes('messages-tuple')) modes.add('messages');
    if (modes.delete('lifecycle')) modes.add('tasks');
    return [...modes];
}

/** True if the run has to be followed by its callback events and not only by its stream. */
export function needsEvents(requested) {
    return requested.includes('events') || requested.includes('messages');
}

/** True if the library has to tell of subgraphs, whoever wants to hear of them. */
export function looksIntoSubgraphs({ stream_modes = [], subgraphs }) {
    return Boolean(subgraphs) || stream_modes.includes('lifecycle');
}

export class StreamRouter {
    #requested;
    #emit;
    #subgraphs;
    #lifecycle = null;

    /** The last state of the root graph and the interrupts after it, as invoke() would tell them. */
    values = undefined;
    interrupts = null;

    /** emit(name, data, value): `value` marks the event that carried the last `values`. */
    constructor(requested, emit, { subgraphs = true } = {}) {
        this.#requested = new Set(requested);
        this.#emit = emit;
        this.#subgraphs = subgraphs;
        if (this.#requested.has('lifecycle'))
            this.#lifecycle = new Lifecycle((told) => emit('lifecycle', told, false));
    }

    /** One chunk of the library's stream; `ns` is [] for the root graph. */
    route(ns, mode, payload) {
        if (mode === 'checkpoints' && isEnvelope(payload)) return;
        if (mode === 'tasks') this.#lifecycle?.onTask(ns, payload);
        if (ns.length && !this.#subgraphs) return;
        const isRootValues = mode === 'values' && ns.length === 0;
        if (isRootValues) this.#follow(payload);
        const wire = mode === 'messages' ? 'messages-tuple' : mode;
        if (!this.#requested.has(wire)) return;
        const name = ns.length ? `${mode}|${ns.join('|')}` : mode;
        this.#emit(name, shape(mode, payload), isRootValues && payload === this.values);
    }

    /** The stream is over; `error` is what it ended with. */
    end(error) {
        if (error === undefined) this.#lifecycle?.onEnd('completed');
        else this.#lifecycle?.onEnd('failed', String(error?.message ?? error));
    }

    /** The answer of the run; `stored` is the state to start from if the stream told none. */
    result(stored) {
        const values = this.values === undefined ? stored : this.values;
        const isObject = values === undefined || (values !== null && typeof values === 'object');
        if (!this.interrupts || !isObject) return values;
        return { ...values, [INTERRUPT]: this.interrupts };
    }

    #follow(payload) {
        const isInterrupt = payload !== null && typeof payload === 'object' && INTERRUPT in payload;
        if (!isInterrupt) this.values = payload;
        else this.interrupts = [...(this.interrupts ?? []), ...payload[INTERRUPT]];
    }
}

/* The library may put small notes about checkpoints between the events; no client knows them. */
function isEnvelope(payload) {
    return typeof payload?.id === 'string' && !('values' in payload) && !('config' in payload);
}

function shape(mode, payload) {
    if (mode === 'debug') return shapeDebug(payload);
    if (mode === 'tasks') return shapeTask(payload);
    if (mode === 'checkpoints') {
        const { values, metadata, next } = payload;
        return { values, metadata, next };
    }
    return payload;
}

function shapeDebug(event) {
    if (event.type === 'checkpoint') return { ...event, payload: shapeCheckpoint(event.payload) };
    if (event.type === 'task_result') return { ...event, payload: shapeTask(event.payload) };
    return event;
}

function shapeCheckpoint({ parentConfig, ...payload }) {
    return {
        ...payload,
        tasks: payload.tasks.map(shapeTask),
        config: publicConfig(payload.config),
        parent_config: publicConfig(parentConfig),
        checkpoint: checkpointOf(payload.config),
        parent_checkpoint: checkpointOf(parentConfig),
    };
}

function shapeTask(task) {
    if (!task.state?.configurable?.thread_id) return task;
    const { state, ...rest } = task;
    return { ...rest, checkpoint: taskCheckpointOf(state) };
}

function publicConfig(config) {
    if (!config?.configurable) return config;
    const { callbacks, ...rest } = config;
    const fields = Object.entries(config.configurable).filter(([key]) => !key.startsWith('__'));
    return { ...rest, configurable: Object.fromEntries(fields) };
}
