// heads.test.mjs -- when the kept head may stand for the stored one, and how long a run waits for answers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Heads } from '../../../workers/js/heads.mjs';

const row = (checkpoint_id, ns = '') => ({ thread_id: 't', ns, checkpoint_id });
const write = (task_id, idx, value) => ({ task_id, idx, value });

function begun({ waits = false, seen = '' } = {}) {
    const heads = new Heads();
    heads.begin('t', { waits });
    if (seen !== null) heads.saw('t', seen);
    return heads;
}

test('the greatest checkpoint of the root namespace is the head, in whatever order they come', () => {
    const heads = begun();
    for (const id of ['2', '3', '1']) heads.stored(row(id));
    heads.stored(row('9', 'child:1'));
    assert.deepEqual(heads.take('t'), { ...row('3'), writes: [] });
});

test('there is no kept head if the one before was not read, is greater, or nothing was stored', () => {
    const unread = begun({ seen: null });
    unread.stored(row('2'));
    assert.equal(unread.take('t'), null);
    const older = begun({ seen: '2' });
    older.stored(row('2'));
    assert.equal(older.take('t'), null);
    assert.equal(begun().take('t'), null);
    assert.equal(new Heads().take('t'), null);
});

test('writes are kept from before their checkpoint; special ones overwrite, others keep the first', () => {
    const heads = begun();
    heads.wrote('t', '', '2', [write('a', 0, 'first'), write('a', -3, 'first')]);
    heads.stored(row('2'));
    heads.wrote('t', '', '2', [write('a', 0, 'later'), write('a', -3, 'later')]);
    heads.wrote('t', '', '1', [write('b', 0, 'other')]);
    heads.wrote('t', 'child:1', '2', [write('c', 0, 'other')]);
    assert.deepEqual(
        heads.take('t').writes.map(({ value }) => value),
        ['first', 'later'],
    );
});

test('after a refusal there is no kept head, and settling tells the first refusal', async () => {
    const heads = begun();
    heads.stored(row('2'));
    await heads.sent('t', Promise.reject(new Error('one')));
    await heads.sent('t', Promise.resolve());
    assert.equal((await heads.settle('t')).message, 'one');
    assert.equal(heads.take('t'), null);
});

test('a run that waits gets each answer, a run that does not gets them when it settles', async () => {
    const waiting = begun({ waits: true });
    await assert.rejects(waiting.sent('t', Promise.reject(new Error('refused'))), /refused/);
    const heads = begun();
    let answer;
    await heads.sent('t', new Promise((resolve) => (answer = resolve)));
    let settled = false;
    const settling = heads.settle('t').then(() => (settled = true));
    await new Promise(setImmediate);
    assert.equal(settled, false);
    answer();
    await settling;
    await assert.rejects(new Heads().sent('t', Promise.reject(new Error('no run'))), /no run/);
});
