// The running demo that the flows use: where it is, how to sign in, whom to trust.
// In: the file that `cargo xtask demo --json FILE` wrote, named by DEMO_JSON. Out: its content, and verified requests.
// Never trusts a certificate that does not lead to the demo's own root.

import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import https from "node:https";
import tls from "node:tls";

const file = process.env.DEMO_JSON;
if (!file) {
  throw new Error("DEMO_JSON is not set: run `cargo xtask demo --json FILE` and give that file, or run `cargo xtask test`");
}

/** @type {{url: string, ca_file: string, email: string, password: string, token: string}} */
export const demo = JSON.parse(readFileSync(file, "utf8"));
export const origin = new URL(demo.url).origin;
const ca = readFileSync(demo.ca_file);

/** One verified HTTPS request; resolves to {status, headers, body}. */
export function get(path, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = https.get(new URL(path, origin), { ca, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    request.setTimeout(10_000, () => request.destroy(new Error(`${path}: no answer within 10 s`)));
    request.on("error", reject);
  });
}

/** JSON of an API path, asked with the demo's bearer token. */
export async function api(path) {
  const { status, body } = await get(path, { authorization: `Bearer ${demo.token}` });
  if (status !== 200) throw new Error(`${path} answered ${status}: ${body.toString().slice(0, 200)}`);
  return JSON.parse(body.toString());
}

/**
 * The pin of the people's certificate, read over a connection that Node verified against the demo's root.
 * The browser then accepts that very key and no other.
 */
export function verifiedPin() {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: hostname, port: Number(port || 443), servername: hostname, ca }, () => {
      const leaf = new X509Certificate(socket.getPeerCertificate(false).raw);
      const key = leaf.publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      resolve(createHash("sha256").update(key).digest("base64"));
    });
    socket.on("error", reject);
  });
}
