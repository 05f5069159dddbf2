// stream.test.mjs -- every stream mode: the exact sequence of event names and the shape of their data.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Peer } from './peer.mjs';
import { makeProject } from './project.mjs';

const HELLO = { messages: [{ role: 'user', content: 'Hello', id: 'h' }] };

let peer;
let fixtures;

before(async () => {
    peer = await new Peer().start({
        agent: { path: './graphs/agent.js:graph' },
        approval: { path: './graphs/approval.js:graph' },
        nested: { path: './graphs/nested.js:graph' },
    });
    fixtures = await new Peer({ projectDir: makeProject() }).start({
        chat: { path: './graphs.mjs:chat' },
        odd: { path: './graphs.mjs:odd' },
    });
});

after(() => {
    for (const one of [peer, fixtures]) one.child.kill('SIGKILL');
});

/* Task ids in names are random; here each is told as ":id". */
const namesOf = ({ events }) => events.map(({ event }) => event.replace(/:[0-9a-f-]{36}/g, ':id'));
const dataOf = ({ events }, name) =>
    events.filter(({ event }) => event === name).map(({ data }) => data);
const stream = (from, graphId, stream_modes, fields = {}) =>
    from.finish(graphId, { input: HELLO, ...fields, stream_modes });

test('values: the input step, then the state after each step', async () => {
    const run = await stream(peer, 'agent', ['values']);
    assert.deepEqual(namesOf(run), ['values', 'values']);
    assert.deepEqual(
        run.events.map(({ data }) => data.messages.map(({ type }) => type)),
        [['human'], ['human', 'ai']],
    );
});

test('updates: what each node wrote, and the interrupt', async () => {
    const run = await stream(peer, 'approval', ['updates'], { input: { request: 'x' } });
    const [planned, stopped] = run.events.map(({ data }) => data);
    assert.deepEqual(namesOf(run), ['updates', 'updates']);
    assert.deepEqual(planned, { plan: { log: ['planned: x'] } });
    assert.deepEqual(stopped.__interrupt__[0].value, { question: 'May I go on?', request: 'x' });
    assert.deepEqual(Object.keys(stopped.__interrupt__[0]).sort(), ['id', 'value']);
});

test('custom: what the node wrote, among the other modes', async () => {
    const run = await stream(fixtures, 'chat', ['custom', 'updates']);
    assert.deepEqual(namesOf(run), ['custom', 'updates']);
    assert.deepEqual(run.events[0].data, { progress: 1 });
});

test('messages: metadata once, partials that grow, complete for all messages of the state', async () => {
    const run = await stream(fixtures, 'chat', ['messages']);
    assert.deepEqual(namesOf(run), [
        'messages/complete',
        'messages/metadata',
        'messages/partial',
        'messages/partial',
        'messages/partial',
        'messages/complete',
    ]);
    const [[human], [ai]] = dataOf(run, 'messages/complete');
    assert.deepEqual([human.id, human.type, ai.content, ai.type], ['h', 'human', 'Hi!', 'ai']);
    assert.deepEqual(
        dataOf(run, 'messages/partial').map(([{ content, id }]) => [content, id]),
        [
            ['H', ai.id],
            ['Hi', ai.id],
            ['Hi!', ai.id],
        ],
    );
    const [[[id, { metadata }]]] = dataOf(run, 'messages/metadata').map(Object.entries);
    assert.deepEqual([id, metadata.langgraph_node, metadata.run_id], [ai.id, 'node', run.run_id]);
});

test('messages of a graph without a model are only told complete', async () => {
    const run = await stream(peer, 'agent', ['messages']);
    assert.deepEqual(namesOf(run), ['messages/complete', 'messages/complete']);
});

test('messages-tuple: each chunk with its metadata, named `messages`', async () => {
    const run = await stream(fixtures, 'chat', ['messages-tuple']);
    assert.deepEqual(namesOf(run), ['messages', 'messages', 'messages']);
    assert.equal(run.events.map(({ data: [chunk] }) => chunk.content).join(''), 'Hi!');
    const [chunk, metadata] = run.events[0].data;
    assert.equal(chunk.type, 'ai');
    const { langgraph_step, langgraph_node, thread_id, graph_id } = metadata;
    assert.deepEqual(
        [langgraph_step, langgraph_node, thread_id, graph_id],
        [1, 'node', run.thread_id, 'chat'],
    );
});

test('events: the callback events without the hidden ones; other modes stay beside them', async () => {
    const run = await stream(fixtures, 'chat', ['events', 'values']);
    const events = dataOf(run, 'events');
    assert.deepEqual(
        events.map(({ event, name }) => `${event} ${name}`),
        [
            'on_chain_start LangGraph',
            'on_chain_start node',
            'on_chat_model_start FakeListChatModel',
            ...Array(3).fill('on_chat_model_stream FakeListChatModel'),
            'on_chat_model_end FakeListChatModel',
            'on_chain_end node',
            'on_chain_end LangGraph',
        ],
    );
    assert.equal(events[0].run_id, run.run_id);
    assert.equal(
        events.some(({ tags }) => tags?.includes('langsmith:hidden')),
        false,
    );
    assert.equal(dataOf(run, 'values').length, 2);
});

test('tasks: a start and a result for each task', async () => {
    const run = await stream(peer, 'agent', ['tasks']);
    const [start, result] = run.events.map(({ data }) => data);
    assert.deepEqual(namesOf(run), ['tasks', 'tasks']);
    const { id, name, triggers, interrupts } = start;
    assert.deepEqual([name, triggers, interrupts], ['respond', ['branch:to:respond'], []]);
    assert.equal(start.input.messages[0].type, 'human');
    assert.deepEqual([result.id, result.name], [id, 'respond']);
    assert.equal(result.result.messages[0].type, 'ai');
});

