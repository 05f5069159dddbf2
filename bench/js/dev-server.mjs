// dev-server.mjs -- starts the JavaScript dev server (@langchain/langgraph-api) for comparison:
// node dev-server.mjs PORT FOLDER, where FOLDER holds langgraph.json and the graphs.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { startServer } from "@langchain/langgraph-api/server";

const [port, folder] = process.argv.slice(2);
const { graphs } = JSON.parse(readFileSync(join(folder, "langgraph.json"), "utf8"));

process.chdir(folder);
await startServer({ port: Number(port), nWorkers: 10, host: "127.0.0.1", cwd: folder, graphs });
console.log(`ready on ${port}`);
