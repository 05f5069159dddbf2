// agent_server.test.mjs -- issue 4 with the published JavaScript client: the operations of the contract's §1.4-1.8 and
// a connection that breaks. Run by node --test against RUNBELL_URL; the graph "agent" answers a greeting on every server.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { connect, createServer } from "node:net";
import { test } from "node:test";

import { Client } from "@langchain/langgraph-sdk";

const apiUrl = process.env.RUNBELL_URL;
const client = new Client({ apiUrl });
const HELLO = { messages: [{ role: "human", content: "Hello!" }] };
const GREETING = "Hi there! How can I help you today?";
const MISSING = "00000000-0000-7000-8000-000000000000";

const last = (values) => values.messages.at(-1).content;

async function collect(stream) {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
}

test("assistants: versions, latest, search, count, delete", async () => {
    const mark = randomUUID();
    const made = await client.assistants.create({ graphId: "agent", metadata: { mark }, name: `One ${mark}` });
    const id = made.assistant_id;
    const second = await client.assistants.update(id, { name: `Two ${mark}`, metadata: { more: 1 } });
    assert.equal(second.version, 2);
    assert.deepEqual((await client.assistants.getVersions(id)).map((one) => one.version), [2, 1]);
    assert.equal((await client.assistants.setLatest(id, 1)).name, `One ${mark}`);
    const found = await client.assistants.search({ metadata: { mark }, includePagination: true });
    assert.deepEqual(found.assistants.map((one) => one.assistant_id), [id]);
    assert.equal(found.next, null);
    assert.equal(await client.assistants.count({ metadata: { mark } }), 1);
    await assert.rejects(client.assistants.create({ graphId: "no-such-graph" }), /HTTP 404/);
    await client.assistants.delete(id);
    await assert.rejects(client.assistants.get(id), /HTTP 404/);
});

test("threads: values, ids, count, copy, state, patch of a state, history, delete", async () => {
    const mark = randomUUID();
    const { thread_id: id } = await client.threads.create({ metadata: { mark }, ttl: 60 });
    await client.runs.wait(id, "agent", { input: HELLO });
    const found = await client.threads.search({ metadata: { mark }, status: "idle", sortBy: "created_at", ids: [id] });
    assert.deepEqual(found.map((one) => one.thread_id), [id]);
    assert.equal(last(found[0].values), GREETING);
    assert.equal(await client.threads.count({ metadata: { mark } }), 1);
    const copy = await client.threads.copy(id);
    assert.notEqual(copy.thread_id, id);
    const state = await client.threads.getState(id);
    await client.threads.patchState(id, { note: "kept" });
    assert.equal((await client.threads.getState(id)).metadata.note, "kept");
    const history = await client.threads.getHistory(id, { limit: 20 });
    assert.equal(history[0].checkpoint.checkpoint_id, state.checkpoint.checkpoint_id);
    const at = await client.threads.getState(id, history.at(-1).checkpoint, { subgraphs: false });
    assert.equal(at.checkpoint.checkpoint_id, history.at(-1).checkpoint.checkpoint_id);
    await client.threads.delete(id);
    await client.threads.delete(copy.thread_id);
    await assert.rejects(client.threads.get(id), /HTTP 404/);
});

test("runs: list with select, strategies, cancel, stateless, delayed", async () => {
    const { thread_id: id } = await client.threads.create();
    const later = await client.runs.create(id, "agent", { input: HELLO, afterSeconds: 3600 });
    assert.deepEqual(await client.runs.list(id, { select: ["run_id", "status"] }),
        [{ run_id: later.run_id, status: "pending" }]);
    await assert.rejects(client.runs.create(id, "agent", { input: HELLO, multitaskStrategy: "reject" }),
        /HTTP 409.*already running/);
    await client.runs.cancel(id, later.run_id);
    assert.equal((await client.runs.get(id, later.run_id)).status, "interrupted");
    await client.runs.cancel(id, later.run_id, true);
    await assert.rejects(client.runs.cancel(id, MISSING), /HTTP 404/);
    await assert.rejects(client.runs.create(MISSING, "agent", { input: HELLO }), /HTTP 404/);
    const [first, second] = await client.runs.createBatch([
        { assistantId: "agent", input: HELLO },
        { assistantId: "agent", input: HELLO },
    ]);
    assert.notEqual(first.run_id, second.run_id);
    const made = await client.runs.create(randomUUID(), "agent", { input: HELLO, ifNotExists: "create" });
    assert.equal(last(await client.runs.join(made.thread_id, made.run_id)), GREETING);
});

test("the store: put, get, search, namespaces, delete", async () => {
    const space = randomUUID();
    await client.store.putItem([space, "a"], "k", { n: 1 }, { ttl: 60 });
    await client.store.putItem([space, "b"], "k", { n: 2 });
    assert.deepEqual((await client.store.getItem([space, "a"], "k")).value, { n: 1 });
    assert.equal(await client.store.getItem([space, "a"], "none"), null);
    const found = await client.store.searchItems([space], { filter: { n: { $gt: 1 } } });
    assert.deepEqual(found.items.map((one) => one.namespace), [[space, "b"]]);
    assert.ok(found.items[0].updatedAt && found.items[0].createdAt);
    const { namespaces } = await client.store.listNamespaces({ prefix: [space] });
    assert.deepEqual(namespaces, [[space, "a"], [space, "b"]]);
    await client.store.deleteItem([space, "a"], "k");
    assert.equal(await client.store.getItem([space, "a"], "k"), null);
});

// A proxy that resets the first connection whose request holds `mark`, once the answer holds `after`.
async function breaker(mark, after) {
    const { hostname, port } = new URL(apiUrl);
    const state = { broken: 0 };
    const server = createServer((down) => {
        const up = connect(Number(port), hostname);
        let marked = false;
        let seen = "";
        down.on("error", () => up.destroy());
        up.on("error", () => down.destroy());
        down.on("data", (data) => {
            marked ||= data.toString("latin1").includes(mark);
            up.write(data);
        });
        down.on("close", () => up.destroy());
        up.on("data", (data) => {
            const had = seen.includes(after);
            seen += data.toString("latin1");
            if (marked && state.broken === 0 && (had || seen.includes(after))) {
                state.broken++;
                const end = had ? 0 : data.toString("latin1").indexOf(after) + after.length;
                down.write(data.subarray(0, end), () => down.destroy());
                up.destroy();
                return;
            }
            down.write(data);
        });
        up.on("close", () => down.destroy());
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { url: `http://127.0.0.1:${server.address().port}`, state, close: () => server.close() };
}

test("a broken stream goes on without loss or repetition", async () => {
    const proxy = await breaker("/runs/stream", "id: 0\n\n");
    try {
        const broken = new Client({ apiUrl: proxy.url });
        const { thread_id: id } = await client.threads.create();
        const chunks = await collect(broken.runs.stream(id, "agent", { input: HELLO, streamMode: "values" }));
        assert.equal(proxy.state.broken, 1);
        assert.deepEqual(chunks.map((chunk) => chunk.event), ["metadata", "values", "values"]);
        assert.equal(last(chunks.at(-1).data), GREETING);
        const whole = await collect(client.runs.joinStream(id, chunks[0].data.run_id, { lastEventId: "-1" }));
        assert.deepEqual(whole.map(({ event, data }) => ({ event, data })), chunks.map(({ event, data }) => ({ event, data })));
    } finally {
        proxy.close();
    }
});
