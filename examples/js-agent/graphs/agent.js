// agent.js -- a conversation: answers a greeting, without a network and without a model.

import { AIMessage } from '@langchain/core/messages';
import { END, MessagesAnnotation, START, StateGraph } from '@langchain/langgraph';

const GREETING = /\b(hello|hi|hey)\b/i;

function answerTo(text) {
    if (GREETING.test(text)) return 'Hi there! How can I help you today?';
    return `You said: ${text}`;
}

function respond({ messages }) {
    return { messages: [new AIMessage(answerTo(String(messages.at(-1)?.content ?? '')))] };
}

export const graph = new StateGraph(MessagesAnnotation)
    .addNode('respond', respond)
    .addEdge(START, 'respond')
    .addEdge('respond', END)
    .compile();
