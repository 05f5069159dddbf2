// alike.mjs -- items by meaning with the published JavaScript client, against a server whose embedding function counts
// letters (test/compat/semantic).
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Client } from "@langchain/langgraph-sdk";

const { store } = new Client({ apiUrl: process.env.RUNBELL_URL });

test("the most alike come first, and say how alike they are", async () => {
    const space = randomUUID();
    await store.putItem([space], "cat", { text: "cat" });
    await store.putItem([space], "cab", { text: "cab", n: 1 });
    await store.putItem([space], "title", { title: "cat" }, { index: ["title"] });
    await store.putItem([space], "unseen", { text: "cat" }, { index: false });
    const { items } = await store.searchItems([space], { query: "tca" });
    assert.deepEqual(items.map(({ key }) => key), ["cat", "title", "cab"]);
    assert.ok(Math.abs(items[0].score - 1) < 1e-5 && Math.abs(items[2].score - 2 / 3) < 1e-5);
    const filtered = await store.searchItems([space], { query: "tca", filter: { n: { $gte: 1 } }, limit: 5 });
    assert.deepEqual(filtered.items.map(({ key }) => key), ["cab"]);
});
