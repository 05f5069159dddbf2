// render.test.mjs -- values of user code as JSON of the API.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeError, render } from '../../../workers/js/render.mjs';
import { findPackage, importEntry } from '../../../workers/js/packages.mjs';
import { PROJECT } from './peer.mjs';

const core = await importEntry(findPackage('@langchain/core', PROJECT), './messages');
const rendered = (value) => JSON.parse(render(value));

test('messages are flat and have exactly the fields of the API', () => {
    assert.deepEqual(rendered([new core.HumanMessage({ content: 'x', id: '1' })]), [
        { content: 'x', additional_kwargs: {}, response_metadata: {}, type: 'human', id: '1' },
    ]);
    assert.deepEqual(rendered(new core.AIMessage({ content: 'y', id: '2' })), {
        content: 'y',
        additional_kwargs: {},
        response_metadata: {},
        tool_calls: [],
        invalid_tool_calls: [],
        type: 'ai',
        id: '2',
    });
    const tool = rendered(new core.ToolMessage({ content: 'z', tool_call_id: 'c', name: 'n' }));
    assert.deepEqual([tool.type, tool.tool_call_id, tool.name], ['tool', 'c', 'n']);
});

test('what JSON does not know has one rendering', () => {
    class Point {
        x = 1;
    }
    const value = {
        small: 1n,
        large: 2n ** 60n,
        date: new Date(0),
        noDate: new Date(NaN),
        map: new Map([[1, new Set(['a'])]]),
        error: new TypeError('bad'),
        pattern: /a/g,
        bytes: new Uint8Array([1, 2, 3]),
        floats: new Float32Array([0.5]),
        url: new URL('http://a/b'),
        point: new Point(),
        nan: NaN,
        nothing: undefined,
        call() {},
    };
    assert.deepEqual(rendered(value), {
        small: 1,
        large: (2n ** 60n).toString(),
        date: '1970-01-01T00:00:00.000Z',
        noDate: null,
        map: { 1: ['a'] },
        error: { error: 'TypeError', message: 'bad' },
        pattern: '/a/g',
        bytes: 'AQID',
        floats: [0.5],
        url: 'http://a/b',
        point: { x: 1 },
        nan: null,
    });
});

test('a cycle is named, a value that only occurs twice is not', () => {
    const shared = { a: 1 };
    const circle = { shared, again: shared };
    circle.self = [circle];
    assert.deepEqual(rendered(circle), { shared, again: shared, self: ['[Circular]'] });
});

test('a field named __proto__ stays a field', () => {
    const value = JSON.parse('{"__proto__": {"when": 1}, "b": 1}');
    value.b = 2n;
    assert.equal(render(value), '{"__proto__":{"when":1},"b":2}');
});

test('the text is one line, and nothing at all is null', () => {
    assert.equal(render({ text: 'a\r\nb\u2028c' }), '{"text":"a\\r\\nb\u2028c"}');
    assert.equal(render(undefined), 'null');
});

test('an error is told by its class and its text (C10)', () => {
    class QuotaError extends Error {}
    assert.deepEqual(describeError(new QuotaError('out')), { type: 'QuotaError', message: 'out' });
    const named = Object.assign(new Error('slow'), { name: 'TimeoutError' });
    assert.deepEqual(describeError(named), { type: 'TimeoutError', message: 'slow' });
    assert.deepEqual(describeError('just text'), { type: 'Error', message: 'just text' });
    assert.deepEqual(describeError({ code: 1 }), { type: 'Error', message: '{"code":1}' });
    assert.deepEqual(describeError(undefined), { type: 'Error', message: 'null' });
});
