// A graph that tells for whom it runs, and what that person's own client sees from inside.

import { Annotation, START, StateGraph } from '@langchain/langgraph';
import { Client } from '@langchain/langgraph-sdk';

const State = Annotation.Root({ wants: Annotation(), user: Annotation(), threads: Annotation() });

async function tell(state, { configurable: given }) {
    const user = given.langgraph_auth_user;
    const threads = state.wants === 'threads' ? await new Client().threads.search({ limit: 100 }) : [];
    return {
        user: {
            id: given.langgraph_auth_user_id ?? null,
            permissions: given.langgraph_auth_permissions ?? null,
            user_id: given.user_id ?? null,
            identity: user?.identity ?? null,
            secret: user?.secret ?? null,
        },
        threads: threads.map(({ thread_id }) => thread_id),
    };
}

export const graph = new StateGraph(State).addNode('tell', tell).addEdge(START, 'tell').compile();
