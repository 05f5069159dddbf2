// traced_program.cjs -- the agent of traced_program.py in JavaScript: `node traced_program.cjs TRACES`, with LANGSMITH_ENDPOINT.
const { Client } = require("langsmith");
const { traceable } = require("langsmith/traceable");

let state = 7;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
const words = ["refund", "order", "ship", "reply", "market", "turn", "preview", "state", "act", "call", "form", "report"];
const text = (count) => Array.from({ length: count }, () => words[Math.floor(random() * words.length)]).join(" ");
const client = new Client();

const search = traceable(async () => [0, 1, 2, 3].map((at) => ({
    page_content: text(60), type: "Document", metadata: { source: `faq/${at}`, score: random() },
})), { name: "search", run_type: "retriever", client });

const lookUp = traceable(async (order) => ({
    order, state: "shipped", items: [0, 1, 2, 3, 4].map((at) => ({ sku: text(1), count: at })),
}), { name: "look_up", run_type: "tool", client });

const model = traceable(async (messages) => {
    const tokens = Math.floor(messages.reduce((sum, one) => sum + one.content.length, 0) / 4);
    return { role: "assistant", content: text(80),
        usage_metadata: { input_tokens: tokens, output_tokens: 110, total_tokens: tokens + 110 } };
}, { name: "model", run_type: "llm", client,
    metadata: { ls_provider: "openai", ls_model_name: "gpt-4o", ls_model_type: "chat" } });

const prompt = traceable(async (question, documents) => [
    { role: "system", content: text(120) }, { role: "user", content: question },
    { role: "system", content: documents.map((one) => one.page_content).join("\n") },
], { name: "prompt", run_type: "prompt", client });

const turn = traceable(async (question, number) => {
    const messages = await prompt(question, await search(question));
    const answer = await model(messages);
    const found = await lookUp(`A-${number}`);
    return model([...messages, answer, { role: "tool", content: JSON.stringify(found) }]);
}, { name: "turn", client });

async function main() {
    for (let number = 0; number < Number(process.argv[2]); number++) {
        const agent = traceable(async (question) => {
            if (number % 20 === 0) throw new Error("the order is unknown");
            return turn(question, number);
        }, { name: "support-bot", tags: ["prod"], client,
            metadata: { thread_id: `T-${Math.floor(number / 4)}`, customer: `c${number % 50}`, revision: "4f2a1" } });
        await agent(text(12)).catch(() => {});
    }
    await client.awaitPendingTraceBatches();
}

main();
