// saver.test.mjs -- the delegating saver answers as the library's MemorySaver does to the same operations.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FrameReader, encodeFrame } from '../../../workers/js/frames.mjs';
import { Heads } from '../../../workers/js/heads.mjs';
import { makeSaverClass } from '../../../workers/js/saver.mjs';
import { findPackage, importEntry } from '../../../workers/js/packages.mjs';
import { Checkpoints } from './checkpoints.mjs';
import { PROJECT } from './peer.mjs';

const found = findPackage('@langchain/langgraph-checkpoint', PROJECT);
const { BaseCheckpointSaver, MemorySaver, emptyCheckpoint, uuid6 } = await importEntry(found);
const messages = await importEntry(findPackage('@langchain/core', PROJECT), './messages');

/** A link that answers at once; what it is sent goes through real frames. */
function linkTo(checkpoints) {
    return {
        ask(header, blobs) {
            return new Promise((resolve, reject) => {
                const reader = new FrameReader((sent, sentBlobs) => {
                    try {
                        const [fields, replyBlobs] = checkpoints[sent.t.slice(5)](sent, sentBlobs);
                        const reply = new FrameReader((head, some) =>
                            resolve({ header: head, blobs: some }),
                        );
                        encodeFrame({ t: 'reply', ...fields }, replyBlobs).forEach((b) =>
                            reply.push(b),
                        );
                    } catch (error) {
                        reject(error);
                    }
                });
                encodeFrame(header, blobs).forEach((buffer) => reader.push(buffer));
            });
        },
    };
}

function pair() {
    const checkpoints = new Checkpoints();
    const Saver = makeSaverClass(BaseCheckpointSaver);
    return {
        ours: new Saver(linkTo(checkpoints), new Heads()),
        theirs: new MemorySaver(),
        checkpoints,
    };
}

const at = (thread_id, checkpoint_id, checkpoint_ns = '') => ({
    configurable: { thread_id, checkpoint_ns, ...(checkpoint_id && { checkpoint_id }) },
});

async function collect(iterable) {
    const all = [];
    for await (const one of iterable) all.push(one);
    return all;
}

/* Writes have no order of their own; everything else must be equal. */
const sorted = (tuple) =>
    tuple && { ...tuple, pendingWrites: tuple.pendingWrites?.toSorted((a, b) => compare(a, b)) };
