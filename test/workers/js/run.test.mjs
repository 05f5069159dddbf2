// run.test.mjs -- runs from run.start to run.done: results, interrupts, forks, cancel, crash, credits.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Peer } from './peer.mjs';
import { makeProject } from './project.mjs';

const HELLO = { messages: [{ role: 'user', content: 'Hello' }] };
const example = (name) => ({ path: `./graphs/${name}.js:graph` });
const EXAMPLES = Object.fromEntries(
    ['agent', 'trivial', 'approval', 'slow', 'failing', 'nested'].map((id) => [id, example(id)]),
);
const FIXTURES = Object.fromEntries(
    [
        'storing',
        'loop',
        'deaf',
        'events',
        'big',
        'odd',
        'forgetful',
        'targets',
        'context',
        'fanOut',
        'chat',
    ].map((id) => [id, { path: `./graphs.mjs:${id}` }]),
);

let peer;
let fixtures;

before(async () => {
    peer = await new Peer().start(EXAMPLES);
    fixtures = await new Peer({ projectDir: makeProject() }).start(FIXTURES);
});

after(() => {
    for (const one of [peer, fixtures]) one.child.kill('SIGKILL');
});

const eventNames = ({ events }) => events.map(({ event }) => event);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the server would read for this thread: the state that run.done must carry (C8). */
async function headOf(run, graphId, from = peer) {
    const config = { configurable: { thread_id: run.thread_id } };
    return (await from.ask({ t: 'state.get', graph_id: graphId, config })).blobs[0];
}

test('the example agent answers Hello; messages are in the form of the API', async () => {
    const { done, events } = await peer.finish('agent', { input: HELLO, want_values: true });
    const [human, ai] = done.values.messages;
    assert.deepEqual(Object.keys(human).sort(), [
        'additional_kwargs',
        'content',
        'id',
        'response_metadata',
        'type',
    ]);
    assert.equal(ai.content, 'Hi there! How can I help you today?');
    assert.equal(ai.type, 'ai');
    assert.equal(done.outcome, 'success');
    assert.deepEqual(done.next, []);
    assert.equal(done.interrupts, undefined);
    assert.deepEqual(events.at(-1).data, done.values);
    assert.deepEqual(done.state.values, done.values);
});

test('the head state of run.done is what a read of the thread tells, whatever the run was', async () => {
    const cases = [
        ['agent', { input: HELLO }],
        ['trivial', { input: { count: 1 }, durability: 'sync' }],
        ['trivial', { input: { count: 1 }, durability: 'exit' }],
        ['approval', { input: { request: 'x' } }],
        ['approval', { input: { request: 'x' }, interrupt_before: ['act', 'plan'] }],
        ['failing', { input: { input: 'x' } }],
        ['nested', { input: { ask: true } }],
    ];
    for (const [id, fields] of cases) {
        const run = await peer.finish(id, fields);
        assert.deepEqual(run.done.state, await headOf(run, id), `${id} ${JSON.stringify(fields)}`);
    }
    const odd = await fixtures.finish('odd', { input: {} });
    assert.deepEqual(odd.done.state, await headOf(odd, 'odd', fixtures));
});

for (const [durability, steps] of Object.entries({ sync: 0, async: 2, exit: 2 }))
    test(`durability ${durability}: what a run waits for, and that it ends when all is stored`, async () => {
        peer.held = [];
        const run = peer.run('trivial', { input: { count: 1 }, durability });
        await pause(300);
        assert.equal(run.events.length, steps);
        assert.equal(run.done, null);
        peer.release();
        await run.ended;
        assert.deepEqual(run.done.state, await headOf(run, 'trivial'));
        const stored = peer.checkpoints.rows.filter(({ run_id }) => run_id === run.run_id);
        assert.equal(stored.length, durability === 'exit' ? 1 : 3);
    });

