// load.test.mjs -- starting a worker: hello, what may be exported, load errors, end of file, bad frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Peer } from './peer.mjs';
import { makeProject } from './project.mjs';

const at = (path) => ({ path });

async function withPeer(graphs, body, options = {}) {
    const peer = new Peer({ projectDir: makeProject(options) });
    try {
        await peer.start(graphs);
        await body(peer);
    } finally {
        peer.child.kill('SIGKILL');
    }
}

const logOf = (run) => run.done.state.values.log;

test('the worker says hello with its versions and is ready with the graphs that loaded', () =>
    withPeer({ a: { path: './graphs.mjs:chat', description: 'chats' } }, async (peer) => {
        const { pid, ...hello } = peer.hello;
        assert.equal(pid, peer.child.pid);
        assert.deepEqual(hello, {
            t: 'hello',
            proto: 1,
            lang: 'js',
            lang_version: process.versions.node,
            lib_version: '1.4.18',
            sdk_version: '1.12.0',
        });
        assert.deepEqual(peer.ready.graphs, [{ id: 'a', description: 'chats' }]);
    }));

test('a graph may be exported as builder, promise, wrapper or factory', () =>
    withPeer(
        {
            builder: at('./graphs.mjs:builder'),
            promise: at('./graphs.mjs:promise'),
            wrapper: at('./graphs.mjs:wrapper'),
            factory: at('./graphs.mjs:factory'),
        },
        async (peer) => {
            assert.deepEqual(peer.loadErrors, []);
            for (const id of ['builder', 'promise', 'wrapper'])
                assert.deepEqual(logOf(await peer.finish(id, { input: {} })), ['built']);
            const config = { configurable: { nodeName: 'mine' } };
            const run = await peer.finish('factory', { input: {}, config });
            assert.deepEqual(logOf(run), ['mine']);
            const asked = { configurable: { thread_id: run.thread_id, nodeName: 'mine' } };
            const drawn = await peer.ask({ t: 'graph.draw', graph_id: 'factory', config: asked });
            assert.ok(drawn.blobs[0].nodes.some(({ id }) => id === 'mine'));
        },
    ));

test('a TypeScript graph loads with the tsx of the project', () =>
    withPeer({ typed: at('./typed.ts:graph') }, async (peer) => {
        assert.deepEqual(peer.loadErrors, []);
        const run = await peer.finish('typed', { input: { answer: null } });
        assert.deepEqual(run.done.state.values, { answer: { text: 'typed' } });
    }));

test('a CommonJS graph gets messages of its own classes', () =>
    withPeer({ common: at('./common.cjs:graph') }, async (peer) => {
        const run = await peer.finish('common', {
            input: { messages: [{ role: 'user', content: 'x' }] },
        });
        assert.equal(run.done.state.values.messages[1].content, 'true');
    }));

test('a load error names the file, the line, the reason and what to do; other graphs still load', () =>
    withPeer(
        {
            good: at('./graphs.mjs:builder'),
            absent: at('./nowhere.mjs:graph'),
            unnamed: at('./graphs.mjs:nothing'),
            number: at('./graphs.mjs:number'),
            syntax: at('./broken_syntax.mjs:graph'),
            throws: at('./broken_throw.mjs:graph'),
            imports: at('./broken_import.mjs:graph'),
        },
        async (peer) => {
            const said = Object.fromEntries(
                peer.loadErrors.map(({ graph_id, error }) => [graph_id, error.message]),
            );
            assert.deepEqual(peer.ready.graphs, [{ id: 'good' }]);
            assert.match(said.absent, /^\.\/nowhere\.mjs:graph: there is no file .*nowhere\.mjs$/);
            assert.match(said.unnamed, /there is no export "nothing"; the file exports .*chat/);
            assert.match(said.number, /the export is not a graph/);
            assert.match(said.syntax, /Unexpected token '=' \(broken_syntax\.mjs:3\)/);
            assert.match(said.throws, /no key in the environment \(broken_throw\.mjs:4\)/);
            assert.match(said.imports, /run "npm install @nobody\/nothing"/);
        },
    ));

test('without tsx or without LangGraph the load error says what to install', async () => {
    await withPeer(
        { typed: at('./typed.ts:graph') },
        async (peer) =>
            assert.match(peer.loadErrors[0].error.message, /npm install --save-dev tsx/),
        { without: ['tsx'] },
    );
    await withPeer(
        { a: at('./graphs.mjs:chat') },
        async (peer) => {
            assert.equal(peer.hello.lib_version, null);
            assert.match(peer.loadErrors[0].error.message, /npm install @langchain\/core/);
        },
        { without: ['@langchain'] },
    );
});

test('the worker exits at once when the socket ends', async () => {
    const peer = new Peer({ projectDir: makeProject() });
    await peer.start({ deaf: at('./graphs.mjs:deaf') });
    peer.run('deaf', { input: {} });
    assert.deepEqual(await peer.stop(), { code: 0, signal: null });
});

test('a shutdown is answered when all runs have ended, then the worker exits with 0', async () => {
    const peer = new Peer({ projectDir: makeProject() });
    await peer.start({ deaf: at('./graphs.mjs:deaf') });
    const run = peer.run('deaf', { input: {} });
    const answer = peer.ask({ t: 'shutdown' });
    peer.send({ t: 'run.cancel', run_id: run.run_id, reason: 'shutdown' });
    assert.equal((await answer).header.ok, true);
    assert.equal(run.done.outcome, 'cancelled');
    assert.deepEqual(await peer.exited, { code: 0, signal: null });
});

const word = (n) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(n);
    return bytes;
};
const raw = (frameBytes, headerBytes, rest) =>
    Buffer.concat([word(frameBytes), word(headerBytes), Buffer.from(rest)]);

for (const [what, bytes] of Object.entries({
    'a frame of 3 bytes': word(3),
    'a frame beyond 64 MiB': word(64 * 1024 * 1024 + 1),
    'a header longer than its frame': raw(6, 9, '{}'),
    'a header that is not JSON': raw(6, 2, '{]'),
    'a header that is an array': raw(6, 2, '[]'),
    'a header without a type': raw(6, 2, '{}'),
    'blobs that are too short': raw(28, 23, '{"t":"x","blobs":[2,3]}a'),
    'a blob of negative length': raw(25, 21, '{"t":"x","blobs":[-1]}'),
    'bytes behind the blobs': raw(16, 9, '{"t":"x"}abc'),
}))
    test(`after ${what} the worker says so and exits with an error`, async () => {
        const peer = new Peer({ projectDir: makeProject() });
        await peer.seen(({ t }) => t === 'hello');
        peer.socket.write(bytes);
        const { code } = await peer.exited;
        assert.equal(code, 2);
        await peer.logged(/^runbell worker: broken frame: .+\n$/);
    });

test('unknown requests are answered as invalid, unknown graphs as not found, pings at once', () =>
    withPeer({ a: at('./graphs.mjs:chat') }, async (peer) => {
        const codeOf = async (question) => (await peer.ask(question)).header.error?.code;
        assert.equal(await codeOf({ t: 'no.such' }), 'invalid');
        assert.equal(await codeOf({ t: 'toString' }), 'invalid');
        assert.equal(await codeOf({ t: 'state.get' }), 'invalid');
        assert.equal(await codeOf({ t: 'graph.draw', graph_id: 'b' }), 'not_found');
        assert.equal((await peer.ask({ t: 'ping', future: 1 })).header.ok, true);
        peer.send({ t: 'something.new' });
        const run = await peer.finish('b', { input: {} });
        assert.equal(run.done.error.type, 'UnknownGraphError');
    }));
