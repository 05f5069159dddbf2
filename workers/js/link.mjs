// link.mjs -- the connection to the server: sends, asks and answers over one socket.
//
// Frames of one turn of the event loop leave in one write, because a write costs more than all
// the rest of a small frame: `send` collects, and the end of the turn flushes. Requests are matched
// to replies by their id.

import { FrameReader, encodeFrame } from './frames.mjs';

const COPY_BYTES_MAX = 64 * 1024;

/** What the other side answered instead of ok. */
export class RemoteError extends Error {
    constructor({ code, type, message } = {}) {
        super(message ?? 'the server gave no reason');
        this.name = type || 'ServerError';
        this.code = code ?? 'failed';
    }
}

export class Link {
    #socket;
    #handlers;
    #open = new Map();
    #nextId = 1;
    #outgoing = [];

    /** handlers: onMessage(header, blobs), onEnd(), onBroken(error). */
    constructor(socket, handlers) {
        this.#socket = socket;
        this.#handlers = handlers;
        const reader = new FrameReader((header, blobs) => this.#receive(header, blobs));
        socket.on('data', (chunk) => this.#feed(reader, chunk));
        socket.on('end', () => handlers.onEnd());
        socket.on('close', () => handlers.onEnd());
        socket.on('error', () => handlers.onEnd());
    }

    send(header, blobs) {
        const buffers = encodeFrame(header, blobs);
        if (this.#outgoing.length === 0) setImmediate(() => this.#flush());
        this.#outgoing.push(...buffers);
    }

    /** Sends a request; resolves to {header, blobs} of its reply or rejects with RemoteError. */
    ask(header, blobs) {
        const id = this.#nextId++;
        return new Promise((resolve, reject) => {
            this.send({ ...header, id }, blobs);
            this.#open.set(id, { resolve, reject });
        });
    }

    reply(to, fields, blobs) {
        this.send({ t: 'reply', re: to.id, ok: true, ...fields }, blobs);
    }

    replyError(to, { code, type, message }) {
        this.send({ t: 'reply', re: to.id, ok: false, error: { code, type, message } });
    }

    /** Calls back once everything sent so far has left the process. */
    drain(onDrained) {
        this.#flush();
        this.#socket.write('', onDrained);
    }

    #flush() {
        const buffers = this.#outgoing;
        if (buffers.length === 0) return;
        this.#outgoing = [];
        const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
        if (buffers.length === 1 || bytes <= COPY_BYTES_MAX) {
            this.#socket.write(buffers.length === 1 ? buffers[0] : Buffer.concat(buffers, bytes));
            return;
        }
        this.#socket.cork();
        for (const buffer of buffers) this.#socket.write(buffer);
        this.#socket.uncork();
    }

    #feed(reader, chunk) {
        try {
            reader.push(chunk);
        } catch (error) {
            this.#handlers.onBroken(error);
        }
    }

    #receive(header, blobs) {
        if (header.t !== 'reply') {
            this.#handlers.onMessage(header, blobs);
            return;
        }
        const asked = this.#open.get(header.re);
        if (!asked) return;
        this.#open.delete(header.re);
        if (header.ok === true) asked.resolve({ header, blobs });
        else asked.reject(new RemoteError(header.error));
    }
}
