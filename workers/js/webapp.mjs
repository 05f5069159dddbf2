// webapp.mjs -- the user's own HTTP app (`http.app`): a Hono app, or whatever has `fetch(request)`.
//
// The body of a request comes piece by piece, not faster than the app takes it, and the answer goes
// back as it is made, not faster than the server takes it. What the app has no route for goes through its middleware all the same: behind that stands the
// server itself, which is called once more, with a token that says that the app has seen the request.

import { LoadError, explainLoadError } from './load_errors.mjs';

const CREDIT_BYTES = 256 * 1024; // of an answer, before the server says that it has taken them
const CHUNK_BYTES = 1024 * 1024;
const SEEN_HEADER = 'x-runbell-app';
const REPLAYED_BYTES_MAX = 1024 * 1024;
const HOP_BY_HOP = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
const NOT_PASSED_ON = [...HOP_BY_HOP, 'content-length']; // middleware may change the body
const NOT_SENT = [...NOT_PASSED_ON, 'host', 'expect', SEEN_HEADER];

export class WebApp {
    #spec;
    #modules;
    #link;
    #origin;
    #token;
    #fetch = null;
    #open = new Map();

    constructor({ config, server, app_token }, link, modules) {
        this.#spec = config.http.app;
        this.#modules = modules;
        this.#link = link;
        this.#origin = new URL(server?.url ?? 'http://127.0.0.1').origin;
        this.#token = app_token ?? '';
    }

    /** Resolves to null, or to {type, message} of what went wrong; then the old app stays. */
    async load(round = 0) {
        try {
            const { exported } = await this.#modules.load(this.#spec, round);
            this.#fetch = this.#fetchOf(exported);
            return null;
        } catch (error) {
            return explainLoadError(error, this.#spec, this.#modules.projectDir);
        }
    }

    receive(header, blobs) {
        const { t, request } = header;
        const open = this.#open.get(request);
        if (t === 'http.request') this.#serve(header);
        else if (t === 'http.body') open?.body.add(blobs[0], header.last);
        else if (t === 'http.credit') open?.answer.credit(header.bytes);
        else if (t === 'http.gone') {
            open?.answer.abort();
            open?.body.leave();
        }
    }

    #fetchOf(app) {
        if (typeof app?.fetch !== 'function')
            throw new LoadError('the export is no app: a Hono app, or an object with fetch(request)');
        if (typeof app.all === 'function') {
            app.all('*', ({ req }) => this.#builtin(req.raw, () => req.arrayBuffer()));
            return ({ request }) => app.fetch(request, {}, CONTEXT);
        }
        return async ({ request, body, make }) => {
            const response = await app.fetch(request, {}, CONTEXT);
            return response.status === 404 && body.rewind() ? this.#builtin(make()) : response;
        };
    }

    async #serve(header) {
        const answer = new Answer(this.#link, header.request);
        const body = new Body(this.#link, header);
        this.#open.set(header.request, { answer, body });
        try {
            if (!this.#fetch) throw new LoadError(`'${this.#spec}' could not be loaded`);
            const make = () => this.#requestOf(header, body, answer.signal);
            await answer.give(await this.#fetch({ request: make(), body, make }));
        } catch (error) {
            if (!answer.signal.aborted) console.error('runbell worker: the app failed:', error);
            answer.end(`${error?.name ?? 'Error'}; the server's log says more`);
        } finally {
            this.#open.delete(header.request);
        }
    }

    #requestOf({ method, path, query, headers, body: hasBody }, body, signal) {
        const own = new Headers();
        for (const [name, value] of headers) own.append(name, value);
        const takesBody = hasBody && method !== 'GET' && method !== 'HEAD'; // as the Fetch standard wants it
        return new Request(this.#origin + path + (query ? `?${query}` : ''), {
            method,
            headers: own,
            signal,
            ...(takesBody ? { body: body.stream(), duplex: 'half' } : {}),
        });
    }

    /* The server's own routes. `whole` gives the body if somebody has read it before. */
    async #builtin(request, whole) {
        const headers = new Headers(request.headers);
        for (const name of NOT_SENT) headers.delete(name);
        headers.set('accept-encoding', 'identity');
        headers.set(SEEN_HEADER, this.#token);
        const { pathname, search } = new URL(request.url);
        const response = await fetch(this.#origin + pathname + search, {
            method: request.method,
            headers,
            ...(request.bodyUsed ? { body: await whole() } : { body: request.body, duplex: 'half' }),
            redirect: 'manual',
            signal: request.signal,
        });
        const passed = new Headers(response.headers); // those of a fetch cannot be changed
        for (const name of NOT_PASSED_ON) passed.delete(name);
        return new Response(response.body, { status: response.status, headers: passed });
    }
}

const CONTEXT = {
    waitUntil: (work) => Promise.resolve(work).catch((error) => console.error(error)),
    passThroughOnException: () => {},
};

/* The body of one request; the server sends more of it when the app has taken what came. */
class Body {
    #link;
    #request;
    #pieces = [];
    #hasMore;
    #gone = false;
    #onChange = null;
    #kept = []; // for who comes after the app
    #keptBytes = 0;

