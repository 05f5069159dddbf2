// A Fleet agent through the published JavaScript client: node native_agent.mjs AGENT (its model has its answers already).
import assert from "node:assert";
import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.env.RUNBELL_URL });
const agent = process.argv[2];
const input = { messages: [{ role: "user", content: "write it down" }] };
const thread = await client.threads.create();
const seen = { spoken: "", nodes: [], interrupted: null };

async function follow(payload) {
  const modes = ["values", "updates", "messages-tuple"];
  for await (const { event, data } of client.runs.stream(thread.thread_id, agent, { ...payload, streamMode: modes })) {
    if (event === "messages" && data[0].type === "AIMessageChunk") seen.spoken += data[0].content;
    if (event === "updates") seen.nodes.push(...Object.keys(data));
    if (event === "values") seen.values = data;
    if (event === "values" && data.__interrupt__) seen.interrupted = data.__interrupt__[0].value;
    assert.notEqual(event, "error", JSON.stringify(data));
  }
}

await follow({ input });
assert.equal(seen.interrupted.action_requests[0].name, "write_file");
assert.equal((await client.threads.get(thread.thread_id)).status, "interrupted");
await follow({ command: { resume: { decisions: [{ type: "approve" }] } } });
assert.deepEqual(seen.nodes, ["model", "__interrupt__", "tools", "model", "tools", "model"]);
assert.equal(seen.spoken, "I will" + "It is written");
assert.deepEqual(seen.values.files["/a.md"].content, ["one"]);
assert.equal(seen.values.messages.at(-2).content, "The sub-agent is done");
const state = await client.threads.getState(thread.thread_id);
assert.deepEqual(state.values.messages, seen.values.messages);
console.log("ok");
