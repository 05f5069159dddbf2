// nested.js -- a graph inside a graph, the inner one with an optional question to a person.

import { Annotation, END, START, StateGraph, interrupt } from '@langchain/langgraph';

const State = Annotation.Root({
    city: Annotation(),
    ask: Annotation(),
    report: Annotation(),
});

function look({ city, ask }) {
    return { city: ask ? interrupt('Which city?') : (city ?? 'nowhere') };
}

function tell({ city }) {
    return { report: `It is sunny in ${city}.` };
}

const weather = new StateGraph(State)
    .addNode('look', look)
    .addNode('tell', tell)
    .addEdge(START, 'look')
    .addEdge('look', 'tell')
    .addEdge('tell', END)
    .compile();

export const graph = new StateGraph(State)
    .addNode('route', () => ({}))
    .addNode('weather', weather)
    .addEdge(START, 'route')
    .addEdge('route', 'weather')
    .addEdge('weather', END)
    .compile();
