// traces_v2.mjs -- the v2 client of langsmith for JavaScript reads what was traced (RUNBELL_URL, PROJECT, ROOTS). Run by
// node --test from test/compat/test_traces_v2.py.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "langsmith";

const client = new Client({ apiUrl: `${process.env.RUNBELL_URL}/api`, apiKey: "none" });
const project = process.env.PROJECT;
const roots = process.env.ROOTS.split(",");

async function all(pages) {
    const found = [];
    for await (const item of pages) found.push(item);
    return found;
}

test("runs, page after page", async () => {
    const found = await all(client.runs.queryV2({ project_ids: [project], page_size: 3, selects: ["ID", "NAME", "TOTAL_COST"] }));
    assert.equal(found.length, 4);
    assert.equal(found.filter((run) => run.name === "model").length, 2);
    assert.ok(found.every((run) => typeof run.total_cost === "number"));
});

test("one run and its address", async () => {
    const run = await client.runs.retrieveV2(roots[0], { project_id: project, selects: ["NAME", "INPUTS"],
        start_time: "2026-01-01T00:00:00Z" });
    assert.deepEqual([run.name, run.inputs], ["agent", { question: "why?" }]);
    const { url } = await client.runs.getURL(roots[0], { project_id: project, trace_id: roots[0] });
    assert.ok(url.includes(roots[0]));
});

test("traces and their runs", async () => {
    const traces = await all(client.traces.query({ project_id: project, selects: ["ID"] }));
    assert.deepEqual(traces.map((trace) => trace.root_run.id), [...roots].reverse());
    const { items } = await client.traces.listRuns(roots[0], { project_id: project, selects: ["NAME"] });
    assert.deepEqual(items.map((run) => run.name), ["agent", "model"]);
});

test("the turns of a conversation", async () => {
    const turns = await all(client.threads.listTraces("T-1", { project_id: project, page_size: 1,
        selects: ["TURN_NUMBER", "LATENCY", "INPUTS_PREVIEW"] }));
    assert.deepEqual(turns.map((turn) => [turn.trace_id, turn.turn_number]), [[roots[1], 2], [roots[0], 1]]);
    assert.ok(turns.every((turn) => turn.latency >= 0));
    assert.match(turns[1].inputs_preview, /why\?/);
});

test("a trace is shared and read by its token", async () => {
    const { share_token: token } = await client.runs.share.create(roots[0], { session_id: project, trace_id: roots[0] });
    const { items } = await client.public.runs.query(token, { selects: ["ID", "NAME"] });
    assert.deepEqual(items.map((run) => run.name), ["agent", "model"]);
    await client.runs.share.delete(roots[0], { session_id: project });
    await assert.rejects(client.public.runs.query(token, { selects: ["ID"] }), { status: 404 });
});
