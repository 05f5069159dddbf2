// protocol.mjs -- a run's events in the event streaming protocol (protocol v2).
//
// The library makes them (`streamEvents` with version "v3"). Left out is what belongs to the server:
// the number, and the root's lifecycle. Interrupts stand in values and updates there; on the wire
// each is one event of the channel `input`.

const INTERRUPT = '__interrupt__';

/** What to tell of each event of the library: emit(name, params). */
export class ProtocolRouter {
    #emit;
    #asked = new Set();

    /** The last state of the root graph and the interrupts after it, as invoke() would tell them. */
    values = undefined;
    interrupts = null;

    constructor(emit) {
        this.#emit = emit;
    }

    route({ method, params }) {
        if (method === 'values') this.#values(params);
        else if (method === 'updates') this.#updates(params);
        else if (method === 'lifecycle') this.#lifecycle(params);
        else if (method === 'input.requested') this.#interrupt(params, params.data);
        else this.#send(channelOf(method, params.data), params);
    }

    /** The answer of the run; `stored` is the state to start from if the stream told none. */
    result(stored) {
        const values = this.values === undefined ? stored : this.values;
        const isObject = values === undefined || (values !== null && typeof values === 'object');
        if (!this.interrupts || !isObject) return values;
        return { ...values, [INTERRUPT]: this.interrupts };
    }

    #values(params) {
        const isRoot = params.namespace.length === 0;
        const { rest, interrupts } = split(params.data);
        if (rest !== undefined) {
            if (isRoot) this.values = rest;
            this.#send('values', { ...params, data: rest });
        }
        if (!interrupts) return;
        if (isRoot) this.interrupts = [...(this.interrupts ?? []), ...interrupts];
        for (const { id, value } of interrupts)
            this.#interrupt(params, { interrupt_id: id, payload: value });
    }

    #interrupt(params, data) {
        if (this.#asked.has(data.interrupt_id)) return;
        this.#asked.add(data.interrupt_id);
        /* `value` is what the Python SDK reads. */
        this.#send('input', { ...params, data: { ...data, value: data.payload } });
    }

    #updates(params) {
        if (params.data?.node !== INTERRUPT) this.#send('updates', params);
    }

    #lifecycle(params) {
        if (params.namespace.length) this.#send('lifecycle', params);
    }

    #send(channel, params) {
        this.#emit(['@' + channel, ...params.namespace].join('|'), params);
    }
}

function channelOf(method, data) {
    const name = method === 'custom' ? data?.name : undefined;
    return typeof name === 'string' && !name.includes('|') ? `custom:${name}` : method;
}

/* A state that tells of an interrupt has nothing else in it, or all of the state beside it. */
function split(data) {
    if (data === null || typeof data !== 'object' || !(INTERRUPT in data)) return { rest: data };
    const { [INTERRUPT]: interrupts, ...rest } = data;
    return { rest: Object.keys(rest).length ? rest : undefined, interrupts };
}