    constructor(link, { request, body }) {
        this.#link = link;
        this.#request = request;
        this.#hasMore = body === true;
    }

    add(piece, isLast) {
        if (piece) this.#pieces.push({ bytes: piece, isNew: true });
        this.#hasMore = !isLast;
        this.#onChange?.();
    }

    leave() {
        this.#gone = true;
        this.#onChange?.();
    }

    stream() {
        return new ReadableStream({ pull: (controller) => this.#pull(controller) }, { highWaterMark: 0 });
    }

    /** Gives what was read once more to the next stream; false: that was more than is kept. */
    rewind() {
        if (this.#keptBytes > REPLAYED_BYTES_MAX) return false;
        this.#pieces.unshift(...this.#kept);
        this.#keptBytes = Infinity;
        return true;
    }

    async #pull(controller) {
        while (this.#pieces.length === 0 && this.#hasMore && !this.#gone)
            await new Promise((resolve) => (this.#onChange = resolve));
        if (this.#gone) {
            controller.error(new DOMException('the client has left', 'AbortError'));
            return;
        }
        const piece = this.#pieces.shift();
        if (piece) {
            this.#keep(piece.bytes);
            if (piece.isNew) this.#link.send({ t: 'http.taken', request: this.#request, bytes: piece.bytes.length });
            controller.enqueue(new Uint8Array(piece.bytes));
        }
        if (this.#pieces.length === 0 && !this.#hasMore) controller.close();
    }

    #keep(bytes) {
        this.#keptBytes += bytes.length;
        if (this.#keptBytes <= REPLAYED_BYTES_MAX) this.#kept.push({ bytes, isNew: false });
        else this.#kept = [];
    }
}

/* One answer on its way: head, pieces, end. */
class Answer {
    #link;
    #request;
    #unpaid = 0;
    #onRoom = null;
    #ended = false;
    #gone = new AbortController();

    constructor(link, request) {
        this.#link = link;
        this.#request = request;
    }

    get signal() {
        return this.#gone.signal;
    }

    abort() {
        this.#gone.abort();
        this.#onRoom?.();
    }

    credit(bytes) {
        this.#unpaid -= bytes;
        if (this.#unpaid <= CREDIT_BYTES) this.#onRoom?.();
    }

    async give(response) {
        if (!(response instanceof Response) && typeof response?.status !== 'number')
            throw new TypeError('the app returned no Response');
        this.#tell('head', { status: response.status, headers: [...response.headers] });
        const reader = response.body?.getReader();
        while (reader && !this.signal.aborted) {
            const { done, value } = await reader.read();
            if (done) break;
            await this.#chunk(value);
        }
        if (this.signal.aborted) reader?.cancel().catch(() => {});
        this.end();
    }

    async #chunk(bytes) {
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
            const piece = bytes.subarray(at, at + CHUNK_BYTES);
            if (this.#unpaid > CREDIT_BYTES && !this.signal.aborted)
                await new Promise((resolve) => (this.#onRoom = resolve));
            this.#unpaid += piece.length;
            this.#tell('chunk', {}, [piece]);
        }
    }

    /** Once; what comes later has no meaning. */
    end(error) {
        this.#tell('end', error ? { error } : {});
        this.#ended = true;
    }

    #tell(what, fields, blobs) {
        if (!this.#ended) this.#link.send({ t: `http.${what}`, request: this.#request, ...fields }, blobs);
    }
}
