// trivial.js -- one node that does nothing worth waiting for; what a benchmark runs.

import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const State = Annotation.Root({ count: Annotation() });

export const graph = new StateGraph(State)
    .addNode('increment', ({ count }) => ({ count: (count ?? 0) + 1 }))
    .addEdge(START, 'increment')
    .addEdge('increment', END)
    .compile();
