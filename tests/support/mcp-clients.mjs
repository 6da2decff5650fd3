// Clients of the Model Context Protocol at the gateway of a suite: the official packages of both lines, and messages by hand.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { bearer } from "./util.mjs";

/** `ctx` is the suite; what is returned asks its gateway at a path with a key. */
export function mcpClientsOf(ctx) {
  const address = (path) => new URL(`${ctx.gw.url}${path}`);

  /** Runs `use` with a client: `line` is `old`, or how a client of the new line finds the version out. */
  async function withClient(line, path, key, use, options = {}) {
    const info = { name: "test", version: "1" };
    const client =
      line === "old" ? new OldClient(info) : new Client(info, { versionNegotiation: { mode: line }, ...options });
    const Transport = line === "old" ? OldTransport : StreamableHTTPClientTransport;
    await client.connect(new Transport(address(path), { requestInit: { headers: bearer(key) } }));
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }

  /** Sends a message by hand, as text or to be made text. */
  const send = (path, key, body, headers = {}, signal = undefined) =>
    fetch(address(path), {
      method: "POST",
      headers: { "content-type": "application/json", ...(key && bearer(key)), ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      signal,
    });

  /** The same with its answer: `{ status, headers, text, body }`. */
  async function post(path, key, body, headers = {}) {
    const answer = await send(path, key, body, headers);
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: text ? JSON.parse(text) : undefined };
  }

  return { address, withClient, send, post };
}
