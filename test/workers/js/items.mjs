// items.mjs -- the server's store, in memory: just enough of it to see that the worker's proxy is right.

export class MemoryItems {
    items = [];
    batches = [];

    batch(ops) {
        this.batches.push(ops);
        return ops.map((op) => this[op.op](op));
    }

    get({ namespace, key }) {
        return (
            this.items.find((item) => item.key === key && same(item.namespace, namespace)) ?? null
        );
    }

    put({ namespace, key, value }) {
        const old = this.get({ namespace, key });
        this.items = this.items.filter((item) => item !== old);
        const now = new Date().toISOString();
        const created_at = old?.created_at ?? now;
        if (value !== null) this.items.push({ namespace, key, value, created_at, updated_at: now });
        return null;
    }

    search({ namespace_prefix, filter = {}, limit, offset }) {
        return this.items
            .filter(({ namespace }) =>
                same(namespace.slice(0, namespace_prefix.length), namespace_prefix),
            )
            .filter(({ value }) =>
                Object.entries(filter).every(([key, want]) => value[key] === want),
            )
            .slice(offset, offset + limit)
            .map((item) => ({ ...item, score: 0.5 }));
    }

    list_namespaces({ match_conditions = [], limit, offset }) {
        const all = this.items.map(({ namespace }) => namespace);
        return all
            .filter((ns, i) => all.findIndex((other) => same(other, ns)) === i)
            .filter((ns) =>
                match_conditions.every(
                    ({ match_type, path }) =>
                        match_type === 'prefix' && same(ns.slice(0, path.length), path),
                ),
            )
            .slice(offset, offset + limit);
    }
}

function same(a, b) {
    return JSON.stringify(a) === JSON.stringify(b);
}