test('checkpoints: values, metadata and next of each checkpoint', async () => {
    const run = await stream(peer, 'agent', ['checkpoints']);
    assert.deepEqual(namesOf(run), ['checkpoints', 'checkpoints', 'checkpoints']);
    for (const { data } of run.events)
        assert.deepEqual(Object.keys(data), ['values', 'metadata', 'next']);
    assert.deepEqual(
        run.events.map(({ data }) => data.next),
        [['__start__'], ['respond'], []],
    );
});

test('debug: checkpoints and tasks by step, with nothing internal in their configurations', async () => {
    const run = await stream(peer, 'agent', ['debug']);
    const kinds = run.events.map(({ data }) => `${data.step} ${data.type}`);
    assert.deepEqual(kinds, [
        '-1 checkpoint',
        '0 checkpoint',
        '1 task',
        '1 task_result',
        '1 checkpoint',
    ]);
    const { payload } = run.events[1].data;
    const keys = ['checkpoint', 'config', 'metadata', 'next', 'parent_checkpoint', 'parent_config'];
    assert.deepEqual(Object.keys(payload).sort(), [...keys, 'tasks', 'values']);
    assert.deepEqual(Object.keys(payload.checkpoint), [
        'thread_id',
        'checkpoint_id',
        'checkpoint_ns',
        'checkpoint_map',
    ]);
    assert.equal(
        payload.parent_checkpoint.checkpoint_id,
        run.events[0].data.payload.checkpoint.checkpoint_id,
    );
    assert.doesNotMatch(
        JSON.stringify(run.events.map(({ data }) => data)),
        /__pregel_(?!pull)|"callbacks"/,
    );
});

test('subgraphs: names end in the namespace, and an interrupt inside shows in both graphs', async () => {
    const fields = { input: { ask: true }, subgraphs: true };
    const run = await stream(peer, 'nested', ['values', 'updates'], fields);
    assert.deepEqual(namesOf(run), [
        'values',
        'updates',
        'values|weather:id',
        'updates|weather:id',
        'values|weather:id',
        'updates',
        'values',
    ]);
    assert.equal(run.events.at(-1).data.__interrupt__[0].value, 'Which city?');
    const { thread_id } = run;
    const answer = { input: undefined, command: { resume: 'Rome' }, subgraphs: true, thread_id };
    const resumed = await stream(peer, 'nested', ['values'], answer);
    const inner = Array(3).fill('values|weather:id');
    assert.deepEqual(namesOf(resumed), ['values', ...inner, 'values']);
    assert.equal(resumed.done.state.values.report, 'It is sunny in Rome.');
});

test('lifecycle: tells of subgraphs and of nothing else', async () => {
    const run = await stream(peer, 'nested', ['lifecycle', 'updates'], { input: {} });
    const plain = await stream(peer, 'nested', ['updates'], { input: {} });
    assert.deepEqual(
        namesOf(run).filter((name) => name !== 'lifecycle'),
        namesOf(plain),
    );
    const [started, ended, ...more] = dataOf(run, 'lifecycle');
    const [segment] = started.namespace;
    assert.deepEqual(started, {
        event: 'started',
        namespace: [segment],
        graph_name: 'weather',
        trigger_call_id: segment.split(':')[1],
    });
    assert.deepEqual(ended, { event: 'completed', namespace: [segment] });
    assert.deepEqual(more, []);
    const asking = await stream(peer, 'nested', ['lifecycle'], { input: { ask: true } });
    assert.deepEqual(
        dataOf(asking, 'lifecycle').map(({ event }) => event),
        ['started', 'interrupted'],
    );
});

test('subgraphs: only the events of the root graph without them', async () => {
    const run = await stream(peer, 'nested', ['values', 'tasks'], { input: { city: 'Rome' } });
    assert.deepEqual([...new Set(namesOf(run))], ['values', 'tasks']);
    assert.equal(dataOf(run, 'values').length, 2);
});

test('a subgraph task in debug names its checkpoint instead of a configuration', async () => {
    const run = await stream(peer, 'nested', ['debug'], { input: { city: 'Rome' } });
    const tasks = dataOf(run, 'debug').flatMap(({ payload }) => payload.tasks ?? []);
    const weather = tasks.find(({ name }) => name === 'weather');
    assert.equal('state' in weather, false);
    assert.match(weather.checkpoint.checkpoint_ns, /^weather:/);
});

test('the same modes by the slower way have the same events', async () => {
    const modes = [
        'values',
        'updates',
        'custom',
        'tasks',
        'checkpoints',
        'debug',
        'messages-tuple',
    ];
    for (const subgraphs of [false, true]) {
        const fast = await stream(fixtures, 'chat', modes, { subgraphs });
        const slow = await stream(fixtures, 'chat', [...modes, 'events'], { subgraphs });
        const withoutEvents = namesOf(slow).filter((name) => name !== 'events');
        assert.deepEqual(withoutEvents, namesOf(fast));
    }
});

test('values that JSON does not know still stream', async () => {
    const run = await stream(fixtures, 'odd', ['values'], { input: {} });
    assert.deepEqual(run.events.at(-1).data.log, [
        { big: 12, when: '1970-01-01T00:00:00.000Z', map: { k: 1 }, set: [1] },
    ]);
});
