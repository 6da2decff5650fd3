// Servers of tools that say something before a result: `/modern` by hand, and `/legacy` with the official package of the old line.
// `count` tells progress in three steps and a log line at each; `echo` says nothing; `wait` tells one step and does not answer; `busy`
// of `/modern` goes on telling it ten times a second; `ask` of `/modern` asks for a name and wants its state back; `pester` of `/modern` asks for
// 21 names at once.
import http from "node:http";
import { Server as OldServer } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";

export const TALKING_TOOLS = ["count", "echo", "wait", "busy", "ask", "pester"].map((name) => ({
  name,
  inputSchema: { type: "object" },
}));
const STEPS = [1, 2, 3];
/** What `ask` wants back, which no client sees. */
export const STATE = "state-of-the-server";
/** What it asks for. */
export const FORM = {
  mode: "form",
  message: "Who?",
  requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
};
const RESULT = { content: [{ type: "text", text: "done" }] };

/** What is said at a step: parameters of progress, if there is a token, and of log lines. */
const said = (token, step) => [
  ...(token === undefined
    ? []
    : [["notifications/progress", { progressToken: token, progress: step, total: 3, message: `step ${step}` }]]),
  ["notifications/message", { level: step === 3 ? "error" : "info", data: { step } }],
];

/** Starts them. `requests` has every request with its path, headers and body; `left` the paths of calls that were not waited for. */
export async function startTalkingServers() {
  const requests = [];
  const left = [];
  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString() || "null");
    const path = req.url;
    requests.push({ path, headers: req.headers, body });
    if (path === "/modern") return modern(res, body);
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    const old = new OldServer({ name: "talking", version: "1" }, { capabilities: { tools: {}, logging: {} } });
    old.setRequestHandler(ListToolsRequestSchema, () => ({ tools: TALKING_TOOLS }));
    old.setRequestHandler(CallToolRequestSchema, async ({ params }, { sendNotification }) => {
      if (params.name === "count")
        for (const step of STEPS)
          for (const [method, about] of said(params._meta?.progressToken, step))
            await sendNotification({ method, params: about });
      return RESULT;
    });
    await old.connect(transport);
    await transport.handleRequest(req, res, body);
  });

  function modern(res, { id, method, params }) {
    const meta = params?._meta ?? {};
    const result = (value) => ({ jsonrpc: "2.0", id, result: { resultType: "complete", ...value } });
    const json = (value) =>
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result(value)));
    const fresh = { ttlMs: 0, cacheScope: "private" };
    if (method === "server/discover")
      return json({ supportedVersions: ["2026-07-28"], capabilities: { tools: {}, logging: {} }, ...fresh });
    if (method === "tools/list") return json({ tools: TALKING_TOOLS, ...fresh });
    if (params.name === "echo") return json(RESULT);
    const question = { method: "elicitation/create", params: FORM };
    if (params.name === "pester") {
      const questions = Array.from({ length: 21 }, (_, at) => [`name-${at}`, question]);
      return json({ resultType: "input_required", inputRequests: Object.fromEntries(questions) });
    }
    if (params.name === "ask") {
      if (params.requestState === STATE) {
        const { action, content } = params.inputResponses.name;
        return json({ content: [{ type: "text", text: `hello ${content?.name ?? action}` }] });
      }
      return json({
        resultType: "input_required",
        inputRequests: { name: question },
        requestState: STATE,
      });
    }
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.on("close", () => res.writableFinished || left.push(params.name));
    const event = (message) => res.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
    const tell = (step) => {
      for (const [name, about] of said(meta.progressToken, step))
        if (name !== "notifications/message" || meta["io.modelcontextprotocol/logLevel"])
          event({ method: name, params: about });
    };
    for (const step of params.name === "count" ? STEPS : [1]) tell(step);
    if (params.name === "busy") {
      const telling = setInterval(() => tell(1), 100);
      res.on("close", () => clearInterval(telling));
    }
    if (params.name === "count") {
      event(result(RESULT));
      res.end();
    }
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    left,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
