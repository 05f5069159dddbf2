// The app of app.py, with Hono.
import { Hono } from "hono";

export const app = new Hono();
let leave;
const left = new Promise((resolve) => (leave = resolve));

app.use("*", async (c, next) => {
    if (c.req.query("interrupt") !== undefined) return c.json({ answered_by: "middleware" }, 418);
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
