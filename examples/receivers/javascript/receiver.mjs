// receiver -- takes Runbell's webhooks: verifies each, takes each once. Node.js alone, no packages.
//
//     RUNBELL_SECRET=whsec_… node receiver.mjs 8000
//
// A webhook may come twice (a connection that broke off just before the answer): `webhook-id` is the same then. Answer
// first and fast; do the work afterwards, from a queue of your own.

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const TOLERANCE_S = 300;
const seen = new Map(); // webhook-id → when; a real receiver keeps this in its database, in the transaction of the work

/** Is one of the signatures ours? `body` is a Buffer: the bytes as they came, before anything parses them. */
function verifies(secrets, headers, body) {
  const id = headers["webhook-id"];
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!id || !/^\d+$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
  const signatures = (headers["webhook-signature"] ?? "").split(" ").filter((part) => part.startsWith("v1,"));
  return secrets.split(" ").some((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
    const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
    return signatures.some((part) => {
      const given = Buffer.from(part.slice(3), "base64");
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  });
}

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  if (!verifies(process.env.RUNBELL_SECRET, request.headers, body)) {
    response.writeHead(401).end();
    return;
  }
  const id = request.headers["webhook-id"];
  if (seen.has(id)) {
    console.log("duplicate", id);
  } else {
    seen.set(id, Date.now());
    console.log("received", id, JSON.parse(body).status);
  }
  response.writeHead(200).end();
}).listen(Number(process.argv[2]), "127.0.0.1");
