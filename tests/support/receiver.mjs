// A receiver of webhooks on loopback that checks the signature of every request as a receiver should, and misbehaves as it is
// told: a status, silence, a redirect, a connection that is closed.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import http from "node:http";

/** Starts it. `received` has every request: its path, headers, body and what is wrong with its signature. */
export async function startReceiver() {
  const received = [];
  const behaviours = new Map();
  const secrets = new Map();
  const server = http.createServer((req, res) => {
    const chunks = [];
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", async () => {
      const body = Buffer.concat(chunks);
      const path = req.url.split("?")[0];
      const request = {
        path,
        url: req.url,
        method: req.method,
        headers: req.headers,
        text: body.toString(),
        at: Date.now(),
      };
      request.fault = faultOf(request, body, secrets);
      received.push(request);
      const behaviour = behaviours.get(path) ?? ((res) => res.writeHead(204).end());
      await behaviour(res, request);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    received,
    /** The requests to a path. */
    at: (path) => received.filter((request) => request.path === path),
    /** What the receiver does with requests to a path. */
    on: (path, behaviour) => behaviours.set(path, behaviour),
    /** The secret of a webhook, by its id. */
    trust: ({ id, secret }) => secrets.set(id, secret),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What is wrong with the signature; undefined if nothing is. Written from RFC 9421, not from the gateway's code. */
function faultOf({ method, url, headers }, body, secrets) {
  const input = /^nexus=(\((.*?)\);created=(\d+);expires=(\d+);keyid="([^"]*)";tag="([^"]*)")$/.exec(
    headers["signature-input"] ?? "",
  );
  if (!input) return `signature-input: ${headers["signature-input"]}`;
  const [, parameters, list, created, expires, keyId, tag] = input;
  if (tag !== "nexus-edge-webhook") return `tag: ${tag}`;
  const now = Date.now() / 1000;
  if (Number(created) > now + 5 || Number(expires) < now) return `times: ${created} ${expires}`;
  const secret = secrets.get(keyId);
  if (secret === undefined) return `keyid: ${keyId}`;
  const digest = `sha-256=:${createHash("sha256").update(body).digest("base64")}:`;
  if (headers["content-digest"] !== digest) return `content-digest: ${headers["content-digest"]}`;
  const covered = list.split(" ").map((quoted) => quoted.slice(1, -1));
  const [path, query = ""] = url.split("?");
  const derived = { "@method": method, "@authority": headers.host, "@path": path, "@query": `?${query}` };
  for (const needed of [...Object.keys(derived), "content-digest", "webhook-id"])
    if (!covered.includes(needed)) return `not covered: ${needed}`;
  const lines = covered.map((name) => `"${name}": ${derived[name] ?? headers[name]}`);
  const base = [...lines, `"@signature-params": ${parameters}`].join("\n");
  const expected = createHmac("sha256", secret).update(base).digest();
  const given = Buffer.from(headers.signature?.replace(/^nexus=:|:$/g, "") ?? "", "base64");
  return given.length === expected.length && timingSafeEqual(given, expected) ? undefined : `signature of ${base}`;
}