test('a run without a checkpointer stores nothing and still answers', async () => {
    const stored = peer.checkpoints.rows.length;
    const { done } = await peer.finish('trivial', {
        input: { count: 1 },
        checkpointing: false,
        want_values: true,
    });
    assert.deepEqual(done.values, { count: 2 });
    assert.equal(done.state, undefined);
    assert.equal(peer.checkpoints.rows.length, stored);
    const again = await peer.finish('trivial', { input: { count: 1 } });
    assert.ok(again.done.state);
});

test('values that nobody asked to see are in run.done and not in the stream', async () => {
    const { done, events } = await peer.finish('trivial', {
        input: { count: 1 },
        stream_modes: [],
        want_values: true,
    });
    assert.deepEqual(events, []);
    assert.deepEqual(done.values, { count: 2 });
});

test('a failing run tells class and text, and keeps the state so far (C8, C10)', async () => {
    const { done } = await peer.finish('failing', { input: { input: 'x' } });
    assert.equal(done.outcome, 'error');
    assert.deepEqual(done.error, {
        type: 'TimeoutError',
        message: 'the model did not answer within 30 s',
    });
    assert.deepEqual(done.state.values, { input: 'x', prepared: true });
    assert.deepEqual(done.next, ['fail']);
    assert.equal(done.state.tasks[0].error, 'the model did not answer within 30 s');
});

test('the recursion limit is passed on, and running into it has its own class', async () => {
    const { done } = await fixtures.finish('loop', { input: {}, config: { recursion_limit: 3 } });
    assert.equal(done.error.type, 'GraphRecursionError');
    assert.equal(done.state.values.log.length, 3);
});

test('an interrupt ends the run as success, and a resume goes on', async () => {
    const stopped = await peer.finish('approval', { input: { request: 'x' }, want_values: true });
    const question = { question: 'May I go on?', request: 'x' };
    assert.equal(stopped.done.outcome, 'success');
    assert.deepEqual(stopped.done.next, ['approve']);
    const [[task, [{ id, value }]]] = Object.entries(stopped.done.interrupts);
    assert.deepEqual(value, question);
    assert.equal(stopped.done.state.tasks[0].id, task);
    assert.deepEqual(stopped.done.state.interrupts, [{ id, value }]);
    assert.deepEqual(stopped.done.values, {
        request: 'x',
        log: ['planned: x'],
        __interrupt__: [{ id, value: question }],
    });
    assert.deepEqual(stopped.events.at(-1).data, { __interrupt__: [{ id, value: question }] });
    const { thread_id } = stopped;
    const { done } = await peer.finish('approval', { thread_id, command: { resume: 'yes' } });
    assert.deepEqual(done.state.values.log, ['planned: x', 'decided: "yes"', 'done']);
    assert.deepEqual(done.next, []);
});

for (const answer of [null, false, 0, '', { map: 1 }])
    test(`an interrupt can be answered with ${JSON.stringify(answer)}, also by its id`, async () => {
        for (const byId of [false, true]) {
            const { thread_id, done } = await peer.finish('approval', { input: { request: 'x' } });
            const [[{ id }]] = Object.values(done.interrupts);
            const resume = byId ? { [id]: answer } : answer;
            const resumed = await peer.finish('approval', { thread_id, command: { resume } });
            assert.deepEqual(resumed.done.state.values.decision, answer);
        }
    });

test('a static interrupt stops before the node, and a run without input goes on', async () => {
    const stopped = await peer.finish('approval', {
        input: { request: 'x' },
        interrupt_before: ['plan'],
        want_values: true,
    });
    assert.deepEqual(stopped.done.next, ['plan']);
    assert.equal(stopped.done.interrupts, undefined);
    assert.deepEqual(stopped.events.at(-1).data, { __interrupt__: [] });
    const on = await peer.finish('approval', {
        thread_id: stopped.thread_id,
        interrupt_after: '*',
    });
    assert.deepEqual(on.done.next, ['approve']);
});

