// graphs.mjs -- graphs of the worker tests, each for one thing that a real graph may do.

import { FakeListChatModel } from '@langchain/core/utils/testing';
import {
    Annotation,
    Command,
    END,
    MessagesAnnotation,
    START,
    Send,
    StateGraph,
} from '@langchain/langgraph';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const Log = Annotation.Root({
    log: Annotation({ reducer: (old, added) => old.concat(added), default: () => [] }),
});

const single = (state, node) =>
    new StateGraph(state).addNode('node', node).addEdge(START, 'node').addEdge('node', END);

const model = new FakeListChatModel({ responses: ['Hi!'] });

export const chat = single(MessagesAnnotation, async ({ messages }, config) => {
    config.writer?.({ progress: 1 });
    return { messages: [await model.invoke(messages, config)] };
}).compile();

export const builder = single(Log, () => ({ log: ['built'] }));
export const promise = Promise.resolve(builder.compile());
export const wrapper = { graph: builder.compile(), builder: {}, compile() {} };
export const number = 7;

export function factory(config) {
    const name = config.configurable?.nodeName ?? 'unnamed';
    return new StateGraph(Log).addNode(name, () => ({ log: [name] })).addEdge(START, name);
}

export const context = single(Log, (_, config) => ({
    log: [{ context: config.context, tags: config.tags.filter((tag) => tag === 'mine') }],
})).compile();

export const storing = single(Log, async (_, { store }) => {
    await Promise.all([
        store.put(['users', 'a'], 'one', { n: 1 }),
        store.put(['users', 'b'], 'two', { n: 2 }),
    ]);
    await store.delete(['users', 'b'], 'two');
    const item = await store.get(['users', 'a'], 'one');
    return {
        log: [
            item.value,
            item.createdAt instanceof Date,
            await store.get(['users', 'b'], 'two'),
            (await store.search(['users'], { filter: { n: 1 } })).map(({ key, score }) => [
                key,
                score,
            ]),
            await store.listNamespaces?.({ prefix: ['users'] }).catch(() => 'unsupported'),
        ],
    };
}).compile();

export const loop = new StateGraph(Log)
    .addNode('again', () => ({ log: ['again'] }))
    .addEdge(START, 'again')
    .addEdge('again', 'again')
    .compile();

export const deaf = single(Log, async () => {
    await pause(60_000);
    return { log: ['late'] };
}).compile();

export const events = single(Log, async (_, config) => {
    for (let i = 0; i < 20; i++) config.writer({ i, text: 'x'.repeat(1024 * 1024) });
    return { log: ['written'] };
}).compile();

export const big = single(
    Annotation.Root({ mib: Annotation(), text: Annotation() }),
    ({ mib }) => ({ text: 'y'.repeat(mib * 1024 * 1024) }),
).compile();

export const odd = single(Log, () => {
    const circle = { name: 'circle' };
    circle.self = circle;
    const when = new Date(0);
    return {
        log: [{ big: 12n, when, map: new Map([['k', 1]]), set: new Set([1]), nothing: undefined }],
    };
}).compile();

export const forgetful = single(Log, () => {
    Promise.reject(new Error('nobody listens'));
    return { log: ['fine'] };
}).compile();

export const targets = new StateGraph(Annotation.Root({ ...Log.spec, word: Annotation() }))
    .addNode('first', () => ({ log: ['first'] }), { ends: ['second'] })
    .addNode('second', ({ word }) => ({ log: [`second ${word}`] }))
    .addEdge(START, 'first')
    .compile();

export const jump = single(Log, () => new Command({ update: { log: ['jumped'] } })).compile();

export const fanOut = new StateGraph(Log)
    .addNode('one', ({ part }) => ({ log: [part] }))
    .addConditionalEdges(START, () => [new Send('one', { part: 1 }), new Send('one', { part: 2 })])
    .compile();
