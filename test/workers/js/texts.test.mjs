// texts.test.mjs -- the paths of store.index.fields.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { textsAt } from '../../../workers/js/texts.mjs';

const value = { b: 1, a: { t: 'x', n: null, l: ['p', { q: 'r' }] }, list: [{ t: 'one' }, { t: 'two' }, 3], yes: true };

const cases = [
    ['$', ['{"a": {"l": ["p", {"q": "r"}], "n": null, "t": "x"}, "b": 1, "list": [{"t": "one"}, {"t": "two"}, 3], "yes": true}']],
    ['b', ['1']],
    ['yes', ['true']],
    ['a.t', ['x']],
    ['a.n', []],
    ['a.none.more', []],
    ['a.l', ['["p", {"q": "r"}]']],
    ['a.l[1].q', ['r']],
    ['list[*].t', ['one', 'two']],
    ['list[0].t', ['one']],
    ['list[-1]', ['3']],
    ['list[9]', []],
    ['list[x]', []],
    ['list.t', []],
    ['list[*', []],
    ['{b,a.t, none}', ['1', 'x']],
    ['a.*', ['x', '["p", {"q": "r"}]']],
    ['constructor', []],
];

for (const [path, texts] of cases)
    test(`${path} gives ${JSON.stringify(texts)}`, () => assert.deepEqual(textsAt(value, path), texts));