test('a run can fork from an older checkpoint, which is asked again and stays as it was', async () => {
    const first = await peer.finish('approval', { input: { request: 'x' } });
    const { thread_id } = first;
    const { checkpoint } = first.done.state;
    await peer.finish('approval', { thread_id, command: { resume: 'no' } });
    const config = { configurable: { checkpoint_id: checkpoint.checkpoint_id } };
    const fork = await peer.finish('approval', { thread_id, config });
    assert.deepEqual(fork.done.next, ['approve']);
    assert.deepEqual(fork.done.state.parent_checkpoint, checkpoint);
    assert.deepEqual(fork.done.state, await headOf(fork, 'approval'));
    const { done } = await peer.finish('approval', { thread_id, command: { resume: 'yes' } });
    assert.deepEqual(done.state.values.log, ['planned: x', 'decided: "yes"', 'done']);
});

test('a command can update the state and go to a node, with an input of its own or without', async () => {
    const { thread_id } = await fixtures.finish('targets', { input: {} });
    const go = (command) => fixtures.finish('targets', { thread_id, command });
    const named = await go({ goto: 'second', update: { word: 'up' } });
    assert.deepEqual(named.done.state.values.log, ['first', 'second up']);
    const sent = await go({
        goto: [{ node: 'second', input: { word: 'in' } }],
        update: [['log', 'pair']],
    });
    assert.deepEqual(sent.done.state.values.log.slice(2).sort(), ['pair', 'second in']);
});

test('parallel tasks of one step all end in the state', async () => {
    const run = await fixtures.finish('fanOut', { input: {} });
    assert.deepEqual(run.done.state.values.log, [1, 2]);
});

test('context and tags reach the node', async () => {
    const run = await fixtures.finish('context', {
        input: {},
        context: { user: 'u' },
        config: { tags: ['mine'] },
    });
    assert.deepEqual(run.done.state.values.log, [{ context: { user: 'u' }, tags: ['mine'] }]);
});

test('the metadata of a checkpoint tells run, attempt and thread', async () => {
    const { done, run_id, thread_id } = await peer.finish('trivial', {
        input: { count: 1 },
        attempt: 2,
        config: { metadata: { tenant: 't1' }, configurable: { user: 'u', checkpoint_ns: '' } },
    });
    const { metadata } = done.state;
    assert.deepEqual(
        [metadata.run_id, metadata.thread_id, metadata.run_attempt, metadata.tenant, metadata.user],
        [run_id, thread_id, 2, 't1', 'u'],
    );
    assert.equal(metadata.langgraph_api_url, 'http://server');
    assert.equal('checkpoint_ns' in metadata, false);
    assert.equal(done.attempt, 2);
});

test('a cancelled run ends as cancelled, with the state it reached', async () => {
    const run = peer.run('slow', { input: { steps: 100, delay_ms: 20 } });
    await pause(150);
    peer.send({ t: 'run.cancel', run_id: run.run_id, reason: 'interrupt' });
    const { done } = await run.ended;
    assert.equal(done.outcome, 'cancelled');
    assert.equal(done.error, undefined);
    assert.ok(done.state.values.done > 0);
    assert.deepEqual(done.next, ['work']);
    peer.send({ t: 'run.cancel', run_id: run.run_id, reason: 'interrupt' });
});

test('a node that does not listen is left behind by a cancel', async () => {
    const run = fixtures.run('deaf', { input: {} });
    await pause(50);
    fixtures.send({ t: 'run.cancel', run_id: run.run_id, reason: 'timeout' });
    assert.equal((await run.ended).done.outcome, 'cancelled');
});

test('a killed run is taken up by another worker from its last checkpoint', async () => {
    const dying = await new Peer().start(EXAMPLES);
    const input = { steps: 6, delay_ms: 60 };
    const run = dying.run('slow', { input });
    await dying.seen(({ t, event }) => t === 'run.event' && event === 'values');
    await pause(200);
    dying.child.kill('SIGKILL');
    await dying.exited;
    const next = await new Peer({ checkpoints: dying.checkpoints }).start(EXAMPLES);
    const { thread_id, run_id } = run;
    const second = await next.finish('slow', {
        thread_id,
        run_id,
        input,
        attempt: 2,
        resume: true,
    });
    assert.equal(second.done.outcome, 'success');
    assert.equal(second.done.state.values.done, 6);
    assert.ok(second.events.length < 7, 'steps were done again');
    const third = await next.finish('slow', {
        thread_id,
        run_id,
        attempt: 3,
        resume: true,
        want_values: true,
    });
    assert.equal(third.done.outcome, 'success');
    assert.equal(third.done.values.done, 6);
    next.child.kill('SIGKILL');
});

