// Servers of tools on loopback, each at a path of its own: official ones of both lines, and some that misbehave.
import http from "node:http";
import { createMcpHandler, inputRequired, Server } from "@modelcontextprotocol/server";
import { Server as OldServer } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { CONTENT_CAPABILITIES, offerContent, offerOldContent } from "./mcp-content.mjs";

const ECHO = {
  name: "echo",
  title: "Echo",
  description: "Says it again.",
  inputSchema: {
    type: "object",
    properties: { text: { type: "string", "x-mcp-header": "Text" } },
    required: ["text"],
  },
  annotations: { readOnlyHint: true },
  _meta: { "example.com/x": { deep: [1, 2] } },
};
const ADD = { name: "add", inputSchema: { type: "object", properties: { a: {}, b: {} } } };
const ASK = { name: "ask", inputSchema: { type: "object" } };

const content = (text) => ({ content: [{ type: "text", text }] });

function answer({ name, arguments: given = {} }) {
  if (name === "echo") return content(given.text);
  if (name === "add") return { ...content(String(given.a + given.b)), structuredContent: { sum: given.a + given.b } };
  return { ...content(`no tool ${name}`), isError: true };
}

/** Starts them. `tools` may be changed; `requests` has every request: path, headers and body. */
export async function startMcpServers() {
  const tools = [ECHO, ADD, ASK];
  const requests = [];
  let held;
  const modern = createMcpHandler(
    () => {
      const server = new Server(
        { name: "modern", version: "1" },
        { capabilities: { tools: {}, ...CONTENT_CAPABILITIES } },
      );
      offerContent(server, "modern");
      server.setRequestHandler("tools/list", () => ({ tools }));
      server.setRequestHandler("tools/call", ({ params }, context) => {
        if (params.name !== "ask") return answer(params);
        const said = context?.mcpReq?.inputResponses?.name ?? params.inputResponses?.name;
        if (said) return content(`hello ${said.content?.name}`);
        return inputRequired({
          inputRequests: {
            name: inputRequired.elicit({
              message: "Who?",
              requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
            }),
          },
        });
      });
      return server;
    },
    { legacy: "reject" },
  );
  const sessions = new Map();
  let unknownSession;
  const behaviours = new Map([
    ["/silent", () => {}],
    ["/broken", (res) => res.socket.destroy()],
    ["/angry", (res) => res.writeHead(500).end("no")],
    ["/unauthorized", (res) => res.writeHead(401).end()],
    ["/redirect", (res) => res.writeHead(307, { location: "/modern" }).end()],
    ["/page", (res) => res.writeHead(200, { "content-type": "text/html" }).end("<html>")],
    ["/endless", (res, { body }) => send(res, body, "tools/list", { tools: [], nextCursor: "again" })],
    [
      "/leaky",
      (res, { headers, body }) =>
        send(res, body, "tools/list", { tools: [{ ...ADD, name: "leak", description: headers.authorization }] }),
    ],
  ]);
  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const path = req.url.split("?")[0];
    const body = text ? JSON.parse(text) : undefined;
    requests.push({ path, method: req.method, headers: req.headers, body });
    if (body?.method === "tools/call") await held;
    if (path === "/modern") {
      const init = { method: req.method, headers: req.headers, body: text || undefined };
      const response = await modern.fetch(new Request(`http://x${req.url}`, init));
      res.writeHead(response.status, Object.fromEntries(response.headers));
      res.end(Buffer.from(await response.arrayBuffer()));
    } else if (path === "/legacy" || path === "/sessions") {
      await legacy(path === "/sessions", req, res, body);
    } else {
      (behaviours.get(path) ?? ((res) => res.writeHead(404).end()))(res, { headers: req.headers, body });
    }
  });
  async function legacy(withSessions, req, res, body) {
    let transport = withSessions ? sessions.get(req.headers["mcp-session-id"]) : undefined;
    if (withSessions && !transport && body?.method !== "initialize") return res.writeHead(404).end(unknownSession);
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: withSessions ? () => crypto.randomUUID() : undefined,
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      const capabilities = { tools: {}, ...CONTENT_CAPABILITIES };
      const old = new OldServer({ name: "legacy", version: "1" }, { capabilities });
      offerOldContent(old, withSessions ? "sessions" : "legacy");
      old.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.slice(0, 2) }));
      old.setRequestHandler(CallToolRequestSchema, ({ params }) => answer(params));
      await old.connect(transport);
    }
    await transport.handleRequest(req, res, body);
  }
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    tools,
    requests,
    /** Answers no call before this is settled. */
    hold: (until) => (held = until),
    /** Forgets the sessions of `/sessions`, and answers requests of one with this body from now on. */
    forgetSessions(body) {
      sessions.clear();
      unknownSession = body;
    },
    async stop() {
      await modern.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A modern answer by hand. */
function send(res, body, method, result) {
  const discovered = { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } };
  const said = body.method === method ? result : discovered;
  const common = { resultType: "complete", ttlMs: 0, cacheScope: "private" };
  res.writeHead(200, { "content-type": "application/json" });
  res.end(JSON.stringify({ jsonrpc: "2.0", id: body.id, result: { ...common, ...said } }));
}
