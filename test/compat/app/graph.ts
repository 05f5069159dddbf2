// A graph in TypeScript, with syntax that only TypeScript has.
import { Annotation, START, StateGraph } from "@langchain/langgraph";

interface Note {
    text: string;
}

enum Word {
    Typed = "typed",
}

const State = Annotation.Root({ note: Annotation<Note>() });

export const graph = new StateGraph(State)
    .addNode("node", ({ note }: typeof State.State): { note: Note } => ({ note: { text: `${note.text} ${Word.Typed}` } }))
    .addEdge(START, "node")
    .compile();
