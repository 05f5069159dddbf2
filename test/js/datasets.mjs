// datasets.mjs -- the published langsmith client for JavaScript against a running server (RUNBELL_URL): datasets,
// examples and annotation queues. Run by node --test from test/compat/test_datasets_sdk.py.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Client } from "langsmith";
import { evaluate, evaluateComparative } from "langsmith/evaluation";

const client = new Client({ apiUrl: process.env.RUNBELL_URL + (process.env.RUNBELL_PREFIX ?? ""), apiKey: "none" });

async function all(iterator) {
    const found = [];
    for await (const one of iterator) found.push(one);
    return found;
}

test("datasets and their examples", async () => {
    const name = `js-${randomUUID()}`;
    const dataset = await client.createDataset(name, { description: "d", metadata: { team: name } });
    assert.equal((await client.readDataset({ datasetName: name })).id, dataset.id);
    assert.deepEqual((await all(client.listDatasets({ datasetNameContains: name }))).map((d) => d.id), [dataset.id]);
    await client.updateDataset({ datasetId: dataset.id, description: "e" });
    assert.equal((await client.readDataset({ datasetId: dataset.id })).description, "e");

    const one = await client.createExample({ inputs: { q: "é🔔" }, outputs: { a: 1 }, dataset_id: dataset.id, split: "train" });
    assert.deepEqual(one.inputs, { q: "é🔔" });
    assert.deepEqual(one.metadata, { dataset_split: ["train"] });
    const more = await client.createExamples([{ inputs: { n: 1 }, dataset_id: dataset.id }, { inputs: { n: 2 }, dataset_id: dataset.id }]);
    assert.equal(more.length, 2);
    await client.updateExample({ id: one.id, dataset_id: dataset.id, inputs: { q: "new" } });
    assert.deepEqual((await client.readExample(one.id)).inputs, { q: "new" });
    assert.equal((await all(client.listExamples({ datasetId: dataset.id }))).length, 3);
    assert.equal((await all(client.listExamples({ datasetName: name, splits: ["train"] }))).length, 1);
    assert.equal((await client.readDatasetVersion({ datasetId: dataset.id, tag: "latest" })).tags[0], "latest");
    await client.deleteExample(one.id);
    await client.deleteExamples([more[0].id], { hardDelete: true });
    assert.equal((await all(client.listExamples({ datasetId: dataset.id }))).length, 1);
    await client.deleteDataset({ datasetName: name });
    await assert.rejects(client.readDataset({ datasetName: name }));
});

test("versions, splits, filters, attachments", async () => {
    const dataset = await client.createDataset(`js-${randomUUID()}`), datasetId = dataset.id;
    const [one, other] = await client.createExamples([
        { inputs: { n: 1 }, dataset_id: datasetId, metadata: { foo: "bar" }, attachments: { note: ["text/plain", new TextEncoder().encode("words")] } },
        { inputs: { n: 2 }, dataset_id: datasetId }]);
    await client.updateDatasetTag({ datasetId, asOf: "latest", tag: "before" });
    const read = await client.readExample(one.id);
    assert.equal(read.attachments.note.mime_type, "text/plain");
    assert.equal(await (await fetch(read.attachments.note.presigned_url)).text(), "words");
    await client.updateDatasetSplits({ datasetId, splitName: "train", exampleIds: [other.id] });
    assert.deepEqual((await all(client.listExamples({ datasetId, splits: ["train"] }))).map((e) => e.id), [other.id]);
    assert.deepEqual((await all(client.listExamples({ datasetId, filter: 'exists(metadata, "foo")' }))).map((e) => e.id), [one.id]);
    const diff = await client.diffDatasetVersions({ datasetId, fromVersion: "before", toVersion: "latest" });
    assert.deepEqual(diff, { examples_modified: [other.id], examples_added: [], examples_removed: [] });
});

test("shared datasets and tables", async () => {
    const csvFile = new Blob(["q,a\nwhy,so\n"]), name = `js-${randomUUID()}`;
    const dataset = await client.uploadCsv({ csvFile, fileName: "t.csv", inputKeys: ["q"], outputKeys: ["a"], name });
    assert.equal(dataset.name, name);
    const { share_token: token } = await client.shareDataset(dataset.id);
    assert.equal((await client.readDatasetSharedSchema(dataset.id)).share_token, token);
    assert.equal((await client.readSharedDataset(token)).id, dataset.id);
    assert.deepEqual((await client.listSharedExamples(token)).map((e) => [e.inputs, e.outputs]), [[{ q: "why" }, { a: "so" }]]);
    await client.unshareDataset(dataset.id);
    await assert.rejects(client.readSharedDataset(token));
});

test("evaluate", async () => {
    const dataset = await client.createDataset(`js-${randomUUID()}`);
    await client.createExamples([0, 1, 2, 3].map((n) => ({ inputs: { n }, outputs: { m: 2 * n }, dataset_id: dataset.id })));
    const correct = ({ outputs, referenceOutputs }) => ({ key: "correct", score: outputs.m === referenceOutputs.m });
    const done = await evaluate(async ({ n }) => ({ m: n === 3 ? 0 : 2 * n }), { data: dataset.name, client, experimentPrefix: "js", evaluators: [correct],
        summaryEvaluators: [({ outputs }) => ({ key: "count", score: outputs.length })] });
    assert.equal(done.results.length, 4);
    await client.awaitPendingTraceBatches();
    const project = await client.readProject({ projectName: done.experimentName, includeStats: true });
    assert.equal(project.reference_dataset_id, dataset.id);
    assert.equal(project.feedback_stats.correct.avg, 0.75);
    assert.equal(project.session_feedback_stats.count.avg, 4);
    const again = await evaluate(async () => ({ m: 0 }), { data: dataset.name, client, experimentPrefix: "js2" });
    await client.awaitPendingTraceBatches();
    const compared = await evaluateComparative([done.experimentName, again.experimentName], { client,
        evaluators: [({ runs }) => ({ key: "best", scores: Object.fromEntries(runs.map((run, n) => [run.id, n])) })] });
    assert.equal(compared.results.length, 4);
});

test("annotation queues", async () => {
    const name = `js-${randomUUID()}`, id = randomUUID();
    await client.createRun({ id, name: "asked", run_type: "chain", inputs: { q: 1 }, project_name: "js-queues",
        start_time: Date.now(), end_time: Date.now() });
    await client.awaitPendingTraceBatches();
    const queue = await client.createAnnotationQueue({ name, description: "d" });
    assert.deepEqual((await all(client.listAnnotationQueues({ name }))).map((q) => q.id), [queue.id]);
    await client.updateAnnotationQueue(queue.id, { name: `${name}2`, description: "e" });
    assert.equal((await client.readAnnotationQueue(queue.id)).description, "e");
    await client.addRunsToAnnotationQueue(queue.id, [id]);
    assert.equal((await client.getSizeFromAnnotationQueue(queue.id)).size, 1);
    const first = await client.getRunFromAnnotationQueue(queue.id, 0);
    assert.equal(first.id, id);
    assert.equal((await all(client.listRunsFromAnnotationQueue(queue.id))).length, 1);
    await client.deleteRunFromAnnotationQueue(queue.id, first.queue_run_id);
    assert.equal((await client.getSizeFromAnnotationQueue(queue.id)).size, 0);
    await client.deleteAnnotationQueue(queue.id);
    await assert.rejects(client.readAnnotationQueue(queue.id));
});
