// failing.js -- does one good step and then throws.

import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

class TimeoutError extends Error {}

const State = Annotation.Root({ input: Annotation(), prepared: Annotation() });

function fail() {
    throw new TimeoutError('the model did not answer within 30 s');
}

export const graph = new StateGraph(State)
    .addNode('prepare', () => ({ prepared: true }))
    .addNode('fail', fail)
    .addEdge(START, 'prepare')
    .addEdge('prepare', 'fail')
    .addEdge('fail', END)
    .compile();
