// The app of app.py, with Hono.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";

export const app = new Hono();
let leave;
const left = new Promise((resolve) => (leave = resolve));

app.use("*", async (c, next) => {
    if (c.req.query("interrupt") !== undefined) return c.json({ answered_by: "middleware" }, 418);
    if (c.req.query("read") !== undefined) await c.req.text();
    await next();
    c.header("x-middleware", "app");
});
app.get("/runs/afakeroute", (c) => c.json({ fake: true }));
app.get("/assistants/:id/graph", (c) => c.json({ mine: c.req.param("id") }));
app.post("/custom/echo", async (c) => {
    const body = await c.req.arrayBuffer();
    const url = new URL(c.req.url);
    return c.json({ bytes: body.byteLength, query: url.search.slice(1), method: c.req.method, path: url.pathname,
        header: c.req.header("x-test") ?? null, started: true, state: 7, user: null });
});
app.post("/custom/sink", async (c) => {
    const pause = Number(c.req.query("pause") ?? 0), digest = createHash("sha256");
    let count = 0, most = 0;
    for await (const piece of c.req.raw.body ?? []) {
        if (pause && Math.floor(count / 1e6) !== Math.floor((count + piece.length) / 1e6)) await sleep(pause * 1000);
        digest.update(piece);
        count += piece.length;
        most = Math.max(most, piece.length);
    }
    return c.json({ bytes: count, sha256: digest.digest("hex"), largest: most });
});
app.post("/custom/early", (c) => c.json({ early: true }, 413));
app.post("/custom/one-piece", async (c) => c.json({ bytes: (await c.req.raw.body.getReader().read()).value.length }));
app.post("/custom/dies-midway", async (c) => {
    for await (const _ of c.req.raw.body) process.exit(3);
});
let tellUploadLeft;
const uploadLeft = new Promise((resolve) => (tellUploadLeft = resolve));
app.post("/custom/upload-left", async (c) => {
    try {
        for await (const _ of c.req.raw.body);
    } catch (error) {
        tellUploadLeft();
        throw error;
    }
});
app.get("/custom/upload-was-left", async (c) => {
    await uploadLeft;
    return c.json({ left: true });
});
app.get("/custom/file", (c) => {
    const size = Number(c.req.query("size"));
    let at = 0;
    return new Response(new ReadableStream({
        pull(controller) {
            if (at >= size) return controller.close();
            const count = Math.min(65536, size - at);
            at += count;
            controller.enqueue(new Uint8Array(count));
        },
    }), { headers: { "content-type": "application/octet-stream", "content-length": c.req.query("said") } });
});
app.get("/custom/headers", (c) => {
    const sent = Object.fromEntries([...c.req.raw.headers].filter(([name]) => name.startsWith("x-")));
    return c.json(sent, 200, { "x-large": "y".repeat(Number(c.req.query("size") ?? 10)), "x-back": sent["x-test"] ?? "" });
});
app.get("/custom/stream", (c) => {
    const count = Number(c.req.query("count") ?? 5), size = Number(c.req.query("size") ?? 10);
    let number = 0;
    return new Response(new ReadableStream({
        pull(controller) {
            if (number === count) return controller.close();
            controller.enqueue(new TextEncoder().encode(String(number++ % 10).repeat(size)));
        },
    }), { headers: { "content-type": "text/plain" } });
});
app.get("/custom/endless", () => {
    let timer;
    return new Response(new ReadableStream({
        start(controller) {
            timer = setInterval(() => controller.enqueue(new TextEncoder().encode("tick\n")), 20);
        },
        cancel() {
            clearInterval(timer);
            leave();
        },
    }));
});
app.get("/custom/left", async (c) => {
    await left;
    return c.json({ left: true });
});
app.get("/custom/broken", () => {
    throw new Error("a route that fails");
});
app.get("/custom/hang", () => new Promise(() => {}));
app.get("/custom/die", () => process.exit(3));
