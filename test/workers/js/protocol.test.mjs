// protocol.test.mjs -- a run's events in the event streaming protocol (contract 1.10), made by the real library.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Peer } from './peer.mjs';

const GRAPHS = Object.fromEntries(
    ['agent', 'approval', 'nested', 'failing'].map((id) => [id, { path: `./graphs/${id}.js:graph` }]),
);
let peer;

before(async () => {
    peer = await new Peer().start(GRAPHS);
});
after(() => peer.stop());

const run = (graph, input) => peer.finish(graph, { input, protocol: 'v2', want_values: true });
const channels = ({ events }) => new Set(events.map(({ event }) => event.split('|')[0]));

test('each event is named by its channel and namespace and has the params of the protocol', async () => {
    const ended = await run('nested', { ask: true });
    assert.equal(ended.done.outcome, 'success');
    for (const { event, data } of ended.events) {
        const [channel, ...namespace] = event.split('|');
        assert.match(channel, /^@[a-z]+$/);
        assert.deepEqual(data.namespace, namespace);
        assert.equal(typeof data.timestamp, 'number');
        assert.ok('data' in data);
    }
    const lifecycle = ended.events.filter(({ event }) => event.startsWith('@lifecycle'));
    assert.ok(lifecycle.length > 0 && lifecycle.every(({ event }) => event.includes('|')));
});

test('an interrupt is one input event, and stands in no other', async () => {
    const ended = await run('approval', {});
    const asked = ended.events.filter(({ event }) => event === '@input');
    assert.equal(asked.length, 1);
    const { interrupt_id, payload, value } = asked[0].data.data;
    assert.equal(ended.done.values.__interrupt__[0].id, interrupt_id);
    assert.deepEqual(payload, value);
    for (const { event, data } of ended.events)
        if (/^@(values|updates)/.test(event)) assert.ok(!JSON.stringify(data).includes('__interrupt__'));
});

test('a model tells its message in blocks', async () => {
    const ended = await run('agent', { messages: [{ role: 'human', content: 'Hello' }] });
    const kinds = ended.events
        .filter(({ event }) => event.startsWith('@messages'))
        .map(({ data }) => data.data.event);
    assert.equal(kinds[0], 'message-start');
    assert.equal(kinds.at(-1), 'message-finish');
    assert.deepEqual(
        channels(ended),
        new Set(['@checkpoints', '@values', '@tasks', '@lifecycle', '@messages', '@updates']),
    );
    assert.equal(ended.done.values.messages.at(-1).type, 'ai');
});

test('a failure ends the run as one', async () => {
    const ended = await run('failing', {});
    assert.equal(ended.done.outcome, 'error');
    assert.ok(channels(ended).has('@values'));
});
