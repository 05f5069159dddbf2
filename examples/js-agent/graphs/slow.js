// slow.js -- takes `steps` steps of `delay_ms` each; for cancelling, killing and taking up again.

import { Annotation, END, START, StateGraph } from '@langchain/langgraph';

const State = Annotation.Root({
    steps: Annotation(),
    delay_ms: Annotation(),
    done: Annotation({ reducer: (old, added) => old + added, default: () => 0 }),
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function work({ delay_ms }) {
    await pause(delay_ms ?? 200);
    return { done: 1 };
}

function next({ steps, done }) {
    return done < (steps ?? 5) ? 'work' : END;
}

export const graph = new StateGraph(State)
    .addNode('work', work)
    .addEdge(START, 'work')
    .addConditionalEdges('work', next, ['work', END])
    .compile();
