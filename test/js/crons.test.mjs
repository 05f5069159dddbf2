// The JavaScript client's crons (client.crons).
import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.env.RUNBELL_URL });
const HELLO = { messages: [{ role: "user", content: "Hello!" }] };

test("crons are made, changed, found and deleted", async () => {
    const thread = await client.threads.create();
    const cron = await client.crons.createForThread(thread.thread_id, "agent", {
        schedule: "0 0 1 1 *", input: HELLO, webhook: "http://127.0.0.1:9/hook", timezone: "Europe/Berlin",
    });
    assert.equal(cron.thread_id, thread.thread_id);
    const single = await client.crons.create("agent", { schedule: "0 0 1 1 *", input: HELLO, enabled: false });
    assert.equal(single.thread_id, null);
    assert.equal(single.next_run_date, null);
    const changed = await client.crons.update(single.cron_id, { enabled: true });
    assert.ok(changed.next_run_date);
    const found = await client.crons.search({ threadId: thread.thread_id });
    assert.deepEqual(found.map((one) => one.cron_id), [cron.cron_id]);
    assert.ok((await client.crons.count({ assistantId: "agent" })) >= 2);
    await client.crons.delete(single.cron_id);
    await client.crons.delete(cron.cron_id);
    assert.deepEqual(await client.crons.search({ threadId: thread.thread_id }), []);
    await assert.rejects(client.crons.create("agent", { schedule: "never", input: HELLO }), /HTTP 422/);
});
