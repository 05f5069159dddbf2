// store.mjs -- a store of LangGraph whose items live in the server.

/** Subclass of the library's BaseStore; `batch` is the one operation, all others come from it. */
export function makeStoreClass(BaseStore) {
    return class ServerStore extends BaseStore {
        #link;

        constructor(link) {
            super();
            this.#link = link;
        }

        async batch(operations) {
            if (operations.length === 0) return [];
            const { header } = await this.#link.ask({
                t: 'store.batch',
                ops: operations.map(toWire),
            });
            return header.results.map((result, i) => fromWire(operations[i], result));
        }
    };
}

function toWire(operation) {
    if ('namespacePrefix' in operation) return searchToWire(operation);
    if ('value' in operation) return putToWire(operation);
    if ('key' in operation)
        return { op: 'get', namespace: operation.namespace, key: operation.key };
    return listToWire(operation);
}

function searchToWire({ namespacePrefix, filter, limit = 10, offset = 0, query }) {
    return { op: 'search', namespace_prefix: namespacePrefix, filter, limit, offset, query };
}

function putToWire({ namespace, key, value, index, ttl }) {
    return { op: 'put', namespace, key, value: value ?? null, index, ttl };
}

function listToWire({ matchConditions, maxDepth, limit = 100, offset = 0 }) {
    const conditions = matchConditions?.map(({ matchType, path }) => ({
        match_type: matchType,
        path,
    }));
    return {
        op: 'list_namespaces',
        match_conditions: conditions,
        max_depth: maxDepth,
        limit,
        offset,
    };
}

function fromWire(operation, result) {
    if ('namespacePrefix' in operation) return result.map(itemFromWire);
    if ('value' in operation) return undefined;
    if ('key' in operation) return result && itemFromWire(result);
    return result;
}

function itemFromWire({ namespace, key, value, created_at, updated_at, score }) {
    const item = {
        namespace,
        key,
        value,
        createdAt: new Date(created_at),
        updatedAt: new Date(updated_at),
    };
    return score === undefined || score === null ? item : { ...item, score };
}

/* The library wraps the store of every run in an AsyncBatchedStore that looks for work once per
 * millisecond for as long as the run lasts, and makes the end of the run wait for that timer. With
 * hundreds of waiting runs this alone fills a core. Here the same batching is woken by the work. */
export function wakeOnDemand(AsyncBatchedStore) {
    if (typeof AsyncBatchedStore?.prototype.processBatchQueue !== 'function') return;
    Object.assign(AsyncBatchedStore.prototype, {
        start() {
            this.running = true;
        },

        /* The library's own forgets `index`. */
        async put(namespace, key, value, index) {
            return this.enqueueOperation({ namespace, key, value, index });
        },

        async stop() {
            this.running = false;
            await this.flushing;
        },

        enqueueOperation(operation) {
            return new Promise((resolve, reject) => {
                this.queue.set(this.nextKey++, { operation, resolve, reject });
                if (this.queue.size > 1) return;
                const flushed = new Promise((done) => {
                    process.nextTick(() => flushQueue(this).then(done));
                });
                this.flushing = Promise.all([this.flushing, flushed]);
            });
        },
    });
}

async function flushQueue(batched) {
    const waiting = [...batched.queue.values()];
    batched.queue.clear();
    try {
        const results = await batched.store.batch(waiting.map(({ operation }) => operation));
        waiting.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (error) {
        waiting.forEach(({ reject }) => reject(error));
    }
}
