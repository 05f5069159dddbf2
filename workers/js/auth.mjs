// auth.mjs -- the user's own auth handlers: who calls, and what they may do with what.
//
// One question (`auth.check`) is a request, or the user who is known already, and a list of checks: a
// resource, an action and the value it is done with. `authenticate` names the user, then the handler
// that fits best says of each check: no (with a status), yes, or yes for what a filter lets through.
// What a handler changes in the value goes back to the server.

import { LoadError, explainLoadError } from './load_errors.mjs';
import { render } from './render.mjs';

const STUDIO_USER = {
    kind: 'StudioUser',
    identity: 'langgraph-studio-user',
    display_name: 'langgraph-studio-user',
    is_authenticated: true,
    permissions: [],
};
const CACHE_TTL_S = 60;
const CACHE_SIZE = 1000;

/** The handlers did not load, so nobody can be let in. */
class UnavailableError extends Error {
    name = 'UnavailableError';
    code = 'unavailable';
}

class Denied extends Error {
    constructor(said) {
        super(said.message);
        this.said = said;
    }
}

export class Auth {
    #config;
    #modules;
    #handlers = null;
    #cache;

    constructor(config, modules) {
        this.#config = config;
        this.#modules = modules;
        this.#cache = config.cache?.cache_keys?.length ? new Cache(config.cache) : null;
    }

    /** Resolves to null, or to {type, message} of what went wrong; then the old handlers stay. */
    async load(round = 0) {
        try {
            const { exported } = await this.#modules.load(this.#config.path, round);
            this.#handlers = handlersOf(exported);
            return null;
        } catch (error) {
            return explainLoadError(error, this.#config.path, this.#modules.projectDir);
        }
    }

    /** Takes and gives the blobs of the question and its answer. */
    async check(blobs) {
        if (!this.#handlers)
            throw new UnavailableError(
                `'${this.#config.path}' could not be loaded; the server's log says why`,
            );
        const question = JSON.parse(blobs[0].toString('utf8'));
        try {
            const user = await this.#user(question);
            const results = [];
            for (const check of question.checks) results.push(await this.#result(user, check));
            return [render({ user, results })];
        } catch (error) {
            if (error instanceof Denied) return [render({ denied: error.said })];
            throw error;
        }
    }

    async #user({ user, studio, request }) {
        if (user) return user;
        if (studio) return STUDIO_USER;
        const known = this.#cache?.get(request);
        if (known) return known;
        const found = await this.#authenticate(request);
        this.#cache?.put(request, found);
        return found;
    }

    async #authenticate(request) {
        let said;
        try {
            said = await this.#handlers.authenticate(requestOf(request));
        } catch (error) {
            throw new Denied(refusal(error));
        }
        if (said === null || said === undefined || said === false)
            throw new Denied({ status: 401, message: 'Unauthorized' });
        return userFrom(said);
    }

    async #result(user, { resource, action, value }) {
        const handler = this.#handlers.of(resource, action);
        if (!handler) return {};
        const before = new Map(Object.entries(value).map(([key, item]) => [key, render(item)]));
        const event = `${resource}:${action}`;
        let said;
        try {
            const { permissions } = user;
            said = await handler({ event, resource, action, value, permissions, user });
        } catch (error) {
            return { denied: denial(error, event) };
        }
        if (said === false) return { denied: { status: 403 } };
        const changed = Object.entries(value).filter(
            ([key, item]) => item !== undefined && before.get(key) !== render(item),
        );
        return {
            ...(said && said !== true ? { filter: said } : {}),
            ...(changed.length ? { changed: Object.fromEntries(changed) } : {}),
        };
    }
}

/* The SDK keeps what was registered under this name, for servers to read. */
function handlersOf(exported) {
    const { authenticate, callbacks = {} } = exported['~handlerCache'] ?? {};
    if (typeof authenticate !== 'function')
        throw new LoadError(
            'the export is no Auth of @langchain/langgraph-sdk/auth with an authenticate handler',
        );
    const of = (resource, action) =>
        [`${resource}:${action}`, resource, `*:${action}`, '*']
            .map((event) => callbacks[event])
            .find((handler) => handler !== undefined);
    return { authenticate, of };
}

function requestOf({ method, path, query, headers }) {
    const own = new Headers();
    for (const [name, value] of headers) own.append(name, value);
    const host = own.get('host') ?? 'localhost';
    const url = `http://${host}${path}${query ? `?${query}` : ''}`;
    return new Request(url, { method, headers: own });
}

function userFrom(said) {
    const members = typeof said === 'string' ? { identity: said } : said;
    if (typeof members?.identity !== 'string' || members.identity === '') {
        console.error('runbell worker: authenticate returned an object without a text "identity"');
        const message = "the auth handler named no user; the server's log says why";
        throw new Denied({ status: 500, message });
    }
    return {
        ...members,
        display_name: members.display_name ?? members.identity,
        is_authenticated: members.is_authenticated ?? true,
        permissions: Array.isArray(members.permissions) ? members.permissions : [],
    };
}

/* Whatever goes wrong with credentials: nobody is let in. */
function refusal(error) {
    if (Number.isInteger(error?.status)) return saidBy(error);
    console.error('runbell worker: authenticate failed, the request is refused:', error);
    return { status: 401, message: 'Unauthorized' };
}

function denial(error, event) {
    if (Number.isInteger(error?.status)) return saidBy(error);
    console.error(`runbell worker: the auth handler of ${event} failed:`, error);
    const message = `the auth handler of ${event} failed; the server's log says why`;
    return { status: 500, message };
}

function saidBy({ status, message, headers }) {
    return { status, message, headers: Object.fromEntries(new Headers(headers ?? {})) };
}

/** `auth.cache` of langgraph.json: who was let in, by the values of some headers, for a while. */
class Cache {
    #keys;
    #ttlMs;
    #size;
    #users = new Map();

    constructor({ cache_keys, ttl_seconds, max_size }) {
        this.#keys = cache_keys.map((key) => key.toLowerCase());
        this.#ttlMs = (ttl_seconds || CACHE_TTL_S) * 1000;
        this.#size = max_size || CACHE_SIZE;
    }

    /* Without credentials nobody is the same as anybody. */
    #keyOf({ headers }) {
        const values = this.#keys.map(
            (key) => headers.find(([name]) => name.toLowerCase() === key)?.[1],
        );
        return values.includes(undefined) ? null : JSON.stringify(values);
    }

    get(request) {
        const found = this.#users.get(this.#keyOf(request));
        return found && found.until > performance.now() ? found.user : null;
    }

    put(request, user) {
        const key = this.#keyOf(request);
        if (key === null) return;
        this.#users.delete(key);
        this.#users.set(key, { user, until: performance.now() + this.#ttlMs });
        if (this.#users.size > this.#size) this.#users.delete(this.#users.keys().next().value);
    }
}
