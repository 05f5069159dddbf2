// messages.mjs -- the stream mode `messages`: each message as it grows, then once when it is complete.
//
//   messages/metadata   once for each message a model starts     {id: {metadata}}
//   messages/partial    for each token                           [the message so far]
//   messages/complete   for each message that came into state    [the message, …]

const HIDDEN_MODEL = 'nostream';

export class MessageStream {
    #emit;
    #growing = new Map();
    #complete = new Set();

    constructor(emit) {
        this.#emit = emit;
    }

    /** A token of a chat model, as an on_chat_model_stream event. */
    token({ data, metadata, tags }) {
        const { chunk } = data;
        if (!chunk?.id || tags?.includes(HIDDEN_MODEL)) return;
        const before = this.#growing.get(chunk.id);
        if (!before) this.#emit('messages/metadata', { [chunk.id]: { metadata } });
        const message = before ? before.concat(chunk) : chunk;
        this.#growing.set(chunk.id, message);
        this.#emit('messages/partial', [message]);
    }

    /** A state of the root graph: every message in it that was not told yet. */
    values(state) {
        if (state === null || typeof state !== 'object') return;
        const fresh = [state.messages].flat().filter((message) => this.#isFresh(message));
        if (fresh.length) this.#emit('messages/complete', fresh);
    }

    #isFresh(message) {
        if (!message?.id || this.#complete.has(message.id)) return false;
        this.#complete.add(message.id);
        return true;
    }
}
