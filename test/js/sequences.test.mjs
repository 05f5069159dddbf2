// sequences.test.mjs -- the exact events of both streams with the published JavaScript client: the rows of
// test/compat/sequences.json (see test_sequences.py) for the graphs of RUNBELL_GRAPHS; the built-in agent has none.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.env.RUNBELL_URL, streamProtocol: "v2" });
const rows = JSON.parse(readFileSync(new URL("../compat/sequences.json", import.meta.url)))[process.env.RUNBELL_GRAPHS];
const INPUTS = {
    agent: { messages: [{ role: "user", content: "Hello!" }] },
    approval: { action: "sail", request: "sail" },
    nested: { city: "Bern" },
    failing: {},
};
const CHANNELS = ["values", "updates", "checkpoints", "messages", "tools", "lifecycle", "input", "tasks", "custom"];
const skip = rows ? false : "no graphs";

// "metadata values*2": the names in their order; of a namespace only the nodes.
function told(names) {
    const counted = [];
    for (const name of names)
        if (counted.at(-1)?.name === name) counted.at(-1).count++;
        else counted.push({ name, count: 1 });
    return counted.map(({ name, count }) => (count === 1 ? name : `${name}*${count}`)).join(" ");
}

const nodes = (name) => name.replaceAll(/\|([^|:]+):[^|]+/g, "|$1");

async function streamed(threadId, graph, options) {
    const names = [];
    for await (const chunk of client.runs.stream(threadId, graph, options)) names.push(nodes(chunk.event));
    return told(names);
}

async function runTold(row) {
    const { thread_id } = await client.threads.create();
    const options = { streamMode: row.mode, streamSubgraphs: row.subgraphs ?? false };
    const seen = { ...row };
    seen.events = await streamed(thread_id, row.graph, {
        ...options,
        input: INPUTS[row.graph],
        interruptBefore: row.interrupt_before,
        interruptAfter: row.interrupt_after,
    });
    if ("resumed" in row) seen.resumed = await streamed(thread_id, row.graph, { ...options, command: { resume: true } });
    if ("continued" in row) seen.continued = await streamed(thread_id, row.graph, { ...options, input: null });
    if ("forked" in row) {
        const history = await client.threads.getHistory(thread_id, { limit: 20 });
        const point = history.find(({ next }) => next.length && next[0] !== "__start__");
        seen.forked = await streamed(thread_id, row.graph, { ...options, input: null, checkpoint: point.checkpoint });
    }
    seen.status = (await client.threads.get(thread_id)).status;
    return seen;
}

test("runs: all modes, subgraphs, questions, forks", { skip, timeout: 100000 }, async () => {
    assert.deepEqual(await Promise.all(rows.runs.map(runTold)), rows.runs);
});

function eventName({ method, params }) {
    const name = ["lifecycle", "messages", "tools"].includes(method) ? `${method}.${params.data.event}` : method;
    return [name, ...params.namespace.map((part) => part.split(":")[0])].join("|");
}

async function protocolTold(row, transport) {
    const { thread_id } = await client.threads.create();
    const thread = client.threads.stream(thread_id, { assistantId: row.graph, transport });
    const subscription = await thread.subscribe(CHANNELS);
    await thread.run.start({ input: { ...INPUTS[row.graph], ...row.input } });
    const events = [];
    for await (const event of subscription) events.push(event); /* until the run has ended */
    await thread.close();
    /* The client follows the lifecycle by a stream of its own, too: what comes first is told first. */
    events.sort((a, b) => a.seq - b.seq);
    return { ...row, events: told(events.map(eventName)) };
}

for (const transport of ["sse", "websocket"])
    test(`the event streaming protocol (${transport})`, { skip, timeout: 100000 }, async () => {
        const expected = rows.protocol.map(({ resumed, ...row }) => row);
        assert.deepEqual(await Promise.all(expected.map((row) => protocolTold(row, transport))), expected);
    });

for (const transport of ["sse", "websocket"])
    test(`messages, and a question with its answer (${transport})`, { skip, timeout: 60000 }, async () => {
        const talk = client.threads.stream((await client.threads.create()).thread_id, { assistantId: "agent", transport });
        const { messages } = talk;
        /* The client ends a projection that is not open yet when its run has ended: so first all that this one needs. */
        await talk.subscribe(["messages", "lifecycle", "input"]);
        await talk.run.start({ input: INPUTS.agent });
        const texts = [];
        for await (const message of messages) texts.push(await message.text);
        assert.deepEqual(texts, ["Hi there! How can I help you today?"]);
        await talk.close();

        const { thread_id } = await client.threads.create();
        const asking = client.threads.stream(thread_id, { assistantId: "approval", transport });
        const lifecycle = await asking.subscribe(["lifecycle"]);
        await asking.run.start({ input: INPUTS.approval });
        for await (const event of lifecycle) void event;
        for (let tries = 0; tries < 500 && !asking.interrupts.length; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
        const [{ interruptId, namespace, payload }] = asking.interrupts;
        assert.match(payload.question, /^May I /);
        await asking.input.respond({ interrupt_id: interruptId, namespace, response: true });
        const ends = [];
        for await (const { params } of lifecycle) ends.push(params.data.event);
        assert.equal(ends.at(-1), "completed");
        assert.equal((await client.threads.getState(thread_id)).next.length, 0);
        await asking.close();
    });
