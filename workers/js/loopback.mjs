// loopback.mjs -- clients inside graphs: `new Client()` without an address calls this server.
//
// The SDK looks for the server it runs in under two symbols. Calls go to the server's address with the
// run's own token in place of an API key.

import { AsyncLocalStorage } from 'node:async_hooks';

const tokens = new AsyncLocalStorage();

/** Runs something whose calls to the server are those of the run with this token. */
export function withToken(token, work) {
    return tokens.run(token, work);
}

/** Before user code is imported: it may make its clients at once. */
export function install(url) {
    globalThis[Symbol.for('langgraph_api:url')] = url;
    globalThis[Symbol.for('langgraph_api:fetch')] = (resource, options = {}) => {
        const token = tokens.getStore();
        const headers = new Headers(options.headers ?? resource.headers);
        if (token) headers.set('x-api-key', token);
        return fetch(resource, { ...options, headers });
    };
}
