// datasets.mjs -- the published langsmith client for JavaScript against a running server (RUNBELL_URL): datasets,
// examples and annotation queues. Run by node --test from test/compat/test_datasets_sdk.py.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Client } from "langsmith";

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
