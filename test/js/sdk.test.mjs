// sdk.test.mjs -- the published JavaScript client against a running server (RUNBELL_URL), run by node --test.
// The server may host the built-in agent, Python graphs or JavaScript graphs: all answer a greeting alike.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.env.RUNBELL_URL });
const HELLO = { messages: [{ role: "human", content: "Hello!" }] };
const GREETING = "Hi there! How can I help you today?";
const MISSING = "00000000-0000-7000-8000-000000000000";

const received = [];
let receiver;

before(async () => {
    receiver = createServer((request, response) => {
        let body = "";
        request.on("data", (chunk) => (body += chunk));
        request.on("end", () => {
            received.push({ url: request.url, headers: request.headers, json: JSON.parse(body) });
            response.end("ok");
        });
    });
    await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
});

after(() => receiver.close());

const hook = (path) => `http://127.0.0.1:${receiver.address().port}${path}`;

async function arrived(path) {
    for (let tries = 0; tries < 500; tries++) {
        const found = received.find((request) => request.url === path);
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`no webhook came to ${path}`);
}

const last = (values) => values.messages.at(-1).content;

test("assistants are found", async () => {
    const found = await client.assistants.search({ graphId: "agent", limit: 10 });
    assert.equal(found[0].graph_id, "agent");
    assert.equal((await client.assistants.get("agent")).assistant_id, found[0].assistant_id);
    await assert.rejects(client.assistants.get(MISSING), /HTTP 404/);
});

test("threads are made, changed, found and deleted", async () => {
    const mark = randomUUID();
    const thread = await client.threads.create({ metadata: { mark } });
    await client.threads.update(thread.thread_id, { metadata: { more: 1 } });
    const found = await client.threads.search({ metadata: { mark } });
    assert.deepEqual(found.map((one) => one.thread_id), [thread.thread_id]);
    assert.equal(found[0].metadata.more, 1);
    await assert.rejects(client.threads.create({ threadId: thread.thread_id }), /HTTP 409/);
    await client.threads.delete(thread.thread_id);
    await assert.rejects(client.threads.get(thread.thread_id), /HTTP 404/);
});

test("a stream is metadata, then values; its webhook arrives", async () => {
    const thread = await client.threads.create();
    const path = `/${randomUUID()}?token=a%20b`;
    const chunks = [];
    let created = 0;
    const stream = client.runs.stream(thread.thread_id, "agent", {
        input: HELLO,
        webhook: hook(path),
        onRunCreated: () => created++,
    });
    for await (const chunk of stream) chunks.push(chunk);
    assert.equal(created, 1);
    assert.equal(chunks[0].event, "metadata");
    assert.equal(last(chunks.at(-1).data), GREETING);
    const { json, headers } = await arrived(path);
    assert.equal(json.run_id, chunks[0].data.run_id);
    assert.equal(json.status, "success");
    assert.equal(json.error, null);
    assert.equal(last(json.values), GREETING);
    assert.equal(headers["content-type"], "application/json");
    assert.ok(headers["webhook-id"]);
});

test("wait, create, join, get, list and delete", async () => {
    const thread = await client.threads.create();
    assert.equal(last(await client.runs.wait(thread.thread_id, "agent", { input: HELLO })), GREETING);
    assert.equal(last(await client.runs.wait(null, "agent", { input: HELLO })), GREETING);
    const run = await client.runs.create(thread.thread_id, "agent", { input: HELLO });
    assert.equal(last(await client.runs.join(thread.thread_id, run.run_id)), GREETING);
    assert.equal((await client.runs.get(thread.thread_id, run.run_id)).status, "success");
    assert.equal((await client.runs.list(thread.thread_id)).length, 2);
    await client.runs.delete(thread.thread_id, run.run_id);
    await assert.rejects(client.runs.get(thread.thread_id, run.run_id), /HTTP 404/);
});

test("state and history", async () => {
    const thread = await client.threads.create();
    await client.runs.wait(thread.thread_id, "agent", { input: HELLO });
    const state = await client.threads.getState(thread.thread_id);
    assert.equal(last(state.values), GREETING);
    assert.deepEqual(state.next, []);
    const history = await client.threads.getHistory(thread.thread_id, { limit: 3 });
    assert.deepEqual(history[0].checkpoint, state.checkpoint);
});

test("a late reader of a resumable run sees what the first one saw", async () => {
    const thread = await client.threads.create();
    const first = [];
    const options = { input: HELLO, streamResumable: true };
    for await (const chunk of client.runs.stream(thread.thread_id, "agent", options)) first.push(chunk);
    const again = [];
    const joined = client.runs.joinStream(thread.thread_id, first[0].data.run_id, { lastEventId: "-1" });
    for await (const chunk of joined) again.push(chunk);
    assert.deepEqual(again, first);
});

test("a wrong request is refused once, not repeated", async () => {
    const thread = await client.threads.create();
    const began = Date.now();
    await assert.rejects(client.runs.create(thread.thread_id, "nobody", { input: {} }), /HTTP 404/);
    await assert.rejects(client.runs.create(thread.thread_id, "agent", { input: {}, webhook: "nonsense" }), /HTTP 422/);
    assert.ok(Date.now() - began < 3000);
});
