// traces.mjs -- the published langsmith client for JavaScript against a running server (RUNBELL_URL): what it
// traces is read back equal. Run by node --test from test/compat/test_traces_sdk.py.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Client, RunTree } from "langsmith";
import { traceable } from "langsmith/traceable";

const endpoint = process.env.RUNBELL_URL + (process.env.RUNBELL_PREFIX ?? "");
const client = new Client({ apiUrl: endpoint, apiKey: "none" });

const projectName = () => `js-${randomUUID()}`;

async function runsOf(project) {
    await client.awaitPendingTraceBatches();
    const found = [];
    for await (const run of client.listRuns({ projectName: project })) found.push(run);
    return Object.fromEntries(found.map((run) => [run.name, run]));
}

test("nested runs, an error and a stream come back as they were traced", async () => {
    const project = projectName();
    const options = (name, more = {}) => ({ name, client, project_name: project, tracingEnabled: true, ...more });
    const model = traceable(async (messages) => ({
        choices: [{ message: { role: "assistant", content: `echo ${messages[0].content}` } }],
        usage_metadata: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
    }), options("model", { run_type: "llm", metadata: { ls_model_name: "gpt-4o" } }));
    const broken = traceable(async () => { throw new Error("bad"); }, options("broken", { run_type: "tool" }));
    const stream = traceable(async function* () { yield "a"; yield "b"; }, options("stream", { run_type: "llm" }));
    const agent = traceable(async (question) => {
        await model([{ role: "user", content: question }]);
        for await (const _ of stream()) { /* to its end */ }
        await broken().catch(() => {});
        return { answer: 42, text: "é🔔" };
    }, options("agent", { tags: ["prod"], metadata: { session_id: "T-1" } }));

    await agent("why?");
    const runs = await runsOf(project);
    assert.deepEqual(Object.keys(runs).sort(), ["agent", "broken", "model", "stream"]);
    assert.deepEqual(runs.agent.inputs, { input: "why?" });
    assert.deepEqual(runs.agent.outputs, { answer: 42, text: "é🔔" });
    assert.deepEqual(runs.agent.tags, ["prod"]);
    assert.equal(runs.agent.extra.metadata.session_id, "T-1");
    assert.equal(runs.model.parent_run_id, runs.agent.id);
    assert.equal(runs.model.run_type, "llm");
    for (const run of [runs.agent, runs.model]) {
        assert.deepEqual([run.prompt_tokens, run.completion_tokens, run.total_tokens], [10, 5, 15]);
        assert.deepEqual([run.prompt_cost, run.total_cost], ["0.000025", "0.000075"]);
    }
    assert.equal(runs.model.outputs.choices[0].message.content, "echo why?");
    assert.match(runs.broken.error, /bad/);
    assert.deepEqual(runs.stream.outputs, { outputs: ["a", "b"] });
    assert.ok(runs.stream.first_token_time);
    for (const run of Object.values(runs)) {
        assert.equal(run.trace_id, runs.agent.id);
        assert.equal(run.status, run.name === "broken" ? "error" : "success");
    }
    const read = await client.readRun(runs.agent.id, { loadChildRuns: true });
    assert.deepEqual(read.child_runs.map((run) => run.name).sort(), ["broken", "model", "stream"]);
});

test("a run that is created and then updated, without a place in a trace", async () => {
    const id = randomUUID();
    const project = projectName();
    await client.createRun({ id, name: "bare", run_type: "chain", inputs: { a: 1 }, project_name: project });
    await client.updateRun(id, { outputs: { b: 2 }, end_time: Date.now() });
    const run = await client.readRun(id);
    assert.deepEqual([run.inputs, run.outputs, run.status], [{ a: 1 }, { b: 2 }, "success"]);
    assert.equal(run.dotted_order.slice(-36), id);
});

test("an update that comes before its creation", async () => {
    const project = projectName();
    const tree = new RunTree({ name: "late", run_type: "chain", inputs: { a: 1 }, client, project_name: project });
    await tree.end({ z: 1 });
    await tree.patchRun();
    await client.awaitPendingTraceBatches();
    await tree.postRun();
    const { late } = await runsOf(project);
    assert.deepEqual([late.inputs, late.outputs, late.status], [{ a: 1 }, { z: 1 }, "success"]);
});

test("attachments with any bytes are fetched by their links", async () => {
    const project = projectName();
    const bytes = new Uint8Array(300_000).map((_, i) => (i * i) % 251);
    const tree = new RunTree({
        name: "with attachments", run_type: "chain", inputs: {}, client, project_name: project,
        attachments: { small: ["text/plain", new Uint8Array([13, 10, 45, 45, 0])], large: ["image/png", bytes] },
    });
    await tree.postRun();
    await tree.end({ z: 1 });
    await tree.patchRun();
    await client.awaitPendingTraceBatches();
    const run = await client.readRun(tree.id);
    for (const [name, wanted] of [["small", [13, 10, 45, 45, 0]], ["large", [...bytes]]]) {
        const answer = await fetch(run.s3_urls[`attachment.${name}`].presigned_url);
        assert.deepEqual([...new Uint8Array(await answer.arrayBuffer())], wanted);
    }
});

test("projects are made, read, changed and deleted", async () => {
    const name = projectName();
    const made = await client.createProject({ projectName: name, description: "d", metadata: { k: 1 } });
    assert.equal((await client.readProject({ projectName: name })).id, made.id);
    await assert.rejects(client.createProject({ projectName: name }), /409|exists/);
    const changed = await client.updateProject(made.id, { description: "e" });
    assert.equal(changed.description, "e");
    assert.ok(await client.hasProject({ projectName: name }));
    await client.deleteProject({ projectName: name });
    assert.ok(!(await client.hasProject({ projectName: name })));
});
