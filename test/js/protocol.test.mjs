// protocol.test.mjs -- client.threads.stream of the published JavaScript client, by SSE and by WebSocket, against a
// running server (RUNBELL_URL). The built-in agent tells its states only; graphs tell everything.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "@langchain/langgraph-sdk";

const HELLO = { messages: [{ role: "human", content: "Hello!" }] };
const GREETING = "Hi there! How can I help you today?";

const textOf = ({ content }) => (typeof content === "string" ? content : content.map(({ text }) => text).join(""));

for (const transport of ["sse", "websocket"]) {
    const client = new Client({ apiUrl: process.env.RUNBELL_URL, streamProtocol: "v2" });
    const options = (assistantId) => ({ assistantId, transport });

    test(`a run's states and its output (${transport})`, { timeout: 60000 }, async () => {
        const thread = client.threads.stream((await client.threads.create()).thread_id, options("agent"));
        const { values } = thread;
        /* The client ends a projection that is not open yet when its run has ended: so first all that this one needs. */
        await thread.subscribe(["values", "lifecycle", "input"]);
        const { run_id } = await thread.run.start({ input: HELLO });
        assert.ok(run_id);
        let last;
        for await (const value of values) last = value;
        assert.equal(textOf(last.messages.at(-1)), GREETING);
        assert.equal(textOf((await thread.output).messages.at(-1)), GREETING);
        await thread.close();
    });

    test(`a thread comes to be with its first run (${transport})`, { timeout: 60000 }, async () => {
        const thread = client.threads.stream(options("agent"));
        const { run_id } = await thread.run.start({ input: HELLO });
        const values = await client.runs.join(thread.threadId, run_id);
        assert.equal(textOf(values.messages.at(-1)), GREETING);
        await thread.close();
    });

    test(`two runs on one stream (${transport})`, { timeout: 60000 }, async () => {
        const { thread_id } = await client.threads.create();
        const thread = client.threads.stream(thread_id, options("agent"));
        const subscription = await thread.subscribe(["lifecycle"]);
        const events = [];
        for (let runs = 1; runs <= 2; runs++) {
            await thread.run.start({ input: HELLO });
            for await (const event of subscription) events.push(event); /* until the run has ended */
        }
        await thread.close();
        const ends = events.filter(({ params }) => params.data.event === "completed" && !params.namespace.length);
        assert.equal(ends.length, 2);
        const seqs = events.map(({ seq }) => seq);
        assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
    });
}
