// verify.mjs -- the published library, and node's own Ed25519, judge one webhook.
//
// Standard input: {"body", "headers", "secret" (whsec_…), "jwk" (of /v1/webhook-keys)}; exit code 0: both accept.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const { body, headers, secret, jwk } = JSON.parse(readFileSync(0, "utf8"));
new Webhook(secret).verify(body, headers);

const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
const key = createPublicKey({ key: jwk, format: "jwk" });
const found = headers["webhook-signature"].split(" ").filter((one) => one.startsWith("v1a,"));
const isGood = found.some((one) => verify(null, signed, key, Buffer.from(one.slice(4), "base64")));
if (!isGood) throw new Error("no v1a signature belongs to the public key");
