// Graphs that call the server they run in, with a client that is given no address.

import { Annotation, START, StateGraph } from '@langchain/langgraph';
import { Client } from '@langchain/langgraph-sdk';

const State = Annotation.Root({ names: Annotation(), events: Annotation(), values: Annotation() });
const client = new Client();

async function call() {
    const { thread_id } = await client.threads.create({ metadata: { made_by: 'a graph' } });
    const events = [];
    const stream = client.runs.stream(thread_id, 'script', {
        input: { messages: [] },
        streamMode: ['values'],
    });
    for await (const part of stream) events.push(part.event);
    const { values } = await new Client().threads.getState(thread_id);
    const found = await client.assistants.search();
    return { names: found.map(({ graph_id }) => graph_id).sort(), events, values };
}

export const caller = new StateGraph(State).addNode('call', call).addEdge(START, 'call').compile();