const compare = (a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

async function both({ ours, theirs }, operation) {
    const [mine, expected] = [await operation(ours), await operation(theirs)];
    assert.deepEqual(normal(mine), normal(expected));
    return mine;
}
const normal = (value) => (Array.isArray(value) ? value.map(sorted) : sorted(value));

function checkpoint(n, values = { n }) {
    return { ...emptyCheckpoint(), id: uuid6(n), channel_values: values, channel_versions: { n } };
}

async function chain(savers, thread, ns, count) {
    const made = [];
    let config = at(thread, undefined, ns);
    for (let n = 0; n < count; n++) {
        const one = checkpoint(n);
        const metadata = { source: n % 2 ? 'loop' : 'input', step: n, parents: {} };
        config = await both(savers, (saver) => saver.put(config, one, metadata, {}));
        made.push(one);
    }
    return made;
}

test('a saver that holds nothing answers undefined and an empty list', async () => {
    const savers = pair();
    await both(savers, (saver) => saver.getTuple(at('t')));
    await both(savers, (saver) => saver.getTuple(at('t', uuid6(1))));
    await both(savers, (saver) => collect(saver.list(at('t'))));
});

test('put and getTuple: the head, one by id, parents, namespaces apart', async () => {
    const savers = pair();
    const made = await chain(savers, 't', '', 3);
    await chain(savers, 't', 'child:1', 2);
    await both(savers, (saver) => saver.getTuple(at('t')));
    await both(savers, (saver) => saver.getTuple(at('t', undefined, 'child:1')));
    for (const { id } of made) await both(savers, (saver) => saver.getTuple(at('t', id)));
});

test('values come back with their types: messages, maps, dates, bytes, undefined', async () => {
    const savers = pair();
    const values = {
        said: [new messages.HumanMessage({ content: 'x', id: '1' }), new messages.AIMessage('y')],
        map: new Map([['k', new Set([1])]]),
        bytes: new Uint8Array([0, 255]),
        nothing: undefined,
        text: 'end\u2028 \u0000 ü',
    };
    const one = checkpoint(1, values);
    await both(savers, (saver) =>
        saver.put(at('t'), one, { source: 'loop', step: 1, parents: {} }, {}),
    );
    const tuple = await both(savers, (saver) => saver.getTuple(at('t')));
    assert.ok(tuple.checkpoint.channel_values.said[0] instanceof messages.HumanMessage);
});

test('putWrites: special channels overwrite, other channels keep the first', async () => {
    const savers = pair();
    const [{ id }] = await chain(savers, 't', '', 1);
    const writes = [
        [
            [
                ['a', 1],
                ['b', { two: 2 }],
            ],
            'task-1',
        ],
        [
            [
                ['a', 'later'],
                ['c', 3],
            ],
            'task-1',
        ],
        [[['__interrupt__', { value: 1 }]], 'task-2'],
        [[['__interrupt__', { value: 2 }]], 'task-2'],
        [[['__error__', { message: 'x' }]], 'task-3'],
        [
            [
                ['__resume__', [null]],
                ['__scheduled__', 1],
            ],
            'task-4',
        ],
    ];
    for (const [some, task] of writes)
        await both(savers, (saver) => saver.putWrites(at('t', id), some, task));
    await both(savers, (saver) => saver.getTuple(at('t')));
    await both(savers, (saver) => collect(saver.list(at('t'))));
});

test('a write of bytes comes back as bytes', async () => {
    const savers = pair();
    const [{ id }] = await chain(savers, 't', '', 1);
    await savers.ours.putWrites(at('t', id), [['raw', new Uint8Array([1, 255])]], 'task');
    const { pendingWrites } = await savers.ours.getTuple(at('t'));
    assert.deepEqual([...pendingWrites[0][2]], [1, 255]);
});

test('list: newest first, by limit, before, filter and id, more than one page long', async () => {
    const savers = pair();
    const made = await chain(savers, 't', '', 50);
    const list = (options, config = at('t')) =>
        both(savers, (saver) => collect(saver.list(config, options)));
    assert.equal((await list()).length, 50);
    assert.equal((await list({ limit: 0 })).length, 0);
    assert.equal((await list({ limit: 23 })).length, 23);
    assert.equal((await list({ before: at('t', made[30].id) })).length, 30);
    assert.equal((await list({ filter: { source: 'loop' }, limit: 3 })).length, 3);
    assert.equal((await list({ filter: { source: 'loop', step: 7 } })).length, 1);
    assert.equal((await list({ filter: { source: 'nowhere' } })).length, 0);
    assert.equal((await list({}, at('t', made[4].id))).length, 1);
});

test('list asks for smaller pages when the server finds a reply too large', async () => {
    const savers = pair();
    await chain(savers, 't', '', 12);
    savers.checkpoints.replyRowsMax = 3;
    assert.equal((await both(savers, (saver) => collect(saver.list(at('t'))))).length, 12);
});

test('deleteThread takes the thread and its writes, and no other', async () => {
    const savers = pair();
    const [{ id }] = await chain(savers, 't', '', 1);
    await chain(savers, 'u', '', 1);
    await both(savers, (saver) => saver.putWrites(at('t', id), [['a', 1]], 'task'));
    await both(savers, (saver) => saver.deleteThread('t'));
    assert.equal(await both(savers, (saver) => saver.getTuple(at('t'))), undefined);
    assert.ok(await both(savers, (saver) => saver.getTuple(at('u'))));
    assert.deepEqual(savers.checkpoints.writes, []);
});

test('stored metadata has the scalars of the configuration, and nothing internal', async () => {
    const { ours, checkpoints } = pair();
    const configurable = {
        ...at('t').configurable,
        run_id: 'r',
        user: 'u',
        n: 1,
        deep: {},
        __key: 1,
    };
    await ours.put({ configurable, metadata: { mine: true } }, checkpoint(1), { step: 1 }, {});
    assert.deepEqual(checkpoints.rows[0].metadata, { user: 'u', n: 1, mine: true, step: 1 });
    assert.equal(checkpoints.rows[0].run_id, 'r');
});

test('delta history walks the parents as the library does', async () => {
    const savers = pair();
    const made = await chain(savers, 't', '', 4);
    for (const { id } of made)
        await both(savers, (saver) => saver.putWrites(at('t', id), [['delta', id]], 'task'));
    const config = at('t', made[3].id);
    const history = (saver) => saver.getDeltaChannelHistory({ config, channels: ['delta', 'n'] });
    assert.deepEqual(await history(savers.ours), await history(savers.theirs));
});
