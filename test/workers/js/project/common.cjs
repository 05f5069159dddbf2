// common.cjs -- a CommonJS graph: it sees the CommonJS classes of LangGraph.

const { HumanMessage } = require('@langchain/core/messages');
const { MessagesAnnotation, END, START, StateGraph } = require('@langchain/langgraph');

exports.graph = new StateGraph(MessagesAnnotation)
    .addNode('node', ({ messages }) => ({
        messages: [{ role: 'ai', content: String(messages[0] instanceof HumanMessage) }],
    }))
    .addEdge(START, 'node')
    .addEdge('node', END)
    .compile();
