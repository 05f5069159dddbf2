// approval.js -- stops and asks a person; goes on with the answer.

import { Annotation, END, START, StateGraph, interrupt } from '@langchain/langgraph';

const State = Annotation.Root({
    request: Annotation(),
    decision: Annotation(),
    log: Annotation({ reducer: (old, added) => old.concat(added), default: () => [] }),
});

function plan({ request }) {
    return { log: [`planned: ${request ?? 'nothing'}`] };
}

function approve({ request }) {
    const decision = interrupt({ question: 'May I go on?', request: request ?? null });
    return { decision, log: [`decided: ${JSON.stringify(decision)}`] };
}

function act() {
    return { log: ['done'] };
}

export const graph = new StateGraph(State)
    .addNode('plan', plan)
    .addNode('approve', approve)
    .addNode('act', act)
    .addEdge(START, 'plan')
    .addEdge('plan', 'approve')
    .addEdge('approve', 'act')
    .addEdge('act', END)
    .compile();
