// state.test.mjs -- what the server asks: states, history, updates, drawings, schemas, subgraphs.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Peer } from './peer.mjs';

let peer;

before(async () => {
    peer = await new Peer().start({
        approval: { path: './graphs/approval.js:graph' },
        nested: { path: './graphs/nested.js:graph' },
        agent: { path: './graphs/agent.js:graph' },
    });
});

after(() => peer.child.kill('SIGKILL'));

const onThread = (thread_id, more = {}) => ({ configurable: { thread_id, ...more } });

async function ask(t, graph_id, fields = {}, values) {
    const { header, blobs } = await peer.ask(
        { t, graph_id, ...fields },
        values && [JSON.stringify(values)],
    );
    assert.equal(header.ok, true, JSON.stringify(header.error));
    return blobs;
}

const KEYS = [
    'values',
    'next',
    'tasks',
    'metadata',
    'created_at',
    'checkpoint',
    'parent_checkpoint',
    'interrupts',
];

test('state.get: the fields of a ThreadState in their order', async () => {
    const { thread_id } = await peer.finish('approval', { input: { request: 'x' } });
    const [state] = await ask('state.get', 'approval', { config: onThread(thread_id) });
    assert.deepEqual(Object.keys(state), KEYS);
    assert.deepEqual(Object.keys(state.tasks[0]), [
        ...['id', 'name', 'error', 'interrupts', 'path', 'checkpoint', 'state', 'result'],
    ]);
    assert.match(state.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(state.parent_checkpoint.thread_id, thread_id);
});

test('state.get: an empty thread, and an unknown checkpoint whose id is echoed', async () => {
    const [empty] = await ask('state.get', 'approval', { config: onThread('none') });
    assert.deepEqual(
        [empty.values, empty.next, empty.tasks, empty.created_at, empty.checkpoint],
        [{}, [], [], null, null],
    );
    const [echo] = await ask('state.get', 'approval', {
        config: onThread('none', { checkpoint_id: 'c' }),
    });
    assert.equal(echo.checkpoint.checkpoint_id, 'c');
});

test('state.get: the task of a subgraph has its checkpoint, or its state if that is asked for', async () => {
    const { thread_id } = await peer.finish('nested', { input: { ask: true } });
    const config = onThread(thread_id);
    const [outside] = await ask('state.get', 'nested', { config });
    const [{ checkpoint, state }] = outside.tasks;
    assert.deepEqual(Object.keys(checkpoint), ['thread_id', 'checkpoint_ns']);
    assert.equal(state, null);
    const [{ tasks }] = await ask('state.get', 'nested', { config, subgraphs: true });
    assert.equal(tasks[0].checkpoint, null);
    assert.deepEqual(tasks[0].state.next, ['look']);
    const inside = onThread(thread_id, { checkpoint_ns: checkpoint.checkpoint_ns });
    const [sub] = await ask('state.get', 'nested', { config: inside });
    assert.deepEqual(sub.next, ['look']);
});

test('state.history: newest first, by limit, before and filter', async () => {
    const { thread_id } = await peer.finish('approval', { input: { request: 'x' } });
    const config = onThread(thread_id);
    const [all] = await ask('state.history', 'approval', { config, limit: 10 });
    assert.deepEqual(
        all.map(({ metadata }) => metadata.step),
        [1, 0, -1],
    );
    assert.deepEqual(all[0].parent_checkpoint, all[1].checkpoint);
    const [one] = await ask('state.history', 'approval', { config, limit: 1 });
    assert.deepEqual(one, all.slice(0, 1));
    const before = all[0].checkpoint.checkpoint_id;
    const [older] = await ask('state.history', 'approval', { config, limit: 10, before });
    assert.deepEqual(older, all.slice(1));
    const [first] = await ask('state.history', 'approval', {
        config,
        limit: 10,
        filter: { step: -1 },
    });
    assert.deepEqual(first, all.slice(2));
});

test('state.update: as a node; the reply has the checkpoint and the new head', async () => {
    const { thread_id } = await peer.finish('approval', { input: { request: 'x' } });
    const fields = { config: onThread(thread_id), as_node: 'approve' };
    const [{ checkpoint }, head] = await ask('state.update', 'approval', fields, {
        decision: 'forced',
    });
    assert.deepEqual(Object.keys(checkpoint), ['thread_id', 'checkpoint_ns', 'checkpoint_id']);
    assert.equal(head.checkpoint.checkpoint_id, checkpoint.checkpoint_id);
    assert.equal(head.values.decision, 'forced');
    assert.deepEqual(head.next, ['act']);
    const { done } = await peer.finish('approval', { thread_id });
    assert.deepEqual(done.state.values.log, ['planned: x', 'done']);
});

test('state.update: messages are taken in the form of the API; a wrong node is an error', async () => {
    const { thread_id } = await peer.finish('agent', { input: { messages: [] } });
    const config = onThread(thread_id);
    const values = { messages: [{ type: 'human', content: 'more', id: 'm' }] };
    const [, head] = await ask('state.update', 'agent', { config, as_node: 'respond' }, values);
    assert.deepEqual(head.values.messages.at(-1).id, 'm');
    const question = { t: 'state.update', graph_id: 'agent', config, as_node: 'nobody' };
    const { header } = await peer.ask(question, [JSON.stringify(values)]);
    assert.equal(header.error.type, 'InvalidUpdateError');
    assert.equal(header.error.code, 'invalid');
    const wrong = { t: 'state.update', graph_id: 'agent', config, as_node: 'respond' };
    assert.equal((await peer.ask(wrong, ['5'])).header.error.code, 'invalid');
    assert.equal((await peer.ask(question)).header.error.code, 'invalid');
});

test('state.bulk_update: builds a thread out of supersteps', async () => {
    const thread_id = crypto.randomUUID();
    const supersteps = [
        { updates: [{ as_node: '__input__', values: { request: 'bulk' } }] },
        { updates: [{ as_node: '__start__', values: { request: 'bulk' } }] },
        { updates: [{ as_node: 'plan', command: { update: { log: ['by hand'] } } }] },
    ];
    const [{ checkpoint }, head] = await ask(
        'state.bulk_update',
        'approval',
        { config: onThread(thread_id) },
        supersteps,
    );
    assert.equal(head.checkpoint.checkpoint_id, checkpoint.checkpoint_id);
    assert.deepEqual(head.values, { request: 'bulk', log: ['by hand'] });
    assert.deepEqual(head.next, ['approve']);
});

test('graph.draw: nodes and edges; xray looks into subgraphs', async () => {
    const [flat] = await ask('graph.draw', 'nested');
    assert.deepEqual(
        flat.nodes.map(({ id }) => id),
        ['__start__', 'route', 'weather', '__end__'],
    );
    assert.deepEqual(flat.edges[0], { source: '__start__', target: 'route', conditional: false });
    for (const xray of [true, 1]) {
        const [deep] = await ask('graph.draw', 'nested', { xray });
        assert.ok(
            deep.nodes.some(({ id }) => id === 'weather:look'),
            JSON.stringify(deep.nodes),
        );
    }
});

test('graph.subgraphs: all, one by its namespace', async () => {
    const [all] = await ask('graph.subgraphs', 'nested', { recurse: true });
    assert.deepEqual(Object.keys(all), ['weather']);
    const [one] = await ask('graph.subgraphs', 'nested', { namespace: 'weather', recurse: false });
    assert.deepEqual(Object.keys(one), ['weather']);
    assert.deepEqual(await ask('graph.subgraphs', 'approval'), [{}]);
});

test('graph.subgraphs: each with its own schemas, in both spellings', async () => {
    const [{ weather }] = await ask('graph.subgraphs', 'nested');
    const names = ['city', 'ask', 'report'];
    assert.deepEqual(Object.keys(weather.state.properties), names);
    for (const kind of ['state', 'input', 'output', 'config', 'context'])
        assert.deepEqual(weather[kind], weather[`${kind}_schema`], kind);
    for (const kind of ['input', 'output'])
        assert.deepEqual(Object.keys(weather[kind].properties), names, kind);
});

test('graph.schemas: without a source for types the members are told, and a log line says why', async () => {
    const [schemas] = await ask('graph.schemas', 'approval');
    const names = [
        'input_schema',
        'output_schema',
        'state_schema',
        'config_schema',
        'context_schema',
    ];
    assert.deepEqual(Object.keys(schemas), ['graph_id', ...names]);
    const members = { type: 'object', properties: { request: {}, decision: {}, log: {} } };
    for (const name of ['input_schema', 'output_schema', 'state_schema'])
        assert.deepEqual(schemas[name], members, name);
    assert.deepEqual(schemas.config_schema, {});
    await peer.logged(
        /no schemas for .*approval\.js.*npm install --save-dev @langchain\/langgraph-api/,
    );
});
