// Servers of the older transports, on loopback: `/sse` speaks HTTP+SSE of 2024-11-05 and `/sessions` streamable HTTP with sessions, both
// with the official package of the old line; the others speak HTTP+SSE by hand and misbehave.
// `count` tells progress in three steps and a log line at each; `wait` tells one step and does not answer; `hush` does not even that;
// `ask` asks the client for a name, so often as its argument `times` says, or with `mode` `url` to open an address, and says what came of it:
// `works_ms` later, with `tells` after a step of `count`; with `may_be_left` it is not waited for its answers once `giveUp` was called.
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  ElicitResultSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListToolsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

const TOOLS = ["echo", "count", "wait", "hush", "ask"].map((name) => ({ name, inputSchema: { type: "object" } }));
const FORM = {
  message: "Who?",
  requestedSchema: { type: "object", properties: { name: { type: "string", minLength: 2 } }, required: ["name"] },
};
const ADDRESS = { mode: "url", message: "Sign in", url: "https://sign-in.example/", elicitationId: "e1" };
const INITIALIZED = {
  protocolVersion: "2024-11-05",
  capabilities: { tools: {} },
  serverInfo: { name: "x", version: "1" },
};
const said = (text) => ({ content: [{ type: "text", text }] });

/**
 * Starts them. `requests` has every request: method, path and body; `stopped` the reason of every call that was ended, as the server
 * sees it; `open` is the number of streams that are open.
 */
export async function startOlderServers() {
  const requests = [];
  const stopped = [];
  const streams = new Map();
  const sessions = new Map();
  let strangers = 0;
  let waiting = new AbortController();

  function official() {
    const capabilities = { tools: {}, prompts: {}, logging: {} };
    const server = new Server({ name: "older", version: "1" }, { capabilities });
    server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TOOLS }));
    server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [{ name: "greet" }] }));
    server.setRequestHandler(GetPromptRequestSchema, () => ({
      messages: [{ role: "user", content: { type: "text", text: "Hello" } }],
    }));
    server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification, sendRequest }) => {
      const { name, arguments: given = {}, _meta } = params;
      const step = async (progress) => {
        const about = { progressToken: _meta?.progressToken, progress, total: 3 };
        if (_meta?.progressToken !== undefined)
          await sendNotification({ method: "notifications/progress", params: about });
        await sendNotification({ method: "notifications/message", params: { level: "info", data: { progress } } });
      };
      if (name === "echo") return said(given.text);
      if (name === "ask") {
        const asked = given.mode === "url" ? ADDRESS : FORM;
        const answers = [];
        const options = given.may_be_left ? { signal: waiting.signal } : {};
        for (let left = given.times ?? 1; left > 0; left -= 1) {
          const asking = sendRequest({ method: "elicitation/create", params: asked }, ElicitResultSchema, options);
          answers.push(await asking.then(JSON.stringify, (error) => `refused ${error.code}`));
        }
        await pause(given.works_ms ?? 0);
        if (given.tells) await step(1);
        return said(answers.join(" "));
      }
      for (const progress of { count: [1, 2, 3], wait: [1] }[name] ?? []) await step(progress);
      if (name === "count") return said("done");
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          stopped.push({ name, reason: String(signal.reason) });
          resolve(said("stopped"));
        });
      });
    });
    return server;
  }

  async function older(req, res, url, body) {
    if (req.method === "GET") {
      const transport = new SSEServerTransport("/messages", res);
      streams.set(transport.sessionId, transport);
      res.on("close", () => streams.delete(transport.sessionId));
      return official().connect(transport);
    }
    const transport = streams.get(url.searchParams.get("sessionId"));
    if (req.method !== "POST" || url.pathname !== "/messages" || !transport) return res.writeHead(404).end();
    return transport.handlePostMessage(req, res, body);
  }

  async function streamable(req, res, body) {
    let transport = sessions.get(req.headers["mcp-session-id"]);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      await official().connect(transport);
    }
    return transport.handleRequest(req, res, body);
  }

  /** What a server by hand does with its stream: at once, and with each message that is posted. */
  const hostile = {
    elsewhere: { endpoint: () => `${other.url}/post` },
    nowhere: { endpoint: () => "https://user:secret@/" },
    wordy: { begin: (res) => flood(res, ": nothing\n") },
    mute: { begin: () => {} },
    short: { hear: (send, body, res) => (body.method === "tools/list" ? res.end() : send(body.id, {})) },
    strange: {
      hear(send, body) {
        for (const id of [body.id + 1_000, String(body.id), null])
          send(id, { tools: [{ name: "forged", inputSchema: {} }] });
        send(body.id, { tools: [TOOLS[0]] });
      },
    },
    flooding: {
      hear: (_, __, res) => flood(res, `data: ${JSON.stringify({ jsonrpc: "2.0", id: -1, result: {} })}\n\n`),
    },
    refusing: { status: 500, hear: () => {} },
  };
  const handmade = new Map();

  function byHand(name, req, res, body) {
    const behaviour = hostile[name];
    if (req.method === "GET") {
      res.writeHead(200, { "content-type": "text/event-stream" });
      handmade.set(name, res);
      if (behaviour.begin) return behaviour.begin(res);
      return res.write(`event: endpoint\ndata: ${behaviour.endpoint?.() ?? `/${name}/post`}\n\n`);
    }
    if (!req.url.endsWith("/post")) return res.writeHead(405).end();
    const stream = handmade.get(name);
    const send = (id, result) => stream.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
    if (body.method === "initialize") send(body.id, INITIALIZED);
    else if (body.id !== undefined) {
      behaviour.hear(send, body, stream);
      if (behaviour.status) return res.writeHead(behaviour.status).end();
    }
    return res.writeHead(202).end("Accepted");
  }

  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(req.url, "http://x");
    const body = text ? JSON.parse(text) : undefined;
    requests.push({ method: req.method, path: url.pathname, headers: req.headers, body });
    const name = url.pathname.split("/")[1];
    if (name === "sessions") return streamable(req, res, body);
    return hostile[name] ? byHand(name, req, res, body) : older(req, res, url, body);
  });
  const other = await listen(http.createServer((_, res) => ((strangers += 1), res.writeHead(202).end())));
  const own = await listen(server);
  return {
    url: own.url,
    requests,
    stopped,
    hostile: Object.keys(hostile),
    open: () => streams.size,
    /** Questions of calls that may be left are not waited for any more. */
    giveUp() {
      waiting.abort();
      waiting = new AbortController();
    },
    /** Requests to a server of another origin. */
    strangers: () => strangers,
    stop: () => Promise.all([own.stop(), other.stop()]),
  };
}

/** Writes without end, as fast as it is read. */
function flood(res, text) {
  const piece = text.repeat(Math.ceil(65_536 / text.length));
  const more = () => {
    while (!res.destroyed && res.write(piece));
  };
  res.on("drain", more);
  more();
}

async function listen(server) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
