// typed.ts -- a graph in TypeScript, with syntax that only TypeScript has.

import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

interface Answer {
    text: string;
}

const State = Annotation.Root({ answer: Annotation<Answer>() });

enum Word {
    Typed = 'typed',
}

export const graph = new StateGraph(State)
    .addNode('node', (): { answer: Answer } => ({ answer: { text: Word.Typed } }))
    .addEdge(START, 'node')
    .addEdge('node', END)
    .compile();
