// Signs requests to the gateway (RFC 9421, hmac-sha256) with nothing but Node: fast, for suites that send many.
import { createHash, createHmac, randomUUID } from "node:crypto";

/** The headers of a signed request. `body` is text, or undefined without one. */
export function signedHeaders({ keyId, secret }, method, url, body) {
  const { host, pathname, search } = new URL(url);
  const digest = body && `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
  const covered = [
    ["@method", method],
    ["@authority", host],
    ["@path", pathname],
    ["@query", search || "?"],
    ...(digest ? [["content-digest", digest]] : []),
  ];
  const names = covered.map(([name]) => `"${name}"`).join(" ");
  const created = Math.floor(Date.now() / 1_000);
  const params = `(${names});created=${created};keyid="${keyId}";nonce="${randomUUID()}";tag="nexus"`;
  const lines = [...covered.map(([name, value]) => `"${name}": ${value}`), `"@signature-params": ${params}`];
  const signature = createHmac("sha256", secret).update(lines.join("\n")).digest("base64");
  return {
    ...(digest ? { "content-digest": digest } : {}),
    "signature-input": `nexus=${params}`,
    signature: `nexus=:${signature}:`,
  };
}
