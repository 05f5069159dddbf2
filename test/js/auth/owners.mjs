// Two people with the published JavaScript client: each finds his own with every operation, and nothing of the other's.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client } from '@langchain/langgraph-sdk';

const client = (name) =>
    new Client({
        apiUrl: process.env.RUNBELL_URL,
        apiKey: null,
        defaultHeaders: { authorization: `Bearer ${name}` },
        callerOptions: { maxRetries: 0 },
    });
const ann = client('ann');
const bob = client('bob');
const YEARLY = '0 0 1 1 *';

const refused = (status, promise) => assert.rejects(promise, new RegExp(`HTTP ${status}`));

async function eventsOf(stream) {
    const events = [];
    for await (const event of stream) events.push(event);
    return events;
}

test('assistants', async () => {
    const made = await ann.assistants.create({ graphId: 'echo', metadata: { js: 1 } });
    const id = made.assistant_id;
    assert.deepEqual(made.metadata, { js: 1, owner: 'ann' });
    assert.deepEqual(await ann.assistants.get(id), made);
    assert.equal((await ann.assistants.search({ metadata: { js: 1 } })).length, 1);
    assert.equal((await bob.assistants.search({ metadata: { js: 1 } })).length, 0);
    assert.equal((await ann.assistants.update(id, { metadata: { x: 1 } })).version, 2);
    assert.equal((await ann.assistants.getVersions(id)).length, 2);
    assert.equal((await ann.assistants.setLatest(id, 1)).version, 1);
    assert.ok((await ann.assistants.getGraph(id)).nodes);
    assert.ok((await ann.assistants.getSchemas(id)).input_schema);
    await refused(404, bob.assistants.get(id));
    await refused(404, bob.assistants.update(id, { metadata: {} }));
    await refused(404, bob.assistants.getVersions(id));
    await refused(404, bob.assistants.setLatest(id, 1));
    await refused(404, bob.assistants.getGraph(id));
    await refused(404, bob.assistants.getSchemas(id));
    await refused(404, bob.assistants.delete(id));
    await refused(404, bob.runs.wait(null, id, { input: {} }));
    await refused(403, client('guest').assistants.create({ graphId: 'echo' }));
    await ann.assistants.delete(id);
});

test('threads, states and runs', async () => {
    const { thread_id: id, metadata } = await ann.threads.create({ metadata: { js: 2 }, graphId: 'echo' });
    assert.equal(metadata.owner, 'ann');
    const told = await ann.runs.wait(id, 'echo', { input: { wants: 'threads' } });
    assert.equal(told.user.identity, 'ann');
    assert.ok(told.threads.includes(id));
    assert.ok(!(await bob.runs.wait(null, 'echo', { input: { wants: 'threads' } })).threads.includes(id));
    assert.equal((await ann.threads.search({ metadata: { js: 2 } })).length, 1);
    assert.equal((await bob.threads.search({ metadata: { js: 2 } })).length, 0);
    await ann.threads.update(id, { metadata: { more: 1 } });
    await ann.threads.updateState(id, { values: { wants: 'x' }, asNode: 'tell' });
    assert.equal((await ann.threads.getState(id)).values.wants, 'x');
    assert.ok((await ann.threads.getHistory(id)).length > 2);
    const copy = await ann.threads.copy(id);
    const run = await ann.runs.create(id, 'echo', { input: {}, afterSeconds: 3600 });
    assert.equal((await ann.runs.list(id))[0].run_id, run.run_id);
    assert.equal((await eventsOf(ann.runs.stream(null, 'echo', { input: {} })))[0].event, 'metadata');
    await refused(404, bob.threads.get(id));
    await refused(404, bob.threads.update(id, { metadata: {} }));
    await refused(404, bob.threads.updateState(id, { values: {} }));
    await refused(404, bob.threads.getState(id));
    await refused(404, bob.threads.getHistory(id));
    await refused(409, bob.threads.copy(id));
    await refused(404, bob.threads.delete(id));
    await refused(404, bob.runs.create(id, 'echo', { input: {} }));
    await refused(404, bob.runs.list(id));
    await refused(404, bob.runs.get(id, run.run_id));
    await refused(404, bob.runs.join(id, run.run_id));
    await refused(404, bob.runs.cancel(id, run.run_id));
    await refused(404, bob.runs.delete(id, run.run_id));
    const seen = await eventsOf(bob.runs.joinStream(id, run.run_id));
    assert.deepEqual(seen.map(({ event }) => event), ['error']);
    assert.match(seen[0].data.message, /404/);
    await ann.runs.cancel(id, run.run_id);
    await ann.threads.delete(copy.thread_id);
    await ann.threads.delete(id);
});

test('crons and items', async () => {
    const { cron_id } = await ann.crons.create('echo', { schedule: YEARLY, input: {} });
    assert.equal((await bob.crons.search({})).length, 0);
    assert.ok((await ann.crons.search({})).some((cron) => cron.cron_id === cron_id && cron.user_id === 'ann'));
    await refused(404, bob.crons.delete(cron_id));
    await ann.crons.delete(cron_id);

    await ann.store.putItem(['js'], 'k', { n: 1 });
    assert.deepEqual((await ann.store.getItem(['js'], 'k')).namespace, ['ann', 'js']);
    assert.equal(await bob.store.getItem(['js'], 'k'), null);
    assert.deepEqual((await bob.store.searchItems([])).items, []);
    assert.equal((await ann.store.searchItems(['js'])).items.length, 1);
    assert.deepEqual((await bob.store.listNamespaces({})).namespaces, []);
    await bob.store.deleteItem(['js'], 'k');
    await ann.store.deleteItem(['js'], 'k');
    assert.equal(await ann.store.getItem(['js'], 'k'), null);
});
