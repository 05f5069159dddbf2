// The graph of graphs.py, in JavaScript.
import { Annotation, START, StateGraph } from "@langchain/langgraph";

const State = Annotation.Root({
    space: Annotation(), texts: Annotation(), query: Annotation(), found: Annotation(), again: Annotation(),
});

async function keep({ space, texts, query }, { store }) {
    for (const [key, text] of Object.entries(texts))
        await store.put([space], key, { text, more: "zzzzzzzzzzzz" });
    await store.put([space], "unseen", { text: query }, false);
    await store.put([space], "blocking", { text: "qqqq" });
    return {};
}

async function find({ space, query }, { store }) {
    const found = await store.search([space], { query, limit: 2 });
    const again = await store.search([space], { query, filter: { text: "qqqq" } });
    return {
        found: found.map(({ key, score }) => [key, Math.round(score * 1e4) / 1e4]),
        again: again.map(({ key }) => key),
    };
}

export const finder = new StateGraph(State)
    .addNode("keep", keep)
    .addNode("find", find)
    .addEdge(START, "keep")
    .addEdge("keep", "find")
    .compile();