test('events of more than 4 MiB wait until the server has taken them', async () => {
    fixtures.autoCredit = false;
    const run = fixtures.run('events', { input: {}, stream_modes: ['custom'] });
    await pause(700);
    const sent = run.events.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(sent > 4 * 1024 * 1024 && sent < 6 * 1024 * 1024, `${sent} bytes were sent`);
    assert.equal(run.done, null);
    fixtures.autoCredit = true;
    fixtures.send({ t: 'run.credit', run_id: run.run_id, bytes: sent });
    await run.ended;
    assert.deepEqual(
        run.events.map(({ data }) => data.i),
        [...Array(20).keys()],
    );
});

test('a run that waits for credit can be cancelled', async () => {
    fixtures.autoCredit = false;
    const run = fixtures.run('events', { input: {}, stream_modes: ['custom'] });
    await pause(300);
    fixtures.autoCredit = true;
    fixtures.send({ t: 'run.cancel', run_id: run.run_id, reason: 'interrupt' });
    assert.equal((await run.ended).done.outcome, 'cancelled');
});

test('a state of 20 MiB passes; one that fits no frame ends the run with an error', async () => {
    const large = await fixtures.finish('big', { input: { mib: 20 } });
    assert.equal(large.done.state.values.text.length, 20 * 1024 * 1024);
    const tooLarge = await fixtures.finish('big', { input: { mib: 65 } });
    assert.equal(tooLarge.done.outcome, 'error');
    assert.equal(tooLarge.done.error.type, 'FrameTooLarge');
    assert.match(tooLarge.done.error.message, /does not fit into one message/);
});

test('a store that the server refuses to write ends the run with its reason', async () => {
    const { put } = fixtures.checkpoints;
    fixtures.checkpoints.put = () => {
        throw Object.assign(new Error('the disk is full'), {
            code: 'unavailable',
            name: 'StoreError',
        });
    };
    const { done } = await fixtures.finish('odd', { input: {} });
    fixtures.checkpoints.put = put;
    assert.deepEqual(done.error, { type: 'StoreError', message: 'the disk is full' });
});

test('nodes read and write the store of the server; operations of one turn are one request', async () => {
    fixtures.items.batches = [];
    const { done } = await fixtures.finish('storing', { input: {} });
    const [value, isDate, deleted, found] = done.state.values.log;
    assert.deepEqual([value, isDate, deleted, found], [{ n: 1 }, true, null, [['one', 0.5]]]);
    assert.deepEqual(
        fixtures.items.batches[0].map(({ op }) => op),
        ['put', 'put'],
    );
    assert.deepEqual(
        fixtures.items.items.map(({ key }) => key),
        ['one'],
    );
});

test('a forgotten rejected promise of user code ends nobody', async () => {
    const { done } = await fixtures.finish('forgetful', { input: {} });
    assert.equal(done.outcome, 'success');
    await fixtures.logged(/unhandled rejection: Error: nobody listens/);
});

test('many runs at once do not mix', async () => {
    const runs = await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
            peer.finish('trivial', {
                input: { count: n },
                checkpointing: n % 2 === 0,
                want_values: true,
            }),
        ),
    );
    runs.forEach(({ done }, n) => assert.deepEqual(done.values, { count: n + 1 }));
    runs.forEach(({ done }, n) => assert.equal(Boolean(done.state), n % 2 === 0));
});

test('only events of requested modes are sent', async () => {
    for (const mode of ['values', 'updates', 'tasks', 'checkpoints', 'debug']) {
        const run = await peer.finish('agent', {
            input: HELLO,
            stream_modes: [mode],
            want_values: true,
        });
        assert.deepEqual([...new Set(eventNames(run))], [mode]);
    }
});
