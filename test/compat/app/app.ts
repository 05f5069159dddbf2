// The app of app.mjs, exported from TypeScript.
import { app as made } from "./app.mjs";

interface App {
    fetch(request: Request): Response | Promise<Response>;
}

enum Kind {
    Typed = "typed",
}

const kind: Kind = Kind.Typed;
made.get("/custom/kind", (c: any) => c.json({ kind }));
export const app = made as unknown as App;
