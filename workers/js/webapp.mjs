// webapp.mjs -- the user's own HTTP app (`http.app`): a Hono app, or whatever has `fetch(request)`.
//
// A request comes as one frame, the answer goes back piece by piece, not faster than the server takes
// it. What the app has no route for goes through its middleware all the same: behind that stands the
// server itself, which is called once more, with a token that says that the app has seen the request.

import { LoadError, explainLoadError } from './load_errors.mjs';

const CREDIT_BYTES = 256 * 1024; // of an answer, before the server says that it has taken them
const CHUNK_BYTES = 1024 * 1024;
const SEEN_HEADER = 'x-runbell-app';
const NOT_PASSED_ON = ['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
const NOT_SENT = [...NOT_PASSED_ON, 'host', 'content-length', 'expect', SEEN_HEADER];

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
        if (t === 'http.request') this.#serve(header, blobs);
        else if (t === 'http.gone') this.#open.get(request)?.abort();
        else if (t === 'http.credit') this.#open.get(request)?.credit(header.bytes);
    }

    #fetchOf(app) {
        if (typeof app?.fetch !== 'function')
            throw new LoadError('the export is no app: a Hono app, or an object with fetch(request)');
        if (typeof app.all === 'function') {
            app.all('*', (context) => this.#builtin(context.req.raw));
            return (request) => app.fetch(request, {}, CONTEXT);
        }
        return async (request) => {
            const again = request.clone();
            const response = await app.fetch(request, {}, CONTEXT);
            return response.status === 404 ? this.#builtin(again) : response;
        };
    }

    async #serve(header, blobs) {
        const answer = new Answer(this.#link, header.request);
        this.#open.set(header.request, answer);
        try {
            if (!this.#fetch) throw new LoadError(`'${this.#spec}' could not be loaded`);
            await answer.give(await this.#fetch(this.#requestOf(header, blobs, answer.signal)));
        } catch (error) {
            if (!answer.signal.aborted) console.error('runbell worker: the app failed:', error);
            answer.end(`${error?.name ?? 'Error'}; the server's log says more`);
        } finally {
            this.#open.delete(header.request);
        }
    }

    #requestOf({ method, path, query, headers }, blobs, signal) {
        const own = new Headers();
        for (const [name, value] of headers) own.append(name, value);
        const hasBody = method !== 'GET' && method !== 'HEAD' && blobs[0]?.length > 0;
        return new Request(this.#origin + path + (query ? `?${query}` : ''), {
            method,
            headers: own,
            signal,
            ...(hasBody ? { body: blobs[0] } : {}),
        });
    }

    /* The server's own routes. */
    async #builtin(request) {
        const headers = new Headers(request.headers);
        for (const name of NOT_SENT) headers.delete(name);
        headers.set('accept-encoding', 'identity');
        headers.set(SEEN_HEADER, this.#token);
        const { pathname, search } = new URL(request.url);
        const body = request.body ? await request.arrayBuffer() : undefined;
        const response = await fetch(this.#origin + pathname + search, {
            method: request.method,
            headers,
            body: body?.byteLength ? body : undefined,
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
